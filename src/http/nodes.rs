//! `/api/nodes`: the process and its machine. There is one node.
//!
//! What only an Erlang node has (its garbage collector, its schema database, its own files) is zero, as most of it is in
//! RabbitMQ 4: tools look for the names.

use std::path::Path;

use leveret_core::model::Mechanism;
use serde_json::{Value, json};

use super::access::Access;
use super::answer::Answer;
use super::api::Api;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use super::{memory_use, numbers, overview};
use crate::rates::{self, Field, Moves, Range, Reading};
use crate::vitals;

pub const ROWS: &[Row] = &[
    Row::get("/api/nodes", Access::Monitoring, list, "All nodes: the one there is.")
        .tells(Tells::Whole("Node"))
        .asks(NODE_STATS),
    Row::get("/api/nodes/:node", Access::Monitoring, one, "A node: limits, use, rates.")
        .tells(Tells::One("Node"))
        .asks(NODE),
    Row::get(
        "/api/nodes/:node/memory",
        Access::Monitoring,
        memory,
        "What a node's memory is used for, in bytes.",
    )
    .tells(Tells::Value("NodeMemory")),
    Row::get(
        "/api/nodes/:node/memory/relative",
        Access::Monitoring,
        memory_relative,
        "What a node's memory is used for, in percent.",
    )
    .tells(Tells::Value("NodeMemory")),
];

/// What Erlang would allow of its processes; ours need no limit.
const PROC_TOTAL: u64 = 1_048_576;

/// Numbers that an Erlang node has; each has its `_details`.
const ZEROES: &[&str] = &[
    "sockets_used",
    "gc_num",
    "gc_bytes_reclaimed",
    "context_switches",
    "io_read_count",
    "io_read_bytes",
    "io_read_avg_time",
    "io_write_count",
    "io_write_bytes",
    "io_write_avg_time",
    "io_sync_count",
    "io_sync_avg_time",
    "io_seek_count",
    "io_seek_avg_time",
    "io_reopen_count",
    "mnesia_ram_tx_count",
    "mnesia_disk_tx_count",
    "msg_store_read_count",
    "msg_store_write_count",
    "queue_index_write_count",
    "queue_index_read_count",
];

/// A range of samples.
const NODE_STATS: &[&str] = &["node_stats_age", "node_stats_incr"];
const NODE: &[&str] = &["memory", "binary", "node_stats_age", "node_stats_incr"];

struct Node<'a>(&'a Request, Option<Range>);

impl Entry for Node<'_> {
    fn name(&self) -> &str {
        self.0.api.node()
    }

    fn row(&self) -> Object {
        row(self.0, self.1)
    }
}

fn list(request: &Request) -> Outcome {
    let range = request.query.samples()?.node_stats;
    listing::whole(&request.query, vec![Node(request, range)])
}

fn one(request: &Request) -> Outcome {
    request.check_node()?;
    let mut row = row(request, request.query.samples()?.node_stats);
    if request.query.has("memory") {
        row.insert("memory".to_owned(), memory_use::of(&request.api.shared).into());
    }
    if request.query.has("binary") {
        row.insert("binary".to_owned(), memory_use::of_bodies(&request.api.shared).into());
    }
    Ok(listing::one(&request.query, row))
}

fn memory(request: &Request) -> Outcome {
    request.check_node()?;
    Ok(Answer::json(&json!({"memory": memory_use::of(&request.api.shared)})))
}

fn memory_relative(request: &Request) -> Outcome {
    request.check_node()?;
    Ok(Answer::json(&json!({"memory": memory_use::relative(&request.api.shared)})))
}

fn row(request: &Request, range: Option<Range>) -> Object {
    let api = &request.api;
    let mut row = facts(api);
    put_limits(&mut row, api);
    let mut reading = Reading::default();
    rates::complete(&api.shared, &mut reading);
    let moves = api.shared.rates.of_broker(numbers::inquiry(request, reading));
    put_use(&mut row, &moves, range);
    row.extend(overview::churn(&moves, range));
    row
}

