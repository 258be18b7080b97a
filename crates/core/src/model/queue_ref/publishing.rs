//! A queue as publishers see it: what it takes, whether it is written to the log first, and how fast they may go.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::effect::{Effects, Settle};
use crate::model::outlet::Outlet;
use crate::model::queue::{Arrival, Pace};
use crate::model::queue_ref::QueueRef;
use crate::model::queue_ref::hall::Hall;
use crate::time::Timestamp;

impl QueueRef {
    /// Whether it says no to publishers when it is full: then each message is to be [offered](QueueRef::offer).
    pub fn may_refuse(&self) -> bool {
        self.0.may_refuse.load(Ordering::Acquire)
    }

    /// Whether it holds so much that what it gets now may have to leave memory: then it must be in the log, also
    /// if it need not survive a restart.
    pub fn is_deep(&self) -> bool {
        self.0.is_deep.load(Ordering::Relaxed)
    }

    /// Messages arrive, in order. A queue that was deleted meanwhile is done with them at once: what was routed to
    /// it counts as taken (RabbitMQ confirms it too). `true`: the publisher had better wait, see
    /// [`QueueRef::pace`].
    pub fn publish(
        &self,
        now: Timestamp,
        arrivals: impl IntoIterator<Item = Arrival>,
        effects: &mut Effects,
    ) -> bool {
        let mut state = self.0.state.lock();
        if state.deleted {
            let messages = arrivals.into_iter().map(|arrival| arrival.message);
            effects.settles.extend(messages.filter_map(|message| Settle::of(&message)));
            return false;
        }
        self.turn_locked(&mut state, effects, |queue, doors| {
            queue.publish(now, arrivals, doors);
            queue.pace(now, doors) != Pace::Free
        })
    }

    /// How fast publishers may go. `outlet` hears when those may go on that wait.
    pub fn pace(&self, now: Timestamp, outlet: &Arc<Outlet>) -> Pace {
        let mut state = self.0.state.lock();
        if state.deleted {
            return Pace::Free;
        }
        // Looks only, so there is nothing to carry out.
        let mut effects = Effects::default();
        let doors = Hall::new(self, &state.doors, self.0.store.queue_budget_bytes(), &mut effects);
        let pace = state.queue.pace(now, &doors);
        drop(doors);
        let waits = pace == Pace::UntilCaughtUp;
        // Who has gone does not wait.
        state.awaiting_consumers.retain(|known| 1 < Arc::strong_count(known));
        if waits && state.awaiting_consumers.iter().all(|known| known.id() != outlet.id()) {
            state.awaiting_consumers.push(outlet.clone());
        }
        pace
    }

    /// One message arrives, at a queue that may say no. `false`: it did.
    pub fn offer(&self, now: Timestamp, arrival: Arrival, effects: &mut Effects) -> bool {
        let mut state = self.0.state.lock();
        if state.deleted {
            effects.settles.extend(Settle::of(&arrival.message));
            return true;
        }
        self.turn_locked(&mut state, effects, |queue, doors| queue.offer(now, arrival, doors))
    }

    /// Deep above half of the budget, until it holds less than a quarter.
    pub fn note_depth(&self, bytes: usize, budget: usize) {
        let was_deep = self.is_deep();
        let is_deep = if was_deep { budget / 4 <= bytes } else { budget / 2 < bytes };
        if was_deep != is_deep {
            self.0.is_deep.store(is_deep, Ordering::Relaxed);
        }
    }
}
