//! Names of exchanges.
//!
//! A name is at most 255 bytes of UTF-8 (§4.2.5.3); whoever makes an [`ExchangeName`] has seen to the
//! length. The empty name is the default exchange's, which has no entry in a table.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The name of an exchange; a clone shares the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeName(Arc<str>);

impl ExchangeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it stands on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether this names the default exchange, which routes by queue name (§3.1.3.1).
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for ExchangeName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for ExchangeName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

/// Hashes as its bytes do: names are looked up as they come from the wire.
impl Hash for ExchangeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for ExchangeName {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<str> for ExchangeName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ExchangeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ExchangeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
