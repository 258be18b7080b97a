//! One queue: a plain state machine behind one short lock.
//!
//! Invariants:
//! - `ready` + `unacked` is everything the queue is responsible for. An unacknowledged message itself is
//!   held by the channel it was delivered to, which brings it back or settles it; the queue counts.
//! - [`Queue::dispatch`] alone decides who gets the next message, and every change ends by calling it, so
//!   no message waits while somebody could take it.
//! - Messages leave in order of position; a returned one goes back to its position.
//! - Expiry is looked at whenever the head is looked at; a message that has expired is never delivered
//!   nor counted once it has reached the head. A head that is not in memory is asked for when its time has come:
//!   [`Queue::knows_head`] says whether the numbers can be relied on.
//! - What is in memory stays near the budget, as far as messages have a place in the log (`ready`).
//!
//! Absent: who the consumers are, channels, delivery tags (`amqp::channel`), bindings (`Topology`), and the
//! log: what a message's end means there is for [`Doors::settled`] to say.

mod consumers;
mod ready;

use std::num::NonZeroU64;
use std::time::Duration;

pub use consumers::ConsumerSpec;
use consumers::{Consumers, Turn};
use ready::Ready;
pub use ready::StoredPage;

use crate::id::ConsumerId;
use crate::model::Message;
use crate::model::settings::{QueueSettings, QueueTraits};
use crate::store::PageId;
use crate::time::Timestamp;

/// The shortest time there is.
const TICK: Duration = Duration::from_micros(1);

/// What the queue sees of the world: its consumers' doors, and the log's ear.
pub trait Doors {
    /// Whether this consumer's side can take a message now. A door that says no must see to it that
    /// [`Queue::resume`] is called when it opens.
    fn accepts(&mut self, to: ConsumerId) -> bool;
    /// Hands a message over. Called only after `accepts` said yes.
    fn deliver(&mut self, to: ConsumerId, entry: Entry);
    /// The queue is done with this message.
    fn settled(&mut self, message: &Message);
    /// What the queue may hold in memory.
    fn budget_bytes(&self) -> usize;
    /// Takes messages out of memory; each has a place.
    fn put_page(&mut self, entries: &[Entry]) -> PageId;
    /// The queue needs a page back: [`Queue::handle_page`] is to be called with it, or with what is left of it.
    fn fetch(&mut self, page: PageId);
    /// The queue is done with everything in this page.
    fn drop_page(&mut self, page: PageId);
}

/// A message in a queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the queue: rises by one with every publish.
    pub position: u64,
    /// Whether it was handed to a consumer before.
    pub redelivered: bool,
    /// When it may no longer be delivered. Kept through requeues.
    pub expires_at: Option<Timestamp>,
    /// The message.
    pub message: Message,
}

/// What a `basic.get` finds.
#[derive(Debug)]
pub enum Got {
    /// The head.
    Message(Entry),
    /// Nothing waits.
    Nothing,
    /// The head is not in memory: ask again when its page is there.
    Later,
}

/// Numbers that clients are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting messages; unacknowledged ones are not among them.
    pub ready: usize,
    /// Delivered and not yet settled.
    pub unacked: usize,
    /// Consumers.
    pub consumers: usize,
}

/// A message on its way into a queue.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The message.
    pub message: Message,
    /// Its own `expiration`, as a time from now.
    pub expiration: Option<Duration>,
}

/// One queue.
#[derive(Debug, Default)]
pub struct Queue {
    traits: QueueTraits,
    settings: QueueSettings,
    ready: Ready,
    consumers: Consumers,
    unacked: usize,
    next_position: u64,
}

impl Queue {
    /// An empty queue.
    pub fn new(traits: QueueTraits, settings: QueueSettings) -> Self {
        Self { traits, settings, ..Self::default() }
    }

    /// Makes an empty queue what it was in an earlier life: its pages, in order, and the position that the next message
    /// gets.
    pub fn restore(&mut self, pages: Vec<StoredPage>, next_position: u64) {
        self.ready = Ready::restored(pages);
        self.next_position = next_position;
    }

    /// How it behaves.
    pub fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    /// It behaves otherwise from now on. Messages that wait keep the time they were given.
    pub fn apply(&mut self, now: Timestamp, settings: QueueSettings, doors: &mut impl Doors) {
        self.settings = settings;
        self.expire(now, now, doors);
    }

    /// Whether what may have expired at the head is gone. If not, it is on its way into memory.
    pub fn knows_head(&mut self, now: Timestamp, doors: &mut impl Doors) -> bool {
        self.expire(now, now, doors);
        !self.ready.is_page_due(now)
    }

    /// Its numbers; what has expired at the head is gone first.
    pub fn counts(&mut self, now: Timestamp, doors: &mut impl Doors) -> Counts {
        self.expire(now, now, doors);
        Counts { ready: self.ready.len(), unacked: self.unacked, consumers: self.consumers.len() }
    }

