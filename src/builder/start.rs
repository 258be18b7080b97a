//! How a broker starts: its data, its definitions, its clocks, then its listeners.
//!
//! Invariant: everything that can fail has been done before the first client is let in.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use leveret_core::{Effects, NoStore};
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{Builder, StartError};
use crate::broker::{Broker, Listening};
use crate::clock::Clock;
use crate::deadlines;
use crate::definitions::{Beginning, Recipient};
use crate::disk_space;
use crate::durable::{Pager, Storage, StorageError};
use crate::http::{self, Api, Http, Listener, RatesMode};
use crate::listener::{self, Entrance};
use crate::memory;
use crate::otlp::{Exporter, Source};
use crate::rates;
use crate::session::Shared;
use crate::settings::{Listen, Settings};
use crate::tls::{self, Tls, TlsError};

/// What says where AMQP is listened for.
const LISTEN_FLAGS: &str = "--listen or --listen-tls";

impl Builder {
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
        let exporter = self.export_spans(&mut shared);
        let shared = Arc::new(shared);
        self.warn_of_missing_vhosts(&shared.core);
        start_storage(&shared)?;
        shared.core.begin(shared.clock.now(), &mut effects);
        shared.carry_out(&mut effects);
        let mut services = self.watch_memory(&shared)?;
        services.push(spawn(deadlines::keep(shared.clone())));
        services.extend(self.watch_disk(&shared));
        services.extend(self.take_samples(&shared));
        services.extend(tls.iter().map(|tls| spawn(tls::watch(tls.clone(), shared.clock.clone()))));
        let bound = Bound::bind(&self.settings)?;
        let (listening, sessions) = self.open(bound, &shared, tls, &mut services);
        Ok(Broker::new(shared, Listening { exporter, ..listening }, sessions, services))
    }

    /// Lets clients in, of AMQP and of HTTP.
    fn open(
        &self,
        bound: Bound,
        shared: &Arc<Shared>,
        tls: Option<Arc<Tls>>,
        services: &mut Vec<AbortOnDropHandle<()>>,
    ) -> (Listening, TaskTracker) {
        let Bound { plain, encrypted, http } = bound;
        let listening = Listening {
            amqp: addresses_of(&plain),
            amqps: addresses_of(&encrypted),
            tls: tls.clone(),
            http: Vec::new(),
            exporter: None,
        };
        let entrance = Entrance { shared: shared.clone(), sessions: TaskTracker::new(), tls: None };
        let sessions = entrance.sessions.clone();
        let entrance_tls = Entrance { tls, ..entrance.clone() };
        for (listeners, entrance) in [(plain, entrance), (encrypted, entrance_tls)] {
            for listener in listeners {
                services.push(spawn(listener::accept(listener, entrance.clone())));
            }
        }
        for address in &listening.amqp {
            tracing::info!("started TCP listener on {address}");
        }
        for address in &listening.amqps {
            tracing::info!("started TLS (SSL) listener on {address}");
        }
        let http = self.serve_http(http, shared, &listening);
        let watched = http.iter().filter_map(Http::tls);
        services.extend(watched.map(|tls| spawn(tls::watch(tls.clone(), shared.clock.clone()))));
        (Listening { http, ..listening }, sessions)
    }

    fn serve_http(&self, bound: [http::Bound; 2], shared: &Arc<Shared>, listening: &Listening) -> Vec<Http> {
        let of = |protocol, tls: Option<Arc<Tls>>| {
            move |address: &SocketAddr| Listener { protocol, address: *address, tls: tls.clone() }
        };
        let amqp = listening.amqp.iter().map(of("amqp", None));
        let listeners = amqp.chain(listening.amqps.iter().map(of("amqp/ssl", listening.tls.clone())));
        let listeners = listeners.chain(bound.iter().flat_map(http::Bound::listeners)).collect();
        let port = listening.amqp.iter().chain(&listening.amqps).next().map_or(0, SocketAddr::port);
        let api = Arc::new(Api::new(shared.clone(), self.settings.clone(), listeners));
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
            let beginning = beginning(&self.settings);
            crate::definitions::apply(recipient, &self.definitions, &beginning)?;
            return Ok(Shared::new(core, clock, None));
        };
        let (definitions, told) = (std::mem::take(&mut self.definitions), self.settings.clone());
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
            crate::definitions::apply(recipient, &definitions, &beginning(&told))?;
            storage.commit().map_err(StorageError::from)?;
            Ok::<_, StartError>((core, storage, effects))
        });
        let (core, storage, applied) =
            opening.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
        *effects = applied;
        Ok(Shared::new(core, clock, Some(Arc::new(storage))))
    }

    fn watch_disk(&mut self, shared: &Arc<Shared>) -> Option<AbortOnDropHandle<()>> {
        let directory = shared.storage.as_ref()?.data_dir()?;
        let limit_bytes = disk_space::limit_bytes(self.settings.disk_free_limit)?;
        tracing::info!("Disk free limit set to {limit_bytes} bytes");
        let measure = self.measure_free.take();
        let measure = measure.unwrap_or_else(|| Box::new(move || disk_space::free_for_messages(&directory)));
        let watching = disk_space::watch(shared.clone(), limit_bytes, measure);
        Some(spawn(watching))
    }

    /// Nobody asks for rates where nothing is served over HTTP.
    fn take_samples(&self, shared: &Arc<Shared>) -> Option<AbortOnDropHandle<()>> {
        let is_asked = self.settings.http.is_served() && self.settings.http.rates_mode != RatesMode::None;
        is_asked.then(|| spawn(rates::keep(shared.clone())))
    }

    /// Sends the spans of messages to whoever collects them.
    fn export_spans(&self, shared: &mut Shared) -> Option<Exporter> {
        let endpoint = self.settings.otlp.clone()?;
        tracing::info!("spans of traced messages go to {endpoint}");
        let source = Source {
            service: self.settings.otlp_service.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.settings.node.clone(),
        };
        let (spans, exporter) = Exporter::start(endpoint, source, shared.clock.clone());
        shared.spans = Some(spans);
        Some(exporter)
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
        Ok(vec![spawn(watching)])
    }
}

/// What definitions have to go by.
fn beginning(settings: &Settings) -> Beginning<'_> {
    Beginning {
        seed: &settings.seed,
        cluster_tags: &settings.cluster_tags,
        skip_if_unchanged: settings.skip_unchanged_definitions,
    }
}

/// Sockets that are bound, so that the start cannot fail any more.
struct Bound {
    plain: Vec<TcpListener>,
    encrypted: Vec<TcpListener>,
    /// The API, and metrics.
    http: [http::Bound; 2],
}

impl Bound {
    fn bind(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            plain: listener::bind(&settings.listen, LISTEN_FLAGS)?,
            encrypted: listener::bind(&settings.listen_tls, LISTEN_FLAGS)?,
            http: [http::Bound::bind(&settings.http)?, http::Bound::bind_metrics(&settings.metrics)?],
        })
    }
}

/// A task that ends with the broker.
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
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
