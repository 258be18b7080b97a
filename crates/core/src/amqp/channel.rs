//! One open channel: its state, and which method goes where. Its opening and closing is `channels`'.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use leveret_codec::Limits;
use leveret_codec::hot::{Nack, Reject};
use leveret_codec::method::{self, Method, MethodId, access, basic, channel, confirm};

use crate::amqp::acknowledge::{give_back, seen};
use crate::amqp::assembly::Assembly;
use crate::amqp::confirm::Confirms;
use crate::amqp::consumers::{ConsumerTable, Source};
use crate::amqp::late::Lateness;
use crate::amqp::route::RouteMemory;
use crate::amqp::session::Session;
use crate::amqp::session::Turn;
use crate::amqp::tx::Transaction;
use crate::amqp::unacked::Unacked;
use crate::id::ChannelNumber;
use crate::model::{
    ChannelCredit, ChannelMode, ChannelRecord, ChannelSeat, HeldMessage, Part, QueueRef, Returned, Stat,
};
use crate::refusal::{Refusal, Ruling};

/// Whether publishes are answered, and when they take effect.
#[derive(Debug, Default)]
pub enum Mode {
    /// Not answered.
    #[default]
    Plain,
    /// Confirmed, each.
    Confirm(Confirms),
    /// Collected for a commit.
    Tx(Transaction),
}

/// A queue that a consumer has left, but not those who follow it: see [`QueueRef::follow`].
pub struct Left {
    /// The queue.
    pub queue: QueueRef,
    /// Whether it is to go with its last consumer, and this was it.
    pub is_unused: bool,
}

/// An open channel.
#[derive(Debug)]
pub struct Channel {
    /// It counts as long as this is here.
    _seat: ChannelSeat,
    /// Its number.
    pub number: ChannelNumber,
    /// What others see of it.
    pub record: Arc<ChannelRecord>,
    /// How far its current publish has come.
    pub assembly: Assembly,
    /// What its publishes mean.
    pub mode: Mode,
    /// Its consumers.
    pub consumers: ConsumerTable,
    /// What it holds.
    pub unacked: Unacked,
    /// The queue that an empty name means.
    pub last_queue: Option<String>,
    /// What the next consumer's prefetch will be.
    pub prefetch: Option<NonZeroU16>,
    /// The limit for all its consumers together.
    pub credit: Arc<ChannelCredit>,
    /// Where its last publish went.
    pub route: RouteMemory,
    /// Its address for direct replies.
    pub reply_address: Option<String>,
    /// Commits that wait for the log, by the write that carries their last message.
    pub commits_waiting: VecDeque<u64>,
    /// Who of its consumers is late.
    pub lateness: Lateness,
    /// The delivery tag that was given last.
    pub last_tag: u64,
}

impl Channel {
    /// A channel that has just been opened.
    pub fn new(number: ChannelNumber, seat: ChannelSeat, record: Arc<ChannelRecord>) -> Self {
        Self {
            _seat: seat,
            number,
            assembly: Assembly::default(),
            mode: Mode::default(),
            consumers: ConsumerTable::new(record.clone()),
            unacked: Unacked::default(),
            last_queue: None,
            prefetch: None,
            credit: Arc::default(),
            route: RouteMemory::new(record.clone()),
            record,
            reply_address: None,
            commits_waiting: VecDeque::new(),
            lateness: Lateness::default(),
            last_tag: 0,
        }
    }

    /// Answers what of a queue's messages it holds.
    pub fn tell_held(&self, session: &Session, part: &Part) {
        let of_queue = self.unacked.iter().filter(|held| held.queue == *part.queue());
        for held in of_queue {
            let queue = held.queue.facts().id;
            let tag = held.consumer.and_then(|id| self.consumers.tag_of(queue, id));
            let told = part.tell(|| HeldMessage {
                connection: session.connection.clone(),
                user: session.user.clone(),
                channel: self.number,
                consumer_tag: tag.map(|tag| String::from_utf8_lossy(tag).into_owned()),
                delivery_tag: held.tag,
                delivered_at: held.delivered_at,
                entry: held.entry.clone(),
            });
            if !told {
                return;
            }
        }
    }

