//! The way of messages into their queues: collected, written into the log together, then brought to each queue once.
//!
//! Invariants:
//! - Within one queue, messages keep the order in which they came. Whatever could observe a queue flushes first.
//! - What belongs into the log is written there before the first queue sees it.
//! - A queue that may refuse a message is asked about it by itself, so that the answer is known at once.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use crate::effect::Effects;
use crate::id::QueueId;
use crate::model::QueueRef;
use crate::model::appends::{Appends, Pair};
use crate::model::queue::Arrival;
use crate::model::settings::QueueKind;
use crate::store::{Position, Record, Store};
use crate::time::Timestamp;

/// Room is kept for at least so many messages of one queue.
const KEEP_ARRIVALS: usize = 64;

/// What a message in one queue is to the log; the bit says whether it must be there after a restart.
type Kept = Option<bool>;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Its queues have it, or will at the next flush.
    Here,
    /// The same, but it is not safe before the log has it, see [`Intake::await_write`].
    Unsafe,
    /// A queue has refused it; others may have it.
    Refused,
}

#[derive(Debug)]
struct Publishes {
    queue: QueueRef,
    arrivals: Vec<Arrival>,
}

/// Messages on their way.
#[derive(Debug)]
pub struct Intake {
    publishes: Vec<Publishes>,
    /// Room from the last flush, in the order of its queues.
    spare: VecDeque<Vec<Arrival>>,
    /// Where each queue's publishes are.
    places: HashMap<QueueId, usize, FixedState>,
    /// Where the last one was.
    last: usize,
    /// None if nothing is kept.
    appends: Option<Appends>,
    /// A queue that was outrun by the last flush.
    outrun: Option<QueueRef>,
    /// The write that carries the last message, if it has been written already.
    written: Option<u64>,
}

impl Intake {
    /// An empty one, whose messages go to this store.
    pub fn new(store: &dyn Store) -> Self {
        Self {
            publishes: Vec::new(),
            spare: VecDeque::new(),
            places: HashMap::default(),
            last: 0,
            appends: Appends::new(store),
            outrun: None,
            written: None,
        }
    }

    /// A message for all its queues.
    pub fn publish(
        &mut self,
        now: Timestamp,
        queues: &[QueueRef],
        arrival: Arrival,
        effects: &mut Effects,
    ) -> Accepted {
        self.written = None;
        if let [queue] = queues
            && !queue.may_refuse()
        {
            let is_unsafe = self.collect_one(now, queue, arrival);
            return if is_unsafe { Accepted::Unsafe } else { Accepted::Here };
        }
        if queues.iter().any(QueueRef::may_refuse) {
            return self.offer(now, queues, arrival, effects);
        }
        let is_unsafe = self.collect(now, queues, arrival);
        if is_unsafe { Accepted::Unsafe } else { Accepted::Here }
    }

    /// A message of which some queue may say that it is one too many.
    fn offer(
        &mut self,
        now: Timestamp,
        queues: &[QueueRef],
        arrival: Arrival,
        effects: &mut Effects,
    ) -> Accepted {
        self.flush(now, effects);
        let is_unsafe = self.collect(now, queues, arrival);
        self.written = self.appends.as_mut().filter(|_| is_unsafe).map(Appends::await_next);
        self.write();
        let mut is_refused = false;
        for Publishes { queue, arrivals } in self.publishes.drain(..) {
            for arrival in arrivals {
                is_refused |= !queue.offer(now, arrival, effects);
            }
        }
        match (is_refused, is_unsafe) {
            (true, _) => Accepted::Refused,
            (false, true) => Accepted::Unsafe,
            (false, false) => Accepted::Here,
        }
    }

    /// Collects a message for the next flush. `true`: it is not safe before the log has it. The message is encoded where
    /// it is and moved afterwards: what has just been written in small parts is slow to be copied in large ones (a tenth
    /// of all the time that the tasks had).
    fn collect(&mut self, now: Timestamp, queues: &[QueueRef], arrival: Arrival) -> bool {
        if self.appends.is_none() {
            self.add_to_all(queues, arrival, |_, _| {});
            return false;
        }
        let is_persistent = arrival.message.is_persistent();
        let kept: SmallVec<[Kept; 4]> = queues.iter().map(|queue| kept(queue, is_persistent)).collect();
        for durable in [true, false] {
            let ids = queues.iter().zip(&kept).filter(|(_, kept)| **kept == Some(durable));
            let ids: SmallVec<[QueueId; 4]> = ids.map(|(queue, _)| queue.facts().id).collect();
            if let Some(appends) = self.appends.as_mut().filter(|_| !ids.is_empty()) {
                let expiration = arrival.expiration;
                let record = Record { published_at: now, expiration, queues: &ids, durable };
                appends.message(&arrival.message, &record);
            }
        }
        let mut spots: SmallVec<[(usize, usize); 4]> = SmallVec::new();
        self.add_to_all(queues, arrival, |queue, arrival| spots.push((queue, arrival)));
        self.expect(&spots, &kept);
        kept.contains(&Some(true))
    }

