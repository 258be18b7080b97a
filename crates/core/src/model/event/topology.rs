//! Events of queues, exchanges and bindings.

use leveret_codec::Value;
use leveret_codec::field::ArrayBuilder;
use leveret_routing::{Binding, Destination};

use crate::model::event::{Event, Events};
use crate::model::exchange::ExchangeSpec;
use crate::model::queue_ref::QueueRef;

/// A queue is there.
pub fn queue_created(events: &Events, queue: &QueueRef) -> Event {
    let facts = queue.facts();
    let mut members = ArrayBuilder::new();
    members.push(Value::Str(events.node().as_bytes()));
    let owner = facts.owner.map(|owner| events.pid(owner, None)).unwrap_or_default();
    queue_event("queue.created", queue)
        .flag("durable", facts.durable)
        .flag("auto_delete", facts.auto_delete)
        .flag("exclusive", facts.owner.is_some())
        .text("owner_pid", &owner)
        .text("leader", events.node())
        .with("members", Value::Array(members.as_ref()))
        .table("arguments", facts.arguments.as_ref())
}

/// A queue is gone.
pub fn queue_deleted(queue: &QueueRef) -> Event {
    queue_event("queue.deleted", queue)
}

fn queue_event(key: &'static str, queue: &QueueRef) -> Event {
    let facts = queue.facts();
    Event::new(key)
        .text("name", &facts.name)
        .text("vhost", &facts.vhost)
        .text("type", facts.traits.kind.module())
}

/// An exchange is there; `policy` is the one that applies to it, or empty.
pub fn exchange_created(vhost: &str, spec: &ExchangeSpec, policy: &str) -> Event {
    Event::new("exchange.created")
        .text("name", &spec.name)
        .text("vhost", vhost)
        .text("type", spec.kind.as_str())
        .flag("durable", spec.durable)
        .flag("auto_delete", spec.auto_delete)
        .flag("internal", spec.internal)
        .text("policy", policy)
        .table("arguments", spec.arguments.as_ref())
}

/// An exchange is gone.
pub fn exchange_deleted(vhost: &str, name: &str) -> Event {
    Event::new("exchange.deleted").text("name", name).text("vhost", vhost)
}

/// A binding is there.
pub fn binding_created(vhost: &str, binding: &Binding<QueueRef>) -> Event {
    binding_event("binding.created", vhost, binding)
}

/// A binding is gone.
pub fn binding_deleted(vhost: &str, binding: &Binding<QueueRef>) -> Event {
    binding_event("binding.deleted", vhost, binding)
}

fn binding_event(key: &'static str, vhost: &str, binding: &Binding<QueueRef>) -> Event {
    let (kind, name) = match binding.destination() {
        Destination::Queue(queue) => ("queue", &*queue.facts().name),
        Destination::Exchange(name) => ("exchange", name.as_str()),
    };
    Event::new(key)
        .text("vhost", vhost)
        .text("source_name", binding.source().as_str())
        .text("source_kind", "exchange")
        .text("destination_name", name)
        .text("destination_kind", kind)
        .with("routing_key", Value::Str(binding.routing_key()))
        .table("arguments", binding.arguments().as_ref())
}
