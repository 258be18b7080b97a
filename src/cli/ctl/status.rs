//! What the broker is and how it does: status, cluster status, listeners, memory, versions, the report.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::call::Call;
use super::client::path;
use super::command::{Action, BOTH, Command, DIAGNOSTICS, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::{self, Formatter, Output, Style};
use super::health::node_path;
use super::term::text as plain;
use super::words::{switch, text};

const LOOK: Command =
    Command { topic: Topic::Monitoring, tools: DIAGNOSTICS, usage: "[--timeout <timeout>]", ..NONE };

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        tools: BOTH,
        summary: "Shows what the broker is and how it does",
        usage: "[--unit <unit>] [--timeout <timeout>]",
        options: &[text("unit", "of memory and disk: bytes, kb, mb or gb [default: gb]")],
        banner: Some(|call| Ok(format!("Status of node {} ...", call.node()?))),
        action: Action::Do(super::overview::status),
        ..LOOK
    },
    Command {
        name: "cluster_status",
        tools: BOTH,
        topic: Topic::Cluster,
        summary: "Shows the one node as a cluster",
        banner: Some(|call| Ok(format!("Cluster status of node {} ...", call.node()?))),
        action: Action::Do(super::overview::cluster_status),
        ..LOOK
    },
    Command {
        name: "report",
        tools: BOTH,
        summary: "Shows everything that who helps would ask for",
        usage: "",
        banner: Some(|call| Ok(format!("Reporting server status of node {} ...\n", call.node()?))),
        action: Action::Do(report),
        ..LOOK
    },
    Command {
        name: "listeners",
        summary: "Lists where the broker listens",
        banner: Some(|call| Ok(format!("Asking node {} to report its protocol listeners ...", call.node()?))),
        action: Action::Do(|call| {
            let (all, node) = (listeners(call)?, call.node()?);
            let lines: Vec<String> = all.iter().map(Listener::to_string).collect();
            let json: Vec<Value> = all.iter().map(|listener| listener.json(node)).collect();
            let json = json!({ "node": node, "result": "ok", "listeners": json });
            Ok(Output::Document { text: lines.join("\n"), json })
        }),
        ..LOOK
    },
    Command {
        name: "server_version",
        summary: "Says the RabbitMQ version that the broker stands in for",
        banner: Some(|call| Ok(format!("Asking node {} for its RabbitMQ version...", call.node()?))),
        action: Action::Do(|call| {
            Ok(value(&plain(&field(&call.overview("rabbitmq_version")?, "rabbitmq_version"))))
        }),
        ..LOOK
    },
    Command {
        name: "erlang_version",
        summary: "Says an Erlang version, which tools ask for; there is no Erlang",
        usage: "[--details] [--timeout <timeout>]",
        options: &[switch("details", "more of it")],
        banner: Some(|call| Ok(format!("Asking node {} for its Erlang/OTP version...", call.node()?))),
        action: Action::Do(|call| {
            if call.words.has("details") {
                return Ok(value(&plain(&field(
                    &call.overview("erlang_full_version")?,
                    "erlang_full_version",
                ))));
            }
            let version = plain(&field(&call.overview("erlang_version")?, "erlang_version"));
            Ok(value(&format!("Erlang/OTP {version}")))
        }),
        ..LOOK
    },
    Command {
        name: "is_running",
        summary: "Says whether the broker serves clients",
        banner: Some(|call| Ok(format!("Asking node {} for its status ...", call.node()?))),
        action: Action::Do(|call| {
            let runs = call.client.get("/api/health/checks/is-in-service").is_ok();
            let how = if runs { "is fully booted and running" } else { "is not running" };
            let message = format!("RabbitMQ on node {} {how}", call.node()?);
            Ok(Output::Document { json: json!({ "message": message, "result": runs }), text: message })
        }),
        ..LOOK
    },
    Command {
        name: "is_booting",
        summary: "Says that the broker does not start: it does not answer while it does",
        banner: Some(|call| Ok(format!("Asking node {} for its boot status ...", call.node()?))),
        action: Action::Do(|call| {
            let how = "is fully booted (check with is_running), stopped or has not started booting yet";
            let message = format!("RabbitMQ on node {} {how}", call.node()?);
            Ok(Output::Document { json: json!({ "message": message, "result": false }), text: message })
        }),
        ..LOOK
    },
    Command {
        name: "memory_breakdown",
        summary: "Shows where the broker's memory is",
        usage: "[--unit <unit>] [--timeout <timeout>]",
        options: &[text("unit", "bytes, kb, mb or gb [default: gb]")],
        banner: Some(|call| Ok(format!("Reporting memory breakdown on node {}...", call.node()?))),
        action: Action::Do(super::overview::memory_breakdown),
        ..LOOK
    },
    Command {
        name: "log_location",
        topic: Topic::Configuration,
        summary: "Says where the log goes",
        usage: "[--all|-a] [--timeout <timeout>]",
        options: &[super::words::Opt { short: Some('a'), ..switch("all", "all places") }],
        banner: Some(|call| Ok(format!("Log file location(s) on node {} ...", call.node()?))),
        action: Action::Do(|call| {
            let node = call.client.get(&(node_path(call)? + "?columns=log_files"))?;
            let files: Vec<String> = field(&node, "log_files")
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default()
                .iter()
                .map(plain)
                .collect();
            let shown = if call.words.has("all") { files.len() } else { 1 };
            let files: Vec<String> = files.into_iter().take(shown).collect();
            let json = json!({ "result": "ok", "node_name": call.node()?, "paths": files });
            Ok(Output::Document { text: files.join("\n"), json })
        }),
        ..LOOK
    },
    Command {
        name: "os_env",
        topic: Topic::Configuration,
        summary: "Lists the environment variables of RabbitMQ and leveret that this command has",
        banner: Some(|call| {
            Ok(format!("Listing RabbitMQ-specific environment variables defined on node {}...", call.node()?))
        }),
        action: Action::Do(|call| {
            let mut variables: Vec<(String, String)> = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with("RABBITMQ_") || name.starts_with("LEVERET_"))
                .collect();
            variables.sort();
            let lines: Vec<String> =
                variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let json: Value = variables.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
            let json = json!({ "node": call.node()?, "result": "ok", "variables": json });
            Ok(Output::Document { text: lines.join("\n"), json })
        }),
        ..LOOK
    },
    Command {
        name: "tls_versions",
        summary: "Lists the versions of TLS that the broker speaks",
        banner: Some(|_| Ok("Listing all TLS versions supported by the runtime...".to_owned())),
        action: Action::Do(|_| Ok(Output::Text("tlsv1.3\ntlsv1.2".to_owned()))),
        ..LOOK
    },
    Command {
        name: "resolve_hostname",
        topic: Topic::Configuration,
        summary: "Resolves a name on this machine",
        usage: "<hostname> [--address-family <ipv4 | ipv6>]",
        arguments: (1, 1),
        options: &[text("address-family", "ipv4 or ipv6 [default: ipv4]")],
        banner: Some(|call| {
            let family = if is_ipv6(call) { "IPv6" } else { "IPv4" };
            Ok(format!(
                "Asking node {} to resolve hostname {} to {family} addresses...",
                call.node()?,
                call.argument(0)
            ))
        }),
        action: Action::Do(resolve),
        ..LOOK
    },
];

