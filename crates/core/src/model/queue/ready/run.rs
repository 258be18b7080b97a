//! Messages in memory, by position.
//!
//! Invariants: positions rise strictly from front to back; `bytes` is the sum of the footprints. A
//! returned message goes back to its old position, so it stays ahead of everything published after it
//! (what RabbitMQ's classic queues do). One that is taken out of the middle leaves a hole: there is none at either
//! end, and there are never more holes than messages (and a few).

use std::collections::VecDeque;

use crate::model::Message;
use crate::model::queue::Entry;

/// An emptied run keeps at most this much room; a deep backlog gives its memory back.
const SHRINK_ABOVE_ENTRIES: usize = 1024;

/// Holes that are not worth closing.
const FEW_HOLES: usize = 32;

/// Waiting messages in memory.
#[derive(Debug, Default)]
pub struct Run {
    places: VecDeque<(u64, Option<Entry>)>,
    holes: usize,
    bytes: usize,
}

impl Run {
    /// Entries that came apart, in any order.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut places: VecDeque<_> =
            entries.into_iter().map(|entry| (entry.position, Some(entry))).collect();
        places.make_contiguous().sort_by_key(|(position, _)| *position);
        let bytes = places.iter().filter_map(|(_, entry)| entry.as_ref()).map(footprint).sum();
        Self { places, holes: 0, bytes }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.holes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first.
    pub fn head(&self) -> Option<&Entry> {
        self.places.front()?.1.as_ref()
    }

    /// The position of the last.
    pub fn last_position(&self) -> Option<u64> {
        self.places.back().map(|(position, _)| *position)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().filter_map(|(_, entry)| entry.as_ref())
    }

    /// Those from a position on.
    pub fn from(&self, position: u64) -> impl Iterator<Item = &Entry> {
        let first = self.places.partition_point(|(place, _)| *place < position);
        self.places.range(first..).filter_map(|(_, entry)| entry.as_ref())
    }

    /// The entries themselves.
    pub fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.places.into_iter().filter_map(|(_, entry)| entry)
    }

    /// Takes the first.
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.places.pop_front()?.1?;
        self.bytes -= footprint(&entry);
        self.trim();
        Some(entry)
    }

    /// A new message, behind all others.
    pub fn push(&mut self, entry: Entry) {
        self.bytes += footprint(&entry);
        self.places.push_back((entry.position, Some(entry)));
    }

    /// A returned message, at its old position. Cheap when it belongs near the front; give several in
    /// falling order of position.
    pub fn put_back(&mut self, entry: Entry) {
        self.bytes += footprint(&entry);
        let position = entry.position;
        if self.places.front().is_none_or(|(first, _)| position < *first) {
            self.places.push_front((position, Some(entry)));
        } else {
            let at = self.places.partition_point(|(waiting, _)| *waiting < position);
            match self.places.get_mut(at) {
                // The hole that it left.
                Some((place, hole @ None)) if *place == position => {
                    *hole = Some(entry);
                    self.holes -= 1;
                }
                _ => self.places.insert(at, (position, Some(entry))),
            }
        }
    }

    /// Takes the message of this position, wherever it stands.
    pub fn remove(&mut self, position: u64) -> Option<Entry> {
        let at = self.places.binary_search_by_key(&position, |(place, _)| *place).ok()?;
        let entry = self.places.get_mut(at)?.1.take()?;
        self.bytes -= footprint(&entry);
        self.holes += 1;
        self.trim();
        if self.len() + FEW_HOLES < self.holes {
            self.places.retain(|(_, entry)| entry.is_some());
            self.holes = 0;
            // What is left is a small part of the buffers that it came in.
            for (_, entry) in &mut self.places {
                if let Some(entry) = entry {
                    entry.message.detach();
                }
            }
        }
        Some(entry)
    }

    /// Detaches the messages from `position` on from the buffer they were read into, unless they are most of it: then it
    /// is theirs, and goes with the last of them.
    pub fn park_from(&mut self, position: u64) {
        let newest = self.places.iter().rev().take_while(|(place, _)| position <= *place);
        let messages = newest.filter_map(|(_, entry)| entry.as_ref()).map(|entry| &entry.message);
        let bytes = messages.clone().map(Message::len_bytes).sum();
        if messages.clone().all(|message| message.is_among(bytes)) {
            return;
        }
        for (_, entry) in self.places.iter_mut().rev().take_while(|(place, _)| position <= *place) {
            let Some(entry) = entry else { continue };
            self.bytes -= footprint(entry);
            entry.message.detach();
            self.bytes += footprint(entry);
        }
    }

    /// Others, behind all of these.
    pub fn append(&mut self, mut others: Self) {
        self.bytes += others.bytes;
        self.holes += others.holes;
        if self.places.is_empty() {
            self.places = others.places;
        } else {
            self.places.append(&mut others.places);
        }
    }

    /// Takes the first `count`.
    pub fn take_first(&mut self, count: usize) -> Vec<Entry> {
        let mut taken = Vec::with_capacity(count.min(self.len()));
        while taken.len() < count
            && let Some((_, entry)) = self.places.pop_front()
        {
            match entry {
                Some(entry) => taken.push(entry),
                None => self.holes -= 1,
            }
        }
        self.bytes -= taken.iter().map(footprint).sum::<usize>();
        self.trim();
        taken
    }

    /// Keeps the first, and what comes next as far as all of it is no more than so many bytes; takes the rest.
    pub fn split_behind(&mut self, bytes: usize) -> Self {
        let (mut kept_bytes, mut kept, mut kept_holes) = (0, 0, 0);
        for (_, entry) in &self.places {
            let with_this = kept_bytes + entry.as_ref().map_or(0, footprint);
            if 0 < kept && bytes < with_this {
                break;
            }
            kept_bytes = with_this;
            kept += 1;
            kept_holes += usize::from(entry.is_none());
        }
        let mut rest = Self {
            places: self.places.split_off(kept),
            holes: self.holes - kept_holes,
            bytes: self.bytes - kept_bytes,
        };
        (self.bytes, self.holes) = (kept_bytes, kept_holes);
        self.trim();
        rest.trim();
        rest
    }

    /// No hole at either end, and no room for what is long gone.
    fn trim(&mut self) {
        while self.places.pop_front_if(|(_, entry)| entry.is_none()).is_some()
            || self.places.pop_back_if(|(_, entry)| entry.is_none()).is_some()
        {
            self.holes -= 1;
        }
        if self.places.is_empty() && SHRINK_ABOVE_ENTRIES < self.places.capacity() {
            self.places = VecDeque::new();
        }
    }
}

fn footprint(entry: &Entry) -> usize {
    entry.message.footprint_bytes()
}
