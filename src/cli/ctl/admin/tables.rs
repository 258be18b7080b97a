//! What the Python script knows: what it lists, and what each object takes.

use serde_json::{Map, Value};

use super::super::client::encode;

/// Something it lists.
pub struct Listed {
    /// As it is called; the API has `-` for `_`.
    pub name: &'static str,
    /// Whether it may be that of one virtual host.
    pub in_vhost: bool,
    /// The columns if none is named; none: all there are.
    pub columns: &'static [&'static str],
    /// Fields shown as JSON.
    pub json: &'static [&'static str],
}

const fn listed(name: &'static str, in_vhost: bool, columns: &'static [&'static str]) -> Listed {
    Listed { name, in_vhost, columns, json: &[] }
}

/// All it lists.
pub const LISTED: &[Listed] = &[
    listed("connections", false, &["name", "user", "channels"]),
    listed("channels", false, &["name", "user"]),
    listed("consumers", true, &[]),
    listed("exchanges", true, &["name", "type"]),
    listed("queues", true, &["name", "messages"]),
    listed("bindings", true, &["source", "destination", "routing_key"]),
    listed("users", false, &[]),
    listed("vhosts", false, &["name", "messages"]),
    listed("permissions", false, &[]),
    listed("nodes", false, &["name", "type", "mem_used"]),
    Listed { json: &["value"], ..listed("parameters", false, &[]) },
    Listed { json: &["definition"], ..listed("policies", false, &[]) },
    Listed { json: &["definition"], ..listed("operator_policies", false, &[]) },
    Listed { json: &["value"], ..listed("vhost_limits", false, &[]) },
];

/// All it shows.
pub const SHOWN: &[Listed] = &[listed(
    "overview",
    false,
    &["rabbitmq_version", "cluster_name", "queue_totals.messages", "object_totals.queues"],
)];

/// Something that is made, deleted or used.
pub struct Object {
    /// As it is called.
    pub name: &'static str,
    /// Its path, with the arguments' names in braces.
    pub template: &'static str,
    /// Arguments that must be there; `a|b`: one of them.
    pub mandatory: &'static [&'static str],
    /// Arguments that may be there.
    pub optional: &'static [&'static str],
    /// What they are if they are not said, as JSON or text.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Arguments that are JSON.
    pub json: &'static [&'static str],
}

const fn object(name: &'static str, template: &'static str, mandatory: &'static [&'static str]) -> Object {
    Object { name, template, mandatory, optional: &[], defaults: &[], json: &[] }
}

impl Object {
    /// Whether it takes an argument of this name.
    pub fn knows(&self, name: &str) -> bool {
        let mandatory = self.mandatory.iter().flat_map(|names| names.split('|'));
        mandatory.chain(self.optional.iter().copied()).any(|each| each == name)
    }

    /// Its path, with the arguments' values.
    pub fn path(&self, body: &Map<String, Value>) -> String {
        let value = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut path = String::from("/api");
        for segment in self.template.split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                // `q` or `e`.
                Some("destination_char") => path.extend(value("destination_type").chars().next()),
                // Percent-encoded by the API that said it.
                Some("properties_key") => path.push_str(value("properties_key")),
                Some(name) => path.push_str(&encode(value(name))),
                None => path.push_str(segment),
            }
        }
        path
    }

    /// How it is said.
    pub fn usage(&self) -> String {
        let mandatory = self.mandatory.iter().map(|names| format!(" {}=...", names.replace('|', "=... OR ")));
        let optional: Vec<String> = self.optional.iter().map(|name| format!("{name}=...")).collect();
        let optional = if optional.is_empty() { String::new() } else { format!(" [{}]", optional.join(" ")) };
        format!("{}{}{optional}", self.name, mandatory.collect::<String>())
    }
}

const POLICY: Object = Object {
    optional: &["priority", "apply-to"],
    defaults: &[("priority", "0")],
    json: &["definition", "priority"],
    ..object("policy", "/policies/{vhost}/{name}", &["name", "pattern", "definition"])
};

