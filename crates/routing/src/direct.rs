//! Direct exchanges (§3.1.3.1): a message goes where its routing key equals the binding's, byte for
//! byte.

use std::hash::Hash;
use std::sync::Arc;

use crate::binding::{Binding, Destination};
use crate::persistent::{Map, Seed};
use crate::targets::Targets;

#[derive(Clone)]
pub struct Direct<Q> {
    /// No key is here without a target.
    by_key: Map<Arc<[u8]>, Targets<Q>>,
}

impl<Q> Default for Direct<Q> {
    fn default() -> Self {
        Self { by_key: Map::default() }
    }
}

impl<Q: Clone + Eq + Hash> Direct<Q> {
    pub fn insert(&mut self, seed: &Seed, binding: &Binding<Q>) {
        self.by_key
            .entry(seed, Arc::clone(binding.routing_key()))
            .insert(seed, binding.destination().clone());
    }

    pub fn remove(&mut self, binding: &Binding<Q>) {
        let Some(targets) = self.by_key.get_mut(&**binding.routing_key()) else { return };
        targets.remove(binding.destination());
        if targets.is_empty() {
            self.by_key.remove(&**binding.routing_key());
        }
    }

    pub fn for_each_match<'t>(&'t self, routing_key: &[u8], reach: &mut impl FnMut(&'t Destination<Q>)) {
        if let Some(targets) = self.by_key.get(routing_key) {
            targets.for_each(reach);
        }
    }
}
