//! Which definitions were applied last, so that a start can leave alone what has not changed
//! (`definitions.skip_if_unchanged`).
//!
//! Invariant: a hash is kept only after everything that it stands for has been applied.

use leveret_core::model::Broker;
use sha2::{Digest as _, Sha256};

use super::parameters;

/// The global parameter that RabbitMQ keeps it in.
const KEPT_AS: &str = "imported_definition_hash_value";

/// What tells definitions from others, in hexadecimal.
pub struct Hash(String);

impl Hash {
    /// Of everything that went into the digest.
    pub fn of(digest: Sha256) -> Self {
        let digits = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16));
        Self(digest.finalize().iter().flat_map(digits).flatten().collect())
    }

    /// Whether these were the last that were applied.
    pub fn is_known(&self, core: &Broker) -> bool {
        let kept = core.global_parameter(KEPT_AS).map(|value| parameters::json(&value));
        kept.is_some_and(|kept| kept == self.0.as_str())
    }

    /// They are, from now on.
    pub fn keep(self, core: &Broker) {
        parameters::keep_global(core, KEPT_AS, &self.0.into());
    }
}
