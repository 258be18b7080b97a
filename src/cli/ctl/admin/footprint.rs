//! What the script's successor shows of the whole broker: overview, churn, memory.

use serde_json::Value;

use super::super::exit::Failure;
use super::sheet::{Call, plain, refused};

/// `show overview`.
pub fn overview(call: &Call<'_>) -> Result<String, Failure> {
    const ROWS: &[(&str, &str)] = &[
        ("Product name", "product_name"),
        ("Product version", "product_version"),
        ("RabbitMQ version", "rabbitmq_version"),
        ("Erlang version", "erlang_version"),
        ("Erlang details", "erlang_full_version"),
        ("Connections (total)", "object_totals.connections"),
        ("AMQP 0-9-1 channels (total)", "object_totals.channels"),
        ("Queues and streams (total)", "object_totals.queues"),
        ("Consumers (total)", "object_totals.consumers"),
        ("Messages (total)", "queue_totals.messages"),
        ("Messages ready for delivery (total)", "queue_totals.messages_ready"),
        (
            "Messages delivered but unacknowledged by consumers (total)",
            "queue_totals.messages_unacknowledged",
        ),
        ("Publishing (ingress) rate (global)", "message_stats.publish_details.rate"),
        ("Publishing confirm rate (global)", "message_stats.confirm_details.rate"),
        ("Consumer delivery (egress) rate (global)", "message_stats.deliver_details.rate"),
        (
            "Consumer delivery in automatic acknowledgement mode rate (global)",
            "message_stats.deliver_no_ack_details.rate",
        ),
        ("Consumer acknowledgement rate (global)", "message_stats.ack_details.rate"),
        (
            "Unroutable messages: returned-to-publisher rate (global)",
            "message_stats.return_unroutable_details.rate",
        ),
        ("Unroutable messages: dropped rate (global)", "message_stats.drop_unroutable_details.rate"),
        ("Cluster tags", "cluster_tags"),
        ("Node tags", "node_tags"),
    ];
    keyed(call, "Overview", ROWS)
}

/// `show churn`.
pub fn churn(call: &Call<'_>) -> Result<String, Failure> {
    const ROWS: &[(&str, &str)] = &[
        ("Client connections opened", "churn_rates.connection_created"),
        ("Client connections closed", "churn_rates.connection_closed"),
        ("Client channels opened", "churn_rates.channel_created"),
        ("Client channels closed", "churn_rates.channel_closed"),
        ("Queues and streams (re)declarations", "churn_rates.queue_declared"),
        ("Queues and streams created", "churn_rates.queue_created"),
        ("Queues and streams deleted", "churn_rates.queue_deleted"),
    ];
    keyed(call, "Entity (connections, queues, etc) churn over the most recent sampling period", ROWS)
}

/// Fields of the overview, a line each, below a title.
fn keyed(call: &Call<'_>, title: &str, fields: &[(&str, &str)]) -> Result<String, Failure> {
    let overview = call.client.get("/api/overview").map_err(refused)?;
    let shown = |field: &str| {
        let found = field.split('.').try_fold(&overview, |value, name| value.get(name));
        match found {
            None | Some(Value::Array(_) | Value::Object(_)) => String::new(),
            Some(value) => plain(value),
        }
    };
    let rows: Vec<Vec<String>> =
        fields.iter().map(|(name, field)| vec![(*name).to_owned(), shown(field)]).collect();
    Ok(call.draw_titled(title, &rows))
}

