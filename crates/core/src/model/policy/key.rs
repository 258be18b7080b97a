//! The keys of policies: what each accepts, and which queues know it.
//!
//! One line per key. What a queue's type does not know keeps the whole policy away from it; several keys are known
//! and mean nothing here (or in RabbitMQ), as on a single broker there is nothing that they could change.

use crate::model::policy::{PolicyDefinition, PolicyError, PolicyKind};
use crate::model::settings::QueueKind;
use crate::model::term::Term;

/// What a key accepts.
#[derive(Clone, Copy, Debug)]
enum Accepts {
    /// A whole number between these.
    Integer(i64, i64),
    /// Any text.
    Text,
    /// One of these texts.
    Word(&'static [&'static str]),
    /// A number and a unit of time: `7D`.
    Age,
    /// The one text that says that what this version does not serve is not wanted.
    Only(&'static str),
}

/// The types of queue that know a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supports {
    classic: bool,
    quorum: bool,
}

const EVERY: Supports = Supports { classic: true, quorum: true };
const CLASSIC: Supports = Supports { classic: true, quorum: false };
const QUORUM: Supports = Supports { classic: false, quorum: true };
const STREAM: Supports = Supports { classic: false, quorum: false };

impl Supports {
    /// Whether queues of this type know it.
    pub fn includes(self, kind: QueueKind) -> bool {
        match kind {
            QueueKind::Classic => self.classic,
            QueueKind::Quorum => self.quorum,
            // Nobody can name one, so nobody can say anything about one.
            QueueKind::Delay => false,
        }
    }

    fn and(self, other: Self) -> Self {
        Self { classic: self.classic && other.classic, quorum: self.quorum && other.quorum }
    }
}

/// How what a user and what an operator say of one thing come together.
#[derive(Clone, Copy, Debug)]
pub enum Merge {
    /// An operator can't say it.
    UserOnly,
    /// The smaller number.
    Least,
    /// The greater number.
    Most,
    /// The smaller number, but any number before "without limit", which is negative.
    LeastLimit,
    /// The operator's word.
    Operator,
}

struct Key {
    name: &'static str,
    supports: Supports,
    merge: Merge,
    accepts: Accepts,
    /// `3 is not a valid …`.
    what: &'static str,
}

const OVERFLOWS: &[&str] = &["drop-head", "reject-publish", "reject-publish-dlx"];
const STRATEGIES: &[&str] = &["at-most-once", "at-least-once"];
const LOCATORS: &[&str] = &["client-local", "balanced", "random", "least-leaders", "min-masters"];
const SEGMENT_MAX_BYTES: i64 = 3_000_000_000;

