//! What memory is used for, under RabbitMQ's names.
//!
//! Three things are known: what messages in queues take (`binary`), the program itself (`code`: the pages of its file),
//! and all of it. The rest (connections, queues themselves, indexes, what the allocator keeps) is `other_system`; an
//! Erlang node's other parts are zero.

use leveret_core::Effects;
use serde_json::{Value, json};

use super::request::Object;
use crate::session::Shared;
use crate::vitals;

/// The parts of an Erlang node's memory, in RabbitMQ's order.
const PARTS: [&str; 24] = [
    "connection_readers",
    "connection_writers",
    "connection_channels",
    "connection_other",
    "queue_procs",
    "stream_queue_procs",
    "stream_queue_replica_reader_procs",
    "stream_queue_coordinator_procs",
    "quorum_queue_procs",
    "quorum_queue_dlx_procs",
    "plugins",
    "metadata_store",
    "other_proc",
    "metrics",
    "mgmt_db",
    "quorum_ets",
    "mnesia",
    "metadata_store_ets",
    "other_ets",
    "binary",
    "msg_index",
    "code",
    "atom",
    "other_system",
];

/// Bytes by part, and all of them.
pub fn parts(shared: &Shared) -> (u64, Vec<(&'static str, u64)>) {
    let all = shared.vitals.memory_bytes();
    let binary = bodies_bytes(shared).min(all);
    let code = vitals::code_bytes().min(all - binary);
    let bytes = |name: &str| match name {
        "binary" => binary,
        "code" => code,
        "other_system" => all - binary - code,
        _ => 0,
    };
    (all, PARTS.iter().map(|name| (*name, bytes(name))).collect())
}

/// In bytes.
pub fn of(shared: &Shared) -> Object {
    let (all, parts) = parts(shared);
    let mut memory: Object =
        parts.into_iter().map(|(name, bytes)| (name.to_owned(), Value::from(bytes))).collect();
    memory.insert("allocated_unused".to_owned(), 0.into());
    memory.insert("reserved_unallocated".to_owned(), 0.into());
    memory.insert("strategy".to_owned(), "rss".into());
    memory.insert("total".to_owned(), json!({"erlang": all, "rss": all, "allocated": all}));
    memory
}

/// In percent; what is there has one at least.
pub fn relative(shared: &Shared) -> Object {
    let (all, parts) = parts(shared);
    let percent = |bytes: u64| if bytes == 0 { 0 } else { (bytes * 100 / all.max(1)).max(1) };
    let mut memory: Object =
        parts.into_iter().map(|(name, bytes)| (name.to_owned(), Value::from(percent(bytes)))).collect();
    memory.insert("allocated_unused".to_owned(), 0.into());
    memory.insert("reserved_unallocated".to_owned(), 0.into());
    memory.insert("total".to_owned(), 100.into());
    memory
}

/// Who holds the bodies of messages; here all of them are queues'.
pub fn of_bodies(shared: &Shared) -> Object {
    let mut binary: Object = PARTS
        .iter()
        .filter(|name| name.starts_with("connection_") || name.ends_with("_procs"))
        .chain(["metadata_store", "plugins", "mgmt_db", "msg_index", "other"].iter())
        .map(|name| ((*name).to_owned(), Value::from(0)))
        .collect();
    binary.insert("queue_procs".to_owned(), bodies_bytes(shared).into());
    binary
}

/// What messages that wait take of the memory.
fn bodies_bytes(shared: &Shared) -> u64 {
    let mut effects = Effects::default();
    let mut bytes = 0;
    for vhost in shared.core.vhosts() {
        for queue in vhost.routes().queues() {
            bytes += queue.look(shared.clock.now(), &mut effects).memory_bytes as u64;
        }
        shared.carry_out(&mut effects);
    }
    bytes
}
