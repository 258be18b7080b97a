//! The seam that the shell used before there was a log: a log that keeps nothing.
//!
//! The rules ask for two things, an [`append`](OldLog::append) of a message with the queues it went to, and a
//! [`settlement`](OldLog::settle) of a message by one queue. They wait for one thing: that everything up to a
//! [`Position`] is [`committed`](OldLog::committed). A publisher's confirm rests on that and on nothing else.
//!
//! Invariants of every log behind this seam:
//! - Positions rise by one with every append, in the order of the calls.
//! - `committed` never falls, and covers an append only when the log would give it back after a crash of
//!   whatever it promises to survive.
//!
//! This version has one log, [`MemoryLog`], which promises to survive nothing: it lets the broker run with
//! messages in memory only. This crate knows no AMQP.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::place::Position;

/// A message to be kept until every queue named has settled it.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// What settlements will call it.
    pub record: u64,
    /// The queues it went to.
    pub queues: &'a [u64],
    /// Everything that is not the body: where it was published to, its properties.
    pub head: &'a [&'a [u8]],
    /// The body.
    pub body: &'a [u8],
}

/// A log of messages and settlements.
pub trait OldLog: Send + Sync {
    /// Takes a message. It is safe once [`OldLog::committed`] has reached the position returned.
    fn append(&self, message: Append<'_>) -> Position;
    /// One queue is done with a message. Nobody waits for this.
    fn settle(&self, record: u64, queue: u64);
    /// Everything up to here is as safe as this log makes it.
    fn committed(&self) -> Position;
}

/// The log of a broker whose messages live in memory: it keeps nothing and so is always up to date.
#[derive(Debug, Default)]
pub struct MemoryLog {
    last: AtomicU64,
}

impl OldLog for MemoryLog {
    fn append(&self, _message: Append<'_>) -> Position {
        Position(self.last.fetch_add(1, Ordering::AcqRel) + 1)
    }

    fn settle(&self, _record: u64, _queue: u64) {}

    fn committed(&self) -> Position {
        Position(self.last.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_log_is_committed_as_soon_as_it_is_appended_to() {
        let log = MemoryLog::default();
        assert_eq!(log.committed(), Position(0));
        let message = Append { record: 1, queues: &[1], head: &[b"x"], body: b"hello" };
        assert_eq!(log.append(message), Position(1));
        assert_eq!(log.append(message), Position(2));
        log.settle(1, 1);
        assert_eq!(log.committed(), Position(2));
    }
}
