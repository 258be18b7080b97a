//! A running broker, as the program that embeds it sees it.
//!
//! Nothing is shared between two brokers of one process. The broker serves until it is shut down or
//! dropped, whatever becomes of single connections.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use leveret_core::Effects;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::builder::Builder;
use crate::definitions::{self, ApplyReport, DefinitionsError, Recipient};
use crate::http::Http;
use crate::otlp::Exporter;
use crate::session::{Shared, Stage};
use crate::tls::{Tls, TlsError};

/// How long clients may take to answer the broker's goodbye.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// What a broker listens with; addresses have the ports that were really taken.
pub struct Listening {
    /// Without TLS.
    pub amqp: Vec<SocketAddr>,
    /// With it.
    pub amqps: Vec<SocketAddr>,
    /// What those with it share.
    pub tls: Option<Arc<Tls>>,
    /// The HTTP API, and metrics.
    pub http: Vec<Http>,
    /// What sends spans.
    pub exporter: Option<Exporter>,
}

/// A broker that runs until [`Broker::shutdown`] is called or it is dropped.
pub struct Broker {
    shared: Arc<Shared>,
    listening: Listening,
    sessions: TaskTracker,
    /// Ends with the broker: accepting, watching the memory.
    services: Vec<AbortOnDropHandle<()>>,
}

impl Broker {
    /// Begins to describe a broker.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A broker whose sockets accept already.
    pub(super) fn new(
        shared: Arc<Shared>,
        listening: Listening,
        sessions: TaskTracker,
        services: Vec<AbortOnDropHandle<()>>,
    ) -> Self {
        Self { shared, listening, sessions, services }
    }

    /// Where AMQP clients connect: the first address, with the port that was really taken.
    pub fn amqp_addr(&self) -> SocketAddr {
        self.listening.amqp.first().copied().unwrap_or_else(unspecified)
    }

    /// All addresses where AMQP clients connect.
    pub fn amqp_addrs(&self) -> &[SocketAddr] {
        &self.listening.amqp
    }

    /// All addresses where clients connect that speak AMQP over TLS.
    pub fn amqps_addrs(&self) -> &[SocketAddr] {
        &self.listening.amqps
    }

    /// Where the HTTP API is served, if it was asked for: the first address without TLS.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addrs().first().copied()
    }

    /// All addresses where the HTTP API is served without TLS.
    pub fn http_addrs(&self) -> &[SocketAddr] {
        self.listening.http.first().map_or(&[], Http::addresses)
    }

    /// Where metrics are served, if that was asked for: the first address without TLS.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.listening.http.get(1)?.addresses().first().copied()
    }

    /// What it is made of, in RabbitMQ's export format: what [`Builder::definitions`] takes. Of one virtual host only
    /// what is in it, as RabbitMQ exports one; `None` if it is not there. Messages and password texts are not in it.
    ///
    /// [`Builder::definitions`]: crate::Builder::definitions
    pub fn export_definitions(&self, vhost: Option<&str>) -> Option<serde_json::Value> {
        let core = &self.shared.core;
        let is_there = vhost.is_none_or(|name| core.vhost(name).is_some());
        is_there.then(|| definitions::export(core, vhost))
    }

    /// Creates what a definitions file describes, as [`Builder::definitions`] does at the start; with a virtual host, what
    /// is in virtual hosts there is created in this one. What was there already stays, which the report tells of.
    ///
    /// [`Builder::definitions`]: crate::Builder::definitions
    pub fn import_definitions(
        &self,
        text: &str,
        vhost: Option<&str>,
    ) -> Result<ApplyReport, DefinitionsError> {
        let mut effects = Effects::default();
        let now = self.shared.clock.now();
        let mut recipient = Recipient { core: &self.shared.core, now, effects: &mut effects };
        let imported = match vhost {
            Some(name) => definitions::import_into_vhost(&mut recipient, name, text),
            None => definitions::import(&mut recipient, text),
        };
        // Also after a refusal: what came before it is there.
        self.shared.carry_out(&mut effects);
        imported
    }

    /// Reads the files of TLS again: certificate, key and authorities. New connections see what they hold, those
    /// that are open go on. Where it fails everything stays as it is. A broker that does not speak TLS has
    /// nothing to do.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        let http = self.listening.http.iter().filter_map(Http::tls);
        self.listening.tls.iter().chain(http).try_for_each(|tls| tls.reload())
    }

    /// Returns when an operator of this machine has asked the broker to end, over its local socket. It goes on until
    /// [`Broker::shutdown`] is called.
    pub async fn asked_to_end(&self) {
        self.shared.controls.end.cancelled().await;
    }

    /// Accepts nobody any more, asks every client to go (320, `CONNECTION_FORCED`) and waits until they
    /// have gone, but not longer than a few seconds.
    pub async fn shutdown(mut self) {
        self.services.clear();
        for http in &self.listening.http {
            http.shutdown().await;
        }
        self.sessions.close();
        self.shared.enter_stage(Stage::Closing);
        if tokio::time::timeout(SHUTDOWN_WAIT, self.sessions.wait()).await.is_err() {
            tracing::warn!(
                connections = self.sessions.len(),
                "dropped connections that did not answer the close"
            );
        }
        self.shared.enter_stage(Stage::Aborted);
        self.sessions.wait().await;
        if let Some(exporter) = self.listening.exporter.take() {
            exporter.finish().await;
        }
        let shared = self.shared.clone();
        let closing = tokio::task::spawn_blocking(move || match &shared.storage {
            Some(storage) => storage.close(&shared.core),
            None => Ok(()),
        });
        match closing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the log could not be closed; the next start reads all of it");
            }
            Err(error) => tracing::error!(%error, "closing the log failed; the next start reads all of it"),
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("amqp_addrs", &self.listening.amqp)
            .field("amqps_addrs", &self.listening.amqps)
            .finish_non_exhaustive()
    }
}

impl Drop for Broker {
    /// Ends at once: sockets are closed without a word.
    fn drop(&mut self) {
        self.shared.enter_stage(Stage::Aborted);
        if let Some(storage) = &self.shared.storage {
            storage.abandon();
        }
    }
}

/// What a broker that speaks TLS alone answers to who asks for its plain address.
fn unspecified() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 0).into()
}