    /// The same for one queue, which is where most messages go.
    #[inline]
    fn collect_one(&mut self, now: Timestamp, queue: &QueueRef, arrival: Arrival) -> bool {
        let kept = if self.appends.is_some() { kept(queue, arrival.message.is_persistent()) } else { None };
        let Some((appends, durable)) = self.appends.as_mut().zip(kept) else {
            self.add(queue, arrival);
            return false;
        };
        let (expiration, queues) = (arrival.expiration, [queue.facts().id]);
        let record = Record { published_at: now, expiration, queues: &queues, durable };
        appends.message(&arrival.message, &record);
        let (queue, arrival) = self.add(queue, arrival);
        if let Some(appends) = &mut self.appends {
            appends.expect(Pair { queue, arrival, durable });
        }
        durable
    }

    /// Says for which arrivals the places will be, in the order in which they were encoded.
    fn expect(&mut self, spots: &[(usize, usize)], kept: &[Kept]) {
        let Some(appends) = &mut self.appends else { return };
        for durable in [true, false] {
            for ((queue, arrival), _) in spots.iter().zip(kept).filter(|(_, kept)| **kept == Some(durable)) {
                appends.expect(Pair { queue: *queue, arrival: *arrival, durable });
            }
        }
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

    #[inline]
    fn add(&mut self, queue: &QueueRef, arrival: Arrival) -> (usize, usize) {
        let end = self.publishes.len();
        // Mostly messages go to the queue of the last one, or to several queues in turn: look there before hashing.
        let is_at = |place: &usize| self.publishes.get(*place).is_some_and(|there| there.queue == *queue);
        let known = [self.last, self.last + 1, 0].into_iter().find(is_at);
        let place = known.unwrap_or_else(|| *self.places.entry(queue.facts().id).or_insert(end));
        self.last = place;
        if let Some(publishes) = self.publishes.get_mut(place) {
            publishes.arrivals.push(arrival);
            return (place, publishes.arrivals.len() - 1);
        }
        let mut arrivals = self.spare.pop_front().unwrap_or_default();
        arrivals.push(arrival);
        self.publishes.push(Publishes { queue: queue.clone(), arrivals });
        (end, 0)
    }

    /// Writes what was collected and gives it its places.
    fn write(&mut self) {
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
    }

    /// Brings everything to its queues.
    pub fn flush(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.publishes.is_empty() {
            return;
        }
        self.write();
        self.spare.clear();
        for Publishes { queue, mut arrivals } in self.publishes.drain(..) {
            // Room for twice as many as this time: reads of one size find it large enough, and after a burst it shrinks
            // with the reads.
            let room = KEEP_ARRIVALS.max(2 * arrivals.len());
            if queue.publish(now, arrivals.drain(..), effects) {
                self.outrun = Some(queue);
            }
            arrivals.shrink_to(room);
            self.spare.push_back(arrivals);
        }
    }

    /// A queue whose consumers do not keep up with what was brought to it, if there is one.
    pub fn take_outrun(&mut self) -> Option<QueueRef> {
        self.outrun.take()
    }

    /// Somebody waits for the log to have the last message: by this number, once it is written.
    pub fn await_write(&mut self) -> Option<u64> {
        self.written.take().or_else(|| self.appends.as_mut().map(Appends::await_next))
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

    /// Nothing is going on: room is given back.
    pub fn rest(&mut self) {
        self.spare = VecDeque::new();
        if let Some(appends) = &mut self.appends {
            appends.rest();
        }
    }
}

/// Persistent messages in durable queues must survive a restart, and all of a quorum queue; others that go into a deep
/// queue must be able to leave memory.
fn kept(queue: &QueueRef, is_persistent: bool) -> Kept {
    let facts = queue.facts();
    let durable = facts.durable && (is_persistent || facts.traits.kind == QueueKind::Quorum);
    (durable || queue.is_deep()).then_some(durable)
}
