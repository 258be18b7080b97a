//! How fast publishers may go, seen from a queue that they bring messages to.
//!
//! Invariant: nobody waits for consumers that are idle, be it that they do not read or that they do not acknowledge:
//! to keep messages for them is what a queue is for.

use std::time::Duration;

use crate::model::queue::{Doors, Queue};
use crate::time::Timestamp;

/// What may wait in memory before publishers that are faster than consumers are held back.
const AHEAD_BYTES: usize = 1024 * 1024;

/// More than so much is a backlog: it is not worked off while publishers wait.
const FAR_AHEAD_BYTES: usize = 4 * AHEAD_BYTES;

/// Consumers that have settled something so recently are at work.
const AT_WORK: Duration = Duration::from_millis(10);

/// How fast publishers may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As they like.
    Free,
    /// They had better wait a moment after each read: consumers are at work, and what comes now would soon have to leave
    /// memory.
    Slow,
    /// They had better wait: consumers would take more if their connections came to send it.
    UntilCaughtUp,
}

impl Queue {
    /// Whether so much waits that publishers had better wait, too. Not for consumers that are idle.
    pub fn pace(&self, now: Timestamp, doors: &impl Doors) -> Pace {
        let bytes = self.waiting.bytes();
        if bytes <= AHEAD_BYTES {
            return Pace::Free;
        }
        let is_served = || self.consumers.stalled().any(|id| !doors.waits_for_peer(id));
        match bytes {
            // As much as can be caught up with in a moment.
            ..FAR_AHEAD_BYTES if is_served() => Pace::UntilCaughtUp,
            FAR_AHEAD_BYTES.. if is_served() => Pace::Slow,
            _ if doors.budget_bytes() / 4 < bytes && now < self.settled_at + AT_WORK => Pace::Slow,
            _ => Pace::Free,
        }
    }

    /// Whether publishers that have waited may go on.
    pub fn has_caught_up(&self) -> bool {
        self.waiting.bytes() <= AHEAD_BYTES / 2
    }
}
