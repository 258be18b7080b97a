//! The successor's commands for who may do what, under which rules, and for what runs.

use super::super::words::{Opt, switch, text};
use super::nouns::{
    Act, Column, Command, Field, NAME, Show, Takes, column, field, list, of, or, paragraph, plain, send,
};
use super::verbs;

const POLICY: &[Field] = &[
    field("vhost", Takes::Text),
    field("name", Takes::Text),
    field("pattern", Takes::Text),
    or(field("apply-to", Takes::Text), "all"),
    or(field("priority", Takes::Json), "0"),
    field("definition", Takes::Json),
];
const POLICY_OPTIONS: &[Opt] = &[
    NAME,
    text("pattern", "which names it matches"),
    text("apply-to", "queues, exchanges, all..."),
    text("priority", "the highest applies"),
    text("definition", "what it sets, as JSON"),
];
const POLICY_COLUMNS: &[Column] = &[
    plain("name"),
    plain("vhost"),
    plain("pattern"),
    column("apply_to", "apply-to"),
    plain("priority"),
    paragraph("definition", "definition"),
];

const DEPRECATED: &[Column] = &[
    plain("name"),
    column("description", "desc"),
    plain("deprecation_phase"),
    plain("doc_url"),
    plain("provided_by"),
    plain("state"),
];

