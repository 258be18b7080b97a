//! Health checks: what containers, load balancers and scripts ask every few seconds.

use serde_json::{Value, json};

use super::call::Call;
use super::client::{Request, path};
use super::command::{Action, BOTH, Command, DIAGNOSTICS, NONE, Topic};
use super::exit::{Exit, Failure, Said};
use super::format::Output;
use super::tool::Tool;
use super::words::{text, whole};
use super::{ports, sign_of_life};

const CHECK: Command =
    Command { topic: Topic::Monitoring, tools: DIAGNOSTICS, usage: "[--timeout <timeout>]", ..NONE };
const QUORUM: &[Tool] = &[Tool::Diagnostics, Tool::Queues];

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "ping",
        tools: BOTH,
        summary: "Succeeds if the broker answers",
        banner: Some(|call| {
            let millis = call.timeout().unwrap_or(super::call::PATIENCE).as_millis();
            let node = call.presumed_node();
            Ok(format!(
                "Will ping {node}. This only checks if the OS process is running and registered with epmd. Timeout: {millis} ms."
            ))
        }),
        action: Action::Do(ping),
        ..CHECK
    },
    Command {
        name: "check_running",
        summary: "Succeeds if the broker serves clients",
        banner: Some(|call| Ok(format!("Checking if RabbitMQ is running on node {} ...", call.node()?))),
        action: Action::Do(|call| {
            ask(call, "is-in-service")?;
            Ok(Output::Text(format!("RabbitMQ on node {} is fully booted and running", call.node()?)))
        }),
        ..CHECK
    },
    Command {
        name: "check_local_alarms",
        topic: Topic::Deprecated,
        summary: "Always succeeds, as RabbitMQ's does",
        banner: Some(|_| {
            Ok("This command is DEPRECATED and is a no-op. It will be removed in a future version."
                .to_owned())
        }),
        action: Action::Do(|call| {
            Ok(Output::Text(format!("Node {} reported no local alarms", call.node()?)))
        }),
        ..CHECK
    },
    Command {
        name: "check_alarms",
        summary: "Fails if memory or disk is short",
        banner: Some(|call| {
            Ok(format!("Asking node {} to report any local resource alarms ...", call.node()?))
        }),
        action: Action::Do(|call| {
            ask(call, "alarms").map_err(|failure| alarmed(call, &failure))?;
            let text = format!("Node {} reported no alarms, local or clusterwide", call.node()?);
            Ok(Output::Document { text, json: json!({ "result": "ok" }) })
        }),
        ..CHECK
    },
    Command {
        name: "alarms",
        summary: "Shows whether memory or disk is short",
        banner: Some(|call| {
            Ok(format!("Asking node {} to report any known resource alarms ...", call.node()?))
        }),
        action: Action::Do(|call| {
            let node = call.node()?.to_owned();
            let alarms = match ask(call, "alarms") {
                Ok(_) => Vec::new(),
                Err(Unwell::Sick(said)) => resources(&said),
                Err(Unwell::Unknown(failure)) => return Err(failure),
            };
            let text = match alarms.as_slice() {
                [] => format!("Node {node} reported no alarms, local or clusterwide"),
                alarms => alarms.iter().map(|what| explained(what, &node)).collect::<Vec<_>>().join("\n"),
            };
            Ok(Output::Document { text, json: json!({ "node": node, "result": "ok", "alarms": alarms }) })
        }),
        ..CHECK
    },
    Command {
        name: "check_virtual_hosts",
        summary: "Fails if a virtual host does not run",
        banner: Some(|call| Ok(format!("Checking if all vhosts are running on node {} ...", call.node()?))),
        action: Action::Do(|call| {
            ask(call, "virtual-hosts")?;
            let text = format!("Node {} reported all vhosts as running", call.node()?);
            Ok(Output::Document { text, json: json!({ "result": "ok" }) })
        }),
        ..CHECK
    },
    Command {
        name: "check_port_listener",
        summary: "Fails if the broker does not listen on this port",
        usage: "<port> [--timeout <timeout>]",
        arguments: (1, 1),
        validate: Some(|call| match call.argument(0).parse::<u16>() {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::bad_argument("Argument must be a positive integer")),
        }),
        banner: Some(|call| {
            Ok(format!(
                "Asking node {} if there's an active listener on port {} ...",
                call.node()?,
                call.argument(0)
            ))
        }),
        action: Action::Do(ports::check_port),
        ..CHECK
    },
    Command {
        name: "check_protocol_listener",
        summary: "Fails if the broker does not speak this protocol",
        usage: "<protocol> [--timeout <timeout>]",
        arguments: (1, 1),
        banner: Some(|call| {
            let (node, protocol) = (call.node()?, call.argument(0));
            Ok(format!("Asking node {node} if there's an active listener for protocol {protocol} ..."))
        }),
        action: Action::Do(ports::check_protocol),
        ..CHECK
    },
    Command {
        name: "check_port_connectivity",
        summary: "Connects to every port on which the broker listens",
        usage: "[--address <target address>] [--timeout <timeout>]",
        options: &[text("address", "instead of the node's own name")],
        banner: Some(|call| {
            let how = call.words.value("address").map_or_else(
                || "hostname resolution".to_owned(),
                |address| format!("{address} for node IP address"),
            );
            Ok(format!(
                "Testing TCP connections to all active listeners on node {} using {how} ...",
                call.node()?
            ))
        }),
        action: Action::Do(ports::connect_to_all),
        ..CHECK
    },
    Command {
        name: "check_certificate_expiration",
        summary: "Fails if a certificate of the broker runs out within this time",
        usage: "[--within <period>] [--unit <unit>]",
        options: &[
            whole("within", "how many [default: 4]"),
            text("unit", "days, weeks, months or years [default: weeks]"),
        ],
        banner: Some(|call| {
            Ok(format!("Checking certificate expiration for all certificates on node {} ...", call.node()?))
        }),
        action: Action::Do(check_certificates),
        ..CHECK
    },
    Command {
        name: "check_if_any_deprecated_features_are_used",
        tools: BOTH,
        summary: "Fails if something is used that RabbitMQ is going to take away",
        banner: Some(|_| Ok("Checking if any deprecated features are used ...".to_owned())),
        action: Action::Do(|call| {
            let used = call.client.get("/api/deprecated-features/used")?;
            let names: Vec<&str> = (used.as_array().map(Vec::as_slice).unwrap_or_default().iter())
                .filter_map(|feature| feature.get("name").and_then(Value::as_str))
                .collect();
            if names.is_empty() {
                return Ok(Output::Text("Cluster reported no deprecated features in use".to_owned()));
            }
            Err(Failure::plain(Exit::Unavailable, names.join("\n")))
        }),
        ..CHECK
    },
    Command {
        name: "check_if_metadata_store_is_initialized",
        summary: "Succeeds if the broker knows its users and virtual hosts",
        banner: Some(|call| Ok(metadata_banner(call.node()?))),
        action: Action::Do(|call| metadata(call, "metadata-store/initialized")),
        ..CHECK
    },
    Command {
        name: "check_if_metadata_store_is_initialized_with_data",
        summary: "Succeeds if the broker has users and virtual hosts",
        banner: Some(|call| Ok(metadata_banner(call.node()?))),
        action: Action::Do(|call| metadata(call, "metadata-store/initialized/with-data")),
        ..CHECK
    },
    Command {
        name: "check_if_node_is_quorum_critical",
        tools: QUORUM,
        summary: "Succeeds: there is one node",
        banner: Some(|call| {
            Ok(format!("Checking if node {} is critical for quorum of any queues/streams ...", call.node()?))
        }),
        action: Action::Do(|call| {
            ask(call, "node-is-quorum-critical")?;
            let node = call.node()?;
            Ok(Output::Text(format!(
                "Node {node} seems to be the only one in a single node cluster, the check does not apply"
            )))
        }),
        ..CHECK
    },
    Command {
        name: "check_if_new_quorum_queue_replicas_have_finished_initial_sync",
        tools: QUORUM,
        summary: "Succeeds: no queue has a second member",
        banner: Some(|call| {
            Ok(format!("Checking if node {} runs promotable replicas of any queues ...", call.node()?))
        }),
        action: Action::Do(|call| {
            Ok(Output::Text(format!("Node {} reported no queues with promotable replicas", call.node()?)))
        }),
        ..CHECK
    },
    Command {
        name: "has_reached_target_cluster_size",
        tools: &[Tool::Ctl, Tool::Diagnostics, Tool::Upgrade],
        summary: "Succeeds: the one node is all",
        banner: Some(|call| {
            Ok(format!("Checking if target cluster size has been reached on node {} ...", call.node()?))
        }),
        action: Action::Do(|call| {
            Ok(Output::Text(format!("Target cluster size has been reached on node {}", call.node()?)))
        }),
        ..CHECK
    },
    Command {
        name: "node_health_check",
        tools: BOTH,
        topic: Topic::Deprecated,
        summary: "Succeeds if the broker answers",
        banner: Some(|_| {
            Ok("This command is DEPRECATED and is a no-op. It will be removed in a future version. \n\
                Use one of the options covered in https://www.rabbitmq.com/monitoring.html#health-checks instead."
                .to_owned())
        }),
        action: Action::Do(
            |call| if sign_of_life::is_alive(call) { Ok(Output::Done) } else { Err(silent(call)) },
        ),
        ..CHECK
    },
];

