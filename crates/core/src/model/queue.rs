//! One queue: a plain state machine behind one short lock.
//!
//! Invariants:
//! - `waiting` + `unacked` is everything the queue is responsible for. An unacknowledged message itself is
//!   held by the channel it was delivered to, which brings it back or settles it; the queue counts.
//! - [`Queue::dispatch`] decides who gets the next message, and every change ends by calling it, so no message waits while
//!   somebody could take it. A new message that is next anyway is given ([`Queue::give`]) by the same rule without waiting first.
//! - Within a priority messages leave in order of position; a returned one goes back to its position.
//! - A message that is due is never delivered. It is gone when the queue is next looked at, and [`Queue::next_deadline`]
//!   says when that must be. What may be due and is not in memory is asked for: [`Queue::knows_head`] says whether the
//!   numbers can be relied on.
//! - What waits never exceeds the limits, as far as it is in memory.
//! - What is in memory stays near the budget, as far as messages have a place in the log (`ready`).
//!
//! Absent: who the consumers are, channels, delivery tags (`amqp::channel`), bindings (`Topology`), and the
//! log: what a message's end means there is for [`Doors::settled`] to say.

mod ages;
mod consumers;
mod doors;
mod entry;
mod lanes;
mod loss;
mod pace;
mod peek;
mod ready;
mod tally;
mod timeline;
mod waiting;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::id::ConsumerId;
use crate::model::settings::{QueueKind, QueueSettings, QueueTraits};
use crate::store::PageId;
use crate::time::Timestamp;
use ages::Ages;
pub use consumers::ConsumerSpec;
use consumers::{Consumers, Turn};
pub use doors::Doors;
pub use entry::{Arrival, Counts, Entry, Got, Reason, Returned, Returns, Settled};
pub use pace::Pace;
pub use peek::{Peek, Peeked, Spot, Taken};
pub use ready::StoredPage;
pub use tally::{Losses, Tally};
use waiting::Waiting;

/// The shortest time there is.
const TICK: Duration = Duration::from_micros(1);

/// Messages of an earlier life that have one priority.
#[derive(Debug, Default)]
pub struct RestoredLane {
    /// Pages, in order.
    pub pages: Vec<StoredPage>,
    /// Whether no message is due before one ahead of it.
    pub is_orderly: bool,
}

/// One queue.
#[derive(Debug)]
pub struct Queue {
    traits: QueueTraits,
    settings: Arc<QueueSettings>,
    waiting: Waiting,
    consumers: Consumers,
    unacked: usize,
    next_position: u64,
    /// Since when nobody has used it; means something without consumers.
    unused_since: Timestamp,
    /// When a consumer last settled something.
    settled_at: Timestamp,
    tally: Tally,
    ages: Ages,
}

impl Queue {
    /// An empty queue.
    pub fn new(traits: QueueTraits, settings: Arc<QueueSettings>) -> Self {
        Self {
            traits,
            settings,
            waiting: Waiting::new(traits.kind),
            consumers: Consumers::new(traits),
            unacked: 0,
            next_position: 0,
            unused_since: Timestamp::default(),
            settled_at: Timestamp::default(),
            tally: Tally::default(),
            ages: Ages::default(),
        }
    }

    /// Makes an empty queue what it was in an earlier life: its lanes, lowest priority first, and the position that
    /// the next message gets.
    pub fn restore(&mut self, lanes: Vec<RestoredLane>, next_position: u64) {
        for (level, lane) in lanes.into_iter().enumerate() {
            self.waiting.restore(level, lane.pages, lane.is_orderly);
        }
        self.next_position = next_position;
        self.tally.first_position = next_position;
    }

    /// How it behaves.
    pub fn settings(&self) -> &Arc<QueueSettings> {
        &self.settings
    }

    /// It behaves otherwise from now on. Messages that wait keep the time they were given.
    pub fn apply(&mut self, now: Timestamp, settings: Arc<QueueSettings>, doors: &mut impl Doors) {
        if settings.expires != self.settings.expires {
            self.unused_since = now;
        }
        self.settings = settings;
        self.tidy(now, doors);
    }

    /// Somebody uses it.
    pub fn touch(&mut self, now: Timestamp) {
        self.unused_since = now;
    }

    /// Whether what may have expired is gone. If not, it is on its way into memory.
    pub fn knows_head(&mut self, now: Timestamp, doors: &mut impl Doors) -> bool {
        self.tidy(now, doors);
        !self.waiting.is_page_due(now)
    }

    /// Its numbers; what has expired is gone first.
    pub fn counts(&mut self, now: Timestamp, doors: &mut impl Doors) -> Counts {
        self.tidy(now, doors);
        Counts { ready: self.waiting.len(), unacked: self.unacked, consumers: self.consumers.len() }
    }

