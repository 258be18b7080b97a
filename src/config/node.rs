//! The options of what a broker is called and what it begins with beyond its first user: names, definitions, the default
//! type of queues.

use std::path::PathBuf;

use leveret::DefaultQueueType;

use super::options::{Flag, Refused, Setting, each, named, one, put};
use super::{Given, value};

/// The keys that name files of definitions.
pub const DEFINITIONS: &[&str] =
    &["load_definitions", "management.load_definitions", "definitions.local.path"];

/// See [`super::options::settings`].
pub const NODE_SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Values { name: "definitions", value: "FILE" }),
        environment: &["LEVERET_DEFINITIONS"],
        keys: DEFINITIONS,
        default: "none",
        help: "Users, virtual hosts, exchanges, queues and bindings to create at start (definitions.json), or a directory of such files",
        set: |plan, given| {
            plan.definitions.clear();
            for path in given.iter().map(|given| PathBuf::from(&given.value)) {
                // The old key and the new one often name the same file.
                if !plan.definitions.contains(&path) {
                    plan.definitions.push(path);
                }
            }
            Ok(())
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["definitions.skip_if_unchanged"],
        default: "false",
        help: "Whether definitions are left alone that an earlier start has applied, as long as they do not change",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.skip_unchanged_definitions, value::boolean(text)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["definitions.import_backend"],
        default: "local_filesystem",
        help: "Where definitions come from; only files are served",
        set: |_, given| {
            one(given, |text| match text {
                "local_filesystem" | "local" => Ok(()),
                _ => Err(format!(
                    "definitions come from files only (`local_filesystem`), found `{text}`: fetch the file before \
                     the start and give its path in `load_definitions`"
                )),
            })
        },
    },
    Setting {
        flag: Some(Flag::Value { name: "node-name", value: "NAME" }),
        environment: &["RABBITMQ_NODENAME", "LEVERET_NODE_NAME"],
        keys: &[],
        default: "leveret@localhost",
        help: "What this broker is called in listings, events and tools; `NAME` alone gets `@localhost`",
        set: |plan, given| one(given, |text| put(&mut plan.settings.node, node_name(text))),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_CLUSTER_NAME"],
        keys: &["cluster_name"],
        default: "the name of the node",
        help: "What the whole is called, until a tool calls it otherwise",
        set: |plan, given| one(given, |text| put(&mut plan.settings.cluster_name, named(text).map(Some))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["cluster_tags.*"],
        default: "none",
        help: "Words about the whole, as listings tell them",
        set: |plan, given| {
            let tags = given.iter().map(|given| (given.last_part().to_owned(), given.value.clone()));
            plan.settings.cluster_tags = tags.collect();
            Ok(())
        },
    },
    Setting {
        flag: None,
        environment: &["LEVERET_DEFAULT_QUEUE_TYPE"],
        keys: &["default_queue_type"],
        default: "classic",
        help: "The type of queues whose declaration names none, in virtual hosts that are created from now on: `classic` or `quorum`",
        set: |plan, given| one(given, |text| put(&mut plan.settings.default_queue_type, queue_type(text))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["proxy_protocol"],
        default: "false",
        help: "Whether a proxy says in front of each connection who connects; only `false` is served",
        set: |_, given| only_false(given, "the PROXY protocol is not spoken: let the proxy send plain TCP"),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["auth_backends.*"],
        default: "internal",
        help: "Where users are looked up; only `internal` is served",
        set: |plan, given| {
            each(given, |given| {
                if !["internal", "rabbit_auth_backend_internal"].contains(&given.value.as_str()) {
                    plan.warn(format!(
                        "{given}: only `internal` is served: users of `{}` cannot log in",
                        given.value
                    ));
                }
                Ok(())
            })
        },
    },
];

fn only_false(given: &[Given], why: &str) -> Result<(), Refused> {
    one(given, |text| if value::boolean(text)? { Err(why.to_owned()) } else { Ok(()) })
}

/// RabbitMQ adds the machine's name; here nothing depends on it.
fn node_name(text: &str) -> Result<String, String> {
    let name = named(text)?;
    let fits = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    match name.split_once('@') {
        None if fits(&name) => Ok(format!("{name}@localhost")),
        Some((front, host)) if fits(front) && fits(host) => Ok(name),
        _ => Err(format!("expected a name such as `leveret@localhost`, found `{text}`")),
    }
}

fn queue_type(text: &str) -> Result<DefaultQueueType, String> {
    match text {
        "classic" | "rabbit_classic_queue" => Ok(DefaultQueueType::Classic),
        "quorum" | "rabbit_quorum_queue" => Ok(DefaultQueueType::Quorum),
        _ => Err(format!("expected `classic` or `quorum`, found `{text}`")),
    }
}
