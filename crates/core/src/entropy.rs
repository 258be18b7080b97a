//! Names that nobody can guess, from a secret that the shell brought.
//!
//! The rules have no random source of their own: each name is SHA-256 of the broker's secret and a
//! counter, so a run with the same secret gives the same names.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Bytes of entropy in a generated name; 22 characters, as RabbitMQ's.
const NAME_BYTES: usize = 16;

/// The source of generated names.
pub struct Entropy {
    secret: [u8; 32],
    drawn: AtomicU64,
}

impl Entropy {
    /// A source that is as unpredictable as `secret`.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, drawn: AtomicU64::new(0) }
    }

    /// `prefix` and 22 characters of URL-safe base64, never the same twice.
    pub fn name(&self, prefix: &str) -> String {
        let digest = self.draw();
        let mut name = String::from(prefix);
        URL_SAFE_NO_PAD.encode_string(digest.get(..NAME_BYTES).unwrap_or_default(), &mut name);
        name
    }

    /// Four words to key hashes with.
    pub fn words(&self) -> [u64; 4] {
        let digest = self.draw();
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(digest.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        }
        words
    }

    fn draw(&self) -> [u8; 32] {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        Sha256::new().chain_update(self.secret).chain_update(drawn.to_be_bytes()).finalize().into()
    }

    /// Whether `opaque` could have come from [`Entropy::name`]: 22 characters that decode.
    pub fn is_opaque(opaque: &[u8]) -> bool {
        URL_SAFE_NO_PAD.decode(opaque).is_ok_and(|bytes| bytes.len() == NAME_BYTES)
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Entropy(secret)")
    }
}
