//! What is told of the broker, its process and its machine, and who it is.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::survey::Survey;
use super::text::{About, Kind, Text, float};
use crate::http::{Api, ERLANG_VERSION, cluster_name};
use crate::vitals;

/// What `/metrics/detailed` calls them.
pub const CHURN: &[&str] = &["connection_churn_metrics"];
pub const COARSE: &[&str] = &["node_coarse_metrics"];
pub const NODE: &[&str] = &["node_metrics"];
pub const LOGINS: &[&str] = &["auth_attempt_metrics"];

/// Writes families of single samples.
fn write(text: &mut Text<'_>, families: &[(Kind, &'static str, &'static str, f64)]) -> io::Result<()> {
    families
        .iter()
        .try_for_each(|(kind, name, help, value)| text.single(&About { name, kind: *kind, help }, *value))
}

/// Who came and went.
pub fn write_churn(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let (churn, past) = (api.shared.core.roll().churn(), api.shared.core.past());
    let count = |name, help, value| (Kind::Counter, name, help, float(value));
    write(
        text,
        &[
            count(
                "connections_opened_total",
                "Total number of connections opened",
                churn.connections_created,
            ),
            count(
                "connections_closed_total",
                "Total number of connections closed or terminated",
                churn.connections_closed,
            ),
            count("channels_opened_total", "Total number of channels opened", churn.channels_created),
            count("channels_closed_total", "Total number of channels closed", churn.channels_closed),
            count("queues_declared_total", "Total number of queues declared", past.declared),
            count("queues_created_total", "Total number of queues created", past.created),
            count("queues_deleted_total", "Total number of queues deleted", past.deleted),
        ],
    )
}

/// What is used.
pub fn write_use(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let shared = &api.shared;
    let gauge = |name, help, value| (Kind::Gauge, name, help, float(value));
    write(
        text,
        &[
            gauge("process_open_fds", "Open file descriptors", vitals::open_files()),
            gauge("process_resident_memory_bytes", "Memory used in bytes", shared.vitals.memory_bytes()),
            gauge(
                "disk_space_available_bytes",
                "Disk space available in bytes",
                shared.vitals.disk_free_bytes(shared.storage.as_deref()),
            ),
        ],
    )
}

/// What may be used, and for how long it has been.
pub fn write_limits(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let shared = &api.shared;
    let gauge = |name, help, value| (Kind::Gauge, name, help, value);
    let uptime = shared.clock.now().duration_since(api.started).as_secs_f64();
    write(
        text,
        &[
            gauge("process_max_fds", "Open file descriptors limit", float(vitals::most_files())),
            gauge(
                "resident_memory_limit_bytes",
                "Memory high watermark in bytes",
                float(shared.vitals.memory_limit_bytes()),
            ),
            gauge(
                "disk_space_available_limit_bytes",
                "Free disk space low watermark in bytes",
                float(shared.vitals.disk_free_limit_bytes()),
            ),
            gauge("erlang_uptime_seconds", "Node uptime", uptime),
        ],
    )
}

/// When it began, under the name that Prometheus' own libraries use.
pub fn write_start(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let about = About {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        help: "Start time of the broker since unix epoch in seconds.",
    };
    text.named("").single(&about, float(api.started.as_micros() / 1_000_000))
}

/// Sockets, under the names that dashboards made for RabbitMQ 3 ask for.
pub fn write_sockets(text: &mut Text<'_>, survey: &Survey) -> io::Result<()> {
    let open = survey.states.iter().sum();
    let gauge = |name, help, value| (Kind::Gauge, name, help, float(value));
    write(
        text,
        &[
            gauge("process_open_tcp_sockets", "Open TCP sockets of AMQP clients", open),
            gauge("process_max_tcp_sockets", "Open TCP sockets limit", vitals::most_files()),
        ],
    )
}

/// What the log wrote.
pub fn write_io(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    // A broker that keeps nothing writes nothing, and says so.
    let activity = api.shared.storage.as_ref().map(|storage| storage.figures().1).unwrap_or_default();
    let count = |name, help, value| (Kind::Counter, name, help, value);
    let syncs: u64 = activity.syncs.classes.iter().sum();
    write(
        text,
        &[
            count("io_write_ops_total", "Total number of I/O write operations", float(activity.writes)),
            count("io_write_bytes_total", "Total number of I/O bytes written", float(activity.written_bytes)),
            count("io_sync_ops_total", "Total number of I/O sync operations", float(syncs)),
            count("io_write_time_seconds_total", "Total I/O write time", float(activity.write_micros) / 1e6),
            count(
                "io_sync_time_seconds_total",
                "Total I/O sync time, the write before each included",
                float(activity.syncs.sum) / 1e6,
            ),
            count(
                "queue_disk_reads_total",
                "Total number of messages read from disk",
                float(activity.messages_read),
            ),
            count(
                "queue_disk_writes_total",
                "Total number of messages written to disk",
                float(activity.messages_written),
            ),
        ],
    )
}