/// What the parts of memory are called.
const PARTS: &[(&str, &str)] = &[
    ("reserved_unallocated", "Reserved by the kernel but unallocated"),
    ("code", "Code"),
    ("other_system", "Other (used by the runtime)"),
    ("other_proc", "Other processes"),
    ("other_ets", "Other (ETS tables)"),
    ("plugins", "Plugins and their data"),
    ("atom", "Atom table"),
    ("msg_index", "Message store indices"),
    ("mgmt_db", "Management stats database"),
    ("metrics", "Metrics data"),
    ("metadata_store", "Metadata store"),
    ("binary", "Binary heap"),
    ("connection_other", "Client connections: others processes"),
    ("quorum_queue_procs", "Quorum queue replica processes"),
    ("queue_procs", "Classic queue processes"),
    ("metadata_store_ets", "Metadata store ETS tables"),
    ("quorum_ets", "Quorum queue ETS tables"),
    ("connection_readers", "Client connections: reader processes"),
    ("connection_channels", "AMQP 0-9-1 channels"),
    ("connection_writers", "Client connections: writer processes"),
    ("stream_queue_procs", "Stream replica processes"),
    ("stream_queue_replica_reader_procs", "Stream replica reader processes"),
    ("allocated_unused", "Allocated but unused"),
    ("mnesia", "Mnesia"),
    ("stream_queue_coordinator_procs", "Stream coordinator processes"),
];

/// `show memory_breakdown_in_bytes`: the largest first.
pub fn bytes(call: &Call<'_>) -> Result<String, Failure> {
    let (memory, parts) = memory(call)?;
    let total = |key: &str| memory.get("total").and_then(|total| total.get(key)).and_then(Value::as_u64);
    let totals = [("Total (RSS)", "rss"), ("Total (allocated by the runtime)", "allocated")];
    let totals = totals.into_iter().map(|(name, key)| (name, total(key).unwrap_or_default()));
    let mut rows: Vec<(&str, u64)> = totals.chain(parts).collect();
    rows.sort_by(|(_, one), (_, other)| other.cmp(one));
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, size)| vec![name.to_owned(), size.to_string()]).collect();
    Ok(call.draw(&["key".to_owned(), "value".to_owned()], &rows))
}

/// `show memory_breakdown_in_percent`.
#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
pub fn percent(call: &Call<'_>) -> Result<String, Failure> {
    let (memory, mut parts) = memory(call)?;
    let total =
        memory.get("total").and_then(|total| total.get("rss")).and_then(Value::as_u64).unwrap_or_default();
    parts.sort_by(|(_, one), (_, other)| other.cmp(one));
    let share = |size: u64| if total == 0 { 0.0 } else { size as f64 * 100.0 / total as f64 };
    let parts = parts.into_iter().map(|(name, size)| vec![name.to_owned(), format!("{:.2}%", share(size))]);
    let rows: Vec<Vec<String>> =
        std::iter::once(vec!["total".to_owned(), "100%".to_owned()]).chain(parts).collect();
    Ok(call.draw(&["key".to_owned(), "percentage".to_owned()], &rows))
}

/// Names and sizes.
type Parts = Vec<(&'static str, u64)>;

fn memory(call: &Call<'_>) -> Result<(Value, Parts), Failure> {
    let answer = call.client.get(&call.path("nodes/{node}/memory")).map_err(refused)?;
    let memory = answer.get("memory").cloned().unwrap_or_default();
    let parts = PARTS.iter().filter_map(|(key, name)| Some((*name, memory.get(*key)?.as_u64()?))).collect();
    Ok((memory, parts))
}

/// `plugins list_on_node` and `plugins list_all`: the one node's.
pub fn plugins(call: &Call<'_>) -> Result<String, Failure> {
    let nodes = call.client.get("/api/nodes?columns=name,enabled_plugins").map_err(refused)?;
    let mut rows = Vec::new();
    for node in nodes.as_array().map(Vec::as_slice).unwrap_or_default() {
        let name = node.get("name").map(plain).unwrap_or_default();
        if call.words.value("node").is_some_and(|wanted| wanted != name) {
            continue;
        }
        let plugins = node.get("enabled_plugins").and_then(Value::as_array).cloned().unwrap_or_default();
        rows.extend(plugins.iter().map(|plugin| vec![name.clone(), plain(plugin), "Enabled".to_owned()]));
    }
    Ok(call.draw(&["node".to_owned(), "name".to_owned(), "state".to_owned()], &rows))
}
