//! What all requests share: the broker, and what the API must know beside it.

use std::net::SocketAddr;
use std::sync::Arc;

use leveret_core::model::LoginCounts;
use leveret_core::{Position, Timestamp};

use super::gate::Gate;
use super::reading::Room;
use super::reference::Reference;
use super::settings::HttpSettings;
use crate::metrics;
use crate::registry::Bell;
use crate::session::Shared;
use crate::settings::Settings;
use crate::tls::Tls;

/// The broker behind the API.
pub struct Api {
    /// The broker.
    pub shared: Arc<Shared>,
    /// How it is served.
    pub settings: HttpSettings,
    /// All that the broker was started with.
    pub beginning: Settings,
    /// Where it is served, and where AMQP is.
    pub listeners: Vec<Listener>,
    /// When it began.
    pub started: Timestamp,
    /// Who guesses passwords.
    pub gate: Gate,
    /// Logins over HTTP; the rules count those over AMQP.
    pub logins: LoginCounts,
    /// What the bodies of requests have.
    pub room: Room,
    /// What anybody may read of the API.
    pub reference: Reference,
    /// Metrics, which have ports of their own.
    pub metrics: metrics::State,
}

/// An address where the broker is spoken to.
#[derive(Clone)]
pub struct Listener {
    /// As RabbitMQ calls it: `amqp`, `amqp/ssl`, `http`...
    pub protocol: &'static str,
    /// With the port that was really taken.
    pub address: SocketAddr,
    /// Its TLS, if it speaks that.
    pub tls: Option<Arc<Tls>>,
}

/// The log takes nothing any more: what was changed may be gone after the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFailed;

impl Api {
    /// Of a broker that listens already.
    pub fn new(shared: Arc<Shared>, beginning: Settings, listeners: Vec<Listener>) -> Self {
        let settings = beginning.http.clone();
        let started = shared.clock.now();
        let (gate, logins) = (Gate::default(), LoginCounts::default());
        let room = Room::new(settings.max_body_bytes);
        let metrics = metrics::State::new(beginning.metrics.clone());
        let reference = Reference::default();
        Self { shared, settings, beginning, listeners, started, gate, logins, room, reference, metrics }
    }

    /// The name of the only node.
    pub fn node(&self) -> &str {
        &self.shared.core.settings().node
    }

    /// Returns when the log has everything that has been changed so far.
    pub async fn committed(&self) -> Result<(), LogFailed> {
        let Some(storage) = &self.shared.storage else { return Ok(()) };
        let until = self.defined();
        let bell = Arc::new(Bell::default());
        while storage.committed() < until {
            if storage.has_failed() || until == Position::NEVER {
                return Err(LogFailed);
            }
            storage.wake_at(until, bell.clone());
            bell.rung().await;
            bell.take();
        }
        Ok(())
    }

    fn defined(&self) -> Position {
        let core = &self.shared.core;
        let vhosts = core.vhosts().into_iter().map(|vhost| vhost.defined());
        vhosts.chain([core.defined()]).max().unwrap_or(Position::ZERO)
    }
}
