//! How a broker is described and started.
//!
//! Every setter takes a value that is valid by its type, so [`Builder::start`] is the only call that can
//! fail.

mod start;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::model::{BrokerSettings, Mechanism, QueueKind};

use crate::clock::Clock;
use crate::definitions::{Definitions, DefinitionsError};
use crate::disk_space::MeasureFree;
use crate::durable::{StorageError, StorageSettings};
use crate::hooks::Hooks;
use crate::http::HttpError;
use crate::listener::ListenError;
use crate::memory::{self, Measure};
use crate::otlp::Endpoint as OtlpEndpoint;
use crate::settings::{DefaultQueueType, DiskLimit, Listen, Settings, Watermark};
use crate::tls::{TlsError, TlsSettings};

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// HTTP cannot be served.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// TLS cannot be spoken.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// Definitions cannot be read, or ask for what is not served.
    #[error(transparent)]
    Definitions(#[from] DefinitionsError),
    /// The data directory cannot be served.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The operating system has no random numbers for salts and names.
    #[error("cannot get random numbers from the operating system: {0}")]
    Entropy(getrandom::Error),
    /// The watermark is a part of a memory whose size cannot be found out.
    #[error("cannot find out how much memory this machine has: give the watermark in bytes")]
    UnknownMemory,
}

/// A broker to be started.
#[derive(Default)]
#[must_use = "a broker does nothing until it is started"]
pub struct Builder {
    settings: Settings,
    is_ephemeral: bool,
    definitions: Vec<Definitions>,
    clock: Option<Clock>,
    measure: Option<Measure>,
    measure_free: Option<MeasureFree>,
    hooks: Option<Arc<dyn Hooks>>,
}

