//! Where HTTP is accepted: addresses, addresses with TLS, the local socket.
//!
//! hyper speaks HTTP/1.1 on each connection, in a task of its own. Invariants:
//! - A connection that says nothing is closed: the head of a request may take [`HEAD_WAIT`], before the first one and
//!   between two. One that reads nothing is closed, too ([`Prompt`]), and there is a bound on how many there are
//!   ([`Crowd`]).
//! - When the broker ends, requests that have begun are answered first.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{Api, Listener};
use super::crowd::{Crowd, Seat};
use super::dispatch::{self, Origin};
use super::local_socket::{self, Local};
use super::prompt::Prompt;
use super::settings::{HttpSettings, LocalSocket};
use crate::listener::{self, ListenError};
use crate::metrics::{self, MetricsSettings};
use crate::settings::Listen;
use crate::tls::{Tls, TlsError, TlsSettings};

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_WAIT: Duration = Duration::from_mins(1);
/// How long accepting rests when the process has no file descriptors left.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How long requests may take that have begun when the broker ends.
const LAST_ANSWERS_WAIT: Duration = Duration::from_secs(2);

/// Why HTTP is not served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An address cannot be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS cannot be spoken.
    #[error("TLS of the HTTP API: {0}")]
    Tls(#[from] TlsError),
}

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// The HTTP API.
    Api,
    /// Metrics.
    Metrics,
}

impl Served {
    /// What says where it is listened for.
    const fn flags(self) -> &'static str {
        match self {
            Self::Api => "--http or --http-tls",
            Self::Metrics => "--metrics",
        }
    }

    /// As RabbitMQ calls it, without and with TLS.
    const fn protocols(self) -> [&'static str; 2] {
        match self {
            Self::Api => ["http", "https"],
            Self::Metrics => ["http/prometheus", "https/prometheus"],
        }
    }

    /// What RabbitMQ's log says it is.
    const fn name(self) -> &'static str {
        match self {
            Self::Api => "Management plugin",
            Self::Metrics => "Prometheus metrics",
        }
    }
}

/// Sockets that are bound and not served yet.
pub struct Bound {
    served: Served,
    plain: Vec<TcpListener>,
    encrypted: Vec<TcpListener>,
    tls: Option<Arc<Tls>>,
}

impl Bound {
    /// Binds everything that was asked for. Must be called within a runtime.
    pub fn bind(settings: &HttpSettings) -> Result<Self, HttpError> {
        Self::bind_to(Served::Api, [&settings.listen, &settings.listen_tls], &settings.tls)
    }

    /// The same for metrics.
    pub fn bind_metrics(settings: &MetricsSettings) -> Result<Self, HttpError> {
        Self::bind_to(Served::Metrics, [&settings.listen, &settings.listen_tls], &settings.tls)
    }

    fn bind_to(
        served: Served,
        [plain, encrypted]: [&[Listen]; 2],
        tls: &TlsSettings,
    ) -> Result<Self, HttpError> {
        let tls = match encrypted {
            [] => None,
            _ => Some(Arc::new(Tls::new(tls.clone())?)),
        };
        Ok(Self {
            served,
            plain: listener::bind(plain, served.flags())?,
            encrypted: listener::bind(encrypted, served.flags())?,
            tls,
        })
    }

    /// What is bound, with the ports that were really taken.
    pub fn listeners(&self) -> Vec<Listener> {
        let of = |protocol, tls: Option<&Arc<Tls>>, listeners: &[TcpListener]| {
            let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok());
            let listener = |address| Listener { protocol, address, tls: tls.cloned() };
            addresses.map(listener).collect::<Vec<_>>()
        };
        let [plain, encrypted] = self.served.protocols();
        [of(plain, None, &self.plain), of(encrypted, self.tls.as_ref(), &self.encrypted)].concat()
    }

    /// Begins to serve. `port` is that of AMQP, which a local socket is named after where there is no directory.
    pub fn serve(self, api: Arc<Api>, port: u16) -> Http {
        let local = match (api.settings.local_socket, self.served) {
            (LocalSocket::None, _) | (_, Served::Metrics) => None,
            (LocalSocket::Usual, Served::Api) => usual_socket(&api, port),
        };
        let listeners = self.listeners();
        // Once a port, also where it is one of IPv4 and one of IPv6.
        let ports: BTreeSet<_> = listeners.iter().map(|at| (at.tls.is_some(), at.address.port())).collect();
        for (is_tls, port) in ports {
            let kind = if is_tls { "HTTPS" } else { "HTTP (non-TLS)" };
            tracing::info!("{}: {kind} listener started on port {port}", self.served.name());
        }
        let addresses = listeners.iter().filter(|listener| listener.tls.is_none());
        let addresses = addresses.map(|listener| listener.address).collect();
        let doors = Doors {
            served: self.served,
            api,
            tracker: TaskTracker::new(),
            closing: CancellationToken::new(),
            aborting: CancellationToken::new(),
            crowd: Crowd::remote(),
        };
        let http = Http { addresses, doors: doors.clone(), tls: self.tls.clone() };
        for listener in self.plain {
            doors.tracker.spawn(doors.clone().accept(listener, None));
        }
        for listener in self.encrypted {
            doors.tracker.spawn(doors.clone().accept(listener, self.tls.clone()));
        }
        if let Some(local) = local {
            let doors = Doors { crowd: Crowd::local(), ..doors };
            doors.tracker.clone().spawn(doors.accept_local(local));
        }
        http
    }
}