    /// Its consumers.
    pub fn consumer_ids(&self) -> impl Iterator<Item = ConsumerId> + '_ {
        self.consumers.ids()
    }

    /// Whether nobody consumes from it.
    pub fn is_unused(&self) -> bool {
        self.consumers.is_empty()
    }

    /// Memory of the waiting messages, in bytes.
    pub fn ready_bytes(&self) -> usize {
        self.ready.bytes()
    }

    /// Messages arrive, in order.
    pub fn publish(
        &mut self,
        now: Timestamp,
        arrivals: impl IntoIterator<Item = Arrival>,
        doors: &mut impl Doors,
    ) {
        let first = self.next_position;
        for Arrival { message, expiration } in arrivals {
            let ttl = expiration.into_iter().chain(self.settings.message_ttl).min();
            self.ready.push(Entry {
                position: self.next_position,
                redelivered: false,
                // A time of zero leaves just this turn.
                expires_at: ttl.map(|ttl| now + ttl.max(TICK)),
                message,
            });
            self.next_position += 1;
        }
        self.dispatch(now, doors);
        // Who could take a message of no time to live has it by now.
        self.expire(now, now + TICK, doors);
        self.ready.park_from(first);
        self.ready.page_out(doors);
    }

    /// Takes the head for a `basic.get`; prefetch does not apply to it.
    pub fn get(&mut self, now: Timestamp, auto_ack: bool, doors: &mut impl Doors) -> Got {
        self.expire(now, now, doors);
        let Some(entry) = self.ready.pop() else {
            self.ready.ask_head(doors);
            return if self.ready.len() == 0 { Got::Nothing } else { Got::Later };
        };
        if auto_ack {
            doors.settled(&entry.message);
        } else {
            self.unacked += 1;
        }
        Got::Message(entry)
    }

    /// A page has come: its messages, or as many of them as could be read. `false`: it is not wanted any more.
    pub fn handle_page(
        &mut self,
        now: Timestamp,
        page: PageId,
        entries: Vec<Entry>,
        doors: &mut impl Doors,
    ) -> bool {
        let is_wanted = self.ready.handle_page(page, entries);
        self.dispatch(now, doors);
        self.ready.page_out(doors);
        is_wanted
    }

    /// Adds a consumer, or says no because of an exclusive one. It gets what is published from now on; what
    /// waits already, with the caller's [`Queue::resume`], after it has made the consumer's door.
    pub fn subscribe(&mut self, spec: ConsumerSpec) -> Option<ConsumerId> {
        let taken = self.consumers.has_exclusive() || (spec.exclusive && !self.consumers.is_empty());
        (!taken).then(|| self.consumers.add(spec))
    }

    /// Removes a consumer; what it holds unacknowledged stays counted until settled or returned.
    /// `true` if it was there and the last one.
    pub fn unsubscribe(&mut self, id: ConsumerId) -> bool {
        self.consumers.remove(id).is_some() && self.consumers.is_empty()
    }

    /// A door may be open again, or has just been made.
    pub fn resume(&mut self, now: Timestamp, id: ConsumerId, doors: &mut impl Doors) {
        self.consumers.resume(id);
        self.dispatch(now, doors);
    }

    /// `count` deliveries are acknowledged or dropped; `from` is the consumer they went to, if any.
    pub fn settle(&mut self, now: Timestamp, from: Option<ConsumerId>, count: u32, doors: &mut impl Doors) {
        self.unacked = self.unacked.saturating_sub(count as usize);
        if let Some(id) = from {
            self.consumers.settle(id, count);
        }
        self.dispatch(now, doors);
    }

    /// Deliveries come back to their old positions; `returned` says which consumer had each.
    pub fn requeue(
        &mut self,
        now: Timestamp,
        mut returned: Vec<(Option<ConsumerId>, Entry)>,
        doors: &mut impl Doors,
    ) {
        self.unacked = self.unacked.saturating_sub(returned.len());
        returned.sort_unstable_by_key(|(_, entry)| std::cmp::Reverse(entry.position));
        for (from, mut entry) in returned {
            entry.message.detach();
            self.ready.put_back(entry);
            if let Some(id) = from {
                self.consumers.settle(id, 1);
            }
        }
        self.dispatch(now, doors);
        self.ready.page_out(doors);
    }

    /// Removes all waiting messages and says how many there were.
    pub fn purge(&mut self, now: Timestamp, doors: &mut impl Doors) -> usize {
        self.expire_head(now, doors);
        self.ready.clear(doors)
    }

    /// See [`Ready::delivered_before`].
    pub fn delivered_before(&self) -> (impl Iterator<Item = NonZeroU64>, impl Iterator<Item = PageId>) {
        self.ready.delivered_before()
    }

    /// Gives each waiting message to the consumer whose turn it is, as long as there is one.
    fn dispatch(&mut self, now: Timestamp, doors: &mut impl Doors) {
        while let Some(to) = self.consumers.eligible() {
            self.expire_head(now, doors);
            if self.ready.head().is_none() {
                break;
            }
            if !doors.accepts(to) {
                self.consumers.stall(to);
                continue;
            }
            let Some(entry) = self.ready.pop() else { break };
            match self.consumers.take_turn(to) {
                Turn::Unacked => self.unacked += 1,
                Turn::AutoAcked | Turn::Gone => doors.settled(&entry.message),
            }
            doors.deliver(to, entry);
        }
        if !self.consumers.is_empty() {
            self.ready.refill(doors);
        }
    }

    /// What has expired at the head by `then` goes. With a page that went others may have come into memory, or
    /// have to be asked for: they are for whoever waits.
    fn expire(&mut self, now: Timestamp, then: Timestamp, doors: &mut impl Doors) {
        self.expire_head(then, doors);
        self.dispatch(now, doors);
    }

    fn expire_head(&mut self, now: Timestamp, doors: &mut impl Doors) {
        loop {
            while self.ready.head().is_some_and(|head| head.expires_at.is_some_and(|at| at <= now)) {
                if let Some(expired) = self.ready.pop() {
                    doors.settled(&expired.message);
                }
            }
            if self.ready.head().is_some() || !self.ready.is_page_due(now) {
                return;
            }
            if !self.ready.drop_expired_page(now, doors) {
                // Some of it has expired: which, only its messages tell.
                return self.ready.ask_head(doors);
            }
        }
    }
}
