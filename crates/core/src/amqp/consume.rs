//! basic.qos, consume, cancel, get.

use std::num::NonZeroU16;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use leveret_codec::content::put_content;
use leveret_codec::field::Table;
use leveret_codec::hot;
use leveret_codec::method::{Method, basic};

use crate::amqp::channel::Channel;
use crate::amqp::consumers::{Consumer, Source};
use crate::amqp::deliver::delivered_properties;
use crate::amqp::publish::REPLY_TO;
use crate::amqp::session::Turn;
use crate::amqp::unacked::Held;
use crate::model::{
    Access, ConsumerRecord, ConsumerSpec, Door, Entry, Got, QueueKind, QueueRef, REPLY_PREFIX, Resource,
    Stat, SubscribeError, Traced, no_queue,
};
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

/// Consumer arguments that not every type of queue knows, and the types that do.
const OF_SOME_TYPES: &[(&str, Option<QueueKind>)] = &[
    ("x-consumer-timeout", Some(QueueKind::Quorum)),
    ("x-stream-offset", None),
    ("x-stream-filter", None),
    ("x-stream-match-unfiltered", None),
];

impl Channel {
    /// basic.qos. `prefetch_size` is not among amq-protocol's fields, so it comes apart.
    pub fn qos(&mut self, turn: &mut Turn<'_>, prefetch_size: u32, qos: &basic::Qos) -> Ruling {
        if prefetch_size != 0 {
            return Err(Refusal::not_implemented(format!("prefetch_size!=0 ({prefetch_size})")));
        }
        if qos.global {
            self.limit_channel(turn, qos.prefetch_count);
        } else {
            self.prefetch = NonZeroU16::new(qos.prefetch_count);
            self.record.prefetch.store(qos.prefetch_count, Ordering::Relaxed);
        }
        turn.send(self.number, &Method::Basic(basic::AMQPMethod::QosOk(basic::QosOk {})));
        Ok(())
    }

    /// `global`: one limit for all consumers of the channel, at once, as RabbitMQ 3.13 has it.
    fn limit_channel(&mut self, turn: &mut Turn<'_>, limit: u16) {
        turn.flush();
        let mut used = 0;
        for held in self.unacked.of_consumers() {
            held.counted = true;
            used += 1;
        }
        // What is on its way counts as well.
        turn.inbox.fill(turn.session);
        for delivery in turn.inbox.deliveries.iter_mut().filter(|it| it.channel == self.number) {
            let consumer = self.consumers.get(delivery.consumer);
            if consumer.is_some_and(|it| matches!(it.source, Source::Queue { auto_ack: false, .. })) {
                delivery.counted = true;
                used += 1;
            }
        }
        self.credit.set(limit, used);
        self.record.global_prefetch.store(limit, Ordering::Relaxed);
        turn.resume_stalled();
    }

