//! How a broker is described and started.
//!
//! Every setter takes a value that is valid by its type, so [`Builder::start`] is the only call that can
//! fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::model::{BrokerSettings, Mechanism};
use leveret_core::{Effects, NoStore};
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::broker::{Broker, Listening};
use crate::clock::Clock;
use crate::deadlines;
use crate::definitions::{Beginning, Definitions, DefinitionsError, Recipient};
use crate::disk_space::{self, MeasureFree};
use crate::durable::{Pager, Storage, StorageError, StorageSettings};
use crate::hooks::Hooks;
use crate::http::{Api, Bound, Http, HttpError, Listener, RatesMode};
use crate::listener::{self, Entrance, ListenError};
use crate::memory::{self, Measure};
use crate::rates;
use crate::session::Shared;
use crate::settings::{DiskLimit, Listen, Settings, Watermark};
use crate::tls::{self, Tls, TlsError, TlsSettings};

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

    /// Everything that can be set, at once; replaces what was said before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Starts: opens the data directory, creates what is defined, then listens. Needs a tokio runtime with
    /// I/O and time.
    pub async fn start(mut self) -> Result<Broker, StartError> {
        if self.settings.listen.is_empty() && self.settings.listen_tls.is_empty() {
            self.settings.listen.push(Listen::Address((Ipv4Addr::LOCALHOST, 0).into()));
        }
        // Before the data directory, which may take its time: a wrong certificate is found at once.
        let tls = self.tls_of_listeners()?;
        let mut effects = Effects::default();
        let mut shared = self.shared(&mut effects).await?;
        shared.hooks = self.hooks.take();
        let shared = Arc::new(shared);
        self.warn_of_missing_vhosts(&shared.core);
        start_storage(&shared)?;
        shared.core.begin(shared.clock.now(), &mut effects);
        shared.carry_out(&mut effects);
        let mut services = self.watch_memory(&shared)?;
        services.push(AbortOnDropHandle::new(tokio::spawn(deadlines::keep(shared.clone()))));
        services.extend(self.watch_disk(&shared));
        services.extend(self.take_samples(&shared));
        services.extend(
            tls.iter().map(|tls| {
                AbortOnDropHandle::new(tokio::spawn(tls::watch(tls.clone(), shared.clock.clone())))
            }),
        );
        let plain = listener::bind(&self.settings.listen)?;
        let encrypted = listener::bind(&self.settings.listen_tls)?;
        let http = [Bound::bind(&self.settings.http)?, Bound::bind_metrics(&self.settings.metrics)?];
        let listening = Listening {
            amqp: addresses_of(&plain),
            amqps: addresses_of(&encrypted),
            tls: tls.clone(),
            http: Vec::new(),
        };
        let entrance = Entrance { shared: shared.clone(), sessions: TaskTracker::new(), tls: None };
        let sessions = entrance.sessions.clone();
        let entrance_tls = Entrance { tls, ..entrance.clone() };
        for (listeners, entrance) in [(plain, entrance), (encrypted, entrance_tls)] {
            for listener in listeners {
                let accepting = listener::accept(listener, entrance.clone());
                services.push(AbortOnDropHandle::new(tokio::spawn(accepting)));
            }
        }
        for address in &listening.amqp {
            tracing::info!("started TCP listener on {address}");
        }
        for address in &listening.amqps {
            tracing::info!("started TLS (SSL) listener on {address}");
        }
        let http = self.serve_http(http, &shared, &listening)?;
        services.extend(
            http.iter().filter_map(Http::tls).map(|tls| {
                AbortOnDropHandle::new(tokio::spawn(tls::watch(tls.clone(), shared.clock.clone())))
            }),
        );
        Ok(Broker::new(shared, Listening { http, ..listening }, sessions, services))
    }

    fn serve_http(
        &self,
        bound: [Bound; 2],
        shared: &Arc<Shared>,
        listening: &Listening,
    ) -> Result<Vec<Http>, HttpError> {
        let of = |protocol, tls| move |address: &SocketAddr| Listener { protocol, address: *address, tls };
        let amqp = listening.amqp.iter().map(of("amqp", false));
        let listeners = amqp.chain(listening.amqps.iter().map(of("amqp/ssl", true)));
        let listeners = listeners.chain(bound.iter().flat_map(Bound::listeners)).collect();
        let port = listening.amqp.iter().chain(&listening.amqps).next().map_or(0, SocketAddr::port);
        let api = Arc::new(Api::new(shared.clone(), &self.settings, listeners));
        bound.into_iter().map(|bound| bound.serve(api.clone(), port)).collect()
    }

    /// What TLS listeners need; nothing if there are none.
    fn tls_of_listeners(&self) -> Result<Option<Arc<Tls>>, TlsError> {
        if self.settings.listen_tls.is_empty() {
            if self.settings.tls.certfile.is_some() {
                tracing::warn!(
                    "a TLS certificate was given, but nothing listens with it: give `--listen-tls`"
                );
            }
            return Ok(None);
        }
        Ok(Some(Arc::new(Tls::new(self.settings.tls.clone())?)))
    }

    /// The state of a broker as its data directory and its definitions have it; `effects` are to be carried out once
    /// its storage works.
    async fn shared(&mut self, effects: &mut Effects) -> Result<Shared, StartError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(StartError::Entropy)?;
        let settings = self.core_settings();
        let clock = self.clock.take().unwrap_or_else(Clock::system);
        let Some(storage_settings) = self.storage_settings() else {
            if !self.is_ephemeral {
                tracing::warn!("no data directory was given: nothing survives the end of this process");
            }
            let core = leveret_core::model::Broker::new(settings, secret, Arc::new(NoStore));
            let recipient = Recipient { core: &core, now: clock.now(), effects };
            let beginning = Beginning {
                seed: &self.settings.seed,
                skip_if_unchanged: self.settings.skip_unchanged_definitions,
            };
            crate::definitions::apply(recipient, &self.definitions, &beginning)?;
            return Ok(Shared::new(core, clock, None));
        };
        let (definitions, seed) = (std::mem::take(&mut self.definitions), self.settings.seed.clone());
        let skip_if_unchanged = self.settings.skip_unchanged_definitions;
        // Reading a log takes its time, and the runtime may have other things to do.
        let now = clock.now();
        let opening = tokio::task::spawn_blocking(move || {
            let mut effects = Effects::default();
            let (storage, mut recovery) = Storage::open(&storage_settings)?;
            let core = leveret_core::model::Broker::new(settings, secret, storage.store());
            let counts = storage.restore(&core, &mut recovery).map_err(StorageError::from)?;
            tracing::info!(
                data_dir = %storage_settings.data_dir.display(),
                queues = counts.queues,
                messages = counts.messages,
                "opened the data directory"
            );
            let recipient = Recipient { core: &core, now, effects: &mut effects };
            crate::definitions::apply(
                recipient,
                &definitions,
                &Beginning { seed: &seed, skip_if_unchanged },
            )?;
            storage.commit().map_err(StorageError::from)?;
            Ok::<_, StartError>((core, storage, effects))
        });
        let (core, storage, applied) =
            opening.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
        *effects = applied;
        Ok(Shared::new(core, clock, Some(Arc::new(storage))))
    }

    fn storage_settings(&self) -> Option<StorageSettings> {
        let data_dir = self.settings.data_dir.clone().filter(|_| !self.is_ephemeral)?;
        let watermark = self.settings.memory_high_watermark.unwrap_or(Watermark::DEFAULT);
        Some(StorageSettings {
            data_dir,
            accept_loss: self.settings.accept_loss,
            memory_bytes: memory::limit_bytes(watermark),
        })
    }

    fn watch_disk(&mut self, shared: &Arc<Shared>) -> Option<AbortOnDropHandle<()>> {
        let directory = shared.storage.as_ref()?.data_dir()?;
        let limit_bytes = disk_space::limit_bytes(self.settings.disk_free_limit)?;
        tracing::info!("Disk free limit set to {limit_bytes} bytes");
        let measure = self.measure_free.take();
        let measure = measure.unwrap_or_else(|| Box::new(move || disk_space::free_bytes(&directory)));
        let watching = disk_space::watch(shared.clone(), limit_bytes, measure);
        Some(AbortOnDropHandle::new(tokio::spawn(watching)))
    }

    /// Nobody asks for rates where nothing is served over HTTP.
    fn take_samples(&self, shared: &Arc<Shared>) -> Option<AbortOnDropHandle<()>> {
        let is_asked = self.settings.http.is_served() && self.settings.http.rates_mode != RatesMode::None;
        is_asked.then(|| AbortOnDropHandle::new(tokio::spawn(rates::keep(shared.clone()))))
    }

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
            ..BrokerSettings::default()
        }
    }

    fn event_vhost(&self) -> Option<String> {
        let vhost = self.settings.event_vhost.as_ref().unwrap_or(&self.settings.seed.vhost);
        self.settings.event_exchange.then(|| vhost.clone())
    }

    /// Says what is asked for where it can't be had, or not yet.
    fn warn_of_missing_vhosts(&self, core: &leveret_core::model::Broker) {
        for vhost in self.event_vhost().iter().chain(&self.settings.traced_vhosts) {
            if core.vhost(vhost).is_none() {
                tracing::warn!(
                    vhost,
                    "there is no such virtual host yet: nothing of it is traced or told before it comes"
                );
            }
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

fn addresses_of(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// Lets the threads of the storage work for this broker.
fn start_storage(shared: &Arc<Shared>) -> Result<(), StartError> {
    let Some(storage) = &shared.storage else { return Ok(()) };
    let weak = Arc::downgrade(shared);
    let mut effects = Effects::default();
    let work = move |pager: &Pager, job| {
        let Some(shared) = weak.upgrade() else { return };
        pager.work(shared.clock.now(), job, &mut effects);
        shared.carry_out(&mut effects);
    };
    Ok(storage.start(work).map_err(StorageError::from)?)
}
