//! basic.deliver: from the connection's outlet to frames.
//!
//! Queues leave deliveries in the outlet, on whatever task they work; here, in the connection's own turn,
//! each gets its delivery tag and becomes frames. So tags need no lock and rise in the order of the wire.

use std::borrow::Cow;
use std::collections::VecDeque;

use leveret_codec::content::put_content;
use leveret_codec::frame::FRAME_OVERHEAD_BYTES;
use leveret_codec::method::{Method, basic};
use leveret_codec::{Properties, Value, hot};

use crate::amqp::channel::Channel;
use crate::amqp::consumers::Source;
use crate::amqp::session::{Session, Turn};
use crate::amqp::unacked::Held;
use crate::id::ChannelNumber;
use crate::model::{Delivery, Entry, Notice, QueueRef, Returns, Stat, Traced};
use crate::time::Timestamp;

/// How often a message was handed out before.
const ACQUIRED: &[u8] = b"x-acquired-count";
/// How many of its deliveries have failed.
const FAILED: &[u8] = b"x-delivery-count";

/// What has been taken out of the outlet and not been dealt with.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Deliveries, in order per consumer.
    pub deliveries: VecDeque<Delivery>,
    /// Notices, oldest first.
    pub notices: Vec<Notice>,
}

impl Inbox {
    /// Empties the outlet into this.
    pub fn fill(&mut self, session: &Session) {
        self.notices.extend(session.outlet.drain(&mut self.deliveries));
    }

    /// Nothing is going on: room is given back, here and in the outlet.
    pub fn rest(&mut self, session: &Session) {
        if self.deliveries.is_empty() {
            self.deliveries = VecDeque::new();
        }
        session.outlet.rest();
    }

    /// Takes what is for one channel, or for one of its consumers.
    pub fn take_for(&mut self, channel: ChannelNumber, consumer: Option<u32>) -> Vec<Delivery> {
        let mut taken = Vec::new();
        for delivery in std::mem::take(&mut self.deliveries) {
            let is_for = delivery.channel == channel && consumer.is_none_or(|one| one == delivery.consumer);
            if is_for { taken.push(delivery) } else { self.deliveries.push_back(delivery) }
        }
        taken
    }
}

impl Channel {
    /// Sends what is next in the inbox as long as it is for one consumer and no more than `most` bytes wait for the
    /// socket. Returns the footprint of what was sent.
    pub fn deliver_run(&mut self, turn: &mut Turn<'_>, place: u32, most: usize) -> usize {
        let mut deliveries = std::mem::take(&mut turn.inbox.deliveries);
        let (mut count, mut released, mut redelivered) = (0, 0, 0);
        for delivery in &deliveries {
            let is_for = delivery.consumer == place && delivery.channel == self.number;
            if !is_for || most <= turn.out.frames.len() {
                break;
            }
            count += 1;
            released += delivery.entry.message.footprint_bytes();
            redelivered += u64::from(delivery.entry.redelivered);
            self.send(turn, delivery);
        }
        self.hold(turn.now, place, redelivered, deliveries.drain(..count));
        turn.inbox.deliveries = deliveries;
        released
    }

    /// Encodes one delivery. Its consumer is there: see `ConsumerTable`.
    fn send(&mut self, turn: &mut Turn<'_>, delivery: &Delivery) {
        let tag = self.next_tag();
        let Some(consumer) = self.consumers.get_mut(delivery.consumer) else { return };
        let (entry, message) = (&delivery.entry, &delivery.entry.message);
        let (queue, redelivered) = (consumer.source.name(), entry.redelivered);
        turn.trace(self.number, message, Traced::Delivered { queue, redelivered });
        turn.tell_handed_out(message, queue);
        let frames = &mut turn.out.frames;
        let is_plain = !redelivered && entry.returns == Returns::default() && message.hides_nothing();
        if is_plain
            && let Some(template) = &consumer.template
            && template.put(frames.buffer(), tag, message)
        {
            return;
        }
        let start = frames.buffer().len();
        hot::put_deliver(
            frames.buffer(),
            self.number,
            &consumer.tag,
            tag,
            redelivered,
            message.exchange(),
            message.routing_key(),
        );
        let properties = match &consumer.source {
            Source::Queue { queue, .. } => delivered_properties(queue, entry),
            Source::Replies(_) => message.shown_properties(),
        };
        let frame_max = turn.session.frame_max_bytes;
        put_content(frames, self.number, frame_max, &properties, message.body_in_place());
        if is_plain && message.body().len() + FRAME_OVERHEAD_BYTES as usize <= frame_max as usize {
            let written = frames.buffer().get(start..).unwrap_or_default();
            consumer.template.get_or_insert_default().learn(written, &consumer.tag, message);
        }
    }

