//! The cipher suites that can be asked for, under both of their names.

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite as suite;

/// Of OpenSSL and of the standard; those of TLS 1.3 have one. Erlang, and so RabbitMQ, knows both.
const SUITES: &[(&str, &str, SupportedCipherSuite)] = &[
    ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", suite::TLS13_CHACHA20_POLY1305_SHA256),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TlsCipher(SupportedCipherSuite);

impl Eq for TlsCipher {}

impl TlsCipher {
    /// By OpenSSL's name or the standard's, if it is one that rustls has.
    pub fn named(name: &str) -> Option<Self> {
        SUITES.iter().find(|(short, long, _)| [*short, *long].contains(&name)).map(|(.., suite)| Self(*suite))
    }

    /// The names that [`TlsCipher::named`] knows, OpenSSL's.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SUITES.iter().map(|(short, ..)| *short)
    }

    /// For rustls.
    pub(super) fn suite(self) -> SupportedCipherSuite {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_of_the_library_has_a_name() {
        for suite in rustls::crypto::ring::ALL_CIPHER_SUITES {
            assert!(SUITES.iter().any(|(.., named)| named == suite), "{suite:?}");
        }
    }

    #[test]
    fn both_names_mean_the_same() {
        for (short, long, suite) in SUITES {
            assert_eq!(TlsCipher::named(short), Some(TlsCipher(*suite)));
            assert_eq!(TlsCipher::named(long), Some(TlsCipher(*suite)));
        }
        assert_eq!(TlsCipher::named("DHE-RSA-AES256-GCM-SHA384"), None);
    }
}
