//! Publishes and settlements of one read, collected so that each queue is locked once for all of them.
//!
//! Invariant: within one queue, publishes keep the order in which they came. A settlement only gives
//! credit back, so it needs no order towards publishes. Whatever could observe a queue flushes first.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::effect::{Effects, Settle};
use crate::id::{ChannelNumber, ConsumerId, QueueId};
use crate::model::{Arrival, Message, QueueRef};
use crate::time::Timestamp;

/// A connection keeps room for at least so many messages of one queue.
const KEEP_ARRIVALS: usize = 64;

/// What waits for the end of the read.
#[derive(Debug, Default)]
pub struct Batch {
    publishes: Vec<Publishes>,
    /// Room from the last read.
    spare: Vec<Arrival>,
    /// Where each queue's publishes are.
    places: HashMap<QueueId, usize, FixedState>,
    settlements: Option<Settlements>,
    confirming: Vec<ChannelNumber>,
    appends: u64,
}

#[derive(Debug)]
struct Publishes {
    queue: QueueRef,
    arrivals: Vec<Arrival>,
}

/// A run of settlements of one consumer.
#[derive(Debug)]
struct Settlements {
    queue: QueueRef,
    from: Option<ConsumerId>,
    count: u32,
}

impl Batch {
    /// A message for a queue.
    pub fn publish(&mut self, queue: &QueueRef, message: Message, expiration: Option<Duration>) {
        let arrival = Arrival { message, expiration };
        // Runs for one queue are the common case: look at the last one before hashing.
        if let Some(last) = self.publishes.last_mut().filter(|last| last.queue == *queue) {
            last.arrivals.push(arrival);
            return;
        }
        let end = self.publishes.len();
        let place = *self.places.entry(queue.facts().id).or_insert(end);
        if let Some(publishes) = self.publishes.get_mut(place) {
            publishes.arrivals.push(arrival);
        } else {
            let mut arrivals = std::mem::take(&mut self.spare);
            arrivals.push(arrival);
            self.publishes.push(Publishes { queue: queue.clone(), arrivals });
        }
    }

    /// A delivery that was acknowledged or dropped.
    pub fn settle(
        &mut self,
        now: Timestamp,
        queue: QueueRef,
        from: Option<ConsumerId>,
        settle: Option<Settle>,
        effects: &mut Effects,
    ) {
        effects.settles.extend(settle);
        match &mut self.settlements {
            Some(run) if run.queue == queue && run.from == from => run.count += 1,
            _ => {
                self.flush_settlements(now, effects);
                self.settlements = Some(Settlements { queue, from, count: 1 });
            }
        }
    }

    /// A channel has publishes to confirm when this batch is through.
    pub fn confirm(&mut self, channel: ChannelNumber) {
        if self.confirming.last() != Some(&channel) && !self.confirming.contains(&channel) {
            self.confirming.push(channel);
        }
    }

    /// Counts an append of this connection, and says which one it is: the log commits them in order.
    pub fn count_append(&mut self) -> u64 {
        self.appends += 1;
        self.appends
    }

    /// The channels that have publishes to confirm, once.
    pub fn take_confirming(&mut self) -> Vec<ChannelNumber> {
        std::mem::take(&mut self.confirming)
    }

    /// Brings everything to its queues.
    pub fn flush(&mut self, now: Timestamp, effects: &mut Effects) {
        self.flush_settlements(now, effects);
        if self.publishes.is_empty() {
            return;
        }
        self.places.clear();
        let first = self.publishes.first().map_or(0, |publishes| publishes.arrivals.len());
        for Publishes { queue, arrivals } in &mut self.publishes {
            queue.publish(now, arrivals.drain(..), effects);
        }
        // One vector is kept for the next read, with room for twice as many as this one brought: reads of one
        // size find it large enough, and after a burst the room shrinks with the reads.
        self.spare = self.publishes.drain(..).map(|publishes| publishes.arrivals).next().unwrap_or_default();
        self.spare.shrink_to(KEEP_ARRIVALS.max(2 * first));
    }

    /// Nothing is going on: room is given back.
    pub fn rest(&mut self) {
        self.spare = Vec::new();
    }

    fn flush_settlements(&mut self, now: Timestamp, effects: &mut Effects) {
        if let Some(Settlements { queue, from, count }) = self.settlements.take() {
            queue.settle(now, from, count, effects);
        }
    }
}
