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

/// A channel that holds nothing keeps at most this much room.
const SHRINK_ABOVE_ENTRIES: usize = 1024;

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

    /// Those that went to consumers (and not to a get).
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
        self.tidy();
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
        if self.entries.is_empty() && SHRINK_ABOVE_ENTRIES < self.entries.capacity() {
            self.entries = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::QueueId;
    use crate::model::{Message, QueueFacts, QueueSettings};

    fn holding(tags: std::ops::RangeInclusive<u64>) -> Unacked {
        let queue = QueueRef::new(QueueFacts {
            id: QueueId(1),
            name: "q".to_owned(),
            vhost: "/".into(),
            durable: false,
            auto_delete: false,
            owner: None,
            arguments: leveret_codec::field::Table::default(),
            settings: QueueSettings::default(),
        });
        let mut unacked = Unacked::default();
        for tag in tags {
            let message = Message::compose(b"", b"q", &[0, 0], b"");
            let entry = Entry { position: tag, redelivered: false, expires_at: None, message };
            unacked.push(Held { tag, queue: queue.clone(), consumer: None, counted: false, entry });
        }
        unacked
    }

    #[test]
    fn holes_go_with_the_live_entries_whatever_way_those_were_settled() {
        let mut unacked = holding(1..=2000);
        for tag in 1001..=2000 {
            assert_eq!(unacked.take(tag).map(|held| held.tag), Some(tag));
        }
        assert_eq!(unacked.take_up_to(1000).map(|held| held.len()), Some(1000));
        assert!(unacked.entries.is_empty(), "{} holes", unacked.entries.len());
    }

    #[test]
    fn a_tag_is_outstanding_once() {
        let mut unacked = holding(1..=3);
        assert!(unacked.take(2).is_some());
        assert!(unacked.take(2).is_none());
        assert!(unacked.take_up_to(2).is_none());
        assert_eq!(unacked.take_up_to(3).map(|held| held.len()), Some(2));
    }

    #[test]
    fn room_for_many_is_given_back_when_none_is_left() {
        let mut unacked = holding(1..=100_000);
        for tag in 1..=100_000 {
            assert!(unacked.take(tag).is_some());
        }
        assert!(unacked.entries.capacity() <= SHRINK_ABOVE_ENTRIES);
    }
}
