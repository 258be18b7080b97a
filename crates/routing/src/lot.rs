//! Exchanges of which every message takes one binding: x-random, x-local-random, x-modulus-hash.
//!
//! Invariant: the destinations are in order, exchanges first, then by name; one that is bound several times is there
//! as often, and so is taken more often (as RabbitMQ). The order owes nothing to the history or to a table's entropy,
//! so a hash finds the same destination after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::binding::Destination;
use crate::handle::QueueHandle;
use crate::ordered::Ordered;

#[derive(Clone)]
pub struct Lot<Q> {
    destinations: Ordered<Destination<Q>>,
}

impl<Q> Default for Lot<Q> {
    fn default() -> Self {
        Self { destinations: Ordered::default() }
    }
}

impl<Q: QueueHandle> Lot<Q> {
    pub fn insert(&mut self, destination: Destination<Q>) {
        self.destinations.insert(destination);
    }

    /// Takes one binding to the destination away.
    pub fn remove(&mut self, destination: &Destination<Q>) {
        self.destinations.remove(destination, |other| other == destination);
    }

    /// The one whose number the hash is, counted round and round.
    pub fn by_remainder(&self, hash: u64) -> Option<&Destination<Q>> {
        let count = u64::try_from(self.destinations.len()).ok().filter(|count| *count != 0)?;
        self.destinations.get(usize::try_from(hash % count).ok()?)
    }
}

/// How often one exchange has drawn. All snapshots share the count, so that no two messages have the same draw,
/// whichever snapshot their publishers hold; the table's seed makes a chance of it.
#[derive(Clone, Default)]
pub struct Draws(Arc<AtomicU64>);

impl Draws {
    /// A number that was not there before.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
