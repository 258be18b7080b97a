//! A queue together with the model that watches it.

use std::time::Duration;

use leveret_core::model::{
    Arrival, ConsumerSpec, DeliveryLimit, Entry, Got, Queue, QueueKind, QueueSettings, QueueTraits, Reason,
    Returned, Returns, Settled, Stat, Taken,
};
use leveret_core::{ConsumerId, Timestamp};

use super::looking;
use super::model::{Model, Rank, TICK, Waiting, message};

/// Pages are looked at no more often than this.
const GRAIN_MICROS: u64 = 1_000_000;

/// A queue and the model that watches it.
pub struct Watched {
    pub queue: Queue,
    pub model: Model,
    unused_since: Timestamp,
    published: u64,
    acked: u64,
}

/// Messages that are published together.
#[derive(Clone, Copy, Debug)]
pub struct Publish {
    pub count: usize,
    pub expiration: Option<Duration>,
    pub priority: u8,
    pub is_placed: bool,
}

impl Watched {
    /// A queue that may hold so much in memory.
    pub fn new(traits: QueueTraits, settings: QueueSettings, budget: usize) -> Self {
        let queue = Queue::new(traits, settings.clone().into());
        let model = Model::new(traits, settings, budget);
        Self { queue, model, unused_since: Timestamp::default(), published: 0, acked: 0 }
    }

    pub fn publish(&mut self, publish: Publish) {
        if self.model.settings.refuses() {
            return (0..publish.count).for_each(|_| self.offer(&publish));
        }
        let arrivals: Vec<Arrival> = (0..publish.count).map(|_| self.enter(&publish).1).collect();
        self.queue.publish(self.model.now, arrivals, &mut self.model);
    }

    /// The next message, which waits from now on.
    fn enter(&mut self, publish: &Publish) -> (Rank, Arrival) {
        let message = message(self.published, publish.priority, publish.is_placed);
        self.published += 1;
        let rank = self.model.rank(&message);
        let ttl = publish.expiration.into_iter().chain(self.model.settings.message_ttl).min();
        let expires_at = ttl.map(|ttl| self.model.now + ttl.max(TICK));
        let waiting = Waiting { expires_at, was_delivered: false, returns: Returns::default() };
        self.model.ready.insert(rank, waiting);
        (rank, Arrival { message, expiration: publish.expiration })
    }

    /// One message, to which the queue may say no.
    fn offer(&mut self, publish: &Publish) {
        // What is due goes first; then it is known whether there is room.
        self.check();
        let (rank, arrival) = self.enter(publish);
        let has_room = !self.model.is_exceeded();
        self.model.offered = (!has_room).then_some(rank);
        let is_taken = self.queue.offer(self.model.now, arrival, &mut self.model);
        assert_eq!(is_taken, has_room, "a queue says no if and only if it is full");
        // What was refused never had a position.
        self.published -= u64::from(!is_taken);
        self.check();
    }

    pub fn subscribe(&mut self, spec: ConsumerSpec) {
        let is_taken = self.model.audience.is_taken_for(spec);
        let Some(id) = self.queue.subscribe(spec) else {
            return assert!(is_taken, "nobody is turned away without a reason");
        };
        assert!(!is_taken, "an exclusive consumer is alone");
        self.model.audience.add(id, spec);
        self.queue.resume(self.model.now, id, &mut self.model);
    }

    pub fn unsubscribe(&mut self, index: usize) {
        let Some(consumer) = self.model.audience.at(index).filter(|consumer| !consumer.is_gone) else {
            return;
        };
        consumer.is_gone = true;
        let id = consumer.id;
        let now = self.model.now;
        self.model.audience.elect();
        self.unused_since = now;
        let is_last = self.queue.unsubscribe(now, id, &mut self.model);
        assert_eq!(is_last, self.model.audience.count() == 0);
        assert!(!self.queue.unsubscribe(now, id, &mut self.model), "nobody leaves twice");
    }

    pub fn set_open(&mut self, index: usize, is_open: bool) {
        let Some(consumer) = self.model.audience.at(index) else { return };
        consumer.is_open = is_open;
        let (id, now) = (consumer.id, self.model.now);
        if is_open {
            self.queue.resume(now, id, &mut self.model);
        }
    }

    /// Takes a message out of those held, as if its consumer had decided about it.
    fn release(&mut self, index: usize) -> Option<(Option<ConsumerId>, Entry)> {
        let count = self.model.held.len();
        let (from, entry) = (count != 0).then(|| self.model.held.swap_remove(index % count))?;
        if let Some(id) = from {
            self.model.audience.get(id).held -= 1;
            self.model.audience.elect();
        }
        Some((from, entry))
    }

