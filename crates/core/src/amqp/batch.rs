//! Publishes and settlements of one read, collected so that each queue is locked once for all of them.
//!
//! Invariants:
//! - Within one queue, publishes keep the order in which they came. A settlement only gives credit back, so it
//!   needs no order towards publishes. Whatever could observe a queue flushes first.
//! - What belongs into the log is written there before the first queue sees it.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use crate::amqp::appends::{Appends, Pair};
use crate::effect::{Effects, Settle};
use crate::id::{ChannelNumber, ConsumerId, QueueId};
use crate::model::{Arrival, Message, QueueRef};
use crate::store::{Position, Record, Store};
use crate::time::Timestamp;

/// A connection keeps room for at least so many messages of one queue.
const KEEP_ARRIVALS: usize = 64;

/// What waits for the end of the read.
#[derive(Debug)]
pub struct Batch {
    publishes: Vec<Publishes>,
    /// Room from the last read.
    spare: Vec<Arrival>,
    /// Where each queue's publishes are.
    places: HashMap<QueueId, usize, FixedState>,
    settlements: Option<Settlements>,
    confirming: Vec<ChannelNumber>,
    /// None if nothing is kept.
    appends: Option<Appends>,
}

/// What a message in one queue is to the log; the bit says whether it must be there after a restart.
type Kept = Option<bool>;

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
    /// An empty one, whose messages go to this store.
    pub fn new(store: &dyn Store) -> Self {
        Self {
            publishes: Vec::new(),
            spare: Vec::new(),
            places: HashMap::default(),
            settlements: None,
            confirming: Vec::new(),
            appends: Appends::new(store),
        }
    }

    /// A message for all its queues. `true`: it is not safe before the log has it, see [`Batch::await_write`].
    pub fn publish(
        &mut self,
        now: Timestamp,
        queues: &[QueueRef],
        message: Message,
        expiration: Option<Duration>,
    ) -> bool {
        if self.appends.is_some() {
            return self.publish_kept(now, queues, message, expiration);
        }
        self.add_to_all(queues, Arrival { message, expiration }, |_, _| {});
        false
    }

    /// The same where messages are kept: one record for the queues that are durable, and one for those that are
    /// only deep. The message is encoded where it is and moved afterwards: what has just been written in small parts
    /// is slow to be copied in large ones (a tenth of all the time that the tasks had).
    fn publish_kept(
        &mut self,
        now: Timestamp,
        queues: &[QueueRef],
        message: Message,
        expiration: Option<Duration>,
    ) -> bool {
        let is_persistent = message.is_persistent();
        let kept: SmallVec<[Kept; 4]> = queues.iter().map(|queue| kept(queue, is_persistent)).collect();
        for durable in [true, false] {
            let ids = queues.iter().zip(&kept).filter(|(_, kept)| **kept == Some(durable));
            let ids: SmallVec<[QueueId; 4]> = ids.map(|(queue, _)| queue.facts().id).collect();
            if let Some(appends) = self.appends.as_mut().filter(|_| !ids.is_empty()) {
                let record = Record { published_at: now, expiration, queues: &ids, durable };
                appends.message(&message, &record);
            }
        }
        let mut spots: SmallVec<[(usize, usize); 4]> = SmallVec::new();
        let arrival = Arrival { message, expiration };
        self.add_to_all(queues, arrival, |queue, arrival| spots.push((queue, arrival)));
        if let Some(appends) = &mut self.appends {
            for durable in [true, false] {
                for ((queue, arrival), _) in
                    spots.iter().zip(&kept).filter(|(_, kept)| **kept == Some(durable))
                {
                    appends.expect(Pair { queue: *queue, arrival: *arrival, durable });
                }
            }
        }
        kept.contains(&Some(true))
    }

    /// Adds a message to the arrivals of each queue, and tells where it stands there.
    fn add_to_all(&mut self, queues: &[QueueRef], arrival: Arrival, mut tell: impl FnMut(usize, usize)) {
        let Some((last, others)) = queues.split_last() else { return };
        for queue in others {
            let (queue, arrival) = self.add(queue, arrival.clone());
            tell(queue, arrival);
        }
        let (queue, arrival) = self.add(last, arrival);
        tell(queue, arrival);
    }

    fn add(&mut self, queue: &QueueRef, arrival: Arrival) -> (usize, usize) {
        let end = self.publishes.len();
        // Runs for one queue are the common case: look at the last one before hashing.
        let is_run = self.publishes.last().is_some_and(|last| last.queue == *queue);
        let place = if is_run { end - 1 } else { *self.places.entry(queue.facts().id).or_insert(end) };
        if let Some(publishes) = self.publishes.get_mut(place) {
            publishes.arrivals.push(arrival);
            return (place, publishes.arrivals.len() - 1);
        }
        let mut arrivals = std::mem::take(&mut self.spare);
        arrivals.push(arrival);
        self.publishes.push(Publishes { queue: queue.clone(), arrivals });
        (end, 0)
    }

    /// Somebody waits for the log to have the last message: by this number, once it is written.
    pub fn await_write(&mut self) -> Option<u64> {
        self.appends.as_mut().map(Appends::await_next)
    }

    /// See [`Appends::committed`].
    pub fn committed(&mut self, committed: Position) -> Option<u64> {
        self.appends.as_mut()?.committed(committed)
    }

    /// See [`Appends::awaits`].
    pub fn awaits(&self) -> Option<Position> {
        self.appends.as_ref()?.awaits()
    }

    /// See [`Appends::give_up`].
    pub fn give_up(&mut self) {
        if let Some(appends) = &mut self.appends {
            appends.give_up();
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
        if let Some(appends) = &mut self.appends {
            let publishes = &mut self.publishes;
            appends.write(|Pair { queue, arrival, durable }, place| {
                let arrivals = publishes.get_mut(queue).map(|publishes| &mut publishes.arrivals);
                if let Some(arrival) = arrivals.and_then(|arrivals| arrivals.get_mut(arrival)) {
                    arrival.message.set_place(place, durable);
                }
            });
        }
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
        if let Some(appends) = &mut self.appends {
            appends.rest();
        }
    }

    fn flush_settlements(&mut self, now: Timestamp, effects: &mut Effects) {
        if let Some(Settlements { queue, from, count }) = self.settlements.take() {
            queue.settle(now, from, count, effects);
        }
    }
}

/// Persistent messages in durable queues must survive a restart; others that go into a deep queue must be able
/// to leave memory.
fn kept(queue: &QueueRef, is_persistent: bool) -> Kept {
    let durable = is_persistent && queue.facts().durable;
    (durable || queue.is_deep()).then_some(durable)
}
