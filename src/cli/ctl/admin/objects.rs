//! The successor's commands for queues, exchanges, bindings, messages and definitions, and its health checks.

use super::super::exit::Failure;
use super::super::words::{Opt, switch, text, whole};
use super::nouns::{
    ARGUMENTS, Act, Column, Command, Field, NAME, Takes, check, column, field, lines, list, of, or, plain,
    send,
};
use super::{footprint, verbs};

const BINDING_OPTIONS: &[Opt] = &[
    text("source", "the exchange it comes from"),
    text("destination-type", "queue or exchange"),
    text("destination", "where it goes"),
    text("routing-key", "its routing key"),
    ARGUMENTS,
];
const QUEUE: &[Field] = &[
    or(of(field("x-queue-type", Takes::Text), "type"), "classic"),
    or(field("durable", Takes::Bool), "true"),
    or(of(field("auto_delete", Takes::Bool), "auto-delete"), "false"),
    or(field("arguments", Takes::Json), "{}"),
];
const QUEUE_COLUMNS: &[Column] = &[
    plain("name"),
    plain("vhost"),
    column("queue_type", "type"),
    plain("durable"),
    plain("auto_delete"),
    plain("exclusive"),
    lines("arguments", "arguments"),
    plain("node"),
    plain("state"),
    plain("leader"),
    plain("members"),
    plain("online"),
    plain("memory"),
    column("consumer_count", "consumers"),
    plain("consumer_utilisation"),
    plain("policy"),
    plain("operator_policy"),
    plain("message_bytes"),
    column("message_count", "messages"),
    column("unacknowledged_message_count", "messages_unacknowledged"),
];

const fn short(letter: char, opt: Opt) -> Opt {
    Opt { short: Some(letter), ..opt }
}

const NODE: Opt = text("node", "the node's name");

const fn shown(verb: &'static str, act: fn(&super::sheet::Call<'_>) -> Result<String, Failure>) -> Command {
    Command { group: "show", verb, alias: None, options: &[], required: &[], act: Act::Do(act) }
}

