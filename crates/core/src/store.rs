//! The seam to a log: what the rules give to it, and what they wait for there.
//!
//! The shell implements this over a real log; [`NoStore`] keeps nothing. Invariants that the rules rely on:
//! - Positions rise in the order of the calls, whoever makes them: what is written after a definition is not
//!   committed before it.
//! - `committed` never falls, and covers a position only when everything up to it would be there after a crash.
//! - A message has its [`Place`] before any queue sees it, so a settlement never comes before its append.
//! - Nothing in here waits for a disk: bytes are copied into memory, and someone else writes them.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use crate::id::QueueId;
use crate::model::{Definition, Entry, Message};
use crate::time::Timestamp;

/// A message in one queue, as the log knows it: what settlements name, and where to read it. The rules look at
/// nothing but the order of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Names the message in this queue, for the life of the data; rises with every append.
    pub id: NonZeroU64,
    /// Where its record lies.
    pub offset: u32,
    /// How long its record is, in bytes.
    pub len: u32,
}

/// How far the log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before everything: there is nothing to wait for.
    pub const ZERO: Self = Self(0);
    /// The log has failed: this will never be committed.
    pub const NEVER: Self = Self(u64::MAX);
}

/// Names a page: entries of a deep queue that have left memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u64);

/// What goes into the log beside a message.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When it was published.
    pub published_at: Timestamp,
    /// Its own `expiration`, as a time from then.
    pub expiration: Option<Duration>,
    /// The queues it went to.
    pub queues: &'a [QueueId],
    /// Whether it must be there after a restart; else it was written to leave memory.
    pub durable: bool,
}

/// A log, as the rules see it.
pub trait Store: Send + Sync + fmt::Debug {
    /// Whether anything is kept at all. If not, everything below does nothing.
    fn keeps(&self) -> bool;
    /// The way of one connection's messages into the log.
    fn writer(&self) -> Box<dyn Writer>;
    /// Takes changes, in this order. Called under the lock that guards what changed, so it must only copy.
    fn define(&self, changes: &[Definition]) -> Position;
    /// Everything up to here is safe.
    fn committed(&self) -> Position;
    /// Whether nothing more will ever be committed.
    fn has_failed(&self) -> bool;
    /// Takes entries of a queue, which all have places, out of memory. Called under the queue's lock, so it must
    /// only copy their places, flags, expiries and positions (not the bodies, which are in the log).
    fn put_page(&self, entries: &[Entry]) -> PageId;
    /// What one queue may hold in memory before it pages; read often, so no more than an atomic load.
    fn queue_budget_bytes(&self) -> usize;
}

/// Where one connection's messages are encoded before they reach their queues.
pub trait Writer: Send + fmt::Debug {
    /// Encodes a message, while its bytes are hot.
    fn message(&mut self, message: &Message, record: &Record<'_>);
    /// Appends all that was encoded since the last call. Adds one place for each message and queue, in order;
    /// if the log has failed, none and the answer is [`Position::NEVER`].
    fn write(&mut self, places: &mut Vec<Place>) -> Position;
}

/// Keeps nothing: messages and definitions live in memory and end with the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl Store for NoStore {
    fn keeps(&self) -> bool {
        false
    }

    fn writer(&self) -> Box<dyn Writer> {
        Box::new(Self)
    }

    fn define(&self, _changes: &[Definition]) -> Position {
        Position::ZERO
    }

    fn committed(&self) -> Position {
        Position::ZERO
    }

    fn has_failed(&self) -> bool {
        false
    }

    /// Never called: a queue without a budget does not page.
    fn put_page(&self, _entries: &[Entry]) -> PageId {
        PageId(0)
    }

    fn queue_budget_bytes(&self) -> usize {
        usize::MAX
    }
}

impl Writer for NoStore {
    fn message(&mut self, _message: &Message, _record: &Record<'_>) {}

    fn write(&mut self, _places: &mut Vec<Place>) -> Position {
        Position::ZERO
    }
}
