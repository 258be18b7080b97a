//! Bindings: what they join, what tells two apart, and why one may be refused.
//!
//! A binding is identified by source, destination, routing key and arguments as a set, in which order
//! does not count. Binding again changes nothing; other arguments make another binding.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use leveret_codec::field::Table;

use crate::arguments;
use crate::exchange_name::ExchangeName;
use crate::handle::QueueHandle;
use crate::ordered::Rank;

/// Where a binding leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination<Q> {
    /// Into a queue.
    Queue(Q),
    /// On to another exchange (RabbitMQ's extension).
    Exchange(ExchangeName),
}

/// Exchanges before queues, then by name: an order that owes nothing to a process.
impl<Q: QueueHandle> Rank for Destination<Q> {
    fn rank(&self) -> (u8, &[u8]) {
        match self {
            Self::Exchange(name) => (0, name.as_bytes()),
            Self::Queue(queue) => (1, queue.name()),
        }
    }
}

/// One binding of a table.
#[derive(Clone)]
pub struct Binding<Q> {
    source: ExchangeName,
    destination: Destination<Q>,
    routing_key: Arc<[u8]>,
    arguments: Table,
    /// The arguments in the one form that equal sets share.
    identity: Box<[u8]>,
}

impl<Q> Binding<Q> {
    /// Not yet part of any table.
    pub fn new(
        source: ExchangeName,
        destination: Destination<Q>,
        routing_key: &[u8],
        arguments: Table,
    ) -> Self {
        let identity = arguments::canonical(arguments.as_ref());
        // A binding stays: it must not keep alive the read buffer that its arguments came in.
        let arguments = if identity.is_empty() { arguments } else { Table::from(arguments.as_ref()) };
        Self { source, destination, routing_key: routing_key.into(), arguments, identity }
    }

    /// The exchange that messages come from.
    pub fn source(&self) -> &ExchangeName {
        &self.source
    }

    /// Where messages go.
    pub fn destination(&self) -> &Destination<Q> {
        &self.destination
    }

    /// The routing key, or the pattern of a topic exchange.
    pub fn routing_key(&self) -> &Arc<[u8]> {
        &self.routing_key
    }

    /// The arguments as they were first given.
    pub fn arguments(&self) -> &Table {
        &self.arguments
    }
}

impl<Q: PartialEq> PartialEq for Binding<Q> {
    fn eq(&self, other: &Self) -> bool {
        self.routing_key == other.routing_key
            && self.identity == other.identity
            && self.destination == other.destination
            && self.source == other.source
    }
}

impl<Q: Eq> Eq for Binding<Q> {}

impl<Q: Hash> Hash for Binding<Q> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
        self.destination.hash(state);
        self.routing_key.hash(state);
        self.identity.hash(state);
    }
}

impl<Q: fmt::Debug> fmt::Debug for Binding<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .field("routing_key", &self.routing_key.escape_ascii().to_string())
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// What went with an unbind or a deletion.
#[derive(Clone, Debug)]
pub struct Removed<Q> {
    /// The bindings that are gone.
    pub bindings: Vec<Arc<Binding<Q>>>,
    /// Exchanges that are still there and are now the source of nothing, having been the source of
    /// something: an auto-delete exchange goes at this moment, others stay.
    pub bare_sources: Vec<ExchangeName>,
}

impl<Q> Default for Removed<Q> {
    fn default() -> Self {
        Self { bindings: Vec::new(), bare_sources: Vec::new() }
    }
}

/// Why a binding was refused; the texts are RabbitMQ's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Source or destination is not declared.
    #[error("no exchange '{0}'")]
    NoSuchExchange(ExchangeName),
    /// A topic pattern with more `#` than RabbitMQ takes.
    #[error("Topic binding key '{key}' uses {wildcards} '#' wildcards, at most 2 are allowed")]
    TooManyWildcards {
        /// The pattern.
        key: String,
        /// How many of its words are `#`.
        wildcards: usize,
    },
    /// `x-match` is a string that means nothing.
    #[error("Invalid x-match field value {value}; expected all, any, all-with-x, or any-with-x")]
    MatchValue {
        /// The string as Erlang prints it.
        value: String,
    },
    /// `x-match` is not a string.
    #[error("Invalid x-match field type {kind} (value {value}); expected longstr")]
    MatchType {
        /// The type's name in RabbitMQ's dialect.
        kind: &'static str,
        /// The value.
        value: String,
    },
    /// The key of a consistent-hash binding is no number.
    #[error("The binding key must be an integer: {key}")]
    WeightNotInteger {
        /// The key as Erlang prints it.
        key: String,
    },
    /// The key of a consistent-hash binding is no weight.
    #[error("The binding key must be greater than 0")]
    WeightTooSmall,
    /// The key of a consistent-hash binding is too large a weight.
    #[error("The binding key must not exceed 10000")]
    WeightTooLarge,
    /// A binding of a local random exchange has a key.
    #[error("Non empty binding '{key}' key not permitted")]
    KeyNotEmpty {
        /// The key, a character for each byte.
        key: String,
    },
    /// A local random exchange leads to queues only.
    #[error("Destination not found")]
    NotQueue,
}