    pub fn settle(&mut self, index: usize) {
        let Some((from, entry)) = self.release(index) else { return };
        self.acked += 1;
        let settled = Settled { count: 1, body_bytes: entry.body_bytes() };
        self.queue.settle(self.model.now, from, settled, &mut self.model);
    }

    pub fn requeue(&mut self, indices: &[usize], has_failed: bool) {
        let mut returned = Vec::new();
        for index in indices {
            let Some((from, mut entry)) = self.release(*index) else { continue };
            entry.redelivered = true;
            entry.returns.acquired += 1;
            entry.returns.failed += u16::from(has_failed);
            if has_failed && self.has_failed_too_often(entry.returns) {
                self.model.doomed.insert(entry.position, Reason::DeliveryLimit);
            } else {
                let Entry { expires_at, returns, .. } = entry;
                let waiting = Waiting { expires_at, was_delivered: true, returns };
                self.model.ready.insert(self.model.rank(&entry.message), waiting);
            }
            returned.push(Returned { from, has_failed, entry });
        }
        self.queue.requeue(self.model.now, returned, &mut self.model);
        assert!(self.model.doomed.is_empty(), "what has failed too often does not come back");
    }

    fn has_failed_too_often(&self, returns: Returns) -> bool {
        let limit = match (self.model.settings.delivery_limit, self.model.traits.kind) {
            (Some(DeliveryLimit::Returns(limit)), _) => limit,
            (None, QueueKind::Quorum) => 20,
            (Some(DeliveryLimit::Unlimited), _) | (None, QueueKind::Classic | QueueKind::Delay) => {
                return false;
            }
        };
        limit < u32::from(returns.failed)
    }

    pub fn reject(&mut self, indices: &[usize]) {
        let mut rejected = Vec::new();
        for index in indices {
            let Some((from, entry)) = self.release(*index) else { continue };
            self.model.doomed.insert(entry.position, Reason::Rejected);
            rejected.push(Returned { from, has_failed: true, entry });
        }
        self.queue.reject(self.model.now, rejected, &mut self.model);
        assert!(self.model.doomed.is_empty(), "what was rejected is gone");
    }

    pub fn get(&mut self, auto_ack: bool) {
        self.unused_since = self.model.now;
        self.model.is_getting = true;
        let got = self.queue.get(self.model.now, auto_ack, &mut self.model);
        self.model.is_getting = false;
        let entry = match got {
            Got::Message(entry) => entry,
            Got::Nothing => {
                assert!(self.model.ready.is_empty(), "nothing is got only where nothing waits");
                return;
            }
            Got::Later => {
                assert!(self.model.is_head_coming(), "a get waits only for what is on its way");
                return;
            }
        };
        let rank = self.model.rank(&entry.message);
        let waiting = if auto_ack { self.model.take_settled_head(rank) } else { self.model.take_head(rank) };
        self.model.check_entry(&entry, waiting);
        if !auto_ack {
            self.model.held.push((None, entry));
        }
    }

    /// Takes the message that stands somewhere; it is held, or comes back as if nothing had been.
    pub fn take(&mut self, index: usize, comes_back: bool) {
        let count = self.model.ready.len().max(1);
        let Some(rank) = self.model.ready.keys().nth(index % count).copied() else { return };
        self.unused_since = self.model.now;
        self.model.is_getting = true;
        let taken = self.queue.take(self.model.now, rank.1, &mut self.model);
        self.model.is_getting = false;
        match taken {
            Taken::Gone => {
                let is_due = |waiting: &Waiting| waiting.expires_at.is_some_and(|at| at <= self.model.now);
                assert!(self.model.ready.get(&rank).is_none_or(is_due), "what waits can be taken");
            }
            Taken::Later => {
                let page = self.model.page_of(rank).expect("what is in memory can be taken");
                assert!(self.model.asked.contains(&page), "it is on its way");
            }
            Taken::Message(entry) if comes_back => {
                let returned = vec![Returned { from: None, has_failed: false, entry }];
                self.queue.requeue(self.model.now, returned, &mut self.model);
            }
            Taken::Message(entry) => {
                let waiting = self.model.ready.remove(&rank).expect("only what waits is taken");
                self.model.check_entry(&entry, waiting);
                self.model.held.push((None, entry));
            }
        }
        self.queue.put_away(rank.1, &mut self.model);
        looking::check(&self.queue, &self.model);
    }

    pub fn purge(&mut self) {
        let now = self.model.now;
        self.model.is_purging = true;
        let count = self.queue.purge(now, &mut self.model);
        self.model.is_purging = false;
        let purged = self.model.settled.split_off(self.model.settled.len() - count);
        assert!(self.model.ready.is_empty() && self.model.pages.is_empty(), "a purge leaves nothing");
        drop(purged);
    }

