//! Every option of the broker, declared once: its flag, its environment variables, its keys in
//! rabbitmq.conf, its default, its help and what it sets.
//!
//! `--help`, the reading of each source and the refusal of unknown keys are all printed from this table.

use std::time::Duration;

use leveret::{AMQP_PORT, DiskLimit, Listen, Permissions, Settings, Watermark};

use super::events::EVENT_SETTINGS;
use super::log::LOG_SETTINGS;
use super::login::LOGIN_SETTINGS;
use super::tls::TLS_SETTINGS;
use super::value;
use super::{Given, Plan};

/// One option.
pub struct Setting {
    /// The flag without its dashes, for those that have one.
    pub flag: Option<Flag>,
    /// The environment variables that give it; a later one wins over an earlier one.
    pub environment: &'static [&'static str],
    /// Its keys in rabbitmq.conf; a last part of `*` stands for any name.
    pub keys: &'static [&'static str],
    /// What holds when nobody says anything.
    pub default: &'static str,
    /// One sentence for `--help` and the documentation.
    pub help: &'static str,
    /// Takes what one source says. Never called with nothing.
    pub set: fn(&mut Plan, &[Given]) -> Result<(), Refused>,
}

/// How an option stands on the command line.
#[derive(Clone, Copy)]
pub enum Flag {
    /// `--name VALUE`
    Value { name: &'static str, value: &'static str },
    /// `--name VALUE`, as often as wanted
    Values { name: &'static str, value: &'static str },
    /// `--name`
    Switch { name: &'static str },
}

impl Flag {
    /// What stands behind the dashes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value { name, .. } | Self::Values { name, .. } | Self::Switch { name } => name,
        }
    }
}

/// A value that cannot be taken: which of the given ones, and a sentence that says why.
pub struct Refused {
    /// Index in what was given.
    pub at: usize,
    /// What was expected, or what to do instead.
    pub text: String,
}

/// The option that names the configuration file is read before the others.
pub const CONFIG_FILE: Setting = Setting {
    flag: Some(Flag::Value { name: "config", value: "FILE" }),
    environment: &["RABBITMQ_CONFIG_FILE", "LEVERET_CONFIG"],
    keys: &[],
    default: "none",
    help: "Settings in the syntax of rabbitmq.conf",
    set: |plan, given| one(given, |text| put(&mut plan.config_file, Ok(Some(text.into())))),
};

/// All options, in the order of `--help`.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(TLS_SETTINGS).chain(LOGIN_SETTINGS).chain(EVENT_SETTINGS).chain(LOG_SETTINGS)
}