fn facts(api: &Api) -> Object {
    let shared = &api.shared;
    let version = leveret_core::amqp::RABBITMQ_VERSION;
    let facts = json!({
        "name": api.node(),
        "type": "disc",
        "running": true,
        "being_drained": false,
        "os_pid": std::process::id().to_string(),
        "uptime": u64::try_from(shared.clock.now().duration_since(api.started).as_millis()).unwrap_or(u64::MAX),
        "run_queue": 1,
        "processors": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "partitions": [],
        "cluster_links": [],
        "net_ticktime": 60,
        "rates_mode": api.settings.rates_mode.as_str(),
        "mem_calculation_strategy": "rss",
        "log_files": api.beginning.log_files,
        "config_files": config_files(api),
        "db_dir": data_dir(api).unwrap_or_default(),
        "enabled_plugins": plugins(api),
        "rabbitmq_version": version,
        "erlang_version": overview::ERLANG_VERSION,
        "erlang_full_version": overview::erlang_full_version(),
        "crypto_lib_version": "ring",
        "exchange_types": overview::exchange_types(),
        "auth_mechanisms": mechanisms(api),
        "applications": [
            {"name": "leveret", "description": "leveret", "version": env!("CARGO_PKG_VERSION")},
            {"name": "rabbit", "description": "RabbitMQ", "version": version},
        ],
        "contexts": overview::contexts(api, false),
        "metrics_gc_queue_length": {
            "connection_closed": 0, "channel_closed": 0, "consumer_deleted": 0, "exchange_deleted": 0,
            "queue_deleted": 0, "vhost_deleted": 0, "node_node_deleted": 0, "channel_consumer_deleted": 0,
        },
        "ra_open_file_metrics": {"ra_log_wal": 0, "ra_log_segment_writer": 0},
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Object::new(),
    }
}

/// Where the broker keeps its data, if it keeps any.
pub fn data_dir(api: &Api) -> Option<String> {
    let directory = api.shared.storage.as_ref().and_then(|storage| storage.data_dir());
    directory.map(|path| whole(&path))
}

/// The files that its settings came from.
pub fn config_files(api: &Api) -> Vec<String> {
    api.beginning.config_files.iter().map(|path| whole(path)).collect()
}

/// A path that means the same to whoever reads it elsewhere.
fn whole(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn put_limits(row: &mut Object, api: &Api) {
    let shared = &api.shared;
    let reason = shared.core.alarm_reason().unwrap_or_default();
    let limits: [(&str, Value); 7] = [
        ("fd_total", vitals::most_files().into()),
        ("sockets_total", 0.into()),
        ("proc_total", PROC_TOTAL.into()),
        ("mem_limit", shared.vitals.memory_limit_bytes().into()),
        ("mem_alarm", reason.contains("memory").into()),
        ("disk_free_limit", shared.vitals.disk_free_limit_bytes().into()),
        ("disk_free_alarm", reason.contains("disk").into()),
    ];
    row.extend(limits.map(|(name, value)| (name.to_owned(), value)));
}

fn put_use(row: &mut Object, moves: &Moves, range: Option<Range>) {
    for (name, field) in
        [("mem_used", Field::MEMORY), ("fd_used", Field::FILES), ("disk_free", Field::DISK_FREE)]
    {
        numbers::put(row, name, (moves, &[field]), range);
    }
    for name in ZEROES {
        numbers::put(row, name, (moves, &[]), range);
    }
    numbers::put(row, "proc_used", (moves, &[]), range);
    row.insert("proc_used".to_owned(), vitals::threads().into());
}

fn mechanisms(api: &Api) -> Value {
    let describe = |mechanism: Mechanism| match mechanism {
        Mechanism::Plain => "SASL PLAIN authentication mechanism",
        Mechanism::AmqPlain => "QPid AMQPLAIN mechanism",
        Mechanism::Anonymous => "SASL ANONYMOUS authentication mechanism",
        Mechanism::External => "TLS peer authentication using SASL EXTERNAL",
    };
    let enabled = &api.shared.core.settings().mechanisms;
    Mechanism::ALL
        .into_iter()
        .map(|mechanism| {
            let is_enabled = enabled.contains(&mechanism);
            json!({"name": mechanism.name(), "description": describe(mechanism), "enabled": is_enabled})
        })
        .collect()
}

/// Those of RabbitMQ's plugins whose work is done here.
fn plugins(api: &Api) -> Vec<&'static str> {
    let settings = api.shared.core.settings();
    let has_metrics = api.listeners.iter().any(|of| of.protocol.ends_with("/prometheus"));
    let always = [
        ("rabbitmq_consistent_hash_exchange", true),
        ("rabbitmq_delayed_message_exchange", true),
        ("rabbitmq_event_exchange", settings.event_vhost.is_some()),
        ("rabbitmq_management", true),
        ("rabbitmq_management_agent", true),
        ("rabbitmq_prometheus", has_metrics),
        ("rabbitmq_random_exchange", true),
        ("rabbitmq_recent_history_exchange", true),
    ];
    always.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect()
}
