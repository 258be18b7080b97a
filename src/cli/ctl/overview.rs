//! The long answers for people: status, cluster status and the breakdown of memory, section by section.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::call::Call;
use super::exit::Failure;
use super::format::Output;
use super::health::node_path;
use super::status::{field, node, of_overview};
use super::term::text;

/// `status`.
pub fn status(call: &Call<'_>) -> Result<Output, Failure> {
    let (node, overview) = (node(call)?, call.overview("listeners,object_totals")?);
    let memory = call.client.get(&(node_path(call)? + "/memory"))?;
    let vhosts = call.client.get("/api/vhosts?columns=name")?;
    let memory = field(&memory, "memory");
    let mut text = String::new();
    runtime(&node, &mut text);
    section(&mut text, "Plugins", &plugins(&node));
    section(&mut text, "Data directory", &[data_directory(&node)]);
    section(&mut text, "Config files", &bullets(&node, "config_files"));
    section(&mut text, "Log file(s)", &bullets(&node, "log_files"));
    section(&mut text, "Alarms", &alarms(&node));
    section(&mut text, "Tags", &[]);
    section(&mut text, "Memory", &memory_lines(call, &node, &memory));
    let unit = Unit::of(call);
    section(
        &mut text,
        "Free Disk Space",
        &[
            format!("Low free disk space watermark: {}", unit.show(&field(&node, "disk_free_limit"))),
            format!("Free disk space: {}", unit.show(&field(&node, "disk_free"))),
        ],
    );
    let totals = field(&overview, "object_totals");
    let vhost_count = vhosts.as_array().map_or(0, Vec::len);
    section(
        &mut text,
        "Totals",
        &[
            format!("Connection count: {}", text_of(&totals, "connections")),
            format!("Queue count: {}", text_of(&totals, "queues")),
            format!("Virtual host count: {vhost_count}"),
        ],
    );
    let listeners = of_overview(&overview);
    let lines: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    section(&mut text, "Listeners", &lines);
    let name = call.node()?;
    let json = json!({
        "pid": text_of(&node, "os_pid").parse::<u64>().ok(), "os": "Linux",
        "uptime": node.get("uptime").and_then(Value::as_u64).map(|millis| millis / 1000),
        "rabbitmq_version": version(&node), "erlang_version": field(&node, "erlang_full_version"),
        "is_under_maintenance": node.get("being_drained").and_then(Value::as_bool).unwrap_or_default(),
        "processes": { "used": field(&node, "proc_used"), "limit": field(&node, "proc_total") },
        "run_queue": field(&node, "run_queue"), "net_ticktime": field(&node, "net_ticktime"),
        "active_plugins": field(&node, "enabled_plugins"), "data_directory": field(&node, "db_dir"),
        "config_files": field(&node, "config_files"), "log_files": field(&node, "log_files"),
        "alarms": alarms(&node), "memory": memory,
        "vm_memory_limit": field(&node, "mem_limit"), "vm_memory_calculation_strategy": field(&node, "mem_calculation_strategy"),
        "disk_free_limit": field(&node, "disk_free_limit"), "disk_free": field(&node, "disk_free"),
        "totals": { "connection_count": field(&totals, "connections"), "queue_count": field(&totals, "queues"),
                    "virtual_host_count": vhost_count },
        "listeners": listeners.iter().map(|each| each.json(name)).collect::<Vec<_>>(),
    });
    Ok(Output::Document { text: text.trim_end().to_owned(), json })
}

fn runtime(node: &Value, text: &mut String) {
    let uptime = node.get("uptime").and_then(Value::as_u64).unwrap_or_default() / 1000;
    section(
        text,
        "Runtime",
        &[
            format!("OS PID: {}", text_of(node, "os_pid")),
            "OS: Linux".to_owned(),
            format!("Uptime (seconds): {uptime}"),
            format!(
                "Is under maintenance?: {}",
                node.get("being_drained").and_then(Value::as_bool).unwrap_or_default()
            ),
            format!("RabbitMQ version: {}", version(node)),
            format!("Node name: {}", text_of(node, "name")),
            format!("Erlang configuration: {}", text_of(node, "erlang_full_version")),
            format!(
                "Erlang processes: {} used, {} limit",
                text_of(node, "proc_used"),
                text_of(node, "proc_total")
            ),
            format!("Scheduler run queue: {}", text_of(node, "run_queue")),
            format!("Cluster heartbeat timeout (net_ticktime): {}", text_of(node, "net_ticktime")),
        ],
    );
}