/// The options of the broker itself.
pub const SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Values { name: "listen", value: "ADDR:PORT" }),
        environment: &["RABBITMQ_NODE_PORT", "LEVERET_LISTEN"],
        keys: &["listeners.tcp.*", "listeners.tcp"],
        default: "5672 on all interfaces",
        help: "Where to accept AMQP connections: an address and a port, or a port for all interfaces; `none` leaves those with TLS alone",
        set: set_listen,
    },
    Setting {
        flag: Some(Flag::Value { name: "http", value: "ADDR:PORT|off" }),
        environment: &["LEVERET_HTTP"],
        keys: &[],
        default: "off",
        help: "Where to serve the HTTP API: an address and a port, a port for all interfaces, or `off`",
        set: |plan, given| {
            one(given, |text| {
                let listen = if text == "off" { Vec::new() } else { vec![value::listen(text)?] };
                put(&mut plan.settings.http.listen, Ok(listen))
            })
        },
    },
    Setting {
        flag: Some(Flag::Value { name: "metrics", value: "ADDR:PORT|off" }),
        environment: &["LEVERET_METRICS"],
        keys: &[],
        default: "off",
        help: "Where to serve metrics for Prometheus: an address and a port, a port for all interfaces, or `off`",
        set: |plan, given| {
            one(given, |text| {
                let listen = if text == "off" { Vec::new() } else { vec![value::listen(text)?] };
                put(&mut plan.settings.metrics.listen, Ok(listen))
            })
        },
    },
    CONFIG_FILE,
    Setting {
        flag: Some(Flag::Values { name: "definitions", value: "FILE" }),
        environment: &["LEVERET_DEFINITIONS"],
        keys: &["load_definitions"],
        default: "none",
        help: "Users, virtual hosts, exchanges, queues and bindings to create at start (definitions.json)",
        set: |plan, given| {
            plan.definitions = given.iter().map(|given| given.value.clone().into()).collect();
            Ok(())
        },
    },
    Setting {
        flag: Some(Flag::Value { name: "data-dir", value: "DIR" }),
        environment: &["LEVERET_DATA_DIR"],
        keys: &[],
        default: "/var/lib/leveret for root, else ~/.local/share/leveret",
        help: "Where messages and definitions are kept; made if it is not there",
        set: |plan, given| {
            one(given, |text| named(text).map(|directory| plan.settings.data_dir = Some(directory.into())))
        },
    },
    Setting {
        flag: Some(Flag::Switch { name: "accept-loss" }),
        environment: &["LEVERET_ACCEPT_LOSS"],
        keys: &[],
        default: "false",
        help: "Start although the data directory is damaged: what cannot be read is set aside and lost",
        set: |plan, given| one(given, |text| put(&mut plan.settings.accept_loss, value::boolean(text))),
    },
    Setting {
        flag: Some(Flag::Switch { name: "ephemeral" }),
        environment: &["LEVERET_EPHEMERAL"],
        keys: &[],
        default: "false",
        help: "Keep everything in memory; nothing touches the disk and nothing survives a restart",
        set: |plan, given| one(given, |text| put(&mut plan.ephemeral, value::boolean(text))),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_MEMORY_HIGH_WATERMARK"],
        keys: &["vm_memory_high_watermark.relative", "vm_memory_high_watermark.absolute"],
        default: "0.6",
        help: "Memory above which publishers are held back: a part of what there is, or bytes",
        set: set_watermark,
    },
    Setting {
        flag: None,
        environment: &["LEVERET_DISK_FREE_LIMIT"],
        keys: &["disk_free_limit.relative", "disk_free_limit.absolute"],
        default: "50MB",
        help: "Free space in the data directory below which publishers are held back: bytes, or a multiple of the memory",
        set: set_disk_limit,
    },
    Setting {
        flag: None,
        environment: &["RABBITMQ_DEFAULT_USER", "LEVERET_DEFAULT_USER"],
        keys: &["default_user"],
        default: "guest",
        help: "The user that an empty broker starts with",
        set: |plan, given| one(given, |text| named(text).map(|name| plan.settings.seed.user = name)),
    },
    Setting {
        flag: None,
        environment: &["RABBITMQ_DEFAULT_PASS", "LEVERET_DEFAULT_PASS"],
        keys: &["default_pass"],
        default: "guest",
        help: "That user's password",
        set: |plan, given| {
            one(given, |text| named(text).map(|password| plan.settings.seed.password = password))
        },
    },
    Setting {
        flag: None,
        environment: &["RABBITMQ_DEFAULT_VHOST", "LEVERET_DEFAULT_VHOST"],
        keys: &["default_vhost"],
        default: "/",
        help: "The virtual host that an empty broker starts with",
        set: |plan, given| one(given, |text| named(text).map(|name| plan.settings.seed.vhost = name)),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["default_permissions.configure", "default_permissions.write", "default_permissions.read"],
        default: ".*",
        help: "What the first user may configure, write and read",
        set: |plan, given| {
            each(given, |given| {
                let Permissions { configure, write, read } = &mut plan.settings.seed.permissions;
                let pattern = match given.last_part() {
                    "configure" => configure,
                    "write" => write,
                    _ => read,
                };
                put(pattern, Ok(given.value.clone()))
            })
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["default_user_tags.*"],
        default: "administrator",
        help: "The first user's tags: each is `true` or `false`",
        set: |plan, given| {
            let tags = &mut plan.settings.seed.tags;
            tags.clear();
            each(given, |given| member(tags, given.last_part(), value::boolean(&given.value)?))
        },
    },
    Setting {
        flag: None,
        environment: &["LEVERET_LOOPBACK_USERS"],
        keys: &["loopback_users.*", "loopback_users"],
        default: "guest",
        help: "Users that may only log in from this machine: names with commas between them, or `none`; in the file each is `true` or `false`",
        set: set_loopback_users,
    },
    Setting {
        flag: None,
        environment: &["LEVERET_HEARTBEAT"],
        keys: &["heartbeat"],
        default: "60",
        help: "Heartbeat proposed to clients, in seconds; 0 proposes none",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.heartbeat_secs, value::integer(text, 0, u16::MAX)))
        },
    },
    Setting {
        flag: None,
        environment: &["LEVERET_FRAME_MAX"],
        keys: &["frame_max"],
        default: "131072",
        help: "Largest frame proposed to clients, in bytes",
        set: |plan, given| {
            // 8192 is the least that RabbitMQ 4 negotiates. Its 0, no limit, is refused: every buffer has a bound.
            one(given, |text| put(&mut plan.settings.frame_max_bytes, value::integer(text, 8192, 16 << 20)))
        },
    },
    Setting {
        flag: None,
        environment: &["LEVERET_CHANNEL_MAX"],
        keys: &["channel_max", "max_channels_per_connection"],
        default: "2047",
        help: "How many channels a connection may have",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.channel_max, value::integer(text, 1, u16::MAX)))
        },
    },
    Setting {
        flag: None,
        environment: &["LEVERET_MAX_MESSAGE_SIZE"],
        keys: &["max_message_size"],
        default: "128MiB",
        help: "Largest body of a message, in bytes",
        set: |plan, given| one(given, |text| put(&mut plan.settings.message_max_bytes, message_max(text))),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_CONSUMER_TIMEOUT"],
        keys: &["consumer_timeout"],
        default: "0",
        help: "How long a consumer may hold a message unacknowledged before it is cancelled, in milliseconds; 0 is for ever",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.consumer_timeout, consumer_timeout(text)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["log.console", "log.file"],
        default: "log.console = true, log.file = false",
        help: "The log goes to standard output and nowhere else; these keys may say so",
        set: |_, given| {
            each(given, |given| match (given.last_part(), value::boolean(&given.value)) {
                ("console", Ok(true)) | ("file", Ok(false)) => Ok(()),
                _ => Err("the log goes to standard output and nowhere else: leave the key out".to_owned()),
            })
        },
    },
];

