//! Unacknowledged deliveries of one channel.
//!
//! Invariants: tags rise strictly from front to back, so a tag is found by binary search and "up to" is a
//! split. A tag settled out of order leaves a hole; there are never more holes than live entries (and a
//! few), so the search stays short and memory bounded by what is really held.

use std::collections::VecDeque;

use crate::effect::Settle;
use crate::id::ConsumerId;
use crate::model::{Entry, QueueRef};

/// Holes that are not worth tidying up.
const FEW_HOLES: usize = 32;

/// A message that a client holds.
#[derive(Debug)]
pub struct Held {
    /// Its delivery tag.
    pub tag: u64,
    /// Where it came from.
    pub queue: QueueRef,
    /// The consumer it went to; none if it was got.
    pub consumer: Option<ConsumerId>,
    /// Whether it counts towards the channel's global prefetch.
    pub counted: bool,
    /// The message.
    pub entry: Entry,
}

impl Held {
    /// What the log must hear when this is settled.
    pub fn settle(&self) -> Option<Settle> {
        let record = self.entry.message.record()?;
        Some(Settle { record, queue: self.queue.facts().id })
    }
}

/// The deliveries a channel holds.
#[derive(Debug, Default)]
pub struct Unacked {
    /// The tag, and the delivery unless it was settled.
    entries: VecDeque<(u64, Option<Held>)>,
    live: usize,
}

impl Unacked {
    /// Adds a delivery; its tag is higher than all before.
    pub fn push(&mut self, held: Held) {
        self.entries.push_back((held.tag, Some(held)));
        self.live += 1;
    }

    /// How many went to consumers (and not to a get).
    pub fn of_consumers(&mut self) -> impl Iterator<Item = &mut Held> {
        self.entries.iter_mut().filter_map(|(_, held)| held.as_mut()).filter(|held| held.consumer.is_some())
    }

    /// Takes one delivery.
    pub fn take(&mut self, tag: u64) -> Option<Held> {
        let at = self.position(tag)?;
        let held = self.entries.get_mut(at)?.1.take()?;
        self.live -= 1;
        self.tidy();
        Some(held)
    }

    /// Takes every delivery up to `tag`, which must itself be outstanding.
    pub fn take_up_to(&mut self, tag: u64) -> Option<Vec<Held>> {
        let at = self.position(tag)?;
        self.entries.get(at)?.1.as_ref()?;
        let taken: Vec<Held> = self.entries.drain(..=at).filter_map(|(_, held)| held).collect();
        self.live -= taken.len();
        Some(taken)
    }

    /// Takes all of them, lowest tag first.
    pub fn take_all(&mut self) -> Vec<Held> {
        self.live = 0;
        std::mem::take(&mut self.entries).into_iter().filter_map(|(_, held)| held).collect()
    }

    /// Puts deliveries back that were taken before (a transaction rolled back).
    pub fn restore(&mut self, held: Vec<Held>) {
        self.live += held.len();
        self.entries.extend(held.into_iter().map(|held| (held.tag, Some(held))));
        self.entries.make_contiguous().sort_by_key(|(tag, held)| (*tag, held.is_none()));
        self.entries.retain(|(_, held)| held.is_some());
    }

    fn position(&self, tag: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&tag, |(tag, _)| *tag).ok()
    }

    fn tidy(&mut self) {
        while self.entries.front().is_some_and(|(_, held)| held.is_none()) {
            self.entries.pop_front();
        }
        if self.live * 2 + FEW_HOLES < self.entries.len() {
            self.entries.retain(|(_, held)| held.is_some());
        }
    }
}
