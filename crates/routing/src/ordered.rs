//! A list in order with structural sharing: a clone shares all of it, a change copies the path to one item.

use std::cmp::Ordering;

type Tree<T> = imbl::GenericVector<T, imbl::shared_ptr::DefaultSharedPtr>;

/// What an item is sorted by.
pub trait Rank {
    fn rank(&self) -> (u8, &[u8]);
}

/// Items of one rank are together, the newest first.
#[derive(Clone)]
pub struct Ordered<T>(Tree<T>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Tree::default())
    }
}

impl<T: Clone + Rank> Ordered<T> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub fn insert(&mut self, item: T) {
        self.0.insert(self.first_of(&item), item);
    }

    /// Removes an item of this rank for which `is_it` holds, if there is one.
    pub fn remove(&mut self, ranked: &impl Rank, is_it: impl Fn(&T) -> bool) {
        if let Some(at) = self.find(ranked, is_it) {
            self.0.remove(at);
        }
    }

    /// An item of this rank for which `is_it` holds.
    pub fn get_mut(&mut self, ranked: &impl Rank, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        let at = self.find(ranked, is_it)?;
        self.0.get_mut(at)
    }

    fn find(&self, ranked: &impl Rank, is_it: impl Fn(&T) -> bool) -> Option<usize> {
        let item_of_rank = |at: &usize| self.0.get(*at).filter(|item| item.rank() == ranked.rank());
        let mut places = (self.first_of(ranked)..).take_while(|at| item_of_rank(at).is_some());
        places.find(|at| item_of_rank(at).is_some_and(&is_it))
    }

    /// Where the items of this rank begin, or would.
    fn first_of(&self, ranked: &impl Rank) -> usize {
        let wanted = ranked.rank();
        // Equal counts as greater, so that the first of them is found.
        let place = self.0.binary_search_by(|item| item.rank().cmp(&wanted).then(Ordering::Greater));
        place.unwrap_or_else(|at| at)
    }
}