/// A heading, a blank line, the lines or `(none)`, a blank line.
fn section(text: &mut String, title: &str, lines: &[String]) {
    let none = "(none)".to_owned();
    let lines = if lines.is_empty() { std::slice::from_ref(&none) } else { lines };
    let _ = write!(text, "{title}\n\n{}\n\n", lines.join("\n"));
}

fn data_directory(node: &Value) -> String {
    match text_of(node, "db_dir").as_str() {
        "" => "Node data directory: none, as nothing is kept".to_owned(),
        path => format!("Node data directory: {path}"),
    }
}

fn plugins(node: &Value) -> Vec<String> {
    let mut lines = vec!["Enabled plugins:".to_owned(), String::new()];
    lines.extend(bullets(node, "enabled_plugins"));
    lines
}

fn bullets(node: &Value, key: &str) -> Vec<String> {
    let list = field(node, key);
    list.as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|item| format!(" * {}", text(item)))
        .collect()
}

fn alarms(node: &Value) -> Vec<String> {
    let name = text_of(node, "name");
    let rings = |key: &str| node.get(key).and_then(Value::as_bool).unwrap_or_default();
    let memory = rings("mem_alarm").then(|| format!("Memory alarm on node {name}"));
    let disk = rings("disk_free_alarm").then(|| format!("Free disk space alarm on node {name}"));
    memory.into_iter().chain(disk).collect()
}

fn text_of(of: &Value, name: &str) -> String {
    text(&field(of, name))
}

/// RabbitMQ 4.3 tells it of a node; the overview has it always.
fn version(node: &Value) -> String {
    let version = text_of(node, "rabbitmq_version");
    if version.is_empty() { super::help::version().to_owned() } else { version }
}

/// `cluster_status`.
pub fn cluster_status(call: &Call<'_>) -> Result<Output, Failure> {
    let node = node(call)?;
    let overview = call.overview("listeners,cluster_name,cluster_tags,rabbitmq_version,erlang_version")?;
    let flags = call.client.get("/api/feature-flags")?;
    let name = call.node()?;
    let processors = text_of(&node, "processors");
    let mut text = String::new();
    section(
        &mut text,
        "Basics",
        &[
            format!("Cluster name: {}", text_of(&overview, "cluster_name")),
            format!("Total CPU cores available cluster-wide: {processors}"),
        ],
    );
    section(&mut text, "Cluster Tags", &[]);
    section(&mut text, "Disk Nodes", &[name.to_owned()]);
    section(&mut text, "Running Nodes", &[name.to_owned()]);
    let (rabbitmq, erlang) = (text_of(&overview, "rabbitmq_version"), text_of(&overview, "erlang_version"));
    section(&mut text, "Versions", &[format!("{name}: RabbitMQ {rabbitmq} on Erlang {erlang}")]);
    section(&mut text, "CPU Cores", &[format!("Node: {name}, available CPU cores: {processors}")]);
    section(&mut text, "Maintenance status", &[format!("Node: {name}, status: not under maintenance")]);
    section(&mut text, "Alarms", &alarms(&node));
    section(&mut text, "Network Partitions", &[]);
    let listeners = of_overview(&overview);
    let lines: Vec<String> =
        listeners.iter().map(|each| format!("Node: {name}, {}", lowered(&each.to_string()))).collect();
    section(&mut text, "Listeners", &lines);
    let flags = flags.as_array().cloned().unwrap_or_default();
    let lines: Vec<String> = flags
        .iter()
        .map(|flag| format!("Flag: {}, state: {}", text_of(flag, "name"), text_of(flag, "state")))
        .collect();
    section(&mut text, "Feature flags", &lines);
    let json = json!({
        "cluster_name": field(&overview, "cluster_name"), "cluster_tags": [], "disk_nodes": [name], "ram_nodes": [],
        "running_nodes": [name], "alarms": alarms(&node), "partitions": {},
        "versions": { name: { "rabbitmq_name": "RabbitMQ", "rabbitmq_version": rabbitmq, "erlang_version": erlang } },
        "cpu_cores": { name: field(&node, "processors") },
        "maintenance_status": { name: "not under maintenance" },
        "listeners": { name: listeners.iter().map(|each| each.json(name)).collect::<Vec<_>>() },
        "feature_flags": flags.iter().map(|flag| json!({ "name": flag.get("name"), "state": flag.get("state"),
            "stability": flag.get("stability"), "desc": flag.get("desc"), "doc_url": flag.get("doc_url"),
            "provided_by": flag.get("provided_by") })).collect::<Vec<_>>(),
    });
    Ok(Output::Document { text: text.trim_end().to_owned(), json })
}

