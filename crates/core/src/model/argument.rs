//! `x-arguments` of queues: which there are, what they accept, and what they mean.
//!
//! One line per argument, with the types of queue that know it in RabbitMQ. An argument that nobody knows is kept and
//! never looked at, as RabbitMQ does; one of another type is refused; and one that RabbitMQ serves and this broker does
//! not is refused too: an argument is honoured or refused.

mod equivalence;
mod value;

use std::sync::Arc;
use std::time::Duration;

use leveret_codec::field::{Table, Value};

use crate::model::settings::{DeadLetterTo, DeliveryLimit, Overflow, QueueKind, QueueSettings, QueueTraits};
use crate::refusal::{Refusal, Ruling};
pub use equivalence::{check_equivalence, check_same, plain};
use value::{Accepts, check_value, unacceptable};

/// Longest time that RabbitMQ takes, in milliseconds (ten years).
pub const LONGEST_MILLIS: i64 = 315_360_000_000;

/// Levels of a quorum queue besides the lowest, and where messages stand that name none.
const QUORUM_PRIORITIES: (u8, u8) = (31, 4);

/// The types of queue that know an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owners {
    Every,
    Classic,
    Quorum,
    /// A type that this broker does not have.
    Stream,
}

impl Owners {
    fn include(self, kind: QueueKind) -> bool {
        match self {
            Self::Every => kind != QueueKind::Delay,
            Self::Classic => kind == QueueKind::Classic,
            Self::Quorum => kind == QueueKind::Quorum,
            Self::Stream => false,
        }
    }
}

struct Argument {
    name: &'static str,
    owners: Owners,
    accepts: Accepts,
}

const fn argument(name: &'static str, owners: Owners, accepts: Accepts) -> Argument {
    Argument { name, owners, accepts }
}

const OVERFLOWS: &[&str] = &["drop-head", "reject-publish", "reject-publish-dlx"];
const STRATEGIES: &[&str] = &["at-most-once", "at-least-once"];
const LOCATORS: &[&str] = &["client-local", "balanced", "random", "least-leaders", "min-masters"];

const ARGUMENTS: &[Argument] = {
    use Accepts::{Anything, Bool, Integer, Name, Nothing, String, Word};
    use Owners::{Classic, Every, Quorum, Stream};
    &[
        argument("x-expires", Every, Integer(1, LONGEST_MILLIS)),
        argument("x-message-ttl", Every, Integer(0, LONGEST_MILLIS)),
        argument("x-dead-letter-exchange", Every, Name),
        argument("x-dead-letter-routing-key", Every, String),
        // Every copy is in the log before its original leaves it: stronger than what is asked for here.
        argument("x-dead-letter-strategy", Quorum, Word(STRATEGIES, "invalid_dlx_strategy")),
        argument("x-max-length", Every, Integer(0, i64::MAX)),
        argument("x-max-length-bytes", Every, Integer(0, i64::MAX)),
        argument("x-max-priority", Classic, Integer(0, 255)),
        argument("x-overflow", Every, Word(OVERFLOWS, "invalid_overflow")),
        argument("x-single-active-consumer", Every, Bool),
        argument("x-queue-mode", Classic, Anything),
        argument("x-queue-version", Classic, Integer(2, 2)),
        argument("x-queue-leader-locator", Every, Word(LOCATORS, "invalid_queue_locator_arg")),
        argument("x-queue-master-locator", Classic, Anything),
        // In RabbitMQ of quorum queues only: there is nothing in it that needs them.
        argument("x-delivery-limit", Every, Anything),
        // On one broker every group has one member.
        argument("x-quorum-initial-group-size", Quorum, Integer(1, i64::MAX)),
        argument("x-max-in-memory-length", Quorum, Integer(0, i64::MAX)),
        argument("x-max-in-memory-bytes", Quorum, Integer(0, i64::MAX)),
        argument("x-consumer-timeout", Quorum, Integer(0, i64::MAX)),
        argument("x-consumer-disconnected-timeout", Quorum, Integer(0, i64::MAX)),
        argument("x-delayed-retry-type", Quorum, Nothing("disabled")),
        argument("x-delayed-retry-min", Quorum, Nothing("disabled")),
        argument("x-delayed-retry-max", Quorum, Nothing("disabled")),
        argument("x-max-age", Stream, Anything),
        argument("x-stream-max-segment-size-bytes", Stream, Anything),
        argument("x-stream-filter-size-bytes", Stream, Anything),
        argument("x-initial-cluster-size", Stream, Anything),
    ]
};

