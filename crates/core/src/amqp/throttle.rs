//! A publisher that is faster than the connections of its queues' consumers come to send waits for them a moment.
//!
//! Without it a load whose messages are cheaper to take in than to give out only builds a backlog, which costs more than the
//! messages themselves: they are copied, and at last written to disk (1 KiB, one to one: half of all cycles). RabbitMQ holds such a
//! publisher back too (credit flow). Nobody waits for a consumer that does not read or does not acknowledge: that is what
//! queues are for. While consumers do, publishers are slowed down before their messages have to go to the disk.
//!
//! Bound: [`LONGEST`] for each [`FREE_BYTES`], whatever has become of the queue.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Outlet, Pace, QueueRef};
use crate::time::Timestamp;

/// A consumer's connection that has come to send nothing for this long waits for something else than its turn.
const LONGEST: Duration = Duration::from_millis(20);

/// How long a publisher waits after each read whose queue's consumers are at work and far behind.
const MOMENT: Duration = Duration::from_millis(1);

/// What a publisher may bring between two waits: who brings little, and waits for each confirm, is not the one to wait for.
const FREE_BYTES: usize = 64 * 1024;

/// Whether a publisher is held back.
#[derive(Debug, Default)]
pub struct Throttle {
    until: Option<Timestamp>,
    /// Read since it last was.
    read_bytes: usize,
}

impl Throttle {
    /// Whether it is.
    pub fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// When it is over at the latest.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The publisher was ahead of this queue's consumers with a read of so many bytes: waits for them if it still is.
    pub fn wait_for(&mut self, now: Timestamp, bytes: usize, queue: &QueueRef, outlet: &Arc<Outlet>) {
        self.read_bytes += bytes;
        if self.read_bytes < FREE_BYTES {
            return;
        }
        self.read_bytes = 0;
        self.until = match queue.pace(now, outlet) {
            Pace::Free => None,
            Pace::Slow => Some(now + MOMENT),
            Pace::UntilCaughtUp => Some(now + LONGEST),
        };
    }

    /// The consumers have caught up.
    pub fn end(&mut self) {
        self.until = None;
    }

    /// Time passes.
    pub fn handle_deadline(&mut self, now: Timestamp) {
        self.until.take_if(|until| *until <= now);
    }
}