    /// basic.consume.
    pub fn consume(&mut self, turn: &mut Turn<'_>, consume: &basic::Consume) -> Ruling {
        turn.flush();
        let tag = match consume.consumer_tag.as_str() {
            "" => turn.session.broker.entropy().name("amq.ctag-"),
            tag => tag.to_owned(),
        };
        if self.consumers.place_of(tag.as_bytes()).is_some() {
            return Err(Refusal::not_allowed(format!("attempt to reuse consumer tag '{tag}'")));
        }
        if consume.queue.as_str().as_bytes() == REPLY_TO {
            return self.consume_replies(turn, &tag, consume);
        }
        self.check_not_address(turn, consume.queue.as_str())?;
        let queue = self.consumable(turn, consume.queue.as_str())?;
        let text = turn.session.queue_text(&queue.facts().name);
        let kind = queue.facts().traits.kind;
        let arguments = Table::from(&consume.arguments);
        if kind == QueueKind::Quorum && self.credit.is_limited() {
            return Err(Refusal::not_implemented(format!("{text} does not support global qos")));
        }
        let spec = ConsumerSpec {
            prefetch: self.prefetch,
            priority: read_priority(&text, kind, &arguments)?,
            exclusive: consume.exclusive,
            auto_ack: consume.no_ack,
        };
        let place = self.consumers.next_place();
        let door = Door {
            outlet: turn.session.outlet.clone(),
            channel: self.number,
            consumer: place,
            credit: (!consume.no_ack).then(|| self.credit.clone()),
        };
        let id = queue.subscribe(spec, door).map_err(|error| match error {
            SubscribeError::Deleted => no_queue(&queue.facts().name, turn.session.vhost.name()),
            SubscribeError::InExclusiveUse => Refusal::access_refused(format!("{text} in exclusive use")),
        })?;
        let source = Source::Queue { queue: queue.clone(), id, auto_ack: consume.no_ack };
        let timeout = read_timeout(&queue, &arguments).or(turn.session.broker.settings().consumer_timeout);
        let timeout = timeout.filter(|timeout| !timeout.is_zero());
        self.consumers
            .insert(place, Consumer { tag: Bytes::from(tag.clone()), source, timeout, template: None });
        self.tell_consumer(turn, &tag, &queue, (&spec, &arguments));
        self.record.add_consumer(ConsumerRecord {
            tag: Bytes::from(tag.clone()),
            queue: queue.clone(),
            id,
            acknowledges: !spec.auto_ack,
            exclusive: spec.exclusive,
            prefetch: spec.prefetch.map_or(0, NonZeroU16::get),
            arguments,
            timeout_millis: timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok()),
        });
        self.consume_ok(turn, &tag, consume.nowait);
        queue.resume(turn.now, id, &mut turn.out.effects);
        Ok(())
    }

    /// Direct reply-to: no queue, no acknowledgements, one a channel.
    fn consume_replies(&mut self, turn: &mut Turn<'_>, tag: &str, consume: &basic::Consume) -> Ruling {
        if !consume.no_ack {
            return Err(Refusal::precondition_failed("reply consumer cannot acknowledge"));
        }
        if self.reply_address.is_some() {
            return Err(Refusal::precondition_failed("reply consumer already set"));
        }
        let place = self.consumers.next_place();
        let outlet = turn.session.outlet.clone();
        let vhost = turn.session.vhost.name();
        let address = turn.session.broker.open_reply_address(vhost, outlet, self.number, place);
        let source = Source::Replies(address.clone());
        self.consumers.insert(
            place,
            Consumer { tag: Bytes::from(tag.to_owned()), source, timeout: None, template: None },
        );
        self.reply_address = Some(address);
        self.consume_ok(turn, tag, consume.nowait);
        Ok(())
    }

    /// The address of a reply consumer can't be consumed from by its name.
    fn check_not_address(&self, turn: &Turn<'_>, name: &str) -> Ruling {
        if !name.starts_with(REPLY_PREFIX) || !turn.session.has_reply_address(name) {
            return Ok(());
        }
        let text = turn.session.queue_text(name);
        Err(Refusal::precondition_failed(if self.reply_address.as_deref() == Some(name) {
            format!("multiple consumers are unsupported for {text}")
        } else {
            format!("only creator channel may consume from {text}")
        }))
    }

    fn consume_ok(&self, turn: &mut Turn<'_>, tag: &str, nowait: bool) {
        if !nowait {
            let ok = basic::ConsumeOk { consumer_tag: tag.into() };
            turn.send(self.number, &Method::Basic(basic::AMQPMethod::ConsumeOk(ok)));
        }
    }

    /// basic.cancel. What was on its way comes before cancel-ok, nothing after; a tag that nobody has is
    /// cancelled already.
    pub fn cancel(&mut self, turn: &mut Turn<'_>, cancel: &basic::Cancel) {
        turn.flush();
        if let Some(place) = self.consumers.place_of(cancel.consumer_tag.as_str().as_bytes()) {
            self.cancel_consumer(turn, place);
        }
        if !cancel.nowait {
            let ok = basic::CancelOk { consumer_tag: cancel.consumer_tag.clone() };
            turn.send(self.number, &Method::Basic(basic::AMQPMethod::CancelOk(ok)));
        }
    }

    fn cancel_consumer(&mut self, turn: &mut Turn<'_>, place: u32) {
        let Some(consumer) = self.consumers.get(place).cloned() else { return };
        self.tell_consumer_gone(turn, &consumer);
        match consumer.source {
            Source::Queue { queue, id, .. } => {
                let unused = queue.unsubscribe(turn.now, id, &mut turn.out.effects);
                self.deliver_waiting(turn, place);
                self.consumers.remove(place);
                if unused {
                    turn.delete_unused(&queue);
                }
            }
            Source::Replies(address) => {
                turn.session.broker.close_reply_address(&address);
                self.deliver_waiting(turn, place);
                self.consumers.remove(place);
                self.reply_address = None;
            }
        }
    }

    /// basic.get. The answer may have to wait for the message to be read.
    pub fn get(&mut self, turn: &mut Turn<'_>, get: &basic::Get) -> Ruling {
        turn.flush();
        let queue = self.consumable(turn, get.queue.as_str())?;
        let traits = queue.facts().traits;
        if traits.kind == QueueKind::Quorum && traits.single_active_consumer {
            return Err(Refusal::resource_locked(format!(
                "cannot obtain access to locked {}. basic.get operations are not supported by <<\"quorum\">> queues \
                 with single active consumer",
                turn.session.queue_text(&queue.facts().name)
            )));
        }
        let outlet = &turn.session.outlet;
        let entry = match queue.get(turn.now, get.no_ack, outlet, &mut turn.out.effects) {
            (Got::Message(entry), left) => (entry, left),
            (Got::Later, _) => {
                turn.awaits_head = true;
                return Ok(());
            }
            (Got::Nothing, _) => {
                self.count(Stat::GetEmpty, 1, 0);
                turn.send(self.number, &Method::Basic(basic::AMQPMethod::GetEmpty(basic::GetEmpty {})));
                return Ok(());
            }
        };
        self.got(turn, queue, entry, get.no_ack);
        Ok(())
    }

    fn got(&mut self, turn: &mut Turn<'_>, queue: QueueRef, (entry, left): (Entry, usize), no_ack: bool) {
        let tag = self.next_tag();
        let stat = if no_ack { Stat::GetNoAck } else { Stat::Get };
        self.count(stat, 1, entry.redelivered.into());
        let message = &entry.message;
        let (name, redelivered) = (&*queue.facts().name, entry.redelivered);
        turn.trace(self.number, message, Traced::Delivered { queue: name, redelivered });
        turn.tell_handed_out(message, name);
        let frames = &mut turn.out.frames;
        let (exchange, key) = (message.exchange(), message.routing_key());
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        hot::put_get_ok(frames.buffer(), self.number, tag, entry.redelivered, exchange, key, left);
        let frame_max = turn.session.frame_max_bytes;
        let properties = delivered_properties(&queue, &entry);
        put_content(frames, self.number, frame_max, &properties, message.body_in_place());
        if !no_ack {
            let (delivered_at, settle_by) = (turn.now, Timestamp::NEVER);
            let held = Held { tag, queue, consumer: None, counted: false, delivered_at, settle_by, entry };
            self.unacked.push(held);
            self.note_held();
        }
    }

    /// A queue that the user may read from here.
    fn consumable(&self, turn: &Turn<'_>, name: &str) -> Ruling<QueueRef> {
        let name = self.queue_name(name)?;
        turn.session.check(Access::Read, Resource::Queue(&name))?;
        let queue = turn.session.vhost.queue(&name)?;
        turn.session.check_owner(&queue)?;
        Ok(queue)
    }
}