/// Checks the arguments of a new queue; `what` is its name for texts (`queue 'q' in vhost '/'`).
pub fn validate(what: &str, arguments: &Table) -> Ruling<(QueueTraits, QueueSettings)> {
    let kind = check_type(what, arguments)?;
    for known in ARGUMENTS {
        let Some(value) = arguments.as_ref().get(known.name.as_bytes()) else { continue };
        if !known.owners.include(kind) {
            let (name, module) = (known.name, kind.module());
            return Err(Refusal::precondition_failed(format!(
                "invalid arg '{name}' for {what} of queue type {module}"
            )));
        }
        check_value(what, known.name, known.accepts, &value)?;
    }
    let given = Given(arguments);
    if given.value("x-dead-letter-routing-key").is_some() && given.value("x-dead-letter-exchange").is_none() {
        return Err(invalid(what, "x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"));
    }
    Ok((given.traits(kind), given.settings(kind)))
}

/// Arguments that have been validated.
struct Given<'a>(&'a Table);

impl Given<'_> {
    fn value(&self, name: &str) -> Option<Value<'_>> {
        self.0.as_ref().get(name.as_bytes())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_integer().and_then(|number| u64::try_from(number).ok())
    }

    fn millis(&self, name: &str) -> Option<Duration> {
        self.number(name).map(Duration::from_millis)
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::Str(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }

    fn traits(&self, kind: QueueKind) -> QueueTraits {
        let (max_priority, default_priority) = match kind {
            QueueKind::Quorum => QUORUM_PRIORITIES,
            // Validated: it fits.
            QueueKind::Classic | QueueKind::Delay => {
                (self.number("x-max-priority").map_or(0, |most| u8::try_from(most).unwrap_or(u8::MAX)), 0)
            }
        };
        let single_active_consumer = self.value("x-single-active-consumer") == Some(Value::Bool(true));
        QueueTraits { kind, max_priority, default_priority, single_active_consumer }
    }

    fn settings(&self, kind: QueueKind) -> QueueSettings {
        let overflow = self.text("x-overflow").and_then(|word| Overflow::parse(word.as_bytes(), kind));
        let dead_letter = self.text("x-dead-letter-exchange").map(|exchange| {
            Arc::new(DeadLetterTo { exchange, routing_key: self.text("x-dead-letter-routing-key") })
        });
        QueueSettings {
            message_ttl: self.millis("x-message-ttl"),
            expires: self.millis("x-expires"),
            max_length: self.number("x-max-length"),
            max_length_bytes: self.number("x-max-length-bytes"),
            overflow,
            dead_letter,
            delivery_limit: self.delivery_limit(),
            consumer_timeout: self.millis("x-consumer-timeout"),
        }
    }

    /// What is no integer says nothing; what is negative says "any number" (both as in RabbitMQ).
    fn delivery_limit(&self) -> Option<DeliveryLimit> {
        let limit = self.value("x-delivery-limit")?.as_integer()?;
        Some(match u32::try_from(limit) {
            Ok(limit) => DeliveryLimit::Returns(limit),
            Err(_) => DeliveryLimit::Unlimited,
        })
    }
}

/// The type that arguments ask for, in words.
fn queue_type(arguments: &Table) -> String {
    match arguments.as_ref().get(b"x-queue-type") {
        None | Some(Value::Str(b"" | b"undefined")) => "classic".to_owned(),
        Some(value) => plain(&value),
    }
}

fn check_type(what: &str, arguments: &Table) -> Ruling<QueueKind> {
    const NAME: &str = "x-queue-type";
    match arguments.as_ref().get(NAME.as_bytes()) {
        None | Some(Value::Str(b"" | b"undefined" | b"classic")) => Ok(QueueKind::Classic),
        Some(Value::Str(b"quorum")) => Ok(QueueKind::Quorum),
        Some(Value::Str(b"stream")) => {
            Err(invalid(what, NAME, "\"queue type 'stream' is not supported by this version\""))
        }
        Some(Value::Str(other)) => {
            let other = String::from_utf8_lossy(other);
            Err(invalid(what, NAME, &format!("\"unsupported queue type '{other}'\"")))
        }
        Some(other) => Err(invalid(what, NAME, &unacceptable(&other))),
    }
}

fn invalid(what: &str, name: &str, detail: &str) -> Refusal {
    Refusal::precondition_failed(format!("invalid arg '{name}' for {what}: {detail}"))
}