/// What a family has of those who were let in, and those who were not.
type OfLogins = fn(u64, u64) -> u64;

/// Who tried to come in, by protocol.
pub fn write_logins(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let protocols = [("amqp091", api.shared.core.logins()), ("http", &api.logins)];
    let families: [(&str, &str, OfLogins); 3] = [
        ("auth_attempts_total", "Total number of authentication attempts", |succeeded, failed| {
            succeeded + failed
        }),
        (
            "auth_attempts_succeeded_total",
            "Total number of successful authentication attempts",
            |succeeded, _| succeeded,
        ),
        ("auth_attempts_failed_total", "Total number of failed authentication attempts", |_, failed| failed),
    ];
    for (name, help, value) in families {
        text.begin(&About { name, kind: Kind::Counter, help })?;
        for (protocol, counts) in protocols {
            let value = value(counts.succeeded(), counts.failed());
            text.sample(name, &[("protocol", protocol)], float(value))?;
        }
    }
    Ok(())
}

/// How much there is.
pub fn write_totals(text: &mut Text<'_>, survey: &Survey) -> io::Result<()> {
    let gauge = |name, help, value| (Kind::Gauge, name, help, float(value));
    write(
        text,
        &[
            gauge("connections", "Connections currently open", survey.states.iter().sum()),
            gauge("channels", "Channels currently open", survey.channel_count),
            gauge("consumers", "Consumers currently connected", survey.queues.consumers),
            gauge("queues", "Queues available", survey.queues.count),
        ],
    )
}

/// Whether publishers are held back, and why.
pub fn write_alarms(text: &mut Text<'_>, api: &Api) -> io::Result<()> {
    let reason = api.shared.core.alarm_reason().unwrap_or_default();
    let flag = |name, help, is_on: bool| (Kind::Gauge, name, help, float(is_on.into()));
    write(
        text,
        &[
            flag(
                "alarms_free_disk_space_watermark",
                "is 1 if free disk space watermark alarm is in effect",
                reason.contains("disk"),
            ),
            flag(
                "alarms_memory_used_watermark",
                "is 1 if VM memory watermark alarm is in effect",
                reason.contains("memory"),
            ),
            (
                Kind::Gauge,
                "unreachable_cluster_peers_count",
                "Number of peers in the cluster the current node cannot reach.",
                0.0,
            ),
        ],
    )
}

/// Who this is: one series each, which dashboards join everything else with.
pub fn write_identity(text: &mut Text<'_>, api: &Api, endpoint: &str) -> io::Result<()> {
    let about = About { name: "build_info", kind: Kind::Gauge, help: "Versions of what is running" };
    let version = leveret_core::amqp::RABBITMQ_VERSION;
    text.begin(&about)?;
    let labels = [
        ("rabbitmq_version", version),
        ("prometheus_plugin_version", version),
        ("prometheus_client_version", env!("CARGO_PKG_VERSION")),
        ("erlang_version", ERLANG_VERSION),
        ("product_name", "leveret"),
        ("product_version", env!("CARGO_PKG_VERSION")),
    ];
    text.sample(about.name, &labels, 1.0)?;
    let about = About { name: "identity_info", kind: Kind::Gauge, help: "Node and cluster identity" };
    text.begin(&about)?;
    let (cluster, id) = (cluster_name(&api.shared.core), permanent_id(api));
    let labels = [
        ("rabbitmq_node", api.node()),
        ("rabbitmq_cluster", cluster.as_str()),
        ("rabbitmq_cluster_permanent_id", id.as_str()),
        ("rabbitmq_endpoint", endpoint),
    ];
    text.sample(about.name, &labels, 1.0)
}

/// What an import has brought along, or made of the node's name.
fn permanent_id(api: &Api) -> String {
    let known = api.shared.core.global_parameter("internal_cluster_id");
    known.and_then(|value| serde_json::from_slice(&value).ok()).unwrap_or_else(|| {
        let hash = Sha256::digest(api.node());
        let id = URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default());
        format!("rabbitmq-cluster-id-{id}")
    })
}
