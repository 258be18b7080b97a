//! Messages waiting in one queue, by position.
//!
//! Invariants: positions rise strictly from front to back; `bytes` is the sum of the footprints. A
//! returned message goes back to its old position, so it stays ahead of everything published after it
//! (what RabbitMQ's classic queues do).

use std::collections::VecDeque;

use crate::model::Message;
use crate::time::Timestamp;

/// A message in a queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place: rises by one with every publish to the queue.
    pub position: u64,
    /// Whether it was handed to a consumer before.
    pub redelivered: bool,
    /// When it may no longer be delivered. Kept through requeues.
    pub expires_at: Option<Timestamp>,
    /// The message.
    pub message: Message,
}

/// The waiting messages.
#[derive(Debug, Default)]
pub struct Ready {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Ready {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next to go.
    pub fn head(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// Takes the next to go.
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.message.footprint_bytes();
        if self.entries.is_empty() && SHRINK_ABOVE_ENTRIES < self.entries.capacity() {
            self.entries = VecDeque::new();
        }
        Some(entry)
    }

    /// A new message, behind all others.
    pub fn push(&mut self, entry: Entry) {
        self.bytes += entry.message.footprint_bytes();
        self.entries.push_back(entry);
    }

    /// A returned message, at its old position. Cheap when it belongs near the front; give several in
    /// falling order of position.
    pub fn put_back(&mut self, entry: Entry) {
        self.bytes += entry.message.footprint_bytes();
        if self.entries.front().is_none_or(|head| entry.position < head.position) {
            self.entries.push_front(entry);
        } else {
            let at = self.entries.partition_point(|waiting| waiting.position < entry.position);
            self.entries.insert(at, entry);
        }
    }

    /// Detaches the messages from `position` on from the buffers they were read into.
    pub fn park_from(&mut self, position: u64) {
        for entry in self.entries.iter_mut().rev().take_while(|entry| position <= entry.position) {
            self.bytes -= entry.message.footprint_bytes();
            entry.message.detach();
            self.bytes += entry.message.footprint_bytes();
        }
    }

    /// Takes all of them.
    pub fn take(&mut self) -> VecDeque<Entry> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }
}

/// A drained queue keeps at most this much room; a deep backlog gives its memory back.
const SHRINK_ABOVE_ENTRIES: usize = 1024;