/// Where the broker listens.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address, as the broker was told it.
    pub interface: String,
    /// The port.
    pub port: u16,
    /// As RabbitMQ calls it.
    pub protocol: String,
}

impl Listener {
    /// As the tools show it to programs.
    pub fn json(&self, node: &str) -> Value {
        json!({ "node": node, "interface": self.interface, "port": self.port, "protocol": self.protocol,
                "purpose": self.purpose() })
    }

    fn purpose(&self) -> &'static str {
        match self.protocol.as_str() {
            "amqp" => "AMQP 0-9-1 and AMQP 1.0",
            "amqp/ssl" => "AMQP 0-9-1 and AMQP 1.0 over TLS",
            "http" => "HTTP API",
            "https" => "HTTP API over TLS (HTTPS)",
            "http/prometheus" => "Prometheus exporter API over HTTP",
            "https/prometheus" => "Prometheus exporter API over TLS (HTTPS)",
            "clustering" => "inter-node and CLI tool communication",
            _ => "",
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, port, protocol } = self;
        write!(to, "Interface: {interface}, port: {port}, protocol: {protocol}, purpose: {}", self.purpose())
    }
}

/// All of them.
pub fn listeners(call: &Call<'_>) -> Result<Vec<Listener>, Failure> {
    Ok(of_overview(&call.overview("listeners")?))
}

/// Those that an overview has.
pub fn of_overview(overview: &Value) -> Vec<Listener> {
    let all = field(overview, "listeners");
    let one = |listener: &Value| {
        let interface = plain(&field(listener, "ip_address"));
        Some(Listener {
            interface: if interface.contains(':') { format!("[{interface}]") } else { interface },
            port: u16::try_from(listener.get("port")?.as_u64()?).ok()?,
            protocol: plain(&field(listener, "protocol")),
        })
    };
    all.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(one).collect()
}