/// What `declare` takes.
pub const DECLARED: &[Object] = &[
    Object {
        optional: &["auto_delete", "durable", "internal", "arguments"],
        defaults: &[
            ("auto_delete", "\"false\""),
            ("durable", "\"true\""),
            ("internal", "\"false\""),
            ("arguments", "{}"),
        ],
        json: &["arguments"],
        ..object("exchange", "/exchanges/{vhost}/{name}", &["name", "type"])
    },
    Object {
        optional: &["auto_delete", "durable", "arguments", "node", "queue_type"],
        defaults: &[("auto_delete", "\"false\""), ("durable", "\"true\""), ("arguments", "{}")],
        json: &["arguments"],
        ..object("queue", "/queues/{vhost}/{name}", &["name"])
    },
    Object {
        optional: &["destination_type", "routing_key", "arguments"],
        defaults: &[("destination_type", "queue"), ("routing_key", "\"\""), ("arguments", "{}")],
        json: &["arguments"],
        ..object(
            "binding",
            "/bindings/{vhost}/e/{source}/{destination_char}/{destination}",
            &["source", "destination"],
        )
    },
    Object { optional: &["tracing"], ..object("vhost", "/vhosts/{name}", &["name"]) },
    Object {
        optional: &["hashing_algorithm"],
        ..object("user", "/users/{name}", &["name", "password|password_hash", "tags"])
    },
    object("permission", "/permissions/{vhost}/{user}", &["vhost", "user", "configure", "write", "read"]),
    Object {
        json: &["value"],
        ..object("parameter", "/parameters/{component}/{vhost}/{name}", &["component", "name", "value"])
    },
    POLICY,
    Object { name: "operator_policy", template: "/operator-policies/{vhost}/{name}", ..POLICY },
    Object {
        json: &["value"],
        ..object("vhost_limit", "/vhost-limits/{vhost}/{name}", &["vhost", "name", "value"])
    },
];

/// What `delete` takes.
pub const DELETED: &[Object] = &[
    object("exchange", "/exchanges/{vhost}/{name}", &["name"]),
    object("queue", "/queues/{vhost}/{name}", &["name"]),
    Object {
        optional: &["properties_key"],
        defaults: &[("properties_key", "~")],
        ..object(
            "binding",
            "/bindings/{vhost}/e/{source}/{destination_char}/{destination}/{properties_key}",
            &["source", "destination_type", "destination"],
        )
    },
    object("vhost", "/vhosts/{name}", &["name"]),
    object("user", "/users/{name}", &["name"]),
    object("permission", "/permissions/{vhost}/{user}", &["vhost", "user"]),
    object("parameter", "/parameters/{component}/{vhost}/{name}", &["component", "name"]),
    object("policy", "/policies/{vhost}/{name}", &["name"]),
    object("operator_policy", "/operator-policies/{vhost}/{name}", &["name"]),
    object("vhost_limit", "/vhost-limits/{vhost}/{name}", &["vhost", "name"]),
];

/// What `close` takes.
pub const CLOSED: &[Object] = &[object("connection", "/connections/{name}", &["name"])];

/// What `purge` takes.
pub const PURGED: &[Object] = &[object("queue", "/queues/{vhost}/{name}/contents", &["name"])];

/// `publish`.
pub const PUBLISHED: Object = Object {
    optional: &["payload", "properties", "exchange", "payload_encoding"],
    defaults: &[("properties", "{}"), ("exchange", "amq.default"), ("payload_encoding", "string")],
    json: &["properties"],
    ..object("publish", "/exchanges/{vhost}/{exchange}/publish", &["routing_key"])
};

/// `get`.
pub const GOT: Object = Object {
    optional: &["count", "ackmode", "payload_file", "encoding"],
    defaults: &[("count", "\"1\""), ("ackmode", "ack_requeue_true"), ("encoding", "auto")],
    ..object("get", "/queues/{vhost}/{queue}/get", &["queue"])
};