/// Why a check did not succeed.
pub enum Unwell {
    /// The broker says so.
    Sick(Value),
    /// It could not be asked.
    Unknown(Failure),
}

impl From<Unwell> for Failure {
    fn from(unwell: Unwell) -> Self {
        match unwell {
            Unwell::Unknown(failure) => failure,
            Unwell::Sick(said) => {
                let reason = said.get("reason").map(super::term::text);
                Self::error(Exit::Unavailable, reason.unwrap_or_else(|| said.to_string()))
            }
        }
    }
}

/// Asks for one.
pub fn ask(call: &Call<'_>, check: &str) -> Result<Value, Unwell> {
    let path = format!("/api/health/checks/{check}");
    let request = Request { method: "GET", path: &path, body: None, reason: None };
    let answer = call.client.ask(&request).map_err(|error| Unwell::Unknown(error.into()))?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        200 => Ok(said),
        503 => Err(Unwell::Sick(said)),
        _ => Err(Unwell::Unknown(Failure::error(Exit::Unavailable, answer.reason()))),
    }
}

fn ping(call: &Call<'_>) -> Result<Output, Failure> {
    if !sign_of_life::is_alive(call) {
        return Err(silent(call));
    }
    // A node that was named must be the one that answers; where HTTP is off it cannot be asked.
    if call.check_node().is_err_and(|failure| {
        matches!(failure.said, Said::Plain(_)) && call.client.get("/api/version").is_ok()
    }) {
        return Err(silent(call));
    }
    Ok(Output::Text("Ping succeeded".to_owned()))
}

