//! A queue together with the model that watches it.

use std::time::Duration;

use leveret_core::ConsumerId;
use leveret_core::model::{Arrival, ConsumerSpec, Entry, Got, Queue, QueueSettings, QueueTraits, Returned};

use super::model::{Consumer, Model, Settled, Waiting, message, number};

/// A queue and the model that watches it.
pub struct Watched {
    pub queue: Queue,
    pub model: Model,
    ttl: Option<Duration>,
    published: u64,
}

impl Watched {
    /// A queue that may hold so much in memory.
    pub fn new(ttl: Option<Duration>, budget: usize) -> Self {
        let settings = QueueSettings { message_ttl: ttl, ..QueueSettings::default() };
        let queue = Queue::new(QueueTraits::default(), settings);
        Self { queue, model: Model::new(budget), ttl, published: 0 }
    }

    pub fn publish(&mut self, count: usize, expiration: Option<Duration>, is_placed: bool) {
        let mut arrivals = Vec::new();
        for _ in 0..count {
            let ttl =
                expiration.into_iter().chain(self.ttl).min().map(|ttl| ttl.max(Duration::from_micros(1)));
            let waiting = Waiting { expires_at: ttl.map(|ttl| self.model.now + ttl), was_delivered: false };
            self.model.ready.insert(self.published, waiting);
            arrivals.push(Arrival { message: message(self.published, is_placed), expiration });
            self.published += 1;
        }
        self.queue.publish(self.model.now, arrivals, &mut self.model);
    }

    pub fn subscribe(&mut self, spec: ConsumerSpec) {
        let Some(id) = self.queue.subscribe(spec) else {
            let alive = || self.model.consumers.iter().filter(|consumer| !consumer.is_gone);
            assert!(alive().any(|other| other.spec.exclusive) || (spec.exclusive && alive().count() != 0));
            return;
        };
        self.model.consumers.push(Consumer { id, spec, is_open: true, held: 0, is_gone: false });
        self.queue.resume(self.model.now, id, &mut self.model);
    }

    pub fn unsubscribe(&mut self, index: usize) {
        let Some(consumer) = self.model.consumers.get_mut(index).filter(|consumer| !consumer.is_gone) else {
            return;
        };
        consumer.is_gone = true;
        let id = consumer.id;
        let now = self.model.now;
        let is_last = self.queue.unsubscribe(now, id, &mut self.model);
        assert_eq!(is_last, self.model.consumers.iter().all(|consumer| consumer.is_gone));
        assert!(!self.queue.unsubscribe(now, id, &mut self.model), "nobody leaves twice");
    }

    pub fn set_open(&mut self, index: usize, is_open: bool) {
        let Some(consumer) = self.model.consumers.get_mut(index) else { return };
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
            self.model.consumer(id).held -= 1;
        }
        Some((from, entry))
    }

    pub fn settle(&mut self, index: usize) {
        let Some((from, _)) = self.release(index) else { return };
        self.queue.settle(self.model.now, from, 1, &mut self.model);
    }

    pub fn requeue(&mut self, indices: &[usize]) {
        let mut returned = Vec::new();
        for index in indices {
            let Some((from, mut entry)) = self.release(*index) else { continue };
            entry.redelivered = true;
            let waiting = Waiting { expires_at: entry.expires_at, was_delivered: true };
            self.model.ready.insert(entry.position, waiting);
            returned.push(Returned { from, has_failed: false, entry });
        }
        self.queue.requeue(self.model.now, returned, &mut self.model);
    }

    pub fn get(&mut self, auto_ack: bool) {
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
        let number = number(&entry.message);
        let waiting =
            if auto_ack { self.model.take_settled_head(number) } else { self.model.take_head(number) };
        self.model.check_entry(&entry, waiting);
        if !auto_ack {
            self.model.held.push((None, entry));
        }
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
                self.model.ready.remove(&entry.position).expect("what is in a page waits");
            }
        }
        let now = self.model.now;
        assert_eq!(self.queue.handle_page(now, page, entries, &mut self.model), is_wanted);
    }

    /// What must be true after every step.
    pub fn check(&mut self) {
        let now = self.model.now;
        let knows_head = self.queue.knows_head(now, &mut self.model);
        assert!(knows_head || self.model.is_head_coming(), "what may have expired is looked at");
        let counts = self.queue.counts(now, &mut self.model);
        for Settled { number, waiting, .. } in self.model.settled.drain(..) {
            let tick = Duration::from_micros(1);
            assert!(waiting.expires_at.is_some_and(|at| at <= now + tick), "message {number} vanished");
        }
        assert_eq!(counts.ready, self.model.ready.len(), "what waits");
        let head = self.model.ready.first_key_value();
        let is_due = |waiting: &Waiting| waiting.expires_at.is_some_and(|at| at <= now);
        assert!(
            !knows_head || !head.is_some_and(|(_, head)| is_due(head)),
            "what is due at the head is gone"
        );
        for (number, waiting) in &self.model.ready {
            assert!(!is_due(waiting) || self.model.is_paged(*number), "what is due in memory is gone");
        }
        let due = self.model.ready.values().filter_map(|waiting| waiting.expires_at).min();
        let next = self.queue.next_deadline();
        assert!(
            due.is_none() || next.is_some() || !self.model.asked.is_empty(),
            "what is due is looked at in time"
        );
        assert_eq!(counts.unacked, self.model.held.len(), "what is held");
        let alive = self.model.consumers.iter().filter(|consumer| !consumer.is_gone).count();
        assert_eq!(counts.consumers, alive);
        assert_eq!(self.queue.ready_bytes(), self.model.resident_bytes(), "memory of what waits");
        let idle = self.model.consumers.iter().any(Consumer::could_take);
        let may_wait = counts.ready == 0 || self.model.is_head_coming();
        assert!(!idle || may_wait, "nothing waits while somebody could take it, unless it is on its way");
    }
}
