//! The node's life: stopping, resetting, and what only makes sense where there are several nodes.
//!
//! What changes a running node goes over the local socket only, below `/local`: who may connect there may also
//! send it a signal.

use serde_json::{Value, json};

use super::address::Place;
use super::call::Call;
use super::client::path;
use super::command::{Action, CTL, Command, DIAGNOSTICS, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::tool::Tool;
use super::waiting;
use super::words::{switch, text};

const NODE: Command = Command { topic: Topic::Nodes, ..NONE };
const CLUSTER: Command = Command { topic: Topic::Cluster, ..NONE };
const CONFIGURATION: Command = Command { topic: Topic::Configuration, ..NONE };
const DEPRECATED: Command = Command { topic: Topic::Deprecated, ..NONE };

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "stop",
        summary: "Stops the broker",
        usage: "[--idempotent] [<pidfile>]",
        arguments: (0, 1),
        options: &[switch("idempotent", "nothing to stop is fine")],
        banner: Some(|call| Ok(format!("Stopping and halting node {} ...", call.presumed_node()))),
        action: Action::Do(|call| match shut_down(call) {
            Err(failure) if call.words.has("idempotent") && failure.exit == Exit::Unavailable => {
                Ok(Output::Done)
            }
            other => other,
        }),
        ..NODE
    },
    Command {
        name: "shutdown",
        summary: "Stops the broker, and waits for it to end",
        usage: "[--wait] [--timeout <timeout>]",
        options: &[switch("wait", "the default"), switch("no-wait", "don't wait")],
        banner: Some(|call| {
            Ok(format!("Shutting down RabbitMQ node {} running at PID {}", call.node()?, pid(call)?))
        }),
        action: Action::Do(|call| {
            shut_down(call)?;
            if call.words.has("no-wait") {
                return Ok(Output::Done);
            }
            call.say(&format!("Waiting for the node to terminate ({})", call.presumed_node()));
            waiting::until_gone(call)?;
            Ok(Output::Text(format!("RabbitMQ node {} has been stopped", call.presumed_node())))
        }),
        ..NODE
    },
    Command {
        name: "stop_app",
        summary: "Closes all connections and lets nobody in; the process, its ports and its local socket stay",
        banner: Some(|call| Ok(format!("Stopping rabbit application on node {} ...", call.node()?))),
        action: Action::Do(|call| local(call, "/local/app/stop")),
        ..NODE
    },
    Command {
        name: "start_app",
        summary: "Lets connections in again after stop_app",
        banner: Some(|call| Ok(format!("Starting node {} ...", call.node()?))),
        action: Action::Do(|call| local(call, "/local/app/start")),
        ..NODE
    },
    Command {
        name: "reset",
        summary: "Deletes everything: users, virtual hosts, queues, messages; after stop_app only",
        validate: Some(only_stopped),
        banner: Some(|call| Ok(format!("Resetting node {} ...", call.node()?))),
        action: Action::Do(reset),
        ..NODE
    },
    Command {
        name: "force_reset",
        topic: Topic::Cluster,
        summary: "As reset",
        validate: Some(only_stopped),
        banner: Some(|call| Ok(format!("Forcefully resetting node {} ...", call.node()?))),
        action: Action::Do(reset),
        ..NODE
    },
    Command {
        name: "rotate_logs",
        topic: Topic::Deprecated,
        summary: "Refused, as by RabbitMQ: the log goes to standard output, or is rotated from outside",
        action: Action::Do(|_| {
            Err(Failure::error(Exit::Unavailable, "This command does not rotate logs anymore [deprecated]"))
        }),
        ..NODE
    },
    Command {
        name: "force_boot",
        summary: "Nothing to do: a single node starts always",
        action: Action::Do(|_| Ok(Output::Done)),
        ..CLUSTER
    },
    Command {
        name: "join_cluster",
        summary: "Refused: a leveret is one node",
        usage: "[--disc] <existing_cluster_member>",
        arguments: (1, 1),
        options: &[switch("disc", "accepted"), switch("ram", "accepted")],
        banner: Some(|call| Ok(format!("Clustering node {} with {}", call.node()?, call.argument(0)))),
        action: Action::Do(|call| {
            let (own, other) = (call.node()?, call.argument(0));
            if own == other {
                let text = format!("Error: cannot cluster node with itself: {own}");
                return Err(Failure::error(Exit::Software, text));
            }
            Err(Failure::error(Exit::Unavailable, "leveret does not form clusters: a broker is one node"))
        }),
        ..CLUSTER
    },
    Command {
        name: "forget_cluster_node",
        summary: "Refused: there is no other node",
        usage: "[--offline] <existing_cluster_member_node>",
        arguments: (1, 1),
        options: &[switch("offline", "accepted")],
        banner: Some(|call| Ok(format!("Removing node {} from the cluster", call.argument(0)))),
        action: Action::Do(|_| {
            let text = "{:not_a_cluster_node, ~c\"The node selected is not in the cluster.\"}";
            Err(Failure::error(Exit::Unavailable, text))
        }),
        ..CLUSTER
    },
    Command {
        name: "set_cluster_name",
        summary: "Names the cluster that the one node is",
        usage: "<name>",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Setting cluster name to {} ...", call.argument(0)))),
        action: Action::Do(|call| {
            call.client.put(&path(["cluster-name"]), &json!({ "name": call.argument(0) }))?;
            Ok(Output::Done)
        }),
        ..CONFIGURATION
    },
    Command {
        name: "set_log_level",
        summary: "Changes how much is logged, until the broker ends",
        usage: "<log_level> | <category>=<log_level>",
        arguments: (1, 1),
        validate: Some(check_level),
        banner: Some(|call| Ok(format!("Setting log level to \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| put_local(call, "/local/log/level", &json!({ "level": call.argument(0) }))),
        ..CONFIGURATION
    },
    Command {
        name: "set_vm_memory_high_watermark",
        summary: "Changes how much memory the broker may use, until it ends",
        usage: "<fraction> | absolute <value>",
        arguments: (1, 2),
        validate: Some(|call| limit(call, "absolute", "relative").map(|_| ())),
        banner: Some(|call| {
            let (node, last) = (call.node()?, call.words.plain.last().map_or("", String::as_str));
            let bytes = if call.words.plain.len() == 2 { " bytes" } else { "" };
            Ok(format!("Setting memory threshold on {node} to {last}{bytes} ..."))
        }),
        action: Action::Do(|call| {
            let limit = limit(call, "absolute", "relative")?;
            put_local(call, "/local/memory-high-watermark", &limit)
        }),
        ..CONFIGURATION
    },
    Command {
        name: "set_disk_free_limit",
        summary: "Changes how much of the disk must stay free, until the broker ends",
        usage: "<disk_limit> | mem_relative <fraction>",
        arguments: (1, 2),
        validate: Some(|call| limit(call, "mem_relative", "absolute").map(|_| ())),
        banner: Some(|call| {
            let (node, last) = (call.node()?, call.words.plain.last().map_or("", String::as_str));
            Ok(match call.words.plain.len() {
                1 => format!("Setting disk free limit on {node} to {last} bytes ..."),
                _ => format!("Setting disk free limit on {node} to {last} times the total RAM ..."),
            })
        }),
        action: Action::Do(|call| {
            let limit = limit(call, "mem_relative", "absolute")?;
            put_local(call, "/local/disk-free-limit", &limit)
        }),
        ..CONFIGURATION
    },
    Command {
        name: "force_gc",
        topic: Topic::Operations,
        summary: "Nothing to do: memory is given back as soon as it is not used",
        banner: Some(|call| {
            Ok(format!("Will ask all processes on node {} to schedule a full sweep GC", call.node()?))
        }),
        ..NODE
    },
    Command {
        name: "reset_stats_db",
        topic: Topic::Operations,
        summary: "Starts the statistics anew",
        usage: "[--all]",
        options: &[switch("all", "accepted")],
        banner: Some(|call| Ok(format!("Resetting statistics database on node {}", call.node()?))),
        action: Action::Do(|call| {
            call.client.delete("/api/reset")?;
            Ok(Output::Done)
        }),
        ..NODE
    },
    Command {
        name: "eval",
        topic: Topic::Operations,
        summary: "Answers the few Erlang expressions that health checks ask; anything else is refused",
        usage: "<expression>",
        arguments: (1, 1),
        action: Action::Do(super::health::eval),
        ..NODE
    },
    Command {
        name: "environment",
        tools: &[Tool::Ctl, Tool::Diagnostics],
        summary: "Shows the options with which the broker runs",
        banner: Some(|call| Ok(format!("Application environment of node {} ...", call.node()?))),
        action: Action::Do(super::status::environment),
        ..CONFIGURATION
    },
    Command {
        name: "drain",
        tools: &[Tool::Upgrade],
        summary: "Accepted without effect: a single node that serves nobody is one that is stopped",
        banner: Some(|call| {
            Ok(format!(
                "Will put node {} into maintenance mode. The node will no longer serve any client traffic!",
                call.node()?
            ))
        }),
        action: Action::Do(|_| Ok(Output::Done)),
        ..CLUSTER
    },
    Command {
        name: "revive",
        tools: &[Tool::Upgrade],
        summary: "Accepted without effect, as drain",
        banner: Some(|call| {
            Ok(format!(
                "Will bring node {} back from maintenance into regular operating mode ...",
                call.node()?
            ))
        }),
        ..CLUSTER
    },
    Command {
        name: "post_upgrade",
        tools: &[Tool::Upgrade],
        summary: "Nothing to do",
        banner: Some(|_| Ok("Executing post upgrade tasks...".to_owned())),
        ..CLUSTER
    },
    Command {
        name: "observer",
        tools: DIAGNOSTICS,
        topic: Topic::Monitoring,
        summary: "Refused: there is no Erlang machine to observe",
        usage: "[--interval <seconds>]",
        options: &[text("interval", "accepted")],
        action: Action::Do(|_| {
            Err(Failure::error(Exit::Unavailable, "there is no Erlang machine to observe"))
        }),
        ..NODE
    },
    Command {
        name: "rename_cluster_node",
        summary: "Nothing to do",
        usage: "<oldnode1> <newnode1> [oldnode2] [newnode2] ...",
        arguments: (0, usize::MAX),
        action: Action::Do(|_| Ok(Output::Text("DEPRECATED. This command is a no-op.".to_owned()))),
        tools: CTL,
        ..DEPRECATED
    },
    Command {
        name: "update_cluster_nodes",
        summary: "Nothing to do",
        usage: "<seed_node>",
        arguments: (0, usize::MAX),
        action: Action::Do(|_| Ok(Output::Text("DEPRECATED. This command is a no-op.".to_owned()))),
        ..DEPRECATED
    },
];

fn check_level(call: &Call<'_>) -> Result<(), Failure> {
    const LEVELS: [&str; 6] = ["debug", "info", "warning", "error", "critical", "none"];
    let words = call.argument(0).split(',');
    let mut levels = words.map(|word| word.split_once('=').map_or(word, |(_, level)| level));
    // Which categories there are the broker knows.
    match levels.find(|level| !LEVELS.contains(level)) {
        None => Ok(()),
        Some(level) => {
            let text = format!("level {level} is not supported. Try one of {}", LEVELS.join(", "));
            Err(Failure::error(Exit::Unavailable, text))
        }
    }
}

/// One argument is of the `single` kind, two begin with the word `pair`.
fn limit(call: &Call<'_>, pair: &str, single: &str) -> Result<Value, Failure> {
    let bad = || Failure { exit: Exit::Data, said: super::exit::Said::Arguments("Bad argument.".to_owned()) };
    let (kind, text) = match call.words.plain.as_slice() {
        [value] => (single, value),
        [word, value] if word == pair => (pair, value),
        _ => return Err(bad()),
    };
    let value = match kind {
        "absolute" => bytes(text).map(Value::from),
        _ => text.parse::<f64>().ok().filter(|fraction| 0.0 <= *fraction).map(Value::from),
    };
    let kind = if kind == "mem_relative" { "relative" } else { kind };
    Ok(json!({ kind: value.ok_or_else(bad)? }))
}

/// `50000000`, `50MB`, `1GiB`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|each: char| each.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        "t" | "tb" => 1_000_000_000_000,
        "tib" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn pid(call: &Call<'_>) -> Result<String, Failure> {
    let node = call.client.get(&(path(["nodes", call.node()?]) + "?columns=os_pid"))?;
    Ok(node.get("os_pid").map(super::term::text).unwrap_or_default())
}

fn shut_down(call: &Call<'_>) -> Result<Output, Failure> {
    local(call, "/local/shutdown")
}

/// As the reference: what deletes everything wants the broker stopped first, so that no slip does it.
fn only_stopped(call: &Call<'_>) -> Result<(), Failure> {
    only_local(call)?;
    match call.client.get("/api/health/checks/is-in-service") {
        Ok(_) => Err(Failure::plain(
            Exit::Usage,
            format!(
                "Error: this command requires the 'rabbit' app to be stopped on the target node. \
                 Stop it with '{} stop_app'.\nArguments given:\n\t{}",
                call.tool.name(),
                call.words.given.join(" ")
            ),
        )),
        Err(error) if error.status().is_some() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn reset(call: &Call<'_>) -> Result<Output, Failure> {
    call.client.post("/local/reset", &json!({}))?;
    Ok(Output::Done)
}

fn local(call: &Call<'_>, path: &str) -> Result<Output, Failure> {
    only_local(call)?;
    call.client.post(path, &json!({}))?;
    Ok(Output::Done)
}

fn put_local(call: &Call<'_>, path: &str, body: &Value) -> Result<Output, Failure> {
    only_local(call)?;
    call.client.put(path, body)?;
    Ok(Output::Done)
}

fn only_local(call: &Call<'_>) -> Result<(), Failure> {
    match call.client.address().place {
        Place::Socket(_) => Ok(()),
        Place::Tcp { .. } => Err(Failure::error(
            Exit::Unavailable,
            format!(
                "this command needs the broker's local socket, and only {} was found: run it on the broker's machine \
                 as the broker's user, or name the socket with --socket",
                call.client.address()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_units_of_the_configuration_file() {
        assert_eq!(bytes("50000000"), Some(50_000_000));
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("2gb"), Some(2_000_000_000));
        assert_eq!(bytes("abc"), None);
        assert_eq!(bytes("1x"), None);
    }
}
