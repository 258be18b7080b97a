//! A queue as those see it who only look: its numbers, all of one moment.

use std::time::Duration;

use crate::effect::Effects;
use crate::id::ConsumerId;
use crate::model::queue::{Counts, Losses};
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
    /// [`Ages`](crate::model::queue): to a second, or a sixteenth of itself.
    pub oldest: Option<Duration>,
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
    /// Its numbers. What has expired is gone first, as far as it is in memory.
    pub fn look(&self, now: Timestamp, effects: &mut Effects) -> QueueLook {
        self.turn(effects, |queue, doors| queue.look(now, doors))
    }
}
