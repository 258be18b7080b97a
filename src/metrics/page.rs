//! The pages: which families each of them has.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use leveret_core::model::Stat;

use super::survey::{Scope, Survey};
use super::text::{About, Kind, Text, float};
use super::{clients, global, node, own, queues};
use crate::http::{Api, memory_parts};

/// What stands before all names of RabbitMQ.
const PREFIX: &str = "rabbitmq_";

/// A page.
pub enum Page {
    /// Everything, summed up.
    Aggregated,
    /// Everything, and of each object by itself what objects have.
    PerObject,
    /// Those families that are named, of those objects that are.
    Detailed { families: Vec<String>, scope: Scope },
    /// What the memory is used for.
    Memory,
}

impl Page {
    /// As identity says it.
    const fn endpoint(&self) -> &'static str {
        match self {
            Self::Aggregated => "aggregated",
            Self::PerObject => "per-object",
            Self::Detailed { .. } => "detailed",
            Self::Memory => "memory-breakdown",
        }
    }

    /// Writes it, from first to last; the error is that nobody reads any more, or that a pattern took too long.
    pub fn write(&self, api: &Api, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Text::new(out, PREFIX);
        match self {
            Self::Aggregated => write_all(&mut text, api, &Scope::default())?,
            Self::PerObject => write_all(&mut text, api, &Scope { each: true, ..Scope::default() })?,
            Self::Detailed { families, scope } => {
                write_detailed(&mut text.named("rabbitmq_detailed_"), api, (families, scope))?;
                write_cluster(&mut text.named("rabbitmq_cluster_"), api, (families, scope))?;
            }
            Self::Memory => write_memory(&mut text, api)?,
        }
        node::write_identity(&mut text, api, self.endpoint())
    }
}

fn write_all(text: &mut Text<'_>, api: &Api, scope: &Scope) -> io::Result<()> {
    let survey = Survey::take(&api.shared, scope);
    node::write_churn(text, api)?;
    node::write_use(text, api)?;
    node::write_limits(text, api)?;
    node::write_start(text, api)?;
    node::write_sockets(text, &survey)?;
    node::write_io(text, api)?;
    node::write_logins(text, api)?;
    if scope.each {
        let all = |_: &[&str]| true;
        queues::write(text, &survey.queues.rows, all)?;
        clients::write_connections(text, &survey.connections, all)?;
        clients::write_channels(text, &survey.channels, all)?;
        clients::write_exchanges(text, &survey.exchanges, all)?;
    } else {
        survey.queues.sums.write(text)?;
        survey.of_connections.write(text)?;
        survey.of_channels.write(text)?;
        survey.of_exchanges.write(text)?;
        let about = About {
            name: "queue_exchange_messages_published_total",
            kind: Kind::Counter,
            help: "Total number of messages published into a queue through an exchange",
        };
        text.single(&about, float(survey.queues.published()))?;
    }
    node::write_totals(text, &survey)?;
    // It may be seen less than it was when a channel goes before its confirms: a counter does not fall.
    let received_confirm = survey.stats[Stat::Confirm] + survey.unconfirmed;
    let before = api.metrics.received_confirm.fetch_max(received_confirm, Ordering::Relaxed);
    global::write(text, &survey, received_confirm.max(before))?;
    node::write_alarms(text, api)?;
    own::write(&mut text.named("leveret_"), &api.shared, &survey)
}

