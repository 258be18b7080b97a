//! The end of a queue.
//!
//! Invariant: a queue that has been deleted stays empty: whoever still holds it finds that out under its lock.

use crate::effect::Effects;
use crate::id::ConsumerId;
use crate::model::outlet::{Door, Notice};
use crate::model::queue_ref::QueueRef;
use crate::time::Timestamp;

/// Conditions on a deletion.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteConditions {
    /// Not while there are consumers.
    pub if_unused: bool,
    /// Not while messages are waiting.
    pub if_empty: bool,
    /// Not unless nobody has used it for as long as it may go unused.
    pub if_expired: bool,
}

/// How a deletion went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Done; so many messages had been waiting.
    Deleted(usize),
    /// Refused: it has consumers.
    InUse,
    /// Refused: messages are waiting.
    NotEmpty,
    /// Somebody else deleted it before.
    Gone,
}

impl QueueRef {
    /// Ends the queue: its messages are gone, its consumers are told. The caller has taken its name away
    /// from the topology, or does so under the lock it holds.
    pub fn delete(&self, now: Timestamp, conditions: DeleteConditions, effects: &mut Effects) -> Deletion {
        let mut state = self.0.state.lock();
        if state.deleted {
            return Deletion::Gone;
        }
        if conditions.if_unused && !state.queue.is_unused() {
            return Deletion::InUse;
        }
        if conditions.if_expired && !state.queue.has_expired(now) {
            return Deletion::InUse;
        }
        let counts = self.turn_locked(&mut state, effects, |queue, doors| queue.counts(now, doors));
        if conditions.if_empty && 0 < counts.ready {
            return Deletion::NotEmpty;
        }
        self.turn_locked(&mut state, effects, |queue, doors| queue.purge(now, doors));
        state.deleted = true;
        state.tell_awaiting(effects);
        let ids: Vec<ConsumerId> = state.queue.consumer_ids().collect();
        for id in ids {
            self.turn_locked(&mut state, effects, |queue, doors| queue.unsubscribe(now, id, doors));
            let Some(door) = state.doors.get_mut(id.slot as usize).and_then(Option::take) else { continue };
            let Door { channel, consumer, .. } = door;
            let queue = self.0.facts.id;
            if door.outlet.notify(Notice::ConsumerCancelled { channel, consumer, queue, id }) {
                effects.wakes.push(door.outlet.id());
            }
        }
        Deletion::Deleted(counts.ready)
    }
}
