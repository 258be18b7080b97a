//! Unacknowledged deliveries of one channel.
//!
//! Invariants: tags rise strictly from front to back, so a tag is found by binary search and "up to" is a
//! split. A tag settled out of order leaves a hole; there are never more holes than live entries (and a
//! few), so the search stays short and memory bounded by what is really held.

use std::collections::VecDeque;
use std::ops::Range;

use crate::effect::Settle;
use crate::id::{ConsumerId, QueueId};
use crate::model::{Entry, QueueRef};
use crate::time::Timestamp;

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
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// When it must be settled; never, if there is no such time.
    pub settle_by: Timestamp,
    /// The message.
    pub entry: Entry,
}

impl Held {
    /// What the log must hear when this is settled.
    pub fn settle(&self) -> Option<Settle> {
        Settle::of(&self.entry.message)
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

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.live).unwrap_or(u32::MAX)
    }

    /// Those that went to consumers (and not to a get).
    pub fn of_consumers(&mut self) -> impl Iterator<Item = &mut Held> {
        self.entries.iter_mut().filter_map(|(_, held)| held.as_mut()).filter(|held| held.consumer.is_some())
    }

    /// All of them, lowest tag first.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.entries.iter().filter_map(|(_, held)| held.as_ref())
    }

    /// Takes everything that one consumer holds.
    pub fn take_of(&mut self, queue: QueueId, consumer: ConsumerId) -> Vec<Held> {
        let is_of = |held: &mut Held| held.queue.facts().id == queue && held.consumer == Some(consumer);
        let taken: Vec<Held> =
            self.entries.iter_mut().filter_map(|(_, held)| held.take_if(|held| is_of(held))).collect();
        self.live -= taken.len();
        self.tidy();
        taken
    }

    /// Takes every delivery up to `tag`, whether or not it is outstanding itself.
    pub fn take_before(&mut self, tag: u64) -> Vec<Held> {
        let count = self.entries.partition_point(|(held, _)| *held <= tag);
        let taken: Vec<Held> = self.entries.drain(..count).filter_map(|(_, held)| held).collect();
        self.live -= taken.len();
        self.tidy();
        taken
    }

    /// Where the deliveries are that a tag means, with `multiple` all up to it (zero: up to the last). `None`: the tag is not
    /// outstanding itself.
    pub fn find(&self, tag: u64, multiple: bool) -> Option<Range<usize>> {
        if (tag, multiple) == (0, true) {
            return Some(0..self.entries.len());
        }
        let at = self.position(tag)?;
        self.entries.get(at)?.1.as_ref()?;
        Some(if multiple { 0..at + 1 } else { at..at + 1 })
    }

    /// The deliveries of a part.
    pub fn range(&self, part: Range<usize>) -> impl Iterator<Item = &Held> {
        self.entries.range(part).filter_map(|(_, held)| held.as_ref())
    }

    /// They are settled.
    pub fn forget(&mut self, part: Range<usize>) {
        self.live -= self.range(part.clone()).count();
        if part.start == 0 {
            self.entries.drain(part);
        } else {
            self.entries.range_mut(part).for_each(|(_, held)| *held = None);
        }
        self.tidy();
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
        // Without holes that were tidied away and without gets, it is where its number says.
        let (first, _) = self.entries.front()?;
        let guess = usize::try_from(tag.checked_sub(*first)?).ok()?;
        match self.entries.get(guess) {
            Some((found, _)) if *found == tag => Some(guess),
            _ => self.entries.binary_search_by_key(&tag, |(tag, _)| *tag).ok(),
        }
    }

    fn tidy(&mut self) {
        while self.entries.front().is_some_and(|(_, held)| held.is_none()) {
            self.entries.pop_front();
        }
        if self.live * 2 + FEW_HOLES < self.entries.len() {
            self.entries.retain(|(_, held)| held.is_some());
            // What is left is a small part of the buffers that it came in.
            for (_, held) in &mut self.entries {
                if let Some(held) = held {
                    held.entry.message.detach();
                }
            }
        }
        if self.entries.is_empty() && SHRINK_ABOVE_ENTRIES < self.entries.capacity() {
            self.entries = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use leveret_codec::Table;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Message, QueueFacts, QueueTraits};
    use crate::store::NoStore;

    fn queue() -> QueueRef {
        let facts = QueueFacts {
            id: QueueId(1),
            name: "q".into(),
            vhost: Arc::from("/"),
            durable: false,
            auto_delete: false,
            owner: None,
            arguments: Table::default(),
            traits: QueueTraits::default(),
            declared: Arc::default(),
        };
        QueueRef::new(facts, Arc::default(), Arc::new(NoStore))
    }

    fn held(tag: u64, queue: &QueueRef) -> Held {
        let message = Message::compose(b"", b"q", &[0, 0], b"");
        let entry = Entry::new(tag, message);
        Held {
            tag,
            queue: queue.clone(),
            consumer: None,
            counted: false,
            delivered_at: Timestamp::default(),
            settle_by: Timestamp::NEVER,
            entry,
        }
    }

    #[test]
    fn holes_do_not_outlive_what_was_held_before_them() {
        let queue = queue();
        let mut unacked = Unacked::default();
        (1..=200).for_each(|tag| unacked.push(held(tag, &queue)));
        (101..=190).for_each(|tag| drop(unacked.take(tag)));
        assert_eq!(unacked.take_up_to(100).map(|taken| taken.len()), Some(100));
        assert_eq!((unacked.live, unacked.entries.len()), (10, 10));
    }

    #[test]
    fn room_for_many_is_given_back_when_none_is_left() {
        let queue = queue();
        let mut unacked = Unacked::default();
        (1..=100_000).for_each(|tag| unacked.push(held(tag, &queue)));
        (1..=100_000).for_each(|tag| drop(unacked.take(tag)));
        assert!(unacked.entries.capacity() <= SHRINK_ABOVE_ENTRIES);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u64),
        Take(u64),
        TakeUpTo(u64),
        TakeAll,
        Restore,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..40_u64).prop_map(Step::Push),
            8 => (1..200_u64).prop_map(Step::Take),
            2 => (1..200_u64).prop_map(Step::TakeUpTo),
            1 => Just(Step::TakeAll),
            1 => Just(Step::Restore),
        ]
    }

    proptest! {
        #[test]
        fn tags_are_taken_as_from_a_plain_set(steps in vec(step(), 1..60)) {
            let queue = queue();
            let (mut unacked, mut model, mut taken) = (Unacked::default(), BTreeSet::new(), Vec::new());
            let mut last = 0;
            for step in steps {
                match step {
                    Step::Push(count) => for _ in 0..count {
                        last += 1;
                        unacked.push(held(last, &queue));
                        model.insert(last);
                    },
                    Step::Take(tag) => {
                        let got = unacked.take(tag);
                        prop_assert_eq!(got.is_some(), model.remove(&tag));
                        taken.extend(got);
                    }
                    Step::TakeUpTo(tag) => {
                        let got = unacked.take_up_to(tag);
                        prop_assert_eq!(got.is_some(), model.contains(&tag), "the tag itself must be held");
                        let Some(got) = got else { continue };
                        let above = model.split_off(&(tag + 1));
                        let tags: Vec<u64> = got.iter().map(|held| held.tag).collect();
                        prop_assert_eq!(tags, model.into_iter().collect::<Vec<_>>());
                        model = above;
                        taken.extend(got);
                    }
                    Step::TakeAll => {
                        let tags: Vec<u64> = unacked.take_all().iter().map(|held| held.tag).collect();
                        prop_assert_eq!(tags, std::mem::take(&mut model).into_iter().collect::<Vec<_>>());
                    }
                    Step::Restore => {
                        model.extend(taken.iter().map(|held| held.tag));
                        unacked.restore(std::mem::take(&mut taken));
                    }
                }
                prop_assert_eq!(unacked.live, model.len());
                prop_assert!(unacked.entries.len() <= 2 * unacked.live + FEW_HOLES, "holes are tidied up");
                let tags: Vec<u64> = unacked.of_consumers().map(|held| held.tag).collect();
                prop_assert!(tags.is_empty(), "these were got");
            }
        }
    }
}
