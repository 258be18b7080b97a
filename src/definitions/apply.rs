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

use super::document::{self, Destination, Document};
use super::report::ApplyReport;
use super::{DefinitionsError, difference, parameters, policies, table, users, vhosts};

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

/// The steps through a document, and what becomes of what cannot be created.
pub struct Steps<'a> {
    /// What to call the document.
    pub origin: &'a str,
    /// What was left, or taken without acting on it.
    pub report: ApplyReport,
    /// How many of each list are as the document says now; lists of which none is are not here.
    pub served: Vec<(&'static str, usize)>,
    /// Where refusals are kept, by place, so that the next step is taken; `None` stops at the first.
    pub refused: Option<Vec<(String, Reason)>>,
}

/// Everything of one document; what is not as it says goes into the report.
pub fn document(
    recipient: &mut Recipient<'_>,
    document: &Document,
    steps: &mut Steps<'_>,
) -> Result<(), DefinitionsError> {
    let core = recipient.core;
    let version = document.rabbit_version.as_deref();
    steps.each("users", &document.users, |user, _| users::put(core, user, version))?;
    steps.each("vhosts", &document.vhosts, |vhost, _| vhosts::put(core, vhost))?;
    steps.each("permissions", &document.permissions, |row, _| users::permit(core, row))?;
    steps.each("exchanges", &document.exchanges, |row, report| declare_exchange(core, row, report))?;
    steps.each("topic_permissions", &document.topic_permissions, |row, _| users::permit_topics(core, row))?;
    steps.each("global_parameters", &document.global_parameters, |own, report| {
        parameters::import_global(core, &own.name, &own.value, report);
        Ok(())
    })?;
    steps.each("policies", &document.policies, |policy, report| {
        policies::put_policy(recipient, policy, report)
    })?;
    steps.each("parameters", &document.parameters, |own, report| {
        policies::put_parameter(recipient, own, report)
    })?;
    steps.each("queues", &document.queues, |row, report| declare_queue(core, row, report))?;
    steps.each("bindings", &document.bindings, |binding, _| bind(core, binding))
}

impl<'a> Steps<'a> {
    /// Before the first, of a document that is called so.
    pub fn new(origin: &'a str) -> Self {
        Self { origin, report: ApplyReport::default(), served: Vec::new(), refused: None }
    }

    /// Does `create` with every item and tells where it failed.
    fn each<T>(
        &mut self,
        list: &'static str,
        items: &[T],
        mut create: impl FnMut(&T, &mut ApplyReport) -> Result<(), Reason>,
    ) -> Result<(), DefinitionsError> {
        let mut served = 0;
        for (at, item) in items.iter().enumerate() {
            let lines = self.report.lines();
            let Err(reason) = create(item, &mut self.report) else {
                served += usize::from(lines == self.report.lines());
                continue;
            };
            let place = format!("{list}[{at}]");
            let Some(refused) = &mut self.refused else {
                return Err(DefinitionsError::Refused { origin: self.origin.to_owned(), place, reason });
            };
            refused.push((place, reason));
        }
        if served != 0 {
            self.served.push((list, served));
        }
        Ok(())
    }
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