    /// A policy has come, gone or changed.
    pub fn apply(&mut self, settings: QueueSettings) {
        if settings.expires != self.model.settings.expires {
            self.unused_since = self.model.now;
        }
        self.model.settings = settings.clone();
        self.queue.apply(self.model.now, settings.into(), &mut self.model);
    }

    /// Time passes until the queue wants to be looked at, which happens.
    pub fn meet_deadline(&mut self) {
        let Some(at) = self.queue.next_deadline() else { return };
        self.model.now = self.model.now.max(at);
        let now = self.model.now;
        let is_over = self.queue.handle_deadline(now, &mut self.model);
        assert_eq!(is_over, self.has_expired(), "a queue goes when it has been unused for its time");
        if !is_over {
            let next = self.queue.next_deadline();
            assert!(next.is_none_or(|next| now < next), "a deadline that was met is not met again at once");
        }
    }

    fn has_expired(&self) -> bool {
        let expiry = self.model.settings.expires.map(|after| self.unused_since + after);
        self.model.audience.count() == 0 && expiry.is_some_and(|at| at <= self.model.now)
    }

    /// One of the pages that were asked for has been read, or can't be.
    pub fn answer(&mut self, index: usize, is_lost: bool) {
        if self.model.asked.is_empty() {
            return;
        }
        let page = self.model.asked.remove(index % self.model.asked.len());
        let found = self.model.pages.remove(&page.0);
        let is_wanted = found.is_some();
        let mut entries = found.unwrap_or_default();
        if is_lost {
            for entry in entries.drain(..) {
                let rank = self.model.rank(&entry.message);
                self.model.ready.remove(&rank).expect("what is in a page waits");
            }
        }
        let now = self.model.now;
        assert_eq!(self.queue.handle_page(now, page, entries, &mut self.model), is_wanted);
    }

    /// What must be true after every step.
    pub fn check(&mut self) {
        let now = self.model.now;
        let knows_head = self.queue.knows_head(now, &mut self.model);
        assert!(knows_head || self.model.is_due_coming(), "what may have expired is looked at");
        let counts = self.queue.counts(now, &mut self.model);
        self.model.check_settled();
        assert_eq!(counts.ready, self.model.ready.len(), "what waits");
        assert_eq!(counts.unacked, self.model.held.len(), "what is held");
        assert_eq!(counts.consumers, self.model.audience.count());
        assert_eq!(self.queue.ready_bytes(), self.model.resident_bytes(), "memory of what waits");
        assert_eq!(self.queue.has_expired(now), self.has_expired(), "how long it has gone unused");
        let has_room = !self.model.is_exceeded() || self.model.settings.refuses();
        assert!(has_room || self.model.is_head_coming(), "there is never more than may wait");
        let may_wait = counts.ready == 0 || self.model.is_head_coming();
        assert!(
            !self.model.audience.is_idle() || may_wait,
            "nothing waits while somebody could take it, unless it is on its way"
        );
        self.check_look(now);
        self.check_times();
    }

    /// What those are told who only look.
    fn check_look(&mut self, now: Timestamp) {
        let look = self.queue.look(now, &mut self.model);
        self.model.check_settled();
        let held_bytes: u64 = self.model.held.iter().map(|(_, entry)| entry.body_bytes()).sum();
        assert_eq!(look.unacked_body_bytes, held_bytes, "bytes of what is held");
        assert_eq!(look.stats[Stat::Publish], self.published, "what has come");
        assert_eq!(look.stats[Stat::Ack], self.acked, "what was acknowledged");
        let handed_out = look.stats[Stat::Deliver] + look.stats[Stat::Get];
        assert!(self.acked + self.model.held.len() as u64 <= handed_out, "what is held was handed out");
    }

    /// What is due is gone, and what will be is looked at in time: to the moment in memory, by the second in pages.
    fn check_times(&self) {
        let next = self.queue.next_deadline();
        for (rank, waiting) in &self.model.ready {
            let Some(at) = waiting.expires_at else { continue };
            let page = self.model.page_of(*rank);
            let is_coming = page.is_some_and(|page| self.model.asked.contains(&page));
            if is_coming || self.model.is_behind_coming(*rank) {
                continue;
            }
            assert!(page.is_some() || self.model.now < at, "what is due in memory is gone");
            let latest = if page.is_some() { at.ceil(GRAIN_MICROS) } else { at };
            assert!(next.is_some_and(|next| next <= latest), "{rank:?} is due at {at:?}, looked at {next:?}");
        }
    }
}