/// Families that are told of the broker as a whole.
type Part = fn(&mut Text<'_>, &Api) -> io::Result<()>;

fn write_detailed(text: &mut Text<'_>, api: &Api, (families, scope): (&[String], &Scope)) -> io::Result<()> {
    let is_asked_for = |names: &[&str]| families.iter().any(|family| names.contains(&family.as_str()));
    let parts: [(&[&str], Part); 4] = [
        (node::CHURN, node::write_churn),
        (node::COARSE, node::write_use),
        (node::NODE, node::write_limits),
        (node::LOGINS, node::write_logins),
    ];
    for (_, write) in parts.iter().filter(|(names, _)| is_asked_for(names)) {
        write(text, api)?;
    }
    if families.iter().any(|family| family == "node_persister_metrics") {
        node::write_io(text, api)?;
    }
    let is_of_objects = |family: &String| {
        ["queue_", "channel_", "connection_", "exchange_"].iter().any(|kind| family.starts_with(kind))
    };
    if !families.iter().any(is_of_objects) {
        return Ok(());
    }
    let survey = Survey::take(&api.shared, scope);
    if scope.has_given_up() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the pattern of queues takes too long"));
    }
    queues::write(text, &survey.queues.rows, is_asked_for)?;
    clients::write_connections(text, &survey.connections, is_asked_for)?;
    clients::write_channels(text, &survey.channels, is_asked_for)?;
    clients::write_exchanges(text, &survey.exchanges, is_asked_for)
}

/// What a family has of an exchange with so many bindings.
type OfBindings = fn(usize) -> f64;

fn write_cluster(text: &mut Text<'_>, api: &Api, (families, scope): (&[String], &Scope)) -> io::Result<()> {
    let is_asked_for = |name: &str| families.iter().any(|family| family == name);
    let vhosts: Vec<_> =
        api.shared.core.vhosts().into_iter().filter(|vhost| scope.has_vhost(vhost.name())).collect();
    let about = |name, help| About { name, kind: Kind::Gauge, help };
    if is_asked_for("vhost_status") {
        let about = about("vhost_status", "Whether a given vhost is running");
        text.begin(&about)?;
        for vhost in &vhosts {
            text.sample(about.name, &[("vhost", vhost.name())], 1.0)?;
        }
    }
    let of_exchanges: [(&str, About, OfBindings); 2] = [
        ("exchange_bindings", about("exchange_bindings", "Number of bindings for an exchange"), |bindings| {
            float(bindings as u64)
        }),
        (
            "exchange_names",
            about("exchange_name", "Enumerates exchanges without any additional info"),
            |_| 1.0,
        ),
    ];
    for (_, about, value) in of_exchanges.iter().filter(|(asked_as, ..)| is_asked_for(asked_as)) {
        text.begin(about)?;
        for vhost in &vhosts {
            let routes = vhost.routes();
            for exchange in routes.exchanges() {
                let labels = [
                    ("vhost", vhost.name()),
                    ("exchange", exchange.name().as_str()),
                    ("type", exchange.kind().as_str()),
                ];
                text.sample(about.name, &labels, value(exchange.binding_count()))?;
            }
        }
    }
    Ok(())
}

/// RabbitMQ's names for the parts of the memory, where they differ from those of its HTTP API.
const MEMORY: &[(&str, &str)] = &[
    ("code", "memory_code_module_bytes"),
    ("binary", "memory_binary_heap_bytes"),
    ("other_system", "memory_other_system_bytes"),
    ("connection_readers", "memory_client_connection_reader_bytes"),
    ("connection_writers", "memory_client_connection_writer_bytes"),
    ("connection_channels", "memory_client_connection_channel_bytes"),
    ("connection_other", "memory_client_connection_other_bytes"),
    ("queue_procs", "memory_classic_queue_erlang_process_bytes"),
    ("quorum_queue_procs", "memory_quorum_queue_erlang_process_bytes"),
    ("plugins", "memory_plugin_bytes"),
    ("metadata_store", "memory_modern_metadata_store_bytes"),
    ("metrics", "memory_metrics_bytes"),
    ("mgmt_db", "memory_management_stats_db_bytes"),
    ("msg_index", "memory_message_index_bytes"),
];

fn write_memory(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let (_, parts) = memory_parts(&api.shared);
    for (part, name) in MEMORY {
        let bytes = parts.iter().find(|(known, _)| known == part).map_or(0, |(_, bytes)| *bytes);
        text.single(&About { name, kind: Kind::Gauge, help: "Memory footprint in bytes" }, float(bytes))?;
    }
    Ok(())
}
