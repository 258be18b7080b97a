//! What the script's successor knows: a row a command, with its two names, its options, and what it asks the API.

use super::super::exit::Failure;
use super::super::words::{Opt, Words, switch, text, whole};
use super::verbs;

/// A command.
pub struct Command {
    /// `queues`.
    pub group: &'static str,
    /// `list`.
    pub verb: &'static str,
    /// The other way to say it: `list queues`.
    pub alias: Option<(&'static str, &'static str)>,
    /// Its options.
    pub options: &'static [Opt],
    /// Options that must be there.
    pub required: &'static [&'static str],
    /// What it does.
    pub act: Act,
}

/// What a command does.
pub enum Act {
    /// Shows what is at `path`.
    List {
        /// Below `/api`, options in braces.
        path: &'static str,
        /// What of it.
        columns: &'static [Column],
    },
    /// Sends its options.
    Send {
        /// PUT, POST or DELETE.
        method: &'static str,
        /// Below `/api`, options in braces.
        path: &'static str,
        /// Which options are sent, and how.
        body: &'static [Field],
    },
    /// Asks for a health check.
    Check {
        /// Below `/api`, options in braces.
        path: &'static str,
    },
    /// Anything else.
    Do(fn(&super::sheet::Call<'_>) -> Result<String, Failure>),
}

/// A column.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its place in the API's objects, by dots.
    pub field: &'static str,
    /// How it is shown.
    pub show: Show,
}

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// As it is; lists with commas.
    Plain,
    /// An object, a line a pair.
    Lines,
    /// A list, a line an item.
    Bullets,
    /// JSON.
    Json,
}

/// An option that is sent.
pub struct Field {
    /// What the API calls it.
    pub key: &'static str,
    /// Its option.
    pub option: &'static str,
    /// What it is.
    pub takes: Takes,
    /// If it is not said.
    pub default: Option<&'static str>,
}

/// What a sent option is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Text.
    Text,
    /// true or false.
    Bool,
    /// JSON.
    Json,
    /// True if it is there.
    Switch,
}

const fn plain(name: &'static str) -> Column {
    column(name, name)
}

const fn column(name: &'static str, field: &'static str) -> Column {
    Column { name, field, show: Show::Plain }
}

const fn lines(name: &'static str, field: &'static str) -> Column {
    Column { name, field, show: Show::Lines }
}

const fn field(key: &'static str, takes: Takes) -> Field {
    Field { key, option: key, takes, default: None }
}

const fn or(field: Field, default: &'static str) -> Field {
    Field { default: Some(default), ..field }
}

const fn of(field: Field, option: &'static str) -> Field {
    Field { option, ..field }
}

const NAME: Opt = text("name", "its name");
const ARGUMENTS: Opt = text("arguments", "arguments, as JSON");

const fn list(group: &'static str, path: &'static str, columns: &'static [Column]) -> Command {
    Command {
        group,
        verb: "list",
        alias: Some(("list", group)),
        options: &[],
        required: &[],
        act: Act::List { path, columns },
    }
}

const fn send(names: [&'static str; 4], method: &'static str, path: &'static str) -> Command {
    let [group, verb, first, second] = names;
    Command {
        group,
        verb,
        alias: Some((first, second)),
        options: &[NAME],
        required: &["name"],
        act: Act::Send { method, path, body: &[] },
    }
}

const fn check(verb: &'static str, path: &'static str) -> Command {
    Command {
        group: "health_check",
        verb,
        alias: None,
        options: &[],
        required: &[],
        act: Act::Check { path },
    }
}

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
    lines("definition", "definition"),
];
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
            text("username", "whose"),
            text("configure", "a pattern"),
            text("read", "a pattern"),
            text("write", "a pattern"),
        ],
        required: &["username", "configure", "read", "write"],
        act: Act::Send {
            method: "PUT",
            path: "permissions/{vhost}/{username}",
            body: &[field("configure", Takes::Text), field("read", Takes::Text), field("write", Takes::Text)],
        },
        ..send(["permissions", "declare", "declare", "permissions"], "PUT", "")
    },
    Command {
        options: &[text("username", "whose")],
        required: &["username"],
        ..send(["permissions", "delete", "delete", "permissions"], "DELETE", "permissions/{vhost}/{username}")
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
            lines("arguments", "arguments"),
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
        &[plain("name"), plain("vhost"), plain("component"), lines("value", "value")],
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
    list("vhost_limits", "vhost-limits/{vhost}", &[plain("vhost"), lines("limits", "value")]),
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
    list("user_limits", "user-limits", &[column("username", "user"), lines("limits", "value")]),
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
        act: Act::Do(verbs::overview),
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
];

const DEPRECATED: &[Column] = &[
    plain("name"),
    column("description", "desc"),
    plain("deprecation_phase"),
    plain("doc_url"),
    plain("provided_by"),
    plain("state"),
];

const fn short(letter: char, opt: Opt) -> Opt {
    Opt { short: Some(letter), ..opt }
}

impl Command {
    /// Whether these two words are its name, or its other name.
    pub fn is_called(&self, one: &str, other: &str) -> bool {
        (self.group, self.verb) == (one, other) || self.alias == Some((one, other))
    }

    /// An option that must be there and is not.
    pub fn missing(&self, words: &Words) -> Option<&'static str> {
        self.required.iter().copied().find(|name| !words.has(name))
    }

    /// How it is said.
    pub fn usage_line(&self) -> String {
        let required = self.required.iter().map(|name| format!(" --{name} <{name}>")).collect::<String>();
        let alias = self.alias.map(|(one, other)| format!(" (or: {one} {other})")).unwrap_or_default();
        format!("{} {}{required}{alias}", self.group, self.verb)
    }

    /// How it is said, with its options.
    pub fn usage(&self) -> String {
        let options: String =
            self.options.iter().map(|opt| format!("\n  --{:24} {}", opt.name, opt.help)).collect();
        format!("Usage: rabbitmqadmin [OPTIONS] {}\n{options}", self.usage_line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_name_of_its_own_and_options_for_what_it_needs() {
        for (at, command) in COMMANDS.iter().enumerate() {
            let same = COMMANDS.iter().position(|other| other.is_called(command.group, command.verb));
            assert_eq!(same, Some(at), "{}", command.usage_line());
            for name in command.required {
                assert!(command.options.iter().any(|opt| opt.name == *name), "{}", command.usage_line());
            }
        }
    }
}
