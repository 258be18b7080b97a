//! What a broker is made of, as RabbitMQ's export tells it: the other direction of `apply`.
//!
//! Not told, as in RabbitMQ: messages, exclusive queues, the exchanges that are always there, internal exchanges, the
//! bindings of the default exchange, what the broker keeps for itself (`internal…` among the global parameters). A binding
//! that has one of these at an end stays away too, because a file with it could not be imported; RabbitMQ's has it.
//!
//! Queues and bindings come from the snapshots that publishers route by, so nothing waits for an export, however much
//! there is. Each virtual host is told as it is at one moment, but not all of them at the same one. What is told is
//! in the order of virtual hosts and names: two exports of the same broker are the same text.

use std::sync::Arc;

use leveret_core::amqp::RABBITMQ_VERSION;
use leveret_core::model::{Broker, Vhost};
use serde_json::{Map, Value, json};

use super::layout::Layout;
use super::{parameters, rows};

/// The definitions of the whole broker; or of one virtual host, nothing of which names it then. A virtual host that is
/// not there has none.
pub fn export(core: &Broker, vhost: Option<&str>) -> Value {
    let mut document = heading();
    match vhost {
        None => {
            whole(core, &mut document);
            document.extend(topology(core, core.vhosts()));
        }
        Some(name) => {
            let vhost = core.vhost(name);
            single(name, vhost.as_deref(), &mut document);
            document.extend(topology(core, vhost.into_iter().collect()));
            document.values_mut().filter_map(Value::as_array_mut).flatten().for_each(forget_vhost);
        }
    }
    Value::Object(document)
}

fn heading() -> Map<String, Value> {
    let versions = [
        ("rabbit_version", RABBITMQ_VERSION),
        ("rabbitmq_version", RABBITMQ_VERSION),
        ("product_name", env!("CARGO_PKG_NAME")),
        ("product_version", env!("CARGO_PKG_VERSION")),
    ];
    versions.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect()
}

fn whole(core: &Broker, document: &mut Map<String, Value>) {
    let name = parameters::cluster_name(core);
    let mut users = core.users();
    users.sort_by(|left, right| left.name.cmp(&right.name));
    let heading = [
        ("explanation", format!("Definitions of cluster '{name}'")),
        ("rabbitmq_definition_format", "cluster".to_owned()),
        ("original_cluster_name", name),
    ];
    document.extend(heading.map(|(key, text)| (key.to_owned(), text.into())));
    let mut vhosts = core.vhosts();
    vhosts.sort_by(|left, right| left.name().cmp(right.name()));
    let lists = [
        ("users", users.iter().map(|user| rows::user(user)).collect()),
        ("vhosts", vhosts.iter().map(|vhost| rows::vhost(vhost)).collect()),
        ("permissions", users.iter().flat_map(|user| rows::permissions(user)).collect()),
        ("topic_permissions", users.iter().flat_map(|user| rows::topic_permissions(user)).collect()),
        ("global_parameters", global_parameters(core)),
    ];
    document.extend(lists.map(|(key, list)| (key.to_owned(), list)));
}

fn global_parameters(core: &Broker) -> Value {
    let all = core.global_parameters();
    // RabbitMQ's rule for what is nobody else's business.
    let told = all.iter().filter(|parameter| !parameter.name.starts_with("internal"));
    told.map(rows::global_parameter).collect()
}

fn single(name: &str, vhost: Option<&Vhost>, document: &mut Map<String, Value>) {
    let told = vhost.map(rows::vhost).unwrap_or_default();
    let part = |key: &str| told.get(key).cloned().unwrap_or_else(|| json!({}));
    let metadata = part("metadata");
    let heading = [
        ("explanation", format!("Definitions of virtual host '{name}'").into()),
        ("rabbitmq_definition_format", "single_virtual_host".into()),
        ("original_vhost_name", name.into()),
        ("description", metadata.get("description").cloned().unwrap_or_default()),
        ("metadata", metadata),
        ("limits", part("limits")),
    ];
    document.extend(heading.map(|(key, value)| (key.to_owned(), value)));
}

fn forget_vhost(row: &mut Value) {
    if let Value::Object(row) = row {
        row.remove("vhost");
    }
}

/// What is in these virtual hosts, by list.
fn topology(core: &Broker, mut vhosts: Vec<Arc<Vhost>>) -> Map<String, Value> {
    vhosts.sort_by(|left, right| left.name().cmp(right.name()));
    let layouts: Vec<Layout> = vhosts.iter().map(|vhost| Layout::of(vhost)).collect();
    let lists = [
        ("parameters", vhosts.iter().flat_map(|vhost| parameters::rows(core, vhost)).collect()),
        ("policies", vhosts.iter().flat_map(|vhost| rows::policies(vhost)).collect()),
        ("queues", layouts.iter().flat_map(Layout::queues).collect()),
        ("exchanges", layouts.iter().flat_map(Layout::exchanges).collect()),
        ("bindings", layouts.iter().flat_map(Layout::bindings).collect()),
    ];
    lists.map(|(key, list)| (key.to_owned(), list)).into_iter().collect()
}
