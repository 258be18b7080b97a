//! Delayed exchanges (RabbitMQ's plugin x-delayed-message): messages that are routed later.
//!
//! Each has a *holder*: a queue of the kind [`QueueKind::Delay`] that nobody can name, in which messages wait for their
//! time. What they wait for is to be published again, as dead letters are, to the exchange that they came to, which then
//! routes them by the bindings of that moment. So a delay survives what a persistent message in a durable queue
//! survives, if its exchange is durable.
//!
//! Invariant: a holder is there as long as its exchange.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use leveret_codec::field::Table;
use leveret_codec::{Properties, Value};
use leveret_routing::ExchangeName;
use parking_lot::RwLock;

use crate::id::QueueId;
use crate::model::exchange::ExchangeSpec;
use crate::model::queue_ref::{QueueFacts, QueueRef};
use crate::model::settings::{DeadLetterTo, QueueKind, QueueSettings, QueueTraits};
use crate::model::{LONGEST_MILLIS, Message};
use crate::store::Store;

/// The header that asks for a delay, in milliseconds; a message that has waited shows it negated.
const DELAY: &[u8] = b"x-delay";
/// Longest delay of the plugin, in milliseconds (49 days).
const LONGEST_DELAY_MILLIS: i64 = 4_294_967_295;

/// The holders of one virtual host, by exchange.
#[derive(Debug, Default)]
pub struct Holders(RwLock<HashMap<ExchangeName, QueueRef>>);

impl Holders {
    /// An exchange is there that may have a holder.
    pub fn begin(&self, vhost: &Arc<str>, spec: &ExchangeSpec, store: &Arc<dyn Store>) {
        let Some(id) = spec.holder else { return };
        let facts = holder_facts(id, vhost, spec);
        let settings = facts.declared.clone();
        let holder = QueueRef::new(facts, settings, store.clone());
        self.0.write().insert(spec.name.as_str().into(), holder);
    }

    /// An exchange is gone: so must be what it held.
    #[must_use]
    pub fn end(&self, exchange: &str) -> Option<QueueRef> {
        self.0.write().remove(exchange.as_bytes())
    }

    /// Where messages to an exchange wait.
    pub fn of(&self, exchange: &[u8]) -> Option<QueueRef> {
        self.0.read().get(exchange).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<QueueRef> {
        self.0.read().values().cloned().collect()
    }
}

fn holder_facts(id: QueueId, vhost: &Arc<str>, spec: &ExchangeSpec) -> QueueFacts {
    let to = DeadLetterTo { exchange: spec.name.clone(), routing_key: None };
    QueueFacts {
        id,
        name: spec.name.as_str().into(),
        vhost: vhost.clone(),
        durable: spec.durable,
        auto_delete: false,
        owner: None,
        arguments: Table::default(),
        traits: QueueTraits { kind: QueueKind::Delay, ..QueueTraits::default() },
        declared: Arc::new(QueueSettings { dead_letter: Some(Arc::new(to)), ..QueueSettings::default() }),
    }
}

/// How long a message is to wait. Numbers may be written as text or with a fraction, as the plugin takes them; what is
/// no delay does not delay.
pub fn delay_of(properties: Properties<'_>) -> Option<Duration> {
    let millis = millis(&properties.headers()?.get(DELAY)?)?;
    let is_delay = (1..=LONGEST_DELAY_MILLIS).contains(&millis);
    is_delay.then(|| Duration::from_millis(millis.unsigned_abs()))
}

#[expect(clippy::cast_possible_truncation, reason = "a float beyond all integers is beyond all delays too")]
fn millis(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Str(text) => {
            let text = std::str::from_utf8(text).ok()?.trim();
            text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|float| float as i64))
        }
        Value::F32(float) => Some(f64::from(*float) as i64),
        Value::F64(float) => Some(*float as i64),
        other => other.as_integer(),
    }
}

/// A message whose time has come: as it was, but for its delay, which is negated.
pub fn released(message: &Message) -> Message {
    let properties = message.properties();
    let mut headers = properties.headers_without(|name| name == DELAY);
    let delay = delay_of(properties).map_or(0, |delay| i64::try_from(delay.as_millis()).unwrap_or_default());
    headers.insert(DELAY, Value::I64(-delay));
    message.with_properties(&properties.to_builder().headers(headers.build().as_ref()).build())
}

/// The time to live that a message asks for; it was checked when it was published.
pub fn expiration_of(message: &Message) -> Option<Duration> {
    let text = std::str::from_utf8(message.properties().expiration()?).ok()?;
    let millis: u64 = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
    (millis <= LONGEST_MILLIS.unsigned_abs()).then(|| Duration::from_millis(millis))
}