    /// Lets others see what it holds.
    #[inline]
    pub fn note_held(&self) {
        self.record.unacked.store(self.unacked.count(), Ordering::Relaxed);
        if let Mode::Tx(transaction) = &self.mode {
            let (publishes, settled) = transaction.counts();
            self.record.uncommitted.store(publishes, Ordering::Relaxed);
            self.record.acks_uncommitted.store(settled, Ordering::Relaxed);
        }
    }

    /// So many messages have been handed out, or have come back to be so again.
    #[inline]
    pub fn count(&self, stat: Stat, messages: usize, redelivered: u64) {
        self.record.counters.add(stat, messages as u64);
        if 0 < redelivered {
            self.record.counters.add(Stat::Redeliver, redelivered);
        }
    }

    /// The next delivery tag: one counter for deliveries and gets, without gaps.
    pub fn next_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }

    /// A method has come that belongs to this channel's open state, and is no publish (its connection looks
    /// for the content of those); `payload` is its frame's.
    pub fn handle_method(&mut self, turn: &mut Turn<'_>, payload: &[u8], limits: &Limits) -> Ruling {
        self.assembly.check_method()?;
        match MethodId::of(payload)? {
            MethodId::BASIC_NACK => self.nack(turn, Nack::decode(payload)?),
            MethodId::BASIC_REJECT => self.reject(turn, Reject::decode(payload)?),
            _ => match method::decode(payload, limits)? {
                Method::Basic(method) => self.on_basic(turn, payload, &method),
                Method::Queue(method) => self.on_queue(turn, &method),
                Method::Exchange(method) => self.on_exchange(turn, &method),
                Method::Confirm(method) => self.on_confirm(turn, &method),
                Method::Tx(method) => self.on_tx(turn, &method),
                Method::Channel(method) => self.on_channel(turn, &method),
                Method::Access(access::AMQPMethod::Request(_)) => {
                    // Access tickets went with 0-9; whoever asks gets one.
                    turn.send(
                        self.number,
                        &Method::Access(access::AMQPMethod::RequestOk(access::RequestOk {})),
                    );
                    Ok(())
                }
                Method::Access(_) | Method::Connection(_) => {
                    Err(Refusal::command_invalid("unimplemented method"))
                }
            },
        }
    }

    fn on_basic(&mut self, turn: &mut Turn<'_>, payload: &[u8], method: &basic::AMQPMethod) -> Ruling {
        use basic::AMQPMethod as M;
        match method {
            M::Qos(qos) => {
                let size = payload.get(MethodId::WIRE_BYTES..).and_then(|rest| rest.first_chunk());
                self.qos(turn, size.map_or(0, |bytes| u32::from_be_bytes(*bytes)), qos)
            }
            M::Consume(consume) => self.consume(turn, consume),
            M::Cancel(cancel) => {
                self.cancel(turn, cancel);
                Ok(())
            }
            // Nobody asked for an answer to basic.cancel, but some clients give one.
            M::CancelOk(_) => Ok(()),
            M::Get(get) => self.get(turn, get),
            M::Recover(recover) => self.recover(turn, recover.requeue, true),
            M::RecoverAsync(recover) => self.recover(turn, recover.requeue, false),
            _ => Err(Refusal::command_invalid("unimplemented method")),
        }
    }

    fn on_confirm(&mut self, turn: &mut Turn<'_>, method: &confirm::AMQPMethod) -> Ruling {
        turn.flush();
        let confirm::AMQPMethod::Select(select) = method else {
            return Err(Refusal::command_invalid("unimplemented method"));
        };
        match self.mode {
            Mode::Plain => {
                self.mode = Mode::Confirm(Confirms::default());
                self.record.set_mode(ChannelMode::Confirm);
            }
            Mode::Confirm(_) => {}
            Mode::Tx(_) => {
                return Err(Refusal::precondition_failed("cannot switch from tx to confirm mode"));
            }
        }
        if !select.nowait {
            let ok = confirm::AMQPMethod::SelectOk(confirm::SelectOk {});
            turn.send(self.number, &Method::Confirm(ok));
        }
        Ok(())
    }

    fn on_channel(&mut self, turn: &mut Turn<'_>, method: &channel::AMQPMethod) -> Ruling {
        use channel::AMQPMethod as M;
        match method {
            M::Open(_) => Err(Refusal::channel_error("second 'channel.open' seen")),
            M::Flow(channel::Flow { active: true }) => {
                turn.send(self.number, &Method::Channel(M::FlowOk(channel::FlowOk { active: true })));
                Ok(())
            }
            M::Flow(_) => Err(Refusal::not_implemented("active=false")),
            _ => Err(Refusal::command_invalid("unimplemented method")),
        }
    }

    /// The queue that a name means here: an empty one is the last declared.
    pub fn queue_name<'a>(&'a self, name: &'a str) -> Ruling<Cow<'a, str>> {
        match (name, &self.last_queue) {
            ("", Some(last)) => Ok(Cow::Borrowed(last)),
            ("", None) => Err(Refusal::not_found("no previously declared queue")),
            (name, _) => Ok(Cow::Borrowed(name)),
        }
    }

    /// The channel's consumers get nothing from now on.
    pub fn leave(&self, turn: &mut Turn<'_>) -> Vec<Left> {
        let mut left = Vec::new();
        for consumer in self.consumers.iter() {
            self.tell_consumer_gone(turn, consumer);
            match &consumer.source {
                Source::Queue { queue, id, .. } => {
                    let is_unused = queue.leave(turn.now, *id, &mut turn.out.effects);
                    left.push(Left { queue: queue.clone(), is_unused });
                }
                Source::Replies(address) => turn.session.broker.close_reply_address(address),
            }
        }
        left
    }

    /// Lets go of everything, after [`Channel::leave`]: the channel closes, or its connection ends. What
    /// it held goes back to the queues; deliveries that were never sent keep their redelivered flag, for nobody
    /// has seen them.
    pub fn release(mut self, turn: &mut Turn<'_>) {
        let mut returned = self.take_waiting(turn, None);
        let mut held = self.unacked.take_all();
        if let Mode::Tx(transaction) = std::mem::take(&mut self.mode) {
            held.extend(transaction.settled.into_iter().flat_map(|(_, held)| held));
        }
        for held in &held {
            turn.tell_settled(held, "lost");
        }
        returned.extend(held.into_iter().map(|held| seen(held, true)));
        give_back(turn, returned, QueueRef::requeue);
    }

    /// Takes what queues left in the outlet for this channel, or one of its consumers. Automatically acknowledged ones
    /// are gone: for the queue they were delivered.
    pub fn take_waiting(&self, turn: &mut Turn<'_>, place: Option<u32>) -> Vec<(QueueRef, Returned)> {
        turn.inbox.fill(turn.session);
        let mut released = 0;
        let mut unseen = Vec::new();
        for delivery in turn.inbox.take_for(self.number, place) {
            released += delivery.entry.message.footprint_bytes();
            self.credit.give_back(delivery.counted.into());
            let consumer = self.consumers.get(delivery.consumer);
            if let Some(Source::Queue { queue, id, auto_ack: false }) = consumer.map(|it| &it.source) {
                let returned = Returned { from: Some(*id), has_failed: false, entry: delivery.entry };
                unseen.push((queue.clone(), returned));
            }
        }
        turn.release(released);
        unseen
    }
}

/// Carriage returns and line feeds are taken out of the names of queues and exchanges where RabbitMQ does so:
/// in declare, delete, bind and unbind.
pub fn clean_name(name: &str) -> String {
    name.replace(['\r', '\n'], "")
}
