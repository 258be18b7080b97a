//! Messages in memory, by position.
//!
//! Invariants: positions rise strictly from front to back; `bytes` is the sum of the footprints. A
//! returned message goes back to its old position, so it stays ahead of everything published after it
//! (what RabbitMQ's classic queues do).

use std::collections::VecDeque;

use crate::model::queue::Entry;

/// An emptied run keeps at most this much room; a deep backlog gives its memory back.
const SHRINK_ABOVE_ENTRIES: usize = 1024;

/// Waiting messages in memory.
#[derive(Debug, Default)]
pub struct Run {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Run {
    /// Entries that came apart, in any order.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut entries: VecDeque<Entry> = entries.into_iter().collect();
        entries.make_contiguous().sort_by_key(|entry| entry.position);
        let bytes = entries.iter().map(|entry| entry.message.footprint_bytes()).sum();
        Self { entries, bytes }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first.
    pub fn head(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// The position of the last.
    pub fn last_position(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.position)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entries themselves.
    pub fn into_entries(self) -> VecDeque<Entry> {
        self.entries
    }

    /// Takes the first.
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

    /// Others, behind all of these.
    pub fn append(&mut self, mut others: Self) {
        self.bytes += others.bytes;
        if self.entries.is_empty() {
            self.entries = others.entries;
        } else {
            self.entries.append(&mut others.entries);
        }
    }

    /// Takes the first `count`.
    pub fn take_first(&mut self, count: usize) -> Vec<Entry> {
        let taken: Vec<Entry> = self.entries.drain(..count.min(self.entries.len())).collect();
        self.bytes -= taken.iter().map(|entry| entry.message.footprint_bytes()).sum::<usize>();
        if self.entries.is_empty() && SHRINK_ABOVE_ENTRIES < self.entries.capacity() {
            self.entries = VecDeque::new();
        }
        taken
    }

    /// Keeps the first, and what comes next as far as all of it is no more than so many bytes; takes the rest.
    pub fn split_behind(&mut self, bytes: usize) -> Self {
        let mut kept_bytes = 0;
        let mut kept = 0;
        for entry in &self.entries {
            let with_this = kept_bytes + entry.message.footprint_bytes();
            if 0 < kept && bytes < with_this {
                break;
            }
            kept_bytes = with_this;
            kept += 1;
        }
        let rest = Self { entries: self.entries.split_off(kept), bytes: self.bytes - kept_bytes };
        self.bytes = kept_bytes;
        rest
    }
}