impl Builder {
    /// Keeps messages and definitions in this directory, which is made if it is not there; what was there
    /// before is served again. One broker at a time can have it.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.data_dir = Some(directory.into());
        self
    }

    /// Starts although the data directory is damaged: what cannot be read is set aside and lost.
    pub fn accept_loss(mut self) -> Self {
        self.settings.accept_loss = true;
        self
    }

    /// Holds publishers back while less than so many bytes are free where the data directory is.
    pub fn disk_free_limit_bytes(mut self, bytes: u64) -> Self {
        self.settings.disk_free_limit = DiskLimit::Absolute(bytes);
        self
    }

    /// Compares that limit with this instead of what the file system says.
    pub fn disk_free_measure(mut self, measure: impl FnMut() -> Option<u64> + Send + 'static) -> Self {
        self.measure_free = Some(Box::new(measure));
        self
    }

    /// Keeps everything in memory: nothing touches the disk, whatever directory was given.
    pub fn ephemeral(mut self) -> Self {
        self.is_ephemeral = true;
        self
    }

    /// Accepts connections here too; port 0 takes any free one. Without any listener it is a free port of
    /// 127.0.0.1.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.settings.listen.push(Listen::Address(address.into()));
        self
    }

    /// Accepts connections with TLS here too; port 0 takes any free one. Needs [`Builder::tls`].
    pub fn listen_tls(mut self, address: impl Into<SocketAddr>) -> Self {
        self.settings.listen_tls.push(Listen::Address(address.into()));
        self
    }

    /// Serves the HTTP API here too; port 0 takes any free one. Without a call there is none.
    pub fn http(mut self, address: impl Into<SocketAddr>) -> Self {
        self.settings.http.listen.push(Listen::Address(address.into()));
        self
    }

    /// Serves metrics for Prometheus here too; port 0 takes any free one. Without a call there are none.
    pub fn metrics(mut self, address: impl Into<SocketAddr>) -> Self {
        self.settings.metrics.listen.push(Listen::Address(address.into()));
        self
    }

    /// Speaks TLS with this certificate, in this way.
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.settings.tls = settings;
        self
    }

    /// How clients may say who they are, instead of PLAIN, AMQPLAIN and ANONYMOUS.
    pub fn mechanisms(mut self, mechanisms: impl IntoIterator<Item = Mechanism>) -> Self {
        self.settings.mechanisms = mechanisms.into_iter().collect();
        self
    }

    /// Creates what a definitions file, or its JSON, describes before the first client is accepted.
    pub fn definitions(mut self, definitions: impl Into<Definitions>) -> Self {
        self.definitions.push(definitions.into());
        self
    }

    /// Asks this of the program that it runs in.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// Lives by this clock instead of the machine's.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = Some(clock.into());
        self
    }

    /// Holds publishers back while the process holds more than so many bytes. Without it an embedded broker
    /// measures nothing: the process is its host's, and so is most of the memory.
    pub fn memory_high_watermark_bytes(mut self, bytes: u64) -> Self {
        self.settings.memory_high_watermark = Some(Watermark::Absolute(bytes));
        self
    }

    /// Compares the watermark with this instead of the resident set of the process.
    pub fn memory_measure(mut self, measure: impl FnMut() -> Option<u64> + Send + 'static) -> Self {
        self.measure = Some(Box::new(measure));
        self
    }

    /// Heartbeat proposed to clients, in seconds; 0 proposes none.
    pub fn heartbeat_secs(mut self, seconds: u16) -> Self {
        self.settings.heartbeat_secs = seconds;
        self
    }

    /// Largest frame proposed to clients.
    pub fn frame_max_bytes(mut self, bytes: u32) -> Self {
        self.settings.frame_max_bytes = bytes;
        self
    }

    /// How many channels a connection may have.
    pub fn channel_max(mut self, channels: u16) -> Self {
        self.settings.channel_max = channels;
        self
    }

    /// Largest body of a message.
    pub fn message_max_bytes(mut self, bytes: u64) -> Self {
        self.settings.message_max_bytes = bytes;
        self
    }

    /// How long a consumer may hold a message unacknowledged before it is cancelled; unless this is called, for ever.
    pub fn consumer_timeout(mut self, timeout: Duration) -> Self {
        self.settings.consumer_timeout = Some(timeout);
        self
    }

    /// Copies what is published and delivered in this virtual host to its exchange `amq.rabbitmq.trace` (RabbitMQ's
    /// firehose); as often as wanted.
    pub fn trace(mut self, vhost: impl Into<String>) -> Self {
        self.settings.traced_vhosts.push(vhost.into());
        self
    }

    /// Tells what comes and goes (connections, queues, users...) on the exchange `amq.rabbitmq.event` of the virtual host
    /// that the broker starts with.
    pub fn event_exchange(mut self) -> Self {
        self.settings.event_exchange = true;
        self
    }

    /// The user that the broker starts with, instead of `guest` with the password `guest`.
    pub fn default_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.settings.seed.user = name.into();
        self.settings.seed.password = password.into();
        self
    }

    /// The virtual host that the broker starts with, instead of `/`.
    pub fn default_vhost(mut self, name: impl Into<String>) -> Self {
        self.settings.seed.vhost = name.into();
        self
    }

    /// Users that may log in from this machine only, instead of `guest`.
    pub fn loopback_users(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.loopback_users = names.into_iter().map(Into::into).collect();
        self
    }

    /// Tells a collector at this address of the stay of every message whose publisher records its trace.
    pub fn otlp(mut self, endpoint: OtlpEndpoint) -> Self {
        self.settings.otlp = Some(endpoint);
        self
    }

    /// Everything that can be set, at once; replaces what was said before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// How the data directory is opened, if there is one.
    fn storage_settings(&self) -> Option<StorageSettings> {
        let data_dir = self.settings.data_dir.clone().filter(|_| !self.is_ephemeral)?;
        let watermark = self.settings.memory_high_watermark.unwrap_or(Watermark::DEFAULT);
        Some(StorageSettings {
            data_dir,
            accept_loss: self.settings.accept_loss,
            memory_bytes: memory::limit_bytes(watermark),
        })
    }

    /// What the rules are set to.
    fn core_settings(&self) -> BrokerSettings {
        BrokerSettings {
            heartbeat_secs: self.settings.heartbeat_secs,
            channel_max: self.settings.channel_max,
            frame_max_bytes: self.settings.frame_max_bytes,
            message_max_bytes: self.settings.message_max_bytes,
            consumer_timeout: self.settings.consumer_timeout,
            loopback_users: self.settings.loopback_users.clone(),
            traced_vhosts: self.settings.traced_vhosts.clone(),
            event_vhost: self.event_vhost(),
            mechanisms: self.settings.mechanisms.clone(),
            anonymous_login: Some(&self.settings.anonymous_login)
                .filter(|login| login.user != "none")
                .map(|login| (login.user.clone(), login.password.clone())),
            spans: self.settings.otlp.is_some(),
            node: self.settings.node.clone(),
            cluster_name: self.settings.cluster_name.clone(),
            default_queue_type: match self.settings.default_queue_type {
                // Nobody's word: a virtual host says so only if somebody does.
                DefaultQueueType::Classic => None,
                DefaultQueueType::Quorum => Some(QueueKind::Quorum),
            },
            ..BrokerSettings::default()
        }
    }

    fn event_vhost(&self) -> Option<String> {
        let vhost = self.settings.event_vhost.as_ref().unwrap_or(&self.settings.seed.vhost);
        self.settings.event_exchange.then(|| vhost.clone())
    }
}