/// The commands.
pub const COMMANDS: &[Command] = &[
    list("users", "users", &[plain("name"), plain("tags"), plain("password_hash")]),
    Command {
        options: &[
            NAME,
            text("password", "the password"),
            text("password-hash", "its hash"),
            text("hashing-algorithm", "sha256 or sha512"),
            text("tags", "separated by commas"),
        ],
        act: Act::Do(verbs::declare_user),
        ..send(["users", "declare", "declare", "user"], "PUT", "")
    },
    send(["users", "delete", "delete", "user"], "DELETE", "users/{name}"),
    list(
        "vhosts",
        "vhosts",
        &[plain("name"), plain("tags"), plain("description"), plain("default_queue_type")],
    ),
    Command {
        options: &[
            NAME,
            text("default-queue-type", "classic, quorum or stream"),
            text("description", "what it is for"),
            switch("tracing", "copy its messages to amq.rabbitmq.trace"),
        ],
        act: Act::Send {
            method: "PUT",
            path: "vhosts/{name}",
            body: &[
                of(field("default_queue_type", Takes::Text), "default-queue-type"),
                field("description", Takes::Text),
                field("tracing", Takes::Switch),
            ],
        },
        ..send(["vhosts", "declare", "declare", "vhost"], "PUT", "")
    },
    send(["vhosts", "delete", "delete", "vhost"], "DELETE", "vhosts/{name}"),
    Command {
        alias: None,
        ..send(["vhosts", "enable_deletion_protection", "", ""], "POST", "vhosts/{name}/deletion/protection")
    },
    Command {
        alias: None,
        ..send(
            ["vhosts", "disable_deletion_protection", "", ""],
            "DELETE",
            "vhosts/{name}/deletion/protection",
        )
    },
    list(
        "permissions",
        "permissions",
        &[plain("user"), plain("vhost"), plain("configure"), plain("read"), plain("write")],
    ),
    Command {
        options: &[
            text("user", "whose"),
            text("configure", "a pattern"),
            text("read", "a pattern"),
            text("write", "a pattern"),
        ],
        required: &["user", "configure", "read", "write"],
        act: Act::Send {
            method: "PUT",
            path: "permissions/{vhost}/{user}",
            body: &[field("configure", Takes::Text), field("read", Takes::Text), field("write", Takes::Text)],
        },
        ..send(["permissions", "declare", "declare", "permissions"], "PUT", "")
    },
    Command {
        options: &[text("user", "whose")],
        required: &["user"],
        ..send(["permissions", "delete", "delete", "permissions"], "DELETE", "permissions/{vhost}/{user}")
    },
    list(
        "connections",
        "connections",
        &[
            plain("name"),
            plain("node"),
            plain("state"),
            plain("protocol"),
            column("username", "user"),
            plain("connected_at"),
            column("server_hostname", "host"),
            column("server_port", "port"),
            column("client_hostname", "peer_host"),
            column("client_port", "peer_port"),
            plain("channel_max"),
            column("channel_count", "channels"),
        ],
    ),
    Command {
        verb: "list_of_user",
        alias: Some(("list", "user_connections")),
        options: &[text("username", "whose")],
        required: &["username"],
        ..list(
            "connections",
            "connections/username/{username}",
            &[plain("name"), plain("node"), column("username", "user"), plain("vhost")],
        )
    },
    send(["connections", "close", "close", "connection"], "DELETE", "connections/{name}"),
    Command {
        options: &[text("username", "whose")],
        required: &["username"],
        ..send(
            ["connections", "close_of_user", "close", "user_connections"],
            "DELETE",
            "connections/username/{username}",
        )
    },
    list(
        "channels",
        "channels",
        &[
            column("id", "number"),
            plain("name"),
            plain("vhost"),
            plain("state"),
            plain("consumer_count"),
            column("has_publisher_confirms_enabled", "confirm"),
            plain("prefetch_count"),
            plain("messages_unacknowledged"),
            plain("messages_unconfirmed"),
        ],
    ),
    list(
        "consumers",
        "consumers",
        &[
            column("vhost", "queue.vhost"),
            column("queue", "queue.name"),
            plain("consumer_tag"),
            column("manual_ack", "ack_required"),
            plain("prefetch_count"),
            plain("active"),
            plain("exclusive"),
            paragraph("arguments", "arguments"),
            column("delivery_ack_timeout", "consumer_timeout"),
        ],
    ),
    list(
        "nodes",
        "nodes",
        &[
            plain("name"),
            plain("uptime"),
            plain("run_queue"),
            plain("processors"),
            plain("os_pid"),
            plain("fd_total"),
            column("total_erlang_processes", "proc_total"),
            column("memory_high_watermark", "mem_limit"),
            column("has_memory_alarm_in_effect", "mem_alarm"),
            column("free_disk_space_low_watermark", "disk_free_limit"),
            column("has_free_disk_space_alarm_in_effect", "disk_free_alarm"),
            plain("rates_mode"),
            Column { name: "enabled_plugins", field: "enabled_plugins", show: Show::Bullets },
            plain("being_drained"),
            plain("rabbitmq_version"),
            plain("erlang_version"),
            plain("erlang_full_version"),
            plain("crypto_lib_version"),
        ],
    ),
    list(
        "parameters",
        "parameters",
        &[plain("name"), plain("vhost"), plain("component"), paragraph("value", "value")],
    ),
    Command {
        options: &[NAME, text("component", "of what"), text("value", "JSON")],
        required: &["name", "component", "value"],
        act: Act::Send {
            method: "PUT",
            path: "parameters/{component}/{vhost}/{name}",
            body: &[field("value", Takes::Json)],
        },
        ..send(["parameters", "set", "declare", "parameter"], "PUT", "")
    },
    Command {
        options: &[NAME, text("component", "of what")],
        required: &["name", "component"],
        ..send(
            ["parameters", "clear", "delete", "parameter"],
            "DELETE",
            "parameters/{component}/{vhost}/{name}",
        )
    },
    Command {
        alias: None,
        ..list(
            "global_parameters",
            "global-parameters",
            &[plain("name"), Column { name: "value", field: "value", show: Show::Json }],
        )
    },
    list("policies", "policies", POLICY_COLUMNS),
    Command {
        options: POLICY_OPTIONS,
        required: &["name", "pattern", "definition"],
        act: Act::Send { method: "PUT", path: "policies/{vhost}/{name}", body: POLICY },
        ..send(["policies", "declare", "declare", "policy"], "PUT", "")
    },
    send(["policies", "delete", "delete", "policy"], "DELETE", "policies/{vhost}/{name}"),
    list("operator_policies", "operator-policies", POLICY_COLUMNS),
    Command {
        options: POLICY_OPTIONS,
        required: &["name", "pattern", "definition"],
        act: Act::Send { method: "PUT", path: "operator-policies/{vhost}/{name}", body: POLICY },
        ..send(["operator_policies", "declare", "declare", "operator_policy"], "PUT", "")
    },
    send(
        ["operator_policies", "delete", "delete", "operator_policy"],
        "DELETE",
        "operator-policies/{vhost}/{name}",
    ),
    list("vhost_limits", "vhost-limits/{vhost}", &[plain("vhost"), paragraph("limits", "value")]),
    Command {
        options: &[NAME, text("value", "a number")],
        required: &["name", "value"],
        act: Act::Send {
            method: "PUT",
            path: "vhost-limits/{vhost}/{name}",
            body: &[field("value", Takes::Json)],
        },
        ..send(["vhost_limits", "declare", "declare", "vhost_limit"], "PUT", "")
    },
    send(["vhost_limits", "delete", "delete", "vhost_limit"], "DELETE", "vhost-limits/{vhost}/{name}"),
    list("user_limits", "user-limits", &[column("username", "user"), paragraph("limits", "value")]),
    Command {
        options: &[NAME, text("user", "whose"), text("value", "a number")],
        required: &["name", "user", "value"],
        act: Act::Send {
            method: "PUT",
            path: "user-limits/{user}/{name}",
            body: &[field("value", Takes::Json)],
        },
        ..send(["user_limits", "declare", "declare", "user_limit"], "PUT", "")
    },
    Command {
        options: &[NAME, text("user", "whose")],
        required: &["name", "user"],
        ..send(["user_limits", "delete", "delete", "user_limit"], "DELETE", "user-limits/{user}/{name}")
    },
    list(
        "feature_flags",
        "feature-flags",
        &[
            plain("name"),
            plain("state"),
            column("description", "desc"),
            plain("doc_url"),
            plain("stability"),
            plain("provided_by"),
        ],
    ),
    list("deprecated_features", "deprecated-features", DEPRECATED),
    Command {
        verb: "list_used",
        alias: Some(("list", "deprecated_features_in_use")),
        ..list("deprecated_features", "deprecated-features/used", DEPRECATED)
    },
];
