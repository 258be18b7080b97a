//! How an exchange routes: its type, and what its arguments say of it.
//!
//! Invariant: a rule whose type is [`ExchangeKind::Delayed`] routes as another type, never as itself.

use leveret_codec::field::{TableRef, Value};

use crate::exchange::ExchangeKind;
use crate::term;

const HASH_HEADER: &str = "hash-header";
const HASH_PROPERTY: &str = "hash-property";
const HISTORY_LENGTH: &str = "x-recent-history-length";
const DELAYED_TYPE: &str = "x-delayed-type";

/// So many messages a recent-history exchange keeps if it does not say.
const HISTORY_LENGTH_DEFAULT: usize = 20;

/// What a consistent-hash exchange looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashOn {
    /// The key it was published with.
    #[default]
    RoutingKey,
    /// A header.
    Header(Box<[u8]>),
    /// The property of this name.
    MessageId,
    /// The property of this name.
    CorrelationId,
    /// The property of this name.
    Timestamp,
}

/// The type of an exchange with whatever its arguments add. A plain type becomes the rule that has no arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRule {
    kind: ExchangeKind,
    /// Another one only if messages are delayed.
    routes_as: ExchangeKind,
    hash_on: HashOn,
    history_length: usize,
}

/// Why an exchange's arguments were refused; the texts are RabbitMQ's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Both ways of saying what is hashed.
    #[error("hash-header and hash-property are mutually exclusive")]
    TwoInputs,
    /// Not one of the three properties that can be hashed.
    #[error("Unsupported property: {0}")]
    UnsupportedProperty(String),
    /// RabbitMQ answers this with an internal error, which closes the connection.
    #[error("Invalid argument {value}, '{argument}' must be a string")]
    NotText {
        /// Its name.
        argument: &'static str,
        /// Its value as Erlang prints it.
        value: String,
    },
    /// A history must have a length.
    #[error("Invalid argument {0}, 'x-recent-history-length' must be a positive integer")]
    HistoryLength(String),
    /// The type that a delayed exchange routes as is not named.
    #[error("Invalid argument, 'x-delayed-type' must be an existing exchange type")]
    NoDelayedType,
    /// The type that a delayed exchange routes as is its own.
    #[error("Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'")]
    DelayedTwice,
    /// The type that a delayed exchange routes as is not there.
    #[error("unknown exchange type '{0}'")]
    UnknownType(String),
}

impl From<ExchangeKind> for ExchangeRule {
    /// A delayed exchange that does not say what it routes as, which none can be declared as, is a direct one.
    fn from(kind: ExchangeKind) -> Self {
        let routes_as = if kind == ExchangeKind::Delayed { ExchangeKind::Direct } else { kind };
        Self { kind, routes_as, hash_on: HashOn::default(), history_length: HISTORY_LENGTH_DEFAULT }
    }
}

impl ExchangeRule {
    /// What a declaration means. Arguments that say nothing to this type are overlooked.
    pub fn new(kind: ExchangeKind, arguments: TableRef<'_>) -> Result<Self, RuleError> {
        let mut rule = Self::from(kind);
        if kind == ExchangeKind::Delayed {
            rule.routes_as = delayed_type(arguments)?;
        }
        match rule.routes_as {
            ExchangeKind::ConsistentHash => rule.hash_on = hash_on(arguments)?,
            ExchangeKind::RecentHistory => rule.history_length = history_length(arguments)?,
            _ => {}
        }
        Ok(rule)
    }

    /// The type as declared.
    pub fn kind(&self) -> ExchangeKind {
        self.kind
    }

    /// The type by which it matches: of an exchange that delays messages the one it was told, of others their own.
    pub fn routes_as(&self) -> ExchangeKind {
        self.routes_as
    }

    /// Whether messages may have to wait before they are routed.
    pub fn is_delayed(&self) -> bool {
        self.kind == ExchangeKind::Delayed
    }

    /// How many messages it keeps for queues that are bound later, if it keeps any.
    pub fn history_length(&self) -> Option<usize> {
        (self.routes_as == ExchangeKind::RecentHistory).then_some(self.history_length)
    }

    /// What a consistent hash is of.
    pub fn hash_on(&self) -> &HashOn {
        &self.hash_on
    }
}

fn text<'a>(arguments: TableRef<'a>, argument: &'static str) -> Result<Option<&'a [u8]>, RuleError> {
    match arguments.get(argument.as_bytes()) {
        None => Ok(None),
        Some(Value::Str(text)) => Ok(Some(text)),
        Some(other) => Err(RuleError::NotText { argument, value: term::shown(&other) }),
    }
}

fn hash_on(arguments: TableRef<'_>) -> Result<HashOn, RuleError> {
    match (text(arguments, HASH_HEADER)?, text(arguments, HASH_PROPERTY)?) {
        (None, None) => Ok(HashOn::RoutingKey),
        (Some(header), None) => Ok(HashOn::Header(header.into())),
        (None, Some(b"message_id")) => Ok(HashOn::MessageId),
        (None, Some(b"correlation_id")) => Ok(HashOn::CorrelationId),
        (None, Some(b"timestamp")) => Ok(HashOn::Timestamp),
        (None, Some(other)) => {
            Err(RuleError::UnsupportedProperty(String::from_utf8_lossy(other).into_owned()))
        }
        (Some(_), Some(_)) => Err(RuleError::TwoInputs),
    }
}

/// A signed integer; RabbitMQ refuses unsigned ones for their type alone.
fn history_length(arguments: TableRef<'_>) -> Result<usize, RuleError> {
    let Some(value) = arguments.get(HISTORY_LENGTH.as_bytes()) else { return Ok(HISTORY_LENGTH_DEFAULT) };
    let is_signed = matches!(value, Value::I8(_) | Value::I16(_) | Value::I32(_) | Value::I64(_));
    match value.as_integer() {
        Some(length @ 1..) if is_signed => Ok(usize::try_from(length).unwrap_or(usize::MAX)),
        _ => Err(RuleError::HistoryLength(term::shown(&value))),
    }
}

fn delayed_type(arguments: TableRef<'_>) -> Result<ExchangeKind, RuleError> {
    let named = arguments.get(DELAYED_TYPE.as_bytes());
    let Some(name) = named.as_ref().and_then(Value::as_bytes) else { return Err(RuleError::NoDelayedType) };
    let name = String::from_utf8_lossy(name);
    match ExchangeKind::parse(&name) {
        Some(ExchangeKind::Delayed) => Err(RuleError::DelayedTwice),
        Some(kind) => Ok(kind),
        None => Err(RuleError::UnknownType(name.into_owned())),
    }
}