const KEYS: &[Key] = {
    use Accepts::{Age, Integer, Only, Text, Word};
    use Merge::{Least, LeastLimit, Most, Operator, UserOnly};
    const MAX: i64 = i64::MAX;
    &[
        key("alternate-exchange", EVERY, UserOnly, Text, "alternate exchange name"),
        key(
            "consumer-disconnected-timeout",
            EVERY,
            UserOnly,
            Integer(0, MAX),
            "consumer disconnected timeout",
        ),
        key("consumer-timeout", EVERY, UserOnly, Integer(0, MAX), "consumer timeout"),
        key("dead-letter-exchange", EVERY, UserOnly, Text, "dead letter exchange name"),
        key("dead-letter-routing-key", EVERY, UserOnly, Text, "dead letter routing key"),
        key("dead-letter-strategy", QUORUM, UserOnly, Word(STRATEGIES), "dead letter strategy"),
        // Without a type, which can't be another, the two mean nothing (as in RabbitMQ).
        key(
            "delayed-retry-max",
            EVERY,
            Most,
            Integer(1, MAX),
            "delayed retry maximum delay. Must be a positive integer",
        ),
        key(
            "delayed-retry-min",
            EVERY,
            Most,
            Integer(1, MAX),
            "delayed retry minimum delay. Must be a positive integer",
        ),
        key("delayed-retry-type", EVERY, Operator, Only("disabled"), "delayed retry type"),
        key("delivery-limit", QUORUM, LeastLimit, Integer(i64::MIN, MAX), "delivery limit"),
        key("expires", EVERY, Least, Integer(1, MAX), "queue expiry"),
        key("initial-cluster-size", STREAM, UserOnly, Integer(0, MAX), "cluster size"),
        key("max-age", STREAM, UserOnly, Age, "max age"),
        key("max-in-memory-bytes", QUORUM, Least, Integer(0, MAX), "maximum memory in bytes"),
        key("max-in-memory-length", QUORUM, Least, Integer(0, MAX), "maximum memory in bytes"),
        key("max-length", EVERY, Least, Integer(0, MAX), "maximum length"),
        key("max-length-bytes", EVERY, Least, Integer(0, MAX), "maximum length in bytes"),
        key("message-ttl", EVERY, Least, Integer(0, MAX), "message TTL"),
        key("overflow", EVERY, Operator, Word(OVERFLOWS), "overflow value"),
        key("queue-leader-locator", EVERY, UserOnly, Word(LOCATORS), "queue leader locator value"),
        key("queue-mode", CLASSIC, UserOnly, Word(&["default", "lazy"]), "queue-mode value"),
        key("queue-version", EVERY, Operator, Integer(1, 2), "queue-version value"),
        key(
            "stream-filter-size-bytes",
            EVERY,
            UserOnly,
            Integer(16, 255),
            "filter size. Valid range is 16-255",
        ),
        key("stream-max-segment-size-bytes", STREAM, UserOnly, Integer(0, SEGMENT_MAX_BYTES), "segment size"),
        key("target-group-size", QUORUM, Most, Integer(1, MAX), "qq target count value"),
    ]
};

const fn key(
    name: &'static str,
    supports: Supports,
    merge: Merge,
    accepts: Accepts,
    what: &'static str,
) -> Key {
    Key { name, supports, merge, accepts, what }
}

fn known(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// How the two words on this key come together.
pub fn merge_of(name: &str) -> Merge {
    known(name).map_or(Merge::Operator, |key| key.merge)
}

/// Checks a definition, and says which queues know all of its keys.
pub fn validate(kind: PolicyKind, definition: &PolicyDefinition) -> Result<Supports, PolicyError> {
    if definition.is_empty() {
        return Err(PolicyError::Empty);
    }
    let is_known = |name: &str| known(name).is_some_and(|key| may_say(kind, key));
    let unknown: Vec<String> = definition
        .iter()
        .filter(|(name, _)| !is_known(name))
        .map(|(name, value)| format!("{{<<\"{name}\">>,{value}}}"))
        .collect();
    if !unknown.is_empty() {
        return Err(PolicyError::Unknown(format!("[{}]", unknown.join(","))));
    }
    let mut supports = EVERY;
    for (key, value) in definition.iter().filter_map(|(name, value)| Some((known(name)?, value))) {
        check(key, value)?;
        supports = supports.and(key.supports);
    }
    Ok(supports)
}

fn may_say(kind: PolicyKind, key: &Key) -> bool {
    kind == PolicyKind::User || !matches!(key.merge, Merge::UserOnly)
}

fn check(key: &Key, value: &Term) -> Result<(), PolicyError> {
    let is_valid = match key.accepts {
        Accepts::Integer(least, most) => {
            value.as_integer().is_some_and(|number| (least..=most).contains(&number))
        }
        Accepts::Text => value.as_text().is_some(),
        Accepts::Word(words) => value.as_text().is_some_and(|text| words.contains(&text)),
        Accepts::Age => value.as_text().is_some_and(is_age),
        Accepts::Only(word) if value.as_text() == Some(word) => true,
        Accepts::Only(word) => {
            let name = key.name;
            return Err(PolicyError::Value(format!(
                "{name} other than '{word}' is not served by this version"
            )));
        }
    };
    if is_valid { Ok(()) } else { Err(PolicyError::Value(format!("{value} is not a valid {}", key.what))) }
}

/// A whole number and one of RabbitMQ's units: years, months, days, hours, minutes, seconds.
fn is_age(text: &str) -> bool {
    let Some(number) = text.strip_suffix(['Y', 'M', 'D', 'h', 'm', 's']) else { return false };
    number.parse::<u64>().is_ok_and(|number| 0 < number)
}
