//! What is to happen when: one list for the whole broker, instead of a timer for every queue.
//!
//! Invariant: a queue that has asked for a moment stands here with it, or has been looked at since. A queue that asks for
//! an earlier one stands here twice; it knows which of them counts.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use parking_lot::Mutex;

use crate::model::queue_ref::WeakQueueRef;
use crate::time::Timestamp;

/// A moment that a queue has asked for; the number keeps those of one moment in order.
#[derive(Debug)]
struct Deadline {
    at: Timestamp,
    number: u64,
    queue: WeakQueueRef,
}

impl Deadline {
    fn rank(&self) -> (Timestamp, u64) {
        (self.at, self.number)
    }
}

impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Deadline {}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

#[derive(Debug, Default)]
struct State {
    deadlines: BinaryHeap<Reverse<Deadline>>,
    added: u64,
}

/// All deadlines of a broker.
#[derive(Debug, Default)]
pub struct Schedule(Mutex<State>);

impl Schedule {
    /// Adds moments. `true`: the next one is earlier than it was.
    pub fn add(&self, deadlines: impl Iterator<Item = (Timestamp, WeakQueueRef)>) -> bool {
        let mut state = self.0.lock();
        let before = state.deadlines.peek().map(|Reverse(first)| first.at);
        for (at, queue) in deadlines {
            state.added += 1;
            let number = state.added;
            state.deadlines.push(Reverse(Deadline { at, number, queue }));
        }
        let first = state.deadlines.peek().map(|Reverse(first)| first.at);
        first.is_some_and(|first| before.is_none_or(|before| first < before))
    }

    /// When the next one is.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.lock().deadlines.peek().map(|Reverse(first)| first.at)
    }

    /// Takes one that has come.
    pub fn take_due(&self, now: Timestamp) -> Option<(Timestamp, WeakQueueRef)> {
        let mut state = self.0.lock();
        if now < state.deadlines.peek()?.0.at {
            return None;
        }
        let Reverse(due) = state.deadlines.pop()?;
        Some((due.at, due.queue))
    }
}
