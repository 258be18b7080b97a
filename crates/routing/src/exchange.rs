//! Exchanges: their names, their types, and what can be asked about one.
//!
//! A name is at most 255 bytes of UTF-8 (§4.2.5.3); whoever makes an [`ExchangeName`] has seen to the
//! length. The default exchange has the empty name and no entry in a table.

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

/// How an exchange compares a message with its bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// §3.1.3.1: the routing key is the binding key.
    Direct,
    /// §3.1.3.2: always.
    Fanout,
    /// §3.1.3.3: the routing key's words fit the binding's pattern.
    Topic,
    /// §3.1.3.4: the message's headers fit the binding's arguments.
    Headers,
}

impl ExchangeKind {
    /// The type named in `exchange.declare`; none if this broker does not have it.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "direct" => Self::Direct,
            "fanout" => Self::Fanout,
            "topic" => Self::Topic,
            "headers" => Self::Headers,
            _ => return None,
        })
    }

    /// The type as `exchange.declare` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
        }
    }
}

impl fmt::Display for ExchangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a table knows of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeView<'a> {
    /// Its name.
    pub name: &'a ExchangeName,
    /// Its type.
    pub kind: ExchangeKind,
    /// Not for publishers: reached only through other exchanges (RabbitMQ's extension).
    pub internal: bool,
    /// Where messages go that no binding of this exchange matched (RabbitMQ's extension).
    pub alternate: Option<&'a ExchangeName>,
    /// How many bindings it is the source of.
    pub bindings: usize,
}