fn lowered(line: &str) -> String {
    line.strip_prefix('I').map_or_else(|| line.to_owned(), |rest| format!("i{rest}"))
}

/// `memory_breakdown`.
pub fn memory_breakdown(call: &Call<'_>) -> Result<Output, Failure> {
    let memory = call.client.get(&(node_path(call)? + "/memory"))?;
    let memory = field(&memory, "memory");
    let total = total(&memory);
    let parts = parts(&memory);
    let json: Value = (parts.iter())
        .map(|(name, bytes)| {
            (name.clone(), json!({ "bytes": bytes, "percentage": rounded(share(*bytes, total), 2) }))
        })
        .collect();
    let unit = Unit::of(call);
    let lines: Vec<String> = (parts.iter())
        .map(|(name, bytes)| {
            format!("{name}: {} ({}%)", unit.of_bytes(*bytes), decimals(share(*bytes, total), 2))
        })
        .collect();
    Ok(Output::Document { text: format!("{}\n", lines.join("\n")), json })
}

fn memory_lines(call: &Call<'_>, node: &Value, memory: &Value) -> Vec<String> {
    let (unit, total) = (Unit::of(call), total(memory));
    let mut lines = vec![
        format!("Total memory used: {}", unit.show(&field(node, "mem_used"))),
        format!("Calculation strategy: {}", text_of(node, "mem_calculation_strategy")),
        format!("Memory high watermark setting: computed to: {}", unit.show(&field(node, "mem_limit"))),
        String::new(),
    ];
    let parts = parts(memory);
    lines.extend(parts.iter().map(|(name, bytes)| {
        format!("{name}: {} ({} %)", unit.of_bytes(*bytes), decimals(share(*bytes, total), 2))
    }));
    lines
}

/// Where memory is, the largest first.
fn parts(memory: &Value) -> Vec<(String, u64)> {
    let map = memory.as_object().cloned().unwrap_or_default();
    let mut parts: Vec<(String, u64)> =
        map.iter().filter_map(|(name, bytes)| Some((name.clone(), bytes.as_u64()?))).collect();
    parts.sort_by(|(_, one), (_, other)| other.cmp(one));
    parts
}

fn total(memory: &Value) -> u64 {
    memory.get("total").and_then(|total| total.get("rss")).and_then(Value::as_u64).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn share(part: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { part as f64 * 100.0 / total as f64 }
}

/// In what sizes are shown.
struct Unit {
    name: &'static str,
    bytes: f64,
}

impl Unit {
    fn of(call: &Call<'_>) -> Self {
        let (name, bytes) = match call.words.value("unit").unwrap_or("gb").to_ascii_lowercase().as_str() {
            "bytes" | "b" => ("bytes", 1.0),
            "kb" => ("kb", 1e3),
            "mb" => ("mb", 1e6),
            _ => ("gb", 1e9),
        };
        Self { name, bytes }
    }

    fn show(&self, value: &Value) -> String {
        self.of_bytes(value.as_u64().unwrap_or_default())
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with four decimals")]
    fn of_bytes(&self, bytes: u64) -> String {
        if self.name == "bytes" {
            return format!("{bytes} bytes");
        }
        format!("{} {}", decimals(bytes as f64 / self.bytes, 4), self.name)
    }
}

fn rounded(number: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (number * scale).round() / scale
}

/// As Erlang shows a number: no zeros at the end, one digit at least.
fn decimals(number: f64, places: i32) -> String {
    let rounded = rounded(number, places);
    if rounded.fract() == 0.0 { format!("{rounded:.1}") } else { rounded.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_erlang() {
        assert_eq!(decimals(0.07384, 4), "0.0738");
        assert_eq!(decimals(0.0, 2), "0.0");
        assert_eq!(decimals(56.2100, 2), "56.21");
        assert_eq!(decimals(1.0, 4), "1.0");
    }

    #[test]
    fn an_empty_section_says_so() {
        let mut text = String::new();
        section(&mut text, "Alarms", &[]);
        section(&mut text, "Disk Nodes", &["n".to_owned()]);
        assert_eq!(text, "Alarms\n\n(none)\n\nDisk Nodes\n\nn\n\n");
    }
}