/// The commands.
pub const COMMANDS: &[Command] = &[
    list("queues", "queues/{vhost}", QUEUE_COLUMNS),
    Command {
        verb: "show",
        alias: None,
        options: &[NAME],
        required: &["name"],
        ..list("queues", "queues/{vhost}/{name}", QUEUE_COLUMNS)
    },
    Command {
        options: &[
            NAME,
            text("type", "classic, quorum or stream"),
            text("durable", "true or false"),
            text("auto-delete", "true or false"),
            ARGUMENTS,
        ],
        act: Act::Send { method: "PUT", path: "queues/{vhost}/{name}", body: QUEUE },
        ..send(["queues", "declare", "declare", "queue"], "PUT", "")
    },
    send(["queues", "delete", "delete", "queue"], "DELETE", "queues/{vhost}/{name}"),
    send(["queues", "purge", "purge", "queue"], "DELETE", "queues/{vhost}/{name}/contents"),
    Command {
        options: &[],
        required: &[],
        act: Act::Send { method: "POST", path: "rebalance/queues", body: &[] },
        ..send(["queues", "rebalance", "rebalance", "queues"], "POST", "")
    },
    list(
        "exchanges",
        "exchanges/{vhost}",
        &[
            plain("name"),
            plain("vhost"),
            column("exchange_type", "type"),
            plain("durable"),
            plain("auto_delete"),
            lines("arguments", "arguments"),
        ],
    ),
    Command {
        options: &[
            NAME,
            text("type", "direct, fanout, topic, headers..."),
            text("durable", "true or false"),
            text("auto-delete", "true or false"),
            ARGUMENTS,
        ],
        act: Act::Send {
            method: "PUT",
            path: "exchanges/{vhost}/{name}",
            body: &[
                or(field("type", Takes::Text), "direct"),
                or(field("durable", Takes::Bool), "true"),
                or(of(field("auto_delete", Takes::Bool), "auto-delete"), "false"),
                or(field("arguments", Takes::Json), "{}"),
            ],
        },
        ..send(["exchanges", "declare", "declare", "exchange"], "PUT", "")
    },
    send(["exchanges", "delete", "delete", "exchange"], "DELETE", "exchanges/{vhost}/{name}"),
    list(
        "bindings",
        "bindings",
        &[
            plain("vhost"),
            plain("source"),
            plain("destination"),
            plain("destination_type"),
            plain("routing_key"),
            lines("arguments", "arguments"),
            plain("properties_key"),
        ],
    ),
    Command {
        options: BINDING_OPTIONS,
        required: &["source", "destination-type", "destination"],
        act: Act::Send {
            method: "POST",
            path: "bindings/{vhost}/e/{source}/{kind}/{destination}",
            body: &[
                or(of(field("routing_key", Takes::Text), "routing-key"), ""),
                or(field("arguments", Takes::Json), "{}"),
            ],
        },
        ..send(["bindings", "declare", "declare", "binding"], "POST", "")
    },
    Command {
        options: BINDING_OPTIONS,
        required: &["source", "destination-type", "destination"],
        act: Act::Do(verbs::delete_binding),
        ..send(["bindings", "delete", "delete", "binding"], "DELETE", "")
    },
    shown("churn", footprint::churn),
    Command { options: &[NODE], required: &["node"], ..shown("memory_breakdown_in_bytes", footprint::bytes) },
    Command {
        options: &[NODE],
        required: &["node"],
        ..shown("memory_breakdown_in_percent", footprint::percent)
    },
    Command { group: "plugins", verb: "list_all", ..shown("", footprint::plugins) },
    Command {
        group: "plugins",
        verb: "list_on_node",
        options: &[NODE],
        required: &["node"],
        ..shown("", footprint::plugins)
    },
    Command {
        group: "auth_attempts",
        verb: "stats",
        alias: None,
        options: &[NODE],
        required: &["node"],
        act: Act::List {
            path: "auth/attempts/{node}",
            columns: &[
                column("Protocol", "protocol"),
                column("Number of attempts", "auth_attempts"),
                column("Failed", "auth_attempts_failed"),
                column("Successful", "auth_attempts_succeeded"),
            ],
        },
    },
    Command {
        alias: None,
        ..send(["feature_flags", "enable", "", ""], "PUT", "feature-flags/{name}/enable")
    },
    check("local_alarms", "health/checks/local-alarms"),
    check("cluster_wide_alarms", "health/checks/alarms"),
    check("node_is_quorum_critical", "health/checks/node-is-quorum-critical"),
    Command {
        options: &[whole("port", "the port")],
        required: &["port"],
        ..check("port_listener", "health/checks/port-listener/{port}")
    },
    Command {
        options: &[text("protocol", "the protocol")],
        required: &["protocol"],
        ..check("protocol_listener", "health/checks/protocol-listener/{protocol}")
    },
    Command {
        act: Act::Do(footprint::overview),
        options: &[],
        required: &[],
        ..send(["overview", "show", "show", "overview"], "", "")
    },
    Command {
        options: &[
            short('k', text("routing-key", "the routing key")),
            short('e', text("exchange", "the exchange [default: the default one]")),
            short('m', text("payload", "the body")),
            short('p', text("properties", "JSON")),
        ],
        required: &[],
        act: Act::Do(verbs::publish),
        ..send(["messages", "publish", "publish", "message"], "", "")
    },
    Command {
        options: &[
            short('q', text("queue", "the queue")),
            short('c', whole("count", "how many [default: 1]")),
            short(
                'a',
                text(
                    "ack-mode",
                    "ack_requeue_false, ack_requeue_true, reject_requeue_false or reject_requeue_true",
                ),
            ),
        ],
        required: &["queue"],
        act: Act::Do(verbs::get),
        ..send(["messages", "get", "get", "messages"], "", "")
    },
    Command {
        options: &[text("file", "where to"), switch("stdout", "to standard output")],
        required: &[],
        act: Act::Do(verbs::export),
        ..send(["definitions", "export", "export", "definitions"], "", "")
    },
    Command {
        options: &[text("file", "where from"), switch("stdin", "from standard input")],
        required: &[],
        act: Act::Do(verbs::import),
        ..send(["definitions", "import", "import", "definitions"], "", "")
    },
    Command {
        alias: None,
        options: &[text("file", "where to"), switch("stdout", "to standard output")],
        required: &[],
        act: Act::Do(verbs::export_vhost),
        ..send(["definitions", "export_from_vhost", "", ""], "", "")
    },
    Command {
        alias: None,
        options: &[text("file", "where from"), switch("stdin", "from standard input")],
        required: &[],
        act: Act::Do(verbs::import_vhost),
        ..send(["definitions", "import_into_vhost", "", ""], "", "")
    },
];
