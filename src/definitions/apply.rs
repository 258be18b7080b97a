//! Creates what a document describes, in RabbitMQ's order: users, virtual hosts, permissions, exchanges, topic
//! permissions, global parameters, policies, parameters, queues, bindings.
//!
//! Entities that are there already stay as they are, and the report says where they differ; users, permissions, policies,
//! parameters and what is said of a virtual host are replaced. Names beginning with `amq.` are skipped and reported, as
//! RabbitMQ does. Where one thing is refused, what came before it stays.

use std::sync::Arc;

use bytes::Bytes;
use leveret_core::model::{BindingSpec, Broker, ExchangeKind, ExchangeSpec, QueueSpec, Target, Vhost};
use leveret_core::{Effects, Refusal, Timestamp};
use serde_json::Value;

use super::document::{self, Destination};
use super::report::ApplyReport;
use super::{DefinitionsError, Source, difference, parameters, policies, table, users, vhosts};

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

/// Everything of one document; what is not as it says goes into the report.
pub fn document(
    recipient: &mut Recipient<'_>,
    source: &Source,
    report: &mut ApplyReport,
) -> Result<(), DefinitionsError> {
    let (core, document) = (recipient.core, &source.document);
    let version = document.rabbit_version.as_deref();
    each(source, "users", &document.users, |user| users::put(core, user, version))?;
    each(source, "vhosts", &document.vhosts, |vhost| vhosts::put(core, vhost))?;
    each(source, "permissions", &document.permissions, |row| users::permit(core, row))?;
    each(source, "exchanges", &document.exchanges, |row| declare_exchange(core, row, report))?;
    each(source, "topic_permissions", &document.topic_permissions, |row| users::permit_topics(core, row))?;
    for global in &document.global_parameters {
        parameters::import_global(core, &global.name, &global.value, report);
    }
    each(source, "policies", &document.policies, |policy| policies::put_policy(recipient, policy))?;
    each(source, "parameters", &document.parameters, |own| policies::put_parameter(recipient, own, report))?;
    each(source, "queues", &document.queues, |row| declare_queue(core, row, report))?;
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
    core.vhost(name)
        .ok_or_else(|| format!("Please create virtual host \"{name}\" prior to importing definitions."))
}

/// Predeclared and generated names are the broker's own.
fn is_reserved(what: &str, name: &str, report: &mut ApplyReport) -> bool {
    let is_reserved = name.is_empty() || name.starts_with("amq.");
    if is_reserved {
        report.skip(format!("skipped the {what} '{name}': its name is reserved"));
    }
    is_reserved
}

fn declare_exchange(core: &Broker, row: &document::Exchange, report: &mut ApplyReport) -> Result<(), Reason> {
    let vhost = vhost(core, &row.vhost)?;
    if is_reserved("exchange", &row.name, report) {
        return Ok(());
    }
    if let Some(current) = vhost.exchange(&row.name) {
        report.differs(difference::of_exchange(row, &current));
        return Ok(());
    }
    let kind = ExchangeKind::parse(&row.kind)
        .ok_or_else(|| format!("exchange '{}' has the type '{}', which is not served", row.name, row.kind))?;
    let spec = ExchangeSpec {
        name: row.name.clone(),
        kind,
        durable: row.durable,
        auto_delete: row.auto_delete,
        internal: row.internal,
        arguments: table::of(&row.arguments)?,
        holder: (kind == ExchangeKind::Delayed).then(|| core.next_queue_id()),
    };
    vhost.declare_exchange(spec).map(drop).map_err(reason)
}

fn declare_queue(core: &Broker, row: &document::Queue, report: &mut ApplyReport) -> Result<(), Reason> {
    let vhost = vhost(core, &row.vhost)?;
    if is_reserved("queue", &row.name, report) {
        return Ok(());
    }
    if let Ok(current) = vhost.queue(&row.name) {
        report.differs(difference::of_queue(row, current.facts()));
        return Ok(());
    }
    let mut arguments = row.arguments.clone();
    if let Some(kind) = &row.kind {
        // Exports since 3.10 name the type beside the arguments, which then may lack it.
        arguments.entry("x-queue-type").or_insert_with(|| Value::from(kind.as_str()));
    }
    let spec = QueueSpec {
        name: row.name.clone(),
        durable: row.durable,
        auto_delete: row.auto_delete,
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
