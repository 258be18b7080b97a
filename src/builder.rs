//! How a broker is described and started.
//!
//! Every setter takes a value that is valid by its type, so [`Builder::start`] is the only call that can
//! fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use leveret_core::NoStore;
use leveret_core::model::BrokerSettings;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::broker::Broker;
use crate::clock::Clock;
use crate::definitions::{Definitions, DefinitionsError};
use crate::listener::{self, ListenError};
use crate::memory::{self, Measure};
use crate::session::Shared;
use crate::settings::{Listen, Settings, Watermark};

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Definitions cannot be read, or ask for what is not served.
    #[error(transparent)]
    Definitions(#[from] DefinitionsError),
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
}

impl Builder {
    /// Keeps everything in memory. This version cannot do otherwise, and warns without it.
    pub fn ephemeral(mut self) -> Self {
        self.is_ephemeral = true;
        self
    }

    /// Accepts connections here too; port 0 takes any free one. Without any call it is a free port of
    /// 127.0.0.1.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.settings.listen.push(Listen::Address(address.into()));
        self
    }

    /// Creates what a definitions file, or its JSON, describes before the first client is accepted.
    pub fn definitions(mut self, definitions: impl Into<Definitions>) -> Self {
        self.definitions.push(definitions.into());
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

    /// Everything that can be set, at once; replaces what was said before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Starts: creates what is defined, then listens. Needs a tokio runtime with I/O and time.
    #[expect(clippy::unused_async, reason = "spawns tasks, and will wait for storage to open")]
    pub async fn start(mut self) -> Result<Broker, StartError> {
        if !self.is_ephemeral {
            tracing::warn!(
                "messages and definitions are kept in memory only and do not survive a restart: this version has no \
                 storage yet (say --ephemeral to agree)"
            );
        }
        if self.settings.listen.is_empty() {
            self.settings.listen.push(Listen::Address((Ipv4Addr::LOCALHOST, 0).into()));
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(StartError::Entropy)?;
        let core = leveret_core::model::Broker::new(self.core_settings(), secret, Arc::new(NoStore));
        crate::definitions::apply(&core, &self.definitions, &self.settings.seed)?;
        let shared = Arc::new(Shared::new(core, self.clock.take().unwrap_or_else(Clock::system)));
        let mut services = self.watch_memory(&shared)?;
        let listeners = listener::bind(&self.settings.listen)?;
        let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let sessions = TaskTracker::new();
        for listener in listeners {
            let accepting = listener::accept(listener, shared.clone(), sessions.clone());
            services.push(AbortOnDropHandle::new(tokio::spawn(accepting)));
        }
        let broker = Broker::new(shared, addresses, sessions, services);
        for address in broker.amqp_addrs() {
            tracing::info!("started TCP listener on {address}");
        }
        Ok(broker)
    }

    fn core_settings(&self) -> BrokerSettings {
        BrokerSettings {
            heartbeat_secs: self.settings.heartbeat_secs,
            channel_max: self.settings.channel_max,
            frame_max_bytes: self.settings.frame_max_bytes,
            message_max_bytes: self.settings.message_max_bytes,
            loopback_users: self.settings.loopback_users.clone(),
            ..BrokerSettings::default()
        }
    }

    fn watch_memory(&mut self, shared: &Arc<Shared>) -> Result<Vec<AbortOnDropHandle<()>>, StartError> {
        let Some(watermark) = self.settings.memory_high_watermark else { return Ok(Vec::new()) };
        let limit_bytes = memory::limit_bytes(watermark).ok_or(StartError::UnknownMemory)?;
        tracing::info!("Memory high watermark set to {}", memory::Mebibytes(limit_bytes));
        let measure = self.measure.take().unwrap_or_else(|| Box::new(memory::resident_bytes));
        let watching = memory::watch(shared.clone(), limit_bytes, measure);
        Ok(vec![AbortOnDropHandle::new(tokio::spawn(watching))])
    }
}
