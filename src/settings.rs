//! What one broker is set to, resolved whole before anything starts.
//!
//! There is no global configuration: a [`Settings`] is a plain value that is handed over once, so two
//! brokers in one process never see each other's.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use leveret_core::model::Mechanism;

use crate::http::HttpSettings;
use crate::metrics::MetricsSettings;
use crate::otlp::Endpoint as OtlpEndpoint;
use crate::tls::TlsSettings;

/// RabbitMQ's port for AMQP without TLS.
pub const AMQP_PORT: u16 = 5672;

/// RabbitMQ's port for AMQP with TLS, by convention.
pub const AMQPS_PORT: u16 = 5671;

/// Everything that can be set of a broker; the defaults are RabbitMQ's.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where AMQP connections are accepted.
    pub listen: Vec<Listen>,
    /// Where AMQP connections with TLS are accepted.
    pub listen_tls: Vec<Listen>,
    /// How.
    pub tls: TlsSettings,
    /// How clients may say who they are, in the order of the offer.
    pub mechanisms: Vec<Mechanism>,
    /// Whom [`Mechanism::Anonymous`] logs in.
    pub anonymous_login: AnonymousLogin,
    /// Heartbeat that is proposed to clients, in seconds; 0 proposes none.
    pub heartbeat_secs: u16,
    /// Largest frame that is proposed to clients.
    pub frame_max_bytes: u32,
    /// How many channels a connection may have.
    pub channel_max: u16,
    /// Largest body of a message.
    pub message_max_bytes: u64,
    /// How long a consumer may hold a message unacknowledged, where its queue says nothing; `None` is for ever.
    pub consumer_timeout: Option<Duration>,
    /// Virtual hosts whose messages are copied to `amq.rabbitmq.trace` from the start; they need not be there yet.
    pub traced_vhosts: Vec<String>,
    /// Whether events are told on `amq.rabbitmq.event`.
    pub event_exchange: bool,
    /// The virtual host of that exchange; `None` is the one that an empty broker starts with.
    pub event_vhost: Option<String>,
    /// The user and virtual host that an empty broker starts with.
    pub seed: Seed,
    /// Whether definitions are left alone that an earlier start has applied, as long as they do not change.
    pub skip_unchanged_definitions: bool,
    /// What the broker is called, where tools and events name it.
    pub node: String,
    /// What the whole is called, unless a tool has called it otherwise; `None` is the node's name.
    pub cluster_name: Option<String>,
    /// Words about the whole; they replace those of the last start. None at all leave them as they were.
    pub cluster_tags: BTreeMap<String, String>,
    /// What virtual hosts that are created from now on have as the type of queues whose declaration names none.
    pub default_queue_type: DefaultQueueType,
    /// Users that may only log in from this machine.
    pub loopback_users: Vec<String>,
    /// When publishers are held back; `None` measures nothing.
    pub memory_high_watermark: Option<Watermark>,
    /// Where messages and definitions are kept; `None` keeps them in memory only.
    pub data_dir: Option<PathBuf>,
    /// Start without what is damaged in the data directory, instead of refusing to.
    pub accept_loss: bool,
    /// Free space where the data directory is, below which publishers are held back.
    pub disk_free_limit: DiskLimit,
    /// The HTTP API.
    pub http: HttpSettings,
    /// Where spans of traced messages go, if anywhere.
    pub otlp: Option<OtlpEndpoint>,
    /// What the broker is called there: `service.name`.
    pub otlp_service: String,
    /// Metrics for Prometheus.
    pub metrics: MetricsSettings,
    /// The files that all this came from, as tools are told.
    pub config_files: Vec<PathBuf>,
    /// Where the program's log goes, as tools are told.
    pub log_files: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            tls: TlsSettings::default(),
            mechanisms: vec![Mechanism::Plain, Mechanism::AmqPlain, Mechanism::Anonymous],
            anonymous_login: AnonymousLogin::default(),
            heartbeat_secs: 60,
            frame_max_bytes: 131_072,
            channel_max: 2047,
            message_max_bytes: 128 * 1024 * 1024,
            consumer_timeout: None,
            traced_vhosts: Vec::new(),
            event_exchange: false,
            event_vhost: None,
            seed: Seed::default(),
            skip_unchanged_definitions: false,
            node: "leveret@localhost".to_owned(),
            cluster_name: None,
            cluster_tags: BTreeMap::new(),
            default_queue_type: DefaultQueueType::default(),
            loopback_users: vec!["guest".to_owned()],
            memory_high_watermark: None,
            data_dir: None,
            accept_loss: false,
            disk_free_limit: DiskLimit::DEFAULT,
            http: HttpSettings::default(),
            otlp: None,
            otlp_service: "leveret".to_owned(),
            metrics: MetricsSettings::default(),
            config_files: Vec::new(),
            log_files: Vec::new(),
        }
    }
}

