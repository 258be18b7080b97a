//! Creates what a document describes, in RabbitMQ's order: users, virtual hosts, permissions, exchanges, topic
//! permissions, policies, parameters, queues, bindings.
//!
//! Entities that are there already stay as they are, even when they differ; users, permissions, policies, parameters and
//! what is said of a virtual host are replaced. Names beginning with `amq.` are skipped with a line in the log, as RabbitMQ does.

use std::sync::Arc;

use bytes::Bytes;
use leveret_core::model::{BindingSpec, Broker, ExchangeKind, ExchangeSpec, QueueSpec, Target, Vhost};
use leveret_core::{Effects, Refusal, Timestamp};

use super::document::{self, Destination};
use super::{DefinitionsError, Source, policies, table, users, vhosts};

/// Why one entity was refused, before its place is known.
pub type Reason = String;

/// What a document is applied to, and when.
pub struct Recipient<'a> {
    /// The broker.
    pub core: &'a Broker,
    /// The moment.
    pub now: Timestamp,
    /// What is to be done for others afterwards: a policy may find that messages have been there for too long.
    pub effects: &'a mut Effects,
}

/// Everything of one document.
pub fn document(recipient: &mut Recipient<'_>, source: &Source) -> Result<(), DefinitionsError> {
    let (core, document) = (recipient.core, &source.document);
    let version = document.rabbit_version.as_deref();
    each(source, "users", &document.users, |user| users::put(core, user, version))?;
    each(source, "vhosts", &document.vhosts, |vhost| vhosts::put(core, vhost))?;
    each(source, "permissions", &document.permissions, |row| users::permit(core, row))?;
    each(source, "exchanges", &document.exchanges, |exchange| declare_exchange(core, exchange))?;
    each(source, "topic_permissions", &document.topic_permissions, |row| users::permit_topics(core, row))?;
    each(source, "policies", &document.policies, |policy| policies::put_policy(recipient, policy))?;
    each(source, "parameters", &document.parameters, |parameter| {
        policies::put_parameter(recipient, parameter)
    })?;
    each(source, "queues", &document.queues, |queue| declare_queue(core, queue))?;
    each(source, "bindings", &document.bindings, |binding| bind(core, binding))
}

/// Does `create` with every item and tells where it failed.
fn each<T>(
    source: &Source,
    list: &str,
    items: &[T],
    mut create: impl FnMut(&T) -> Result<(), Reason>,
) -> Result<(), DefinitionsError> {
    items.iter().enumerate().try_for_each(|(at, item)| {
        create(item).map_err(|reason| DefinitionsError::Refused {
            origin: source.origin.clone(),
            place: format!("{list}[{at}]"),
            reason,
        })
    })
}

/// A virtual host of the broker.
pub fn vhost(core: &Broker, name: &str) -> Result<Arc<Vhost>, Reason> {
    core.vhost(name).ok_or_else(|| format!("there is no vhost '{name}': add it to vhosts"))
}

/// Predeclared and generated names are the broker's own.
fn is_reserved(what: &str, name: &str) -> bool {
    let is_reserved = name.is_empty() || name.starts_with("amq.");
    if is_reserved {
        tracing::warn!("skipped the {what} '{name}': its name is reserved");
    }
    is_reserved
}

fn declare_exchange(core: &Broker, exchange: &document::Exchange) -> Result<(), Reason> {
    let vhost = vhost(core, &exchange.vhost)?;
    if is_reserved("exchange", &exchange.name) || vhost.exchange(&exchange.name).is_some() {
        return Ok(());
    }
    let kind = ExchangeKind::parse(&exchange.kind).ok_or_else(|| {
        format!("exchange '{}' has the type '{}', which is not served", exchange.name, exchange.kind)
    })?;
    let spec = ExchangeSpec {
        name: exchange.name.clone(),
        kind,
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        internal: exchange.internal,
        arguments: table::of(&exchange.arguments)?,
        holder: (kind == ExchangeKind::Delayed).then(|| core.next_queue_id()),
    };
    vhost.declare_exchange(spec).map(drop).map_err(reason)
}

fn declare_queue(core: &Broker, queue: &document::Queue) -> Result<(), Reason> {
    let vhost = vhost(core, &queue.vhost)?;
    if is_reserved("queue", &queue.name) || vhost.queue(&queue.name).is_ok() {
        return Ok(());
    }
    let mut arguments = queue.arguments.clone();
    if let Some(kind) = &queue.kind {
        // Exports since 3.10 name the type beside the arguments, which then may lack it.
        arguments.entry("x-queue-type").or_insert_with(|| kind.clone().into());
    }
    let spec = QueueSpec {
        name: queue.name.clone(),
        durable: queue.durable,
        auto_delete: queue.auto_delete,
        owner: None,
        arguments: table::of(&arguments)?,
    };
    vhost.declare_queue(core.next_queue_id(), spec).map(drop).map_err(reason)
}

fn bind(core: &Broker, binding: &document::Binding) -> Result<(), Reason> {
    let vhost = vhost(core, &binding.vhost)?;
    let destination = match binding.destination_type {
        Destination::Queue => Target::Queue(vhost.queue(&binding.destination).map_err(reason)?),
        Destination::Exchange => Target::Exchange(binding.destination.clone()),
    };
    let spec = BindingSpec {
        source: binding.source.clone(),
        destination,
        routing_key: Bytes::copy_from_slice(binding.routing_key.as_bytes()),
        arguments: table::of(&binding.arguments)?,
    };
    vhost.bind(spec).map(drop).map_err(reason)
}

/// RabbitMQ's text says what is wrong; the code in front of it is for clients.
fn reason(refusal: Refusal) -> Reason {
    refusal.text.into_owned()
}
