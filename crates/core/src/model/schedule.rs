//! What is to happen when: one list for the whole broker, instead of a timer for every queue.
//!
//! Invariants:
//! - A queue that has asked for a moment stands here with it, or with an earlier one, or has been looked at since.
//! - Nobody stands here twice, and there are never more queues that are gone than others (and a few).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::id::QueueId;
use crate::model::queue_ref::WeakQueueRef;
use crate::time::Timestamp;

/// Queues that are gone are not worth looking for below this.
const FEW_GONE: usize = 64;

/// A moment that a queue has asked for; the number keeps those of one moment in order.
type Spot = (Timestamp, u64);

#[derive(Debug, Default)]
struct State {
    deadlines: BTreeMap<Spot, WeakQueueRef>,
    spots: HashMap<QueueId, Spot>,
    added: u64,
    /// How many were left when those that are gone were last forgotten.
    left: usize,
}

impl State {
    fn add(&mut self, at: Timestamp, queue: WeakQueueRef) {
        self.added += 1;
        let spot = (at, self.added);
        match self.spots.entry(queue.id()) {
            Entry::Vacant(place) => drop(place.insert(spot)),
            // It asks again when it is looked at.
            Entry::Occupied(known) if known.get().0 <= at => return,
            Entry::Occupied(mut known) => drop(self.deadlines.remove(&known.insert(spot))),
        }
        self.deadlines.insert(spot, queue);
    }

    fn forget_gone(&mut self) {
        if 2 * self.left + FEW_GONE < self.deadlines.len() {
            self.deadlines.retain(|_, queue| !queue.is_gone());
            self.spots = self.deadlines.iter().map(|(spot, queue)| (queue.id(), *spot)).collect();
            self.left = self.deadlines.len();
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.deadlines.keys().next().map(|(at, _)| *at)
    }
}

/// All deadlines of a broker.
#[derive(Debug, Default)]
pub struct Schedule(Mutex<State>);

impl Schedule {
    /// Adds moments. `true`: the next one is earlier than it was.
    pub fn add(&self, deadlines: impl Iterator<Item = (Timestamp, WeakQueueRef)>) -> bool {
        let mut state = self.0.lock();
        let before = state.next();
        for (at, queue) in deadlines {
            state.add(at, queue);
        }
        state.forget_gone();
        state.next().is_some_and(|first| before.is_none_or(|before| first < before))
    }

    /// When the next one is.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.lock().next()
    }

    /// Takes a queue whose time has come.
    pub fn take_due(&self, now: Timestamp) -> Option<WeakQueueRef> {
        let mut state = self.0.lock();
        let first = state.deadlines.first_entry().filter(|first| first.key().0 <= now)?;
        let queue = first.remove();
        state.spots.remove(&queue.id());
        Some(queue)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use leveret_codec::Table;

    use super::*;
    use crate::effect::Effects;
    use crate::id::QueueId;
    use crate::model::queue::Arrival;
    use crate::model::{Message, QueueFacts, QueueRef, QueueTraits};
    use crate::store::NoStore;

    const HOUR: Duration = Duration::from_hours(1);
    const MILLI: Duration = Duration::from_millis(1);

    fn queue(id: u64) -> QueueRef {
        let facts = QueueFacts {
            id: QueueId(id),
            name: "q".into(),
            vhost: "/".into(),
            durable: false,
            auto_delete: false,
            owner: None,
            arguments: Table::default(),
            traits: QueueTraits::default(),
            declared: Arc::default(),
        };
        QueueRef::new(facts, Arc::default(), Arc::new(NoStore))
    }

    fn publish(queue: &QueueRef, now: Timestamp, ttl: Duration, schedule: &Schedule) {
        let message = Message::compose(b"", b"q", &[0, 0], b"");
        let mut effects = Effects::default();
        queue.publish(now, [Arrival { message, expiration: Some(ttl) }], &mut effects);
        schedule.add(effects.deadlines.drain(..));
    }

    fn len(schedule: &Schedule) -> usize {
        schedule.0.lock().deadlines.len()
    }

    /// Looks at what is due, and says how many queues that were.
    fn look(schedule: &Schedule, now: Timestamp) -> usize {
        let mut looks = 0;
        let mut effects = Effects::default();
        while let Some(queue) = schedule.take_due(now) {
            let Some(queue) = queue.upgrade() else { continue };
            looks += 1;
            queue.handle_deadline(now, &mut effects);
        }
        schedule.add(effects.deadlines.drain(..));
        looks
    }

    #[test]
    fn a_queue_stands_here_once_however_often_it_asks() {
        let (schedule, queue) = (Schedule::default(), queue(1));
        let mut now = Timestamp::default();
        publish(&queue, now, HOUR, &schedule);
        for _ in 0..100 {
            publish(&queue, now, MILLI, &schedule);
            now = now + MILLI;
            assert_eq!(look(&schedule, now), 1);
            assert_eq!((len(&schedule), schedule.next()), (1, Some(Timestamp::default() + HOUR)));
        }
        for millis in (1..=100).rev() {
            publish(&queue, now, millis * MILLI, &schedule);
        }
        assert_eq!((len(&schedule), schedule.next()), (1, Some(now + MILLI)));
    }

    #[test]
    fn queues_that_are_gone_are_forgotten_before_their_time() {
        let schedule = Schedule::default();
        let here = queue(0);
        publish(&here, Timestamp::default(), HOUR, &schedule);
        for id in 1..10_000 {
            publish(&queue(id), Timestamp::default(), HOUR, &schedule);
        }
        assert!(len(&schedule) < 1000, "{} stand here", len(&schedule));
        assert_eq!(look(&schedule, Timestamp::default() + HOUR), 1);
    }
}
