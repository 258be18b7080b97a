//! Every option of the broker, declared once: its flag, its environment variables, its keys in
//! rabbitmq.conf, its default, its help and what it sets.
//!
//! `--help`, the reading of each source and the refusal of unknown keys are all printed from this table.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use leveret::{AMQP_PORT, DiskLimit, Listen, Permissions, Settings, Watermark};

use super::events::EVENT_SETTINGS;
use super::http::HTTP_SETTINGS;
use super::log::LOG_SETTINGS;
use super::login::LOGIN_SETTINGS;
use super::node::NODE_SETTINGS;
use super::otlp::OTLP_SETTINGS;
use super::tls::TLS_SETTINGS;
use super::value;
use super::{Given, Origin, Plan};

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
    default: "/etc/leveret/leveret.conf, else /etc/rabbitmq/rabbitmq.conf",
    help: "Settings in the syntax of rabbitmq.conf; `none` looks for no file",
    set: |plan, given| one(given, |text| put(&mut plan.config_file, Ok(Some(text.into())))),
};

/// The option that names the files behind it, likewise.
pub const MORE_CONFIG: Setting = Setting {
    flag: None,
    environment: &["RABBITMQ_CONFIG_FILES", "LEVERET_CONFIG_FILES"],
    keys: &[],
    default: "conf.d/*.conf beside the file",
    help: "Settings that come after the file: a directory, or a pattern of file names",
    set: |plan, given| one(given, |text| put(&mut plan.more_config, Ok(Some(text.to_owned())))),
};

/// All options, in the order of `--help`.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    without_tls().chain(TLS_SETTINGS)
}

/// All options in the order in which they are set: TLS first, as whether there may be no listener without it depends on
/// its listeners.
pub fn in_order() -> impl Iterator<Item = &'static Setting> {
    TLS_SETTINGS.iter().chain(without_tls())
}

/// All options but those of AMQP's TLS.
fn without_tls() -> impl Iterator<Item = &'static Setting> {
    let tables =
        [SETTINGS, NODE_SETTINGS, HTTP_SETTINGS, LOGIN_SETTINGS, EVENT_SETTINGS, LOG_SETTINGS, OTLP_SETTINGS];
    tables.into_iter().flatten()
}

/// The options of the broker itself.
pub const SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Values { name: "listen", value: "ADDR:PORT" }),
        environment: &["RABBITMQ_NODE_PORT", "RABBITMQ_NODE_IP_ADDRESS", "LEVERET_LISTEN"],
        keys: &["listeners.tcp.*", "listeners.tcp"],
        default: "5672 on all interfaces",
        help: "Where to accept AMQP connections: an address and a port, or a port for all interfaces; `none` leaves those with TLS alone",
        set: set_listen,
    },
    CONFIG_FILE,
    MORE_CONFIG,
    Setting {
        flag: Some(Flag::Value { name: "data-dir", value: "DIR" }),
        environment: &["RABBITMQ_MNESIA_BASE", "RABBITMQ_MNESIA_DIR", "LEVERET_DATA_DIR"],
        keys: &[],
        default: "/var/lib/leveret for root, else ~/.local/share/leveret",
        help: "Where messages and definitions are kept; made if it is not there. Under `RABBITMQ_MNESIA_BASE` it is `leveret`",
        set: set_data_dir,
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
        environment: &["RABBITMQ_VM_MEMORY_HIGH_WATERMARK", "LEVERET_MEMORY_HIGH_WATERMARK"],
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
        environment: &[
            "RABBITMQ_DEFAULT_USER_FILE",
            "RABBITMQ_DEFAULT_USER",
            "LEVERET_DEFAULT_USER_FILE",
            "LEVERET_DEFAULT_USER",
        ],
        keys: &["default_user"],
        default: "guest",
        help: "The user that an empty broker starts with; a variable that ends in `_FILE` names a file that has it",
        set: |plan, given| secret(given, &mut plan.settings.seed.user),
    },
    Setting {
        flag: None,
        environment: &[
            "RABBITMQ_DEFAULT_PASS_FILE",
            "RABBITMQ_DEFAULT_PASS",
            "LEVERET_DEFAULT_PASS_FILE",
            "LEVERET_DEFAULT_PASS",
        ],
        keys: &["default_pass"],
        default: "guest",
        help: "That user's password, likewise",
        set: |plan, given| secret(given, &mut plan.settings.seed.password),
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
                put(pattern, value::pattern(&given.value))
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
        help: "Largest frame proposed to clients, in bytes; 0 is 16 MiB, as every buffer has a bound",
        // 8192 is the least that RabbitMQ 4 negotiates.
        set: |plan, given| one(given, |text| put(&mut plan.settings.frame_max_bytes, frame_max(text))),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_CHANNEL_MAX"],
        keys: &["channel_max", "max_channels_per_connection"],
        default: "2047",
        help: "How many channels a connection may have; 0 is as many as it can number",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.channel_max, value::integer(text, 0, u16::MAX)))
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
        help: "The log goes to standard output and nowhere else, whatever these keys say",
        set: |plan, given| {
            each(given, |given| {
                match (given.last_part(), value::boolean(&given.value)) {
                    ("console", Ok(true)) | ("file", Ok(false)) => {}
                    _ => plan.warn(format!("{given}: the log goes to standard output and nowhere else")),
                }
                Ok(())
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

/// A value, or that of the file which the variable names.
fn secret(given: &[Given], place: &mut String) -> Result<(), Refused> {
    let Some((last, before)) = given.split_last() else { return Ok(()) };
    let text = if last.origin == Origin::Variable && last.name.ends_with("_FILE") {
        let text = std::fs::read_to_string(&last.value);
        text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
            .map_err(|error| format!("cannot read {}: {error}", last.value))
    } else {
        Ok(last.value.clone())
    };
    let refused = |text| Refused { at: before.len(), text };
    put(place, text.and_then(|text| named(&text))).map_err(refused)
}

/// What RabbitMQ has under its base is named after its node; nothing here depends on that.
fn set_data_dir(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    let is_base = given.last().is_some_and(|given| given.name == "RABBITMQ_MNESIA_BASE");
    one(given, |text| {
        let directory = PathBuf::from(named(text)?);
        plan.settings.data_dir = Some(if is_base { directory.join("leveret") } else { directory });
        Ok(())
    })
}

fn frame_max(text: &str) -> Result<u32, String> {
    const MOST: u32 = 16 << 20;
    if text == "0" { Ok(MOST) } else { value::integer(text, 8192, MOST) }
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
        if given.name == "RABBITMQ_NODE_IP_ADDRESS" {
            bind_to(listen, &given.value).map_err(|text| Refused { at, text })?;
            continue;
        }
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

/// The address of the port that the variable before it has given, or of the usual one.
fn bind_to(listen: &mut Vec<Listen>, text: &str) -> Result<(), String> {
    let ip: IpAddr = text.parse().map_err(|_| format!("expected an IP address, found `{text}`"))?;
    let port = match listen.pop() {
        Some(Listen::AllInterfaces(port)) => port,
        Some(Listen::Address(address)) => address.port(),
        None => AMQP_PORT,
    };
    listen.push(Listen::Address((ip, port).into()));
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
