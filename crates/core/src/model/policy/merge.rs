//! What the policies that apply to one queue or exchange come to.
//!
//! First a user's and an operator's come together, key by key; then what that says meets what the queue was declared
//! with: limits only tighten, an argument's dead-letter exchange and key win, and so does its overflow in classic
//! queues, but not in quorum queues (RabbitMQ).

use std::sync::Arc;
use std::time::Duration;

use crate::model::policy::key::{Merge, merge_of};
use crate::model::policy::{Policy, PolicyDefinition, PolicyKind};
use crate::model::settings::{DeadLetterTo, DeliveryLimit, Overflow, QueueKind, QueueSettings};
use crate::model::term::Term;

/// The policies that apply to one queue or exchange.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The users'.
    pub user: Option<Arc<Policy>>,
    /// The operators'.
    pub operator: Option<Arc<Policy>>,
}

impl Applied {
    pub(super) fn of_mut(&mut self, kind: PolicyKind) -> &mut Option<Arc<Policy>> {
        match kind {
            PolicyKind::User => &mut self.user,
            PolicyKind::Operator => &mut self.operator,
        }
    }

    /// What both say together.
    pub fn definition(&self) -> PolicyDefinition {
        let said =
            |policy: &Option<Arc<Policy>>| policy.as_ref().map(|policy| policy.spec().definition.clone());
        let mut together = said(&self.user).unwrap_or_default();
        for (key, operator) in said(&self.operator).unwrap_or_default() {
            let merged = match together.remove(&key) {
                None => operator,
                Some(user) => merge(merge_of(&key), &user, operator),
            };
            together.insert(key, merged);
        }
        together
    }

    /// How a queue behaves that was declared so.
    pub fn settings(&self, declared: &QueueSettings, kind: QueueKind) -> QueueSettings {
        if self.user.is_none() && self.operator.is_none() {
            return declared.clone();
        }
        let said = Said(self.definition());
        QueueSettings {
            message_ttl: least(declared.message_ttl, said.millis("message-ttl")),
            expires: least(declared.expires, said.millis("expires")),
            max_length: least(declared.max_length, said.number("max-length")),
            max_length_bytes: least(declared.max_length_bytes, said.number("max-length-bytes")),
            overflow: match kind {
                QueueKind::Classic | QueueKind::Delay => declared.overflow.or(said.overflow(kind)),
                QueueKind::Quorum => said.overflow(kind).or(declared.overflow),
            },
            dead_letter: said.dead_letter(declared.dead_letter.as_ref()),
            delivery_limit: least_limit(declared.delivery_limit, said.delivery_limit()),
            // Classic queues know the key and do nothing about it (RabbitMQ 4.3).
            consumer_timeout: match kind {
                QueueKind::Quorum => least(declared.consumer_timeout, said.millis("consumer-timeout")),
                QueueKind::Classic | QueueKind::Delay => declared.consumer_timeout,
            },
        }
    }

    /// Where messages go that an exchange has no binding for, as far as policies say.
    pub fn alternate(&self) -> Option<String> {
        let value = self.user.as_ref()?.spec().definition.get("alternate-exchange")?;
        value.as_text().map(str::to_owned)
    }
}

/// What policies say, validated and merged.
struct Said(PolicyDefinition);

impl Said {
    fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.as_integer().and_then(|number| u64::try_from(number).ok())
    }

    fn millis(&self, key: &str) -> Option<Duration> {
        self.number(key).map(Duration::from_millis)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_text()
    }

    fn overflow(&self, kind: QueueKind) -> Option<Overflow> {
        Overflow::parse(self.text("overflow")?.as_bytes(), kind)
    }

    fn delivery_limit(&self) -> Option<DeliveryLimit> {
        let limit = self.0.get("delivery-limit")?.as_integer()?;
        if limit < 0 {
            return Some(DeliveryLimit::Unlimited);
        }
        Some(DeliveryLimit::Returns(u32::try_from(limit).unwrap_or(u32::MAX)))
    }

    /// Exchange and key are looked for one by one: a policy's key goes with an argument's exchange.
    fn dead_letter(&self, declared: Option<&Arc<DeadLetterTo>>) -> Option<Arc<DeadLetterTo>> {
        let exchange =
            declared.map(|own| own.exchange.as_str()).or_else(|| self.text("dead-letter-exchange"))?;
        let own_key = declared.and_then(|own| own.routing_key.as_deref());
        let routing_key = own_key.or_else(|| self.text("dead-letter-routing-key"));
        let (exchange, routing_key) = (exchange.to_owned(), routing_key.map(str::to_owned));
        Some(Arc::new(DeadLetterTo { exchange, routing_key }))
    }
}

/// The least of what is said.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

fn least_limit(one: Option<DeliveryLimit>, other: Option<DeliveryLimit>) -> Option<DeliveryLimit> {
    use DeliveryLimit::{Returns, Unlimited};
    match (one, other) {
        (None, said) | (said, None) => said,
        (Some(Returns(one)), Some(Returns(other))) => Some(Returns(one.min(other))),
        (Some(Unlimited), limit) | (limit, Some(Unlimited)) => limit,
    }
}

/// Both have been validated: what is to be compared are numbers.
fn merge(how: Merge, user: &Term, operator: Term) -> Term {
    let (Some(one), Some(other)) = (user.as_integer(), operator.as_integer()) else { return operator };
    Term::Integer(match how {
        Merge::LeastLimit if one < 0 || other < 0 => one.max(other),
        Merge::Least | Merge::LeastLimit => one.min(other),
        Merge::Most => one.max(other),
        Merge::Operator | Merge::UserOnly => other,
    })
}
