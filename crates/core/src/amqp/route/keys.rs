//! What is known of the routing keys that a channel publishes with, to one exchange.
//!
//! Invariants: a key has one place, which its hash says; two keys of one place take it from each other. Bound: one place for a
//! channel with one key, [`PLACES`] for others.

use std::hash::{BuildHasher, Hasher as _};

use foldhash::fast::FixedState;
use leveret_routing::Matched;

use crate::model::QueueRef;

/// So many keys in turn mostly find their queues without a search (ten keys and queues, 16 B: 4.1 million messages a second
/// with one place, 4.7 with these).
const PLACES: usize = 64;

/// One routing key.
#[derive(Default)]
pub struct KnownKey {
    /// The key.
    pub key: Vec<u8>,
    /// Whether it has been found to be one that the user may use.
    pub is_permitted: bool,
    /// Whether `matched` is what the exchange and this key give, whatever the message.
    pub is_matched: bool,
    /// What was found last.
    pub matched: Matched<QueueRef>,
}

/// The routing keys.
#[derive(Default)]
pub struct KnownKeys {
    places: Vec<KnownKey>,
    /// The place of the last one.
    current: usize,
    /// What there is before there was any.
    none: KnownKey,
}

impl KnownKeys {
    /// Nothing is known any more.
    pub fn forget(&mut self) {
        self.places = Vec::new();
        self.current = 0;
    }

    /// Goes to this key.
    #[inline]
    pub fn enter(&mut self, key: &[u8]) {
        if self.places.get(self.current).is_none_or(|known| known.key != key) {
            self.find(key);
        }
    }

    fn find(&mut self, key: &[u8]) {
        match self.places.len() {
            0 => self.places.push(KnownKey::default()),
            1 => self.places.resize_with(PLACES, KnownKey::default),
            _ => {}
        }
        self.current = place(key) % self.places.len().max(1);
        if let Some(known) = self.places.get_mut(self.current)
            && known.key != key
        {
            key.clone_into(&mut known.key);
            (known.is_permitted, known.is_matched) = (false, false);
        }
    }

    /// The last one.
    #[inline]
    pub fn current(&self) -> &KnownKey {
        self.places.get(self.current).unwrap_or(&self.none)
    }

    /// The last one, to be changed.
    #[inline]
    pub fn current_mut(&mut self) -> &mut KnownKey {
        self.places.get_mut(self.current).unwrap_or(&mut self.none)
    }
}

fn place(key: &[u8]) -> usize {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(key);
    // Any part of a hash does.
    usize::try_from(hasher.finish() >> 32).unwrap_or_default()
}