    /// Keeps what was just sent to a consumer until it is acknowledged, if it is to be.
    fn hold(
        &mut self,
        now: Timestamp,
        place: u32,
        redelivered: u64,
        sent: impl ExactSizeIterator<Item = Delivery>,
    ) {
        let Some(consumer) = self.consumers.get(place) else { return };
        let Source::Queue { queue, id, auto_ack: false } = &consumer.source else {
            return self.count(Stat::DeliverNoAck, sent.len(), redelivered);
        };
        self.count(Stat::Deliver, sent.len(), redelivered);
        let settle_by = consumer.timeout.map_or(Timestamp::NEVER, |timeout| now + timeout);
        if consumer.timeout.is_some() {
            self.lateness.expect(settle_by);
        }
        let first = self.last_tag + 1 - sent.len() as u64;
        for (tag, Delivery { counted, entry, .. }) in (first..).zip(sent) {
            let (queue, consumer, delivered_at) = (queue.clone(), Some(*id), now);
            self.unacked.push(Held { tag, queue, consumer, counted, delivered_at, settle_by, entry });
        }
        self.note_held();
    }

    /// Sends what has come for a consumer through its door, which is shut by now.
    pub fn deliver_waiting(&mut self, turn: &mut Turn<'_>, place: u32) {
        turn.inbox.fill(turn.session);
        let waiting = turn.inbox.take_for(self.number, Some(place));
        for delivery in &waiting {
            self.send(turn, delivery);
        }
        let released = waiting.iter().map(|delivery| delivery.entry.message.footprint_bytes()).sum();
        let redelivered = waiting.iter().filter(|delivery| delivery.entry.redelivered).count() as u64;
        self.hold(turn.now, place, redelivered, waiting.into_iter());
        turn.release(released);
    }

    /// The consumer's queue is gone: what was on the way is sent, then the consumer is told, if it wants to
    /// be, and forgotten.
    pub fn consumer_cancelled(&mut self, turn: &mut Turn<'_>, place: u32) {
        self.deliver_waiting(turn, place);
        let Some(consumer) = self.consumers.remove(place) else { return };
        self.tell_consumer_gone(turn, &consumer);
        if turn.session.capabilities.consumer_cancel_notify {
            let tag = String::from_utf8_lossy(&consumer.tag);
            let cancel = basic::Cancel { consumer_tag: tag.as_ref().into(), nowait: true };
            turn.send(self.number, &Method::Basic(basic::AMQPMethod::Cancel(cancel)));
        }
    }
}

/// The properties as a client gets them: queues that count failures say how many there were (RabbitMQ's quorum queues).
#[inline]
pub fn delivered_properties<'a>(queue: &QueueRef, entry: &'a Entry) -> Cow<'a, [u8]> {
    // Nearly all messages come for the first time, and the queue need not be asked.
    if entry.returns == Returns::default() || !queue.facts().counts_returns() {
        return entry.message.shown_properties();
    }
    with_returns(entry)
}

fn with_returns(entry: &Entry) -> Cow<'_, [u8]> {
    let shown = entry.message.shown_properties();
    let properties = Properties::from_checked(&shown);
    let mut headers = properties.headers_without(|name| name == ACQUIRED || name == FAILED);
    let Returns { acquired, failed } = entry.returns;
    for (name, count) in [(ACQUIRED, acquired), (FAILED, failed)] {
        if 0 < count {
            headers.insert(name, Value::I64(count.into()));
        }
    }
    Cow::Owned(properties.to_builder().headers(headers.build().as_ref()).build())
}
