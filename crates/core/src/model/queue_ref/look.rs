//! A queue as those see it who only look: its numbers, all of one moment.

use std::sync::Arc;
use std::time::Duration;

use crate::effect::Effects;
use crate::id::ConsumerId;
use crate::model::outlet::Outlet;
use crate::model::queue::{Counts, Losses, Peek, Spot, Taken};
use crate::model::queue_ref::QueueRef;
use crate::model::stats::MessageStats;
use crate::time::Timestamp;

/// The numbers of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueueLook {
    /// Messages and consumers.
    pub counts: Counts,
    /// Bytes of the bodies that wait.
    pub ready_body_bytes: u64,
    /// Bytes of the bodies that are unacknowledged.
    pub unacked_body_bytes: u64,
    /// Memory of what waits, in bytes; the rest of what waits has left memory.
    pub memory_bytes: usize,
    /// What has happened since the broker began.
    pub stats: MessageStats,
    /// What it has given up.
    pub lost: Losses,
    /// How long the oldest message has waited, as far as that is known, see
    /// [`Ages`](crate::model::queue): to a second, or an eighth of itself.
    pub oldest: Option<Duration>,
    /// What the publisher of the next message to go said of its time, in seconds since 1970.
    pub head_timestamp: Option<u64>,
    /// The consumer that gets everything, where only one does.
    pub active: Option<ConsumerId>,
    /// The one that nobody else may consume beside.
    pub exclusive: Option<ConsumerId>,
    /// Whether what it gives up goes on as dead letters.
    pub dead_letters: bool,
    /// Whether consumers could take more at once, if there were more.
    pub is_waited_for: bool,
}

impl QueueRef {
    /// Looks at about so many of the messages that wait behind a spot, see [`Peek`].
    pub fn peek(&self, now: Timestamp, after: Option<Spot>, most: usize) -> Peek {
        self.0.state.lock().queue.peek(now, after, most)
    }

    /// Takes the message of a position, for who settles it or brings it back. If it is not in memory, it is fetched, and
    /// `outlet` hears when it is there.
    pub fn take(&self, now: Timestamp, position: u64, outlet: &Arc<Outlet>, effects: &mut Effects) -> Taken {
        let mut state = self.0.state.lock();
        if state.deleted {
            return Taken::Gone;
        }
        let taken = self.turn_locked(&mut state, effects, |queue, doors| queue.take(now, position, doors));
        if matches!(taken, Taken::Later) {
            state.await_head(outlet);
        }
        taken
    }

    /// What was brought into memory around a position may leave it again.
    pub fn put_away(&self, position: u64, effects: &mut Effects) {
        self.turn(effects, |queue, doors| queue.put_away(position, doors));
    }

    /// Its numbers. What has expired is gone first, as far as it is in memory.
    pub fn look(&self, now: Timestamp, effects: &mut Effects) -> QueueLook {
        self.turn(effects, |queue, doors| queue.look(now, doors))
    }
}