/// A field, or null.
pub fn field(of: &Value, name: &str) -> Value {
    of.get(name).cloned().unwrap_or_default()
}

fn value(text: &str) -> Output {
    Output::Document { text: text.to_owned(), json: json!({ "result": "ok", "value": text }) }
}

fn is_ipv6(call: &Call<'_>) -> bool {
    call.words.value("address-family").is_some_and(|family| family.eq_ignore_ascii_case("ipv6"))
}

fn resolve(call: &Call<'_>) -> Result<Output, Failure> {
    use std::net::ToSocketAddrs as _;
    let host = call.argument(0);
    let found = (host, 0).to_socket_addrs().map_err(|error| {
        Failure::error(Exit::Unavailable, format!("{host} could not be resolved: {error}"))
    })?;
    let mut addresses: Vec<String> = found
        .map(|address| address.ip())
        .filter(|ip| ip.is_ipv6() == is_ipv6(call))
        .map(|ip| ip.to_string())
        .collect();
    addresses.dedup();
    Ok(Output::Text(addresses.join("\n")))
}

/// The options with which the broker runs: over the local socket all of them, else what the API tells.
pub fn environment(call: &Call<'_>) -> Result<Output, Failure> {
    let path = match call.client.address().place {
        super::address::Place::Socket(_) => "/local/environment",
        super::address::Place::Tcp { .. } => "/api/config/effective",
    };
    let request = super::client::Request { method: "GET", path, body: None, reason: None };
    let answer = call.client.ask(&request)?;
    if answer.status != 200 {
        return Err(Failure::error(Exit::Unavailable, answer.reason()));
    }
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    // RabbitMQ's own answer is Erlang.
    let Ok(json) = serde_json::from_str::<Value>(&text) else {
        return Ok(Output::Text(text.trim_end().to_owned()));
    };
    let text = serde_json::to_string_pretty(&json).unwrap_or(text);
    Ok(Output::Document { text, json })
}

/// The listings of which a report is made; those of virtual hosts are repeated for each.
const REPORTED: &[&str] =
    &["status", "cluster_status", "list_connections", "list_channels", "list_users", "list_feature_flags"];
const REPORTED_BY_VHOST: &[&str] = &[
    "list_queues",
    "list_exchanges",
    "list_bindings",
    "list_permissions",
    "list_policies",
    "list_global_parameters",
    "list_parameters",
];

fn report(call: &Call<'_>) -> Result<Output, Failure> {
    let mut text = String::new();
    for name in REPORTED {
        section(call, name, "/", &mut text)?;
    }
    let vhosts = call.client.get("/api/vhosts?columns=name")?;
    for vhost in vhosts.as_array().map(Vec::as_slice).unwrap_or_default() {
        let vhost = plain(&field(vhost, "name"));
        for name in REPORTED_BY_VHOST {
            section(call, name, &vhost, &mut text)?;
        }
    }
    Ok(Output::Text(text))
}

fn section(call: &Call<'_>, name: &str, vhost: &str, text: &mut String) -> Result<(), Failure> {
    let Some(command) = super::command::all().find(|command| command.name == name) else { return Ok(()) };
    let given = [name.to_owned(), format!("--vhost={vhost}")];
    let mut words = super::words::Words::sort(&given, &command.known_options());
    words.plain.clear();
    let part = Call::new(call.tool, &words, call.client, call.environment);
    if let Some(banner) = command.banner {
        let _ = writeln!(text, "{}", banner(&part)?);
    }
    let output = match &command.action {
        Action::List(listing) => listing.run(&part, &listing.chosen(&[])?)?,
        Action::Do(act) => act(&part)?,
    };
    let node = || part.presumed_node();
    let mut bytes = Vec::new();
    let style = Style { formatter: Formatter::Table, headers: true, node: &node };
    format::write(&output, style, &mut bytes)
        .map_err(|error| Failure::error(Exit::Unavailable, error.to_string()))?;
    let _ = writeln!(text, "{}", String::from_utf8_lossy(&bytes));
    Ok(())
}

/// The node as the API tells it.
pub fn node(call: &Call<'_>) -> Result<Value, Failure> {
    match call.client.get(&path(["nodes", call.node()?])) {
        Err(error) if error.status() == Some(404) => {
            Err(Failure::error(Exit::Unavailable, format!("the broker is not node {}", call.node()?)))
        }
        other => Ok(other?),
    }
}
