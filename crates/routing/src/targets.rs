//! The destinations of one matching key.
//!
//! Two bindings that differ only in their arguments have the same destination here, so each is
//! counted: it goes when the last binding to it goes. All of a fanout exchange is one such set
//! (§3.1.3.2).

use std::hash::Hash;

use crate::binding::Destination;
use crate::persistent::{Map, Seed};

#[derive(Clone)]
pub struct Targets<Q>(Map<Destination<Q>, u32>);

impl<Q> Default for Targets<Q> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<Q: Clone + Eq + Hash> Targets<Q> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn insert(&mut self, seed: &Seed, destination: Destination<Q>) {
        *self.0.entry(seed, destination) += 1;
    }

    /// Takes one binding to the destination away.
    pub fn remove(&mut self, destination: &Destination<Q>) {
        if let Some(bindings) = self.0.get_mut(destination) {
            *bindings -= 1;
            if *bindings == 0 {
                self.0.remove(destination);
            }
        }
    }

    pub fn for_each<'t>(&'t self, reach: &mut impl FnMut(&'t Destination<Q>)) {
        match &self.0 {
            // The common case, kept out of the iterator's way.
            Map::Few(slot) => slot.iter().for_each(|(destination, _)| reach(destination)),
            Map::Many(tree) => tree.keys().for_each(reach),
        }
    }
}