/// The socket of a broker whose first port of AMQP this is. Where it can't be had the broker does without: a file system
/// that cannot be written to, or has no sockets, is no reason not to serve.
fn usual_socket(api: &Api, port: u16) -> Option<Local> {
    let storage = api.shared.storage.as_ref();
    let data_dir = storage.and_then(|storage| storage.data_dir());
    let local = local_socket::path(data_dir.as_deref(), port).and_then(Local::bind);
    local.inspect_err(|error| tracing::warn!("{error}: tools must come with a password")).ok()
}

/// HTTP that is served, until [`Http::shutdown`] is called or this is dropped.
pub struct Http {
    addresses: Vec<SocketAddr>,
    doors: Doors,
    tls: Option<Arc<Tls>>,
}

impl Http {
    /// Where it is served without TLS.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its TLS, if it speaks it.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Accepts nobody any more and answers what has begun, but does not wait long for it.
    pub async fn shutdown(&self) {
        self.doors.closing.cancel();
        self.doors.tracker.close();
        if tokio::time::timeout(LAST_ANSWERS_WAIT, self.doors.tracker.wait()).await.is_err() {
            tracing::warn!(
                connections = self.doors.tracker.len(),
                "dropped HTTP connections that did not end"
            );
        }
        self.doors.aborting.cancel();
        self.doors.tracker.wait().await;
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.doors.aborting.cancel();
    }
}

/// What all listeners have in common.
#[derive(Clone)]
struct Doors {
    served: Served,
    api: Arc<Api>,
    tracker: TaskTracker,
    /// No new connections and requests.
    closing: CancellationToken,
    /// No connections at all.
    aborting: CancellationToken,
    /// One seat a connection.
    crowd: Crowd,
}

impl Doors {
    async fn accept(self, listener: TcpListener, tls: Option<Arc<Tls>>) {
        while let Some(seat) = self.seat().await {
            let Some(accepted) = self.unless_closing(listener.accept()).await else { return };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            };
            // Failing here means that the peer is gone already, which the first read will find.
            let _ = stream.set_nodelay(true);
            let Some(seat) = self.crowd.take(seat, peer.ip()) else {
                tracing::debug!(%peer, "closed an HTTP connection of a machine that has too many");
                continue;
            };
            let serving = self.clone().serve((stream, peer), tls.clone(), seat);
            self.tracker.spawn(serving);
        }
    }

    async fn accept_local(self, local: Local) {
        tracing::debug!("listening on the local socket {}", local.path().display());
        while let Some(seat) = self.seat().await {
            let Some(accepted) = self.unless_closing(local.accept()).await else { return };
            match accepted {
                Ok(stream) => {
                    self.tracker.spawn(self.clone().speak(stream, Origin::Local, seat));
                }
                Err(error) => rest_after(&error).await,
            }
        }
    }

    async fn serve(self, (stream, peer): (TcpStream, SocketAddr), tls: Option<Arc<Tls>>, seat: Seat) {
        let origin = Origin::Remote(peer.ip());
        let Some(tls) = tls else { return self.speak(stream, origin, seat).await };
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        let wait = tls.settings().handshake_timeout;
        match self.unless_closing(tokio::time::timeout(wait, handshake)).await {
            Some(Ok(Ok(stream))) => self.speak(stream, origin, seat).await,
            Some(Ok(Err(error))) => tracing::debug!(%peer, %error, "a TLS handshake for HTTP failed"),
            Some(Err(_)) | None => {}
        }
    }

    /// HTTP on one connection, from its first request to its last.
    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        origin: Origin,
        seat: Seat,
    ) {
        let (api, served) = (self.api.clone(), self.served);
        let service = service_fn(move |request: Request<Incoming>| {
            let api = api.clone();
            async move {
                // Also where the API is, if they are served at all.
                let settings = &api.metrics.settings;
                let are_metrics = settings.is_served() && metrics::is_path(settings, request.uri().path());
                Ok::<_, Infallible>(if served == Served::Metrics || are_metrics {
                    metrics::answer(api, origin, request).await
                } else {
                    dispatch::answer(api, origin, request).await
                })
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WAIT)
            .serve_connection(TokioIo::new(Prompt::new(stream)), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = self.aborting.cancelled() => Ok(()),
                }
            }
            () = self.aborting.cancelled() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an HTTP connection ended badly");
        }
        drop(seat);
    }

    /// Room for one more connection; `None` when no more are wanted.
    async fn seat(&self) -> Option<Seat> {
        self.unless_closing(self.crowd.seat()).await?
    }

    async fn unless_closing<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.closing.cancelled() => None,
            () = self.aborting.cancelled() => None,
        }
    }
}

async fn rest_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept HTTP connections at the moment");
        tokio::time::sleep(REST_AFTER_FAILURE).await;
    }
}
