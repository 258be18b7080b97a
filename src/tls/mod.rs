//! TLS: what a listener needs to make [`TlsStream`]s of TCP connections.
//!
//! Invariants:
//! - A configuration is read whole from its files or not at all; one that can't be read never replaces one
//!   that works.
//! - A connection keeps the configuration it began with; only new ones see a new certificate.

mod certificate;
mod settings;
mod stream;

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;

pub use certificate::TlsError;
pub use settings::{PeerVerification, TlsSettings, TlsVersion};
pub use stream::{HandshakeError, TlsStream};

/// What all TLS listeners of a broker share.
pub struct Tls {
    settings: TlsSettings,
    current: Mutex<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files that the settings name.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsError> {
        let config = certificate::server_config(&settings)?;
        Ok(Self { settings, current: Mutex::new(Arc::new(config)) })
    }

    /// For the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.lock().clone()
    }

    /// What was asked for.
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// Reads the files again; where that fails everything stays as it is.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = certificate::server_config(&self.settings)?;
        *self.current.lock() = Arc::new(config);
        Ok(())
    }
}