/// How long a consumer may hold a message, as far as it or its queue says.
fn read_timeout(queue: &QueueRef, arguments: &Table) -> Option<Duration> {
    let own = arguments.as_ref().get(b"x-consumer-timeout").and_then(|value| value.as_integer());
    let own = own.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis);
    own.or_else(|| queue.settings().consumer_timeout)
}

/// `x-priority`, and the arguments of other types of queue that must be refused; others mean nothing.
fn read_priority(text: &str, kind: QueueKind, arguments: &Table) -> Ruling<i32> {
    for (name, of) in OF_SOME_TYPES {
        if *of != Some(kind) && arguments.as_ref().get(name.as_bytes()).is_some() {
            return Err(Refusal::precondition_failed(format!(
                "invalid arg '{name}' for {text} of queue type {}",
                kind.module()
            )));
        }
    }
    let Some(value) = arguments.as_ref().get(b"x-priority") else { return Ok(0) };
    let Some(priority) = value.as_integer() else {
        return Err(Refusal::precondition_failed(format!(
            "invalid arg 'x-priority' for {text}: \"expected integer, got {}\"",
            value.type_name()
        )));
    };
    // Beyond 32 bits only the order matters, and there is none to lose between such extremes.
    let clamped = priority.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    Ok(i32::try_from(clamped).unwrap_or_default())
}