fn silent(call: &Call<'_>) -> Failure {
    let millis = call.timeout().unwrap_or(super::call::PATIENCE).as_millis();
    let node = call.presumed_node();
    Failure::error(Exit::Unavailable, format!("Failed to connect and authenticate to {node} in {millis} ms"))
}

fn resources(said: &Value) -> Vec<String> {
    let alarms = said.get("alarms").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    alarms
        .iter()
        .filter_map(|alarm| alarm.get("resource").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

fn explained(resource: &str, node: &str) -> String {
    match resource {
        "disk" => format!("Free disk space alarm on node {node}"),
        "memory" => format!("Memory alarm on node {node}"),
        other => format!("{other} alarm on node {node}"),
    }
}

fn alarmed(call: &Call<'_>, unwell: &Unwell) -> Failure {
    match unwell {
        Unwell::Unknown(failure) => Failure::error(failure.exit, failure.text()),
        Unwell::Sick(said) => {
            let node = call.presumed_node();
            let lines: Vec<String> = resources(said).iter().map(|what| explained(what, &node)).collect();
            Failure::error(Exit::Unavailable, lines.join("\n"))
        }
    }
}

fn check_certificates(call: &Call<'_>) -> Result<Output, Failure> {
    let within = call.words.value("within").unwrap_or("4");
    let unit = call.words.value("unit").unwrap_or("weeks");
    if !["days", "weeks", "months", "years"].contains(&unit) {
        return Err(Failure::bad_argument(format!(
            "unit '{unit}' is not supported. Please use one of: days, weeks, months, years"
        )));
    }
    match ask(call, &format!("certificate-expiration/{within}/{unit}")) {
        Ok(_) => {
            let unit = if within == "1" { unit.trim_end_matches('s') } else { unit };
            Ok(Output::Text(format!("No certificates are expiring within {within} {unit}.")))
        }
        Err(unwell) => Err(unwell.into()),
    }
}

fn metadata_banner(node: &str) -> String {
    format!("Checking if metadata store on node {node} has finished initializing ...")
}

fn metadata(call: &Call<'_>, check: &str) -> Result<Output, Failure> {
    ask(call, check)?;
    Ok(Output::Text(format!("Metadata store on node {} has completed its initialization", call.node()?)))
}

/// The expressions that health checks in the wild ask, each answered by asking the broker what it means.
pub fn eval(call: &Call<'_>) -> Result<Output, Failure> {
    let expression = call.argument(0).trim().trim_end_matches('.');
    // The image's own health check, over several lines.
    if expression.contains("rabbitmq_node_is_healthy") {
        ask(call, "is-in-service")?;
        ask(call, "alarms")?;
        return Ok(Output::Text("rabbitmq_node_is_healthy".to_owned()));
    }
    let answer = match expression {
        "node()" => call.node()?.to_owned(),
        "rabbit:is_running()" => ask(call, "is-in-service").is_ok().to_string(),
        "rabbit_nodes:reached_target_cluster_size()" | "rabbit_mnesia:is_clustered()" => {
            call.node()?;
            expression.contains("reached").to_string()
        }
        _ => {
            let text = "no Erlang is evaluated here: only what health checks ask (node(), rabbit:is_running(), \
                        rabbit_nodes:reached_target_cluster_size(), the health check of RabbitMQ's image)";
            return Err(Failure::error(Exit::Unavailable, text));
        }
    };
    Ok(Output::Text(answer))
}

/// The path of one node.
pub fn node_path(call: &Call<'_>) -> Result<String, Failure> {
    Ok(path(["nodes", call.node()?]))
}
