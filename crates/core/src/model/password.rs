//! Password hashes as RabbitMQ keeps them: base64 of four bytes of salt and the hash of salt and password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

const SALT_BYTES: usize = 4;

/// How a password was hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashingAlgorithm {
    /// `rabbit_password_hashing_sha256`, the default.
    #[default]
    Sha256,
    /// `rabbit_password_hashing_sha512`.
    Sha512,
    /// `rabbit_password_hashing_md5`, of brokers before 3.6.
    Md5,
}

impl HashingAlgorithm {
    /// By the name it has in a definitions file.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "rabbit_password_hashing_sha256" => Some(Self::Sha256),
            "rabbit_password_hashing_sha512" => Some(Self::Sha512),
            "rabbit_password_hashing_md5" => Some(Self::Md5),
            _ => None,
        }
    }

    /// The name it has in a definitions file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "rabbit_password_hashing_sha256",
            Self::Sha512 => "rabbit_password_hashing_sha512",
            Self::Md5 => "rabbit_password_hashing_md5",
        }
    }

    fn digest(self, salt: &[u8], password: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::new().chain_update(salt).chain_update(password).finalize().to_vec(),
            Self::Sha512 => Sha512::new().chain_update(salt).chain_update(password).finalize().to_vec(),
            Self::Md5 => Md5::new().chain_update(salt).chain_update(password).finalize().to_vec(),
        }
    }
}

/// A salted hash, or none: such a user can't log in with a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PasswordHash {
    algorithm: HashingAlgorithm,
    salted: Vec<u8>,
}

impl PasswordHash {
    /// Hashes a password; the salt comes from the caller, who has a random source.
    pub fn of(password: &str, salt: [u8; SALT_BYTES]) -> Self {
        let algorithm = HashingAlgorithm::default();
        let mut salted = salt.to_vec();
        salted.extend(algorithm.digest(&salt, password.as_bytes()));
        Self { algorithm, salted }
    }

    /// A hash as it stands in a definitions file; empty means no password. `None`: not base64.
    pub fn from_base64(text: &str, algorithm: HashingAlgorithm) -> Option<Self> {
        STANDARD.decode(text).ok().map(|salted| Self { algorithm, salted })
    }

    /// A hash that was taken apart before; no bytes mean no password.
    pub fn from_salted(salted: Vec<u8>, algorithm: HashingAlgorithm) -> Self {
        Self { algorithm, salted }
    }

    /// How it was made.
    pub fn algorithm(&self) -> HashingAlgorithm {
        self.algorithm
    }

    /// Salt and hash; empty if there is no password.
    pub fn salted(&self) -> &[u8] {
        &self.salted
    }

    /// Whether `password` is the one. An empty password never is.
    pub fn matches(&self, password: &[u8]) -> bool {
        let Some((salt, hash)) = self.salted.split_at_checked(SALT_BYTES) else { return false };
        let given = self.algorithm.digest(salt, password);
        // All bytes are compared whatever the first ones are, so that time tells nothing.
        let difference = given.iter().zip(hash).fold(0, |sum, (a, b)| sum | (a ^ b));
        !password.is_empty() && given.len() == hash.len() && difference == 0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "PasswordHash({:?})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_made_by_rabbitmq_is_understood() {
        // rabbitmqctl hash_password "test12" with the salt 908DC60A, from RabbitMQ's documentation.
        let hash = PasswordHash::from_base64(
            "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
            HashingAlgorithm::Sha256,
        )
        .unwrap();
        assert!(hash.matches(b"test12"));
        assert!(!hash.matches(b"test13"));
    }

    #[test]
    fn a_hash_that_is_taken_apart_and_put_together_matches_as_before() {
        for algorithm in [HashingAlgorithm::Sha256, HashingAlgorithm::Sha512, HashingAlgorithm::Md5] {
            let salted = [b"salt".as_slice(), &algorithm.digest(b"salt", b"secret")].concat();
            let hash = PasswordHash::from_salted(salted, algorithm);
            let again = HashingAlgorithm::parse(hash.algorithm().name()).unwrap();
            assert!(PasswordHash::from_salted(hash.salted().to_vec(), again).matches(b"secret"));
        }
    }

    #[test]
    fn an_empty_hash_or_an_empty_password_lets_nobody_in() {
        assert!(!PasswordHash::default().matches(b""));
        assert!(!PasswordHash::of("", [1, 2, 3, 4]).matches(b""));
        assert!(PasswordHash::of("guest", [1, 2, 3, 4]).matches(b"guest"));
    }
}
