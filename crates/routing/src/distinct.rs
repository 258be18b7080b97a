//! A list in which nothing occurs twice.
//!
//! Most messages reach one queue, so few items are compared one by one; a fanout may reach a hundred
//! thousand, so from [`LINEAR_MAX`] on a hash index of positions stands beside the list.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use smallvec::SmallVec;

/// Up to this many items a comparison with each is cheaper than one hash.
const LINEAR_MAX: usize = 16;

/// Above this an emptied list gives its memory back.
const KEEP_MAX: usize = 1024;

#[derive(Clone)]
pub struct Distinct<T> {
    items: SmallVec<[T; 4]>,
    /// Positions of the first so many items; it catches up when it is needed.
    index: HashTable<usize>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { items: SmallVec::new(), index: HashTable::new() }
    }
}

impl<T> Distinct<T> {
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// Appends an item that the caller knows is not there.
    pub fn push_new(&mut self, item: T) {
        self.items.push(item);
    }

    pub fn clear(&mut self) {
        if KEEP_MAX < self.items.len() {
            *self = Self::default();
        } else {
            self.items.clear();
            self.index.clear();
        }
    }
}

impl<T: Eq + Hash> Distinct<T> {
    /// Appends a clone of the item, unless it is there already.
    pub fn insert(&mut self, seed: &impl BuildHasher, item: &T)
    where
        T: Clone,
    {
        if !self.contains(seed, item) {
            self.items.push(item.clone());
        }
    }

    pub fn contains(&mut self, seed: &impl BuildHasher, item: &T) -> bool {
        if self.items.len() < LINEAR_MAX {
            return self.items.contains(item);
        }
        let Self { items, index } = self;
        let hash_at = |at: &usize| items.get(*at).map_or(0, |item| seed.hash_one(item));
        for (at, item) in items.iter().enumerate().skip(index.len()) {
            index.insert_unique(seed.hash_one(item), at, hash_at);
        }
        index.find(seed.hash_one(item), |at| items.get(*at) == Some(item)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistent::Seed;

    fn filled(items: impl IntoIterator<Item = u32>) -> (Distinct<u32>, Seed) {
        let (mut list, seed) = (Distinct::default(), Seed::from_entropy([1, 2, 3, 4]));
        for item in items {
            list.insert(&seed, &item);
        }
        (list, seed)
    }

    #[test]
    fn items_keep_the_order_of_their_first_insertion() {
        for count in [1, 3, 15, 16, 17, 18, 500] {
            let (list, _) = filled((0..count).rev().chain(0..count).chain([0, count - 1]));
            assert!(list.as_slice().iter().copied().eq((0..count).rev()), "{count} items");
        }
    }

    #[test]
    fn an_emptied_list_has_forgotten_its_items() {
        for count in [3, 500, 5000] {
            let (mut list, seed) = filled(0..count);
            list.clear();
            assert!(list.as_slice().is_empty());
            (0..count).rev().chain(0..count).for_each(|item| list.insert(&seed, &item));
            assert!(list.as_slice().iter().copied().eq((0..count).rev()), "{count} items");
        }
    }

    #[test]
    fn items_pushed_unseen_are_found_later() {
        for count in [3, 16, 40] {
            let (mut list, seed) = filled(0..count);
            (count..2 * count).for_each(|item| list.push_new(item));
            (0..=2 * count).for_each(|item| list.insert(&seed, &item));
            assert!(list.as_slice().iter().copied().eq(0..=2 * count));
        }
    }
}
