//! What of a virtual host's queues, exchanges and bindings is told in an export, in order.
//!
//! Invariant: every binding that is told has both its ends told, or they are always there.

use std::collections::HashSet;

use leveret_core::model::{Destination, ExchangeSpec, QueueRef, Routes, Vhost};
use serde_json::{Value, json};

use super::table;

/// One virtual host at one moment.
pub struct Layout {
    vhost: String,
    routes: Routes,
    exchanges: Vec<ExchangeSpec>,
    /// Exchanges that are not told although somebody declared them.
    internal: HashSet<String>,
}

impl Layout {
    /// The layout of now.
    pub fn of(vhost: &Vhost) -> Self {
        let mut exchanges = vhost.exchanges();
        // After the exchanges: a binding from one that has come since would have no source.
        let routes = vhost.routes();
        exchanges.retain(|exchange| !exchange.name.starts_with("amq."));
        exchanges.sort_by(|left, right| left.name.cmp(&right.name));
        let internal = exchanges.iter().filter(|own| own.internal).map(|own| own.name.clone()).collect();
        exchanges.retain(|exchange| !exchange.internal);
        Self { vhost: vhost.name().to_owned(), routes, exchanges, internal }
    }

    /// The queues that belong to no connection.
    pub fn queues(&self) -> impl Iterator<Item = Value> {
        let mut queues: Vec<&QueueRef> =
            self.routes.queues().filter(|queue| queue.facts().owner.is_none()).collect();
        queues.sort_by(|left, right| left.facts().name.cmp(&right.facts().name));
        queues.into_iter().map(|queue| {
            let facts = queue.facts();
            let kind = facts.traits.kind.as_str();
            json!({
                "name": &*facts.name,
                "vhost": self.vhost,
                "type": kind,
                "durable": facts.durable,
                "auto_delete": facts.auto_delete,
                "arguments": table::of_queue(facts.arguments.as_ref(), kind),
            })
        })
    }

    /// The exchanges that clients may publish to and that are not always there.
    pub fn exchanges(&self) -> impl Iterator<Item = Value> {
        self.exchanges.iter().map(|exchange| {
            json!({
                "name": exchange.name,
                "vhost": self.vhost,
                "type": exchange.kind.as_str(),
                "durable": exchange.durable,
                "auto_delete": exchange.auto_delete,
                "arguments": table::to_json(exchange.arguments.as_ref()),
            })
        })
    }

    /// The bindings between what is told.
    pub fn bindings(&self) -> impl Iterator<Item = Value> {
        let mut bindings: Vec<(Ends<'_>, &[u8], Value)> = Vec::new();
        for binding in self.routes.bindings() {
            let source = binding.source().as_str();
            let destination = match binding.destination() {
                Destination::Queue(queue) if queue.facts().owner.is_some() => continue,
                Destination::Queue(queue) => ("queue", &*queue.facts().name),
                Destination::Exchange(name) => ("exchange", name.as_str()),
            };
            if self.is_told(source) && (destination.0 == "queue" || self.is_told(destination.1)) {
                let ends = Ends { source, destination };
                let arguments = table::to_json(binding.arguments().as_ref());
                bindings.push((ends, binding.routing_key(), Value::Object(arguments)));
            }
        }
        // Arguments come last, and few bindings differ in nothing else.
        bindings.sort_by_cached_key(|(ends, key, arguments)| (*ends, *key, arguments.to_string()));
        bindings.into_iter().map(|(ends, key, arguments)| {
            let Ends { source, destination: (kind, name) } = ends;
            json!({
                "source": source,
                "vhost": self.vhost,
                "destination": name,
                "destination_type": kind,
                "routing_key": String::from_utf8_lossy(key),
                "arguments": arguments,
            })
        })
    }

    fn is_told(&self, exchange: &str) -> bool {
        !self.internal.contains(exchange)
            && (exchange.starts_with("amq.")
                || self.exchanges.binary_search_by(|own| own.name.as_str().cmp(exchange)).is_ok())
    }
}

/// What a binding joins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ends<'a> {
    source: &'a str,
    /// What it is, and its name.
    destination: (&'static str, &'a str),
}