/// An option with one value: of several lines in a file, or variables, the last one counts.
pub fn one(given: &[Given], set: impl FnOnce(&str) -> Result<(), String>) -> Result<(), Refused> {
    match given.split_last() {
        Some((last, before)) => set(&last.value).map_err(|text| Refused { at: before.len(), text }),
        None => Ok(()),
    }
}

/// An option to which every given value counts.
pub fn each(given: &[Given], mut set: impl FnMut(&Given) -> Result<(), String>) -> Result<(), Refused> {
    let mut numbered = given.iter().enumerate();
    numbered.try_for_each(|(at, given)| set(given).map_err(|text| Refused { at, text }))
}

/// Sets unless the value was refused.
pub fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

/// A name or a password: anything but nothing.
pub fn named(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected a value, found none".to_owned()) } else { Ok(text.to_owned()) }
}

#[expect(clippy::unnecessary_wraps, reason = "stands where values that can be refused stand")]
fn member(list: &mut Vec<String>, name: &str, wanted: bool) -> Result<(), String> {
    list.retain(|member| member != name);
    if wanted {
        list.push(name.to_owned());
    }
    Ok(())
}

fn consumer_timeout(text: &str) -> Result<Option<Duration>, String> {
    let millis: u64 = value::integer(text, 0, 315_360_000_000)?;
    Ok((millis != 0).then(|| Duration::from_millis(millis)))
}

fn message_max(text: &str) -> Result<u64, String> {
    // 512 MiB is RabbitMQ's hard limit of a content body.
    match value::bytes(text)? {
        bytes @ 1..=536_870_912 => Ok(bytes),
        _ => Err(format!("expected 1 byte to 512MiB, found `{text}`")),
    }
}

fn set_listen(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    // Of the two variables the broker's own replaces RabbitMQ's, it does not add to it.
    let own = given.iter().position(|given| given.name == "LEVERET_LISTEN").unwrap_or(0);
    let Settings { listen, listen_tls, .. } = &mut plan.settings;
    for (at, given) in given.iter().enumerate().skip(own) {
        if given.value == "none" {
            if listen_tls.is_empty() {
                let text = "`none` leaves no listener at all: give one with TLS (`listeners.ssl.default`)";
                return Err(Refused { at, text: text.to_owned() });
            }
            continue;
        }
        for part in given.value.split(',').map(str::trim) {
            listen.push(value::listen(part).map_err(|text| Refused { at, text })?);
        }
    }
    plan.listens_plain = !plan.settings.listen.is_empty();
    Ok(())
}

fn set_watermark(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    each(given, |given| {
        let watermark = match given.last_part() {
            "relative" => Watermark::Relative(value::fraction(&given.value)?),
            "absolute" => Watermark::Absolute(value::bytes(&given.value)?),
            _ => value::watermark(&given.value)?,
        };
        plan.settings.memory_high_watermark = Some(watermark);
        Ok(())
    })
}

fn set_disk_limit(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    each(given, |given| {
        plan.settings.disk_free_limit = match given.last_part() {
            "relative" => DiskLimit::Relative(value::multiple(&given.value)?),
            _ => DiskLimit::Absolute(value::bytes(&given.value)?),
        };
        Ok(())
    })
}

fn set_loopback_users(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    let users = &mut plan.settings.loopback_users;
    each(given, |given| match (given.name.as_str(), given.value.as_str()) {
        ("loopback_users" | "LEVERET_LOOPBACK_USERS", "none") => put(users, Ok(Vec::new())),
        ("LEVERET_LOOPBACK_USERS", names) => {
            put(users, names.split(',').map(|name| named(name.trim())).collect())
        }
        ("loopback_users", other) => {
            Err(format!("expected `none`, or `loopback_users.NAME = true`, found `{other}`"))
        }
        (_, wanted) => member(users, given.last_part(), value::boolean(wanted)?),
    })
}

/// What holds before any source has spoken.
pub fn defaults() -> Settings {
    Settings { memory_high_watermark: Some(Watermark::DEFAULT), ..Settings::default() }
}

/// Where a broker listens that was told nothing.
pub const DEFAULT_LISTEN: Listen = Listen::AllInterfaces(AMQP_PORT);