/// A type of queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultQueueType {
    /// What RabbitMQ has by default, too.
    #[default]
    Classic,
    /// For durable queues that are neither exclusive nor auto-delete; the others stay classic.
    Quorum,
}

/// Who a client is that does not say who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnonymousLogin {
    /// The user; `none` lets nobody in.
    pub user: String,
    /// Its password: if it is not this one, nobody is let in either.
    pub password: String,
}

impl Default for AnonymousLogin {
    /// The user that an empty broker starts with; from this machine only, as it is itself.
    fn default() -> Self {
        Self { user: "guest".to_owned(), password: "guest".to_owned() }
    }
}

/// One place to accept connections at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// This address only; port 0 takes any free one.
    Address(SocketAddr),
    /// Every interface, IPv4 and, where the machine has it, IPv6.
    AllInterfaces(u16),
}

impl Listen {
    /// The addresses to bind, and whether this machine may lack one of them.
    pub fn addresses(self) -> Vec<(SocketAddr, Need)> {
        match self {
            Self::Address(address) => vec![(address, Need::Required)],
            Self::AllInterfaces(port) => vec![
                ((Ipv4Addr::UNSPECIFIED, port).into(), Need::Required),
                ((Ipv6Addr::UNSPECIFIED, port).into(), Need::WhereAvailable),
            ],
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::AllInterfaces(port) => port.fmt(f),
        }
    }
}

/// Whether a broker can start without an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It was asked for by name.
    Required,
    /// It belongs to "all interfaces": a container without IPv6 must start too.
    WhereAvailable,
}

/// The user and virtual host of an empty broker. Definitions that bring users replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The user's name.
    pub user: String,
    /// The password in clear; only its salted hash is kept.
    pub password: String,
    /// The virtual host that is created and that the user may enter.
    pub vhost: String,
    /// The user's tags.
    pub tags: Vec<String>,
    /// What the user may do in the virtual host.
    pub permissions: Permissions,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            vhost: "/".to_owned(),
            tags: vec!["administrator".to_owned()],
            permissions: Permissions::default(),
        }
    }
}

/// Three patterns: what a user may configure, write and read in one virtual host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Entities that may be declared and deleted.
    pub configure: String,
    /// Exchanges that may be published to, and so on.
    pub write: String,
    /// Queues that may be consumed from, and so on.
    pub read: String,
}

impl Default for Permissions {
    /// Everything.
    fn default() -> Self {
        Self { configure: ".*".to_owned(), write: ".*".to_owned(), read: ".*".to_owned() }
    }
}

/// How much memory the process may hold before publishers are held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Watermark {
    /// So many bytes.
    Absolute(u64),
    /// This part, 0 to 1, of what the container or the machine has.
    Relative(f64),
}

impl Watermark {
    /// RabbitMQ 4's default.
    pub const DEFAULT: Self = Self::Relative(0.6);
}

/// How much disk space must be free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DiskLimit {
    /// So many bytes.
    Absolute(u64),
    /// This multiple of what the container or the machine has of memory.
    Relative(f64),
}

impl DiskLimit {
    /// RabbitMQ's default: 50 MB.
    pub const DEFAULT: Self = Self::Absolute(50_000_000);
}
