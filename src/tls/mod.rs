//! TLS: what a listener needs to make [`TlsStream`]s of TCP connections.
//!
//! Invariants:
//! - A configuration is read whole from its files or not at all; one that can't be read never replaces one
//!   that works.
//! - A connection keeps the configuration it began with; only new ones see a new certificate.

mod bad_certificate;
mod certificate;
mod cipher;
mod depth;
mod login_name;
mod refused;
mod renewal;
mod settings;
mod stream;

use std::sync::Arc;

use leveret_core::Timestamp;
use leveret_core::amqp::External;
use parking_lot::Mutex;
use rustls::ServerConfig;

use refused::{Refused, Telling};
use renewal::Seen;

pub use certificate::TlsError;
pub use cipher::TlsCipher;
pub use renewal::watch;
pub use settings::{CertificateLogin, LoginFrom, PeerVerification, SanType, TlsSettings, TlsVersion};
pub use stream::{HandshakeError, TlsStream};

/// What all TLS listeners of a broker share.
pub struct Tls {
    settings: TlsSettings,
    current: Mutex<Arc<ServerConfig>>,
    /// The files as they were before they were last read.
    seen: Mutex<Seen>,
    refused: Mutex<Refused>,
}

impl Tls {
    /// Reads the files that the settings name.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsError> {
        let seen = Mutex::new(Seen::now(&settings));
        let current = Mutex::new(Arc::new(certificate::server_config(&settings)?));
        Ok(Self { settings, current, seen, refused: Mutex::default() })
    }

    /// For the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.lock().clone()
    }

    /// What was asked for.
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// Whom the certificate of a peer names. RabbitMQ's reasons, for the log.
    pub fn user_of(&self, stream: &TlsStream) -> External {
        if self.settings.verify == PeerVerification::None {
            return External::Unnamed(
                "TLS configuration is unsafe: certificates are not verified (ssl_options.verify = verify_none)",
            );
        }
        let Some([own, ..]) = stream.peer_certificates() else {
            return External::Unnamed("connection peer presented no TLS (x.509) certificate");
        };
        match login_name::login_name(own, self.settings.login) {
            Some(name) => External::User(name),
            None => External::Unnamed("no name found in the certificate"),
        }
    }

    /// Tells why a handshake failed. Who said nothing is somebody's health check.
    pub fn note_refused(&self, now: Timestamp, address: &str, error: &HandshakeError) {
        if matches!(error, HandshakeError::Silent) {
            tracing::debug!("closed without a byte");
            return;
        }
        let Telling::Told { left_out } = self.refused.lock().note(now) else { return };
        if left_out != 0 {
            tracing::info!("{left_out} more TLS handshakes have failed");
        }
        if matches!(error, HandshakeError::BadCertificate(_)) {
            // Somebody who was to be let in, most likely: there is something to be done.
            tracing::warn!("TLS handshake with {address} failed: {error}");
        } else {
            tracing::info!("TLS handshake with {address} failed: {error}");
        }
    }

    /// Reads the files again, and says in the log what came of it; where it fails everything stays as it is.
    pub fn reload(&self) -> Result<(), TlsError> {
        *self.seen.lock() = Seen::now(&self.settings);
        match certificate::server_config(&self.settings) {
            Ok(config) => {
                *self.current.lock() = Arc::new(config);
                tracing::info!("read the TLS certificate and key again: new connections use them");
                Ok(())
            }
            Err(error) => {
                tracing::error!("TLS goes on with the certificate that it has: {error}");
                Err(error)
            }
        }
    }

    /// The same if a file has changed since it was last read.
    pub fn reload_changed(&self) {
        if *self.seen.lock() != Seen::now(&self.settings) {
            // Nobody has asked, so nobody waits for the answer.
            let _ = self.reload();
        }
    }
}
