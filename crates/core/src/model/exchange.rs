//! Exchanges as declared. How they route is the routing crate's business.

use leveret_codec::field::{Table, Value};
use leveret_routing::{ExchangeKind, ExchangeRule};

use crate::id::QueueId;
use crate::model::argument::check_same;
use crate::model::event::EVENT_EXCHANGE;
use crate::model::trace::TRACE_EXCHANGE;
use crate::refusal::{Refusal, Ruling};

/// What an exchange was, or is to be, declared as.
#[derive(Clone, Debug)]
pub struct ExchangeSpec {
    /// Its name.
    pub name: String,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last binding.
    pub auto_delete: bool,
    /// Clients may not publish to it.
    pub internal: bool,
    /// Its arguments.
    pub arguments: Table,
    /// If it delays messages: what those that wait are filed under in the log.
    pub holder: Option<QueueId>,
}

/// The exchanges that every virtual host has, besides the default one (which needs no declaration).
pub const PREDECLARED: &[(&str, ExchangeKind, bool)] = &[
    ("amq.direct", ExchangeKind::Direct, false),
    ("amq.fanout", ExchangeKind::Fanout, false),
    ("amq.topic", ExchangeKind::Topic, false),
    ("amq.headers", ExchangeKind::Headers, false),
    ("amq.match", ExchangeKind::Headers, false),
    (TRACE_EXCHANGE, ExchangeKind::Topic, true),
];

/// Whether it is one of those that are always there, or comes and goes with a setting as the exchange of events.
pub fn is_predeclared(name: &str) -> bool {
    name == EVENT_EXCHANGE || PREDECLARED.iter().any(|(own, _, _)| *own == name)
}

const ALTERNATE: &str = "alternate-exchange";

impl ExchangeSpec {
    /// `exchange 'x' in vhost '/'`, as texts name it.
    pub fn described(&self, vhost: &str) -> String {
        format!("exchange '{}' in vhost '{vhost}'", self.name)
    }

    /// Where messages go that match no binding; refused if it is not a string.
    pub fn alternate(&self, vhost: &str) -> Ruling<Option<String>> {
        match self.arguments.as_ref().get(ALTERNATE.as_bytes()) {
            None => Ok(None),
            Some(Value::Str(name)) => Ok(Some(String::from_utf8_lossy(name).into_owned())),
            Some(other) => Err(Refusal::precondition_failed(format!(
                "invalid type '{}' for arg '{ALTERNATE}' in {}",
                other.type_name(),
                self.described(vhost)
            ))),
        }
    }

    /// How it routes, and whether it delays; refused if its arguments make no sense to its type.
    pub fn rule(&self) -> Ruling<ExchangeRule> {
        ExchangeRule::new(self.kind, self.arguments.as_ref())
            .map_err(|error| Refusal::precondition_failed(error.to_string()))
    }

    /// Whether a queue of these arguments may be bound: a local random exchange takes classic queues only, which
    /// RabbitMQ says of a binding whose key is in order.
    pub fn check_queue(&self, routing_key: &[u8], queue: &Table) -> Ruling {
        if !routing_key.is_empty() || self.rule()?.routes_as() != ExchangeKind::LocalRandom {
            return Ok(());
        }
        match queue.as_ref().get(b"x-queue-type") {
            Some(Value::Str(kind @ (b"quorum" | b"stream"))) => Err(Refusal::precondition_failed(format!(
                "Queue type rabbit_{}_queue not valid for this exchange type",
                String::from_utf8_lossy(kind)
            ))),
            _ => Ok(()),
        }
    }

    /// Whether `received` declares this exchange again. Arguments other than the alternate exchange are
    /// not compared (RabbitMQ's order: type, durable, auto-delete, internal, alternate exchange).
    pub fn check_equivalence(&self, received: &Self, vhost: &str) -> Ruling {
        let what = self.described(vhost);
        let (new_type, old_type) = (atom(received.kind), atom(self.kind));
        let flags = [
            ("type", new_type.as_str(), old_type.as_str()),
            ("durable", word(received.durable), word(self.durable)),
            ("auto_delete", word(received.auto_delete), word(self.auto_delete)),
            ("internal", word(received.internal), word(self.internal)),
        ];
        for (key, new, old) in flags {
            check_flag(&what, key, new, old)?;
        }
        check_same(&what, ALTERNATE, &received.arguments, &self.arguments)
    }
}

/// A type as Erlang prints the atom of that name.
fn atom(kind: ExchangeKind) -> String {
    if kind.as_str().contains('-') { format!("'{kind}'") } else { kind.to_string() }
}

/// Refuses when a flag of a declaration differs; shared with queues, which have the same text.
pub fn check_flag(what: &str, key: &str, received: &str, current: &str) -> Ruling {
    if received == current {
        return Ok(());
    }
    Err(Refusal::precondition_failed(format!(
        "inequivalent arg '{key}' for {what}: received '{received}' but current is '{current}'"
    )))
}

/// A flag as texts print it.
pub fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use leveret_codec::field::TableBuilder;

    use super::*;

    fn spec(kind: ExchangeKind) -> ExchangeSpec {
        let (durable, auto_delete, internal) = (false, false, false);
        ExchangeSpec {
            name: "x".to_owned(),
            kind,
            durable,
            auto_delete,
            internal,
            arguments: Table::default(),
            holder: None,
        }
    }

    #[test]
    fn a_local_random_exchange_takes_classic_queues_only() {
        let queue = |kind: &'static str| {
            TableBuilder::new().insert("x-queue-type", Value::Str(kind.as_bytes())).build()
        };
        let exchange = spec(ExchangeKind::LocalRandom);
        for kind in ["quorum", "stream"] {
            let refusal =
                exchange.check_queue(b"", &queue(kind)).map_err(|refusal| refusal.text.into_owned());
            let expected = format!("Queue type rabbit_{kind}_queue not valid for this exchange type");
            assert_eq!(refusal, Err(expected));
            assert!(exchange.check_queue(b"k", &queue(kind)).is_ok(), "the key is refused first");
            assert!(spec(ExchangeKind::Random).check_queue(b"", &queue(kind)).is_ok());
        }
        assert!(exchange.check_queue(b"", &queue("classic")).is_ok());
        assert!(exchange.check_queue(b"", &Table::default()).is_ok());
    }
}