    /// Its consumers.
    pub fn consumer_ids(&self) -> impl Iterator<Item = ConsumerId> + '_ {
        self.consumers.ids()
    }

    /// Whether nobody consumes from it.
    pub fn is_unused(&self) -> bool {
        self.consumers.is_empty()
    }

    /// Whether nobody has used it for as long as it may go unused.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expiry().is_some_and(|at| at <= now)
    }

    /// When it goes if nobody uses it.
    fn expiry(&self) -> Option<Timestamp> {
        self.settings.expires.filter(|_| self.is_unused()).map(|after| self.unused_since + after)
    }

    /// When it must be looked at though nothing happens: see [`Queue::handle_deadline`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.waiting.next_due().into_iter().chain(self.expiry()).min()
    }

    /// Something may be due. `true`: the queue itself is, and must be deleted.
    pub fn handle_deadline(&mut self, now: Timestamp, doors: &mut impl Doors) -> bool {
        self.tidy(now, doors);
        self.has_expired(now)
    }

    /// Memory of the waiting messages, in bytes.
    pub fn ready_bytes(&self) -> usize {
        self.waiting.bytes()
    }

    /// Messages arrive, in order.
    pub fn publish(
        &mut self,
        now: Timestamp,
        arrivals: impl IntoIterator<Item = Arrival>,
        doors: &mut impl Doors,
    ) {
        let first = self.next_position;
        if self.unacked == 0 && self.waiting.is_empty() {
            self.waiting.forget();
            self.ages.clear();
        }
        let mut passes = !self.traits.has_priorities() && self.waiting.is_empty();
        for arrival in arrivals {
            let (level, entry) = self.enter(now, arrival);
            // What is next anyway need not wait first.
            if passes && let Some(to) = self.next_consumer(doors) {
                self.waiting.note_passed(level, entry.expires_at);
                self.give(to, entry, doors);
            } else {
                passes = false;
                self.waiting.push(level, entry);
            }
        }
        self.dispatch(now, doors);
        // Who could take a message of no time to live has it by now.
        self.lose_due(now + TICK, doors);
        self.lose_excess(doors);
        self.waiting.park_from(first);
        self.waiting.page_out(doors);
        if !self.waiting.is_empty() {
            self.ages.note(now, first, self.waiting.head().map(|head| head.position));
        }
    }

    /// One message arrives, at a queue that may say no. `false`: it did, because it is full.
    pub fn offer(&mut self, now: Timestamp, arrival: Arrival, doors: &mut impl Doors) -> bool {
        self.tidy(now, doors);
        let body_bytes = self.waiting.body_bytes() + arrival.message.body().len() as u64;
        if self.settings.refuses() && self.settings.is_exceeded(self.waiting.len() + 1, body_bytes) {
            self.refuse(arrival.message, doors);
            return false;
        }
        self.publish(now, [arrival], doors);
        true
    }

    /// The place of a new message.
    fn enter(&mut self, now: Timestamp, Arrival { message, expiration }: Arrival) -> (usize, Entry) {
        let level = self.traits.level(&message);
        let ttl = match (expiration, self.settings.message_ttl) {
            (None, None) => None,
            (own, of_queue) => own.into_iter().chain(of_queue).min(),
        };
        let mut entry = Entry::new(self.next_position, message);
        // A time of zero leaves just this turn.
        entry.expires_at = ttl.map(|ttl| now + ttl.max(TICK));
        self.next_position += 1;
        (level, entry)
    }

    /// Takes the head for a `basic.get`; prefetch does not apply to it.
    pub fn get(&mut self, now: Timestamp, auto_ack: bool, doors: &mut impl Doors) -> Got {
        self.touch(now);
        self.tidy(now, doors);
        let Some(entry) = self.waiting.pop() else {
            self.waiting.ask_head(doors);
            if !self.waiting.is_empty() {
                return Got::Later;
            }
            self.tally.got_nothing += 1;
            return Got::Nothing;
        };
        self.tally.get(&entry, auto_ack);
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
        let is_wanted = self.waiting.handle_page(page, entries);
        self.tidy(now, doors);
        self.waiting.page_out(doors);
        is_wanted
    }

    /// Adds a consumer, or says no because of an exclusive one. It gets what is published from now on; what
    /// waits already, with the caller's [`Queue::resume`], after it has made the consumer's door.
    pub fn subscribe(&mut self, mut spec: ConsumerSpec) -> Option<ConsumerId> {
        // Quorum queues do not know exclusive consumers.
        spec.exclusive &= self.traits.kind == QueueKind::Classic;
        let is_alone = self.consumers.is_empty() && !self.traits.single_active_consumer;
        let is_taken = self.consumers.has_exclusive() || (spec.exclusive && !is_alone);
        (!is_taken).then(|| self.consumers.add(spec))
    }

    /// Removes a consumer; what it holds unacknowledged stays counted until settled or returned.
    /// `true` if it was there and the last one.
    pub fn unsubscribe(&mut self, now: Timestamp, id: ConsumerId, doors: &mut impl Doors) -> bool {
        let is_last = self.leave(now, id);
        self.follow(now, doors);
        is_last
    }

    /// The same for a consumer whose deliveries are about to come back: if it was the active one, nobody is before
    /// [`Queue::follow`], so that who comes after it gets them first.
    pub fn leave(&mut self, now: Timestamp, id: ConsumerId) -> bool {
        if self.consumers.remove(id).is_none() {
            return false;
        }
        self.touch(now);
        self.consumers.is_empty()
    }

    /// The next in line becomes the active one, if the active one has left.
    pub fn follow(&mut self, now: Timestamp, doors: &mut impl Doors) {
        self.consumers.elect();
        self.dispatch(now, doors);
    }

    /// A door may be open again, or has just been made.
    pub fn resume(&mut self, now: Timestamp, id: ConsumerId, doors: &mut impl Doors) {
        self.consumers.resume(id);
        self.dispatch(now, doors);
    }

    /// Deliveries are acknowledged; `from` is the consumer they went to, if any.
    pub fn settle(
        &mut self,
        now: Timestamp,
        from: Option<ConsumerId>,
        settled: Settled,
        doors: &mut impl Doors,
    ) {
        let Settled { count, body_bytes } = settled;
        self.unacked = self.unacked.saturating_sub(count as usize);
        self.tally.unacked_bytes = self.tally.unacked_bytes.saturating_sub(body_bytes);
        self.tally.acked += u64::from(count);
        self.settled_at = now;
        if let Some(id) = from {
            self.consumers.settle(id, count);
        }
        self.dispatch(now, doors);
    }

    /// Deliveries come back to their old positions.
    pub fn requeue(&mut self, now: Timestamp, mut returned: Vec<Returned>, doors: &mut impl Doors) {
        self.unacked = self.unacked.saturating_sub(returned.len());
        self.tally.take_back(returned.iter().map(|returned| &returned.entry));
        let limit = self.settings.most_failures(self.traits.kind);
        returned.sort_unstable_by_key(|returned| std::cmp::Reverse(returned.entry.position));
        for Returned { from, has_failed, mut entry } in returned {
            if let Some(id) = from {
                self.consumers.settle(id, 1);
            }
            if has_failed && limit.is_some_and(|limit| limit < u32::from(entry.returns.failed)) {
                self.lose(entry, Reason::DeliveryLimit, doors);
                continue;
            }
            entry.message.detach();
            self.waiting.put_back(self.traits.level(&entry.message), entry);
        }
        self.tidy(now, doors);
        self.waiting.page_out(doors);
    }

    /// Deliveries were rejected for good.
    pub fn reject(&mut self, now: Timestamp, rejected: Vec<Returned>, doors: &mut impl Doors) {
        self.unacked = self.unacked.saturating_sub(rejected.len());
        self.tally.take_back(rejected.iter().map(|rejected| &rejected.entry));
        for Returned { from, entry, .. } in rejected {
            if let Some(id) = from {
                self.consumers.settle(id, 1);
            }
            self.lose(entry, Reason::Rejected, doors);
        }
        self.dispatch(now, doors);
    }

    /// Removes all waiting messages and says how many there were.
    pub fn purge(&mut self, now: Timestamp, doors: &mut impl Doors) -> usize {
        self.lose_due(now, doors);
        self.waiting.clear(doors)
    }

    /// What was delivered before and would be delivered as if it were new after a restart: messages by name, pages in
    /// which there are such.
    pub fn delivered_before(&self) -> (Vec<NonZeroU64>, Vec<PageId>) {
        self.waiting.delivered_before()
    }

    /// Whatever is due or too much goes. With that others may have come into memory, or have to be asked for: they are
    /// for whoever waits.
    fn tidy(&mut self, now: Timestamp, doors: &mut impl Doors) {
        self.lose_due(now, doors);
        self.dispatch(now, doors);
        self.lose_excess(doors);
    }

    /// Gives each waiting message to the consumer whose turn it is, as long as there is one.
    fn dispatch(&mut self, now: Timestamp, doors: &mut impl Doors) {
        while let Some(to) = self.consumers.eligible() {
            let Some(head) = self.waiting.head() else {
                // What is next may all be due, and then something else is next.
                if self.waiting.is_page_due(now) && self.lose_due(now, doors) {
                    continue;
                }
                break;
            };
            if head.expires_at.is_some_and(|at| at <= now) {
                self.lose_due(now, doors);
                continue;
            }
            if !doors.accepts(to) {
                self.consumers.stall(to);
                continue;
            }
            let Some(entry) = self.waiting.pop() else { break };
            self.give(to, entry, doors);
        }
        if !self.consumers.is_empty() {
            self.waiting.refill(doors);
        }
    }

    /// Whose turn it is, and whose door is open.
    #[inline]
    fn next_consumer(&mut self, doors: &mut impl Doors) -> Option<ConsumerId> {
        while let Some(to) = self.consumers.eligible() {
            if doors.accepts(to) {
                return Some(to);
            }
            self.consumers.stall(to);
        }
        None
    }

    /// A consumer gets a message: it is its turn, and its door is open.
    #[inline]
    fn give(&mut self, to: ConsumerId, entry: Entry, doors: &mut impl Doors) {
        let turn = self.consumers.take_turn(to);
        self.tally.give(&entry, turn != Turn::Unacked);
        match turn {
            Turn::Unacked => self.unacked += 1,
            Turn::AutoAcked | Turn::Gone => doors.settled(&entry.message),
        }
        doors.deliver(to, entry);
    }
}
