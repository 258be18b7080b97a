//! What can be set of metrics.

use crate::settings::Listen;
use crate::tls::TlsSettings;

/// RabbitMQ's port for metrics.
pub const METRICS_PORT: u16 = 15692;

/// How metrics are served; with no listener they are not.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSettings {
    /// Where HTTP connections are accepted.
    pub listen: Vec<Listen>,
    /// Where HTTP connections with TLS are accepted.
    pub listen_tls: Vec<Listen>,
    /// How.
    pub tls: TlsSettings,
    /// The path of the page; the others are below it.
    pub path: String,
    /// Whether that page tells of every queue and connection by itself.
    pub per_object: bool,
    /// Whether whoever asks must log in as a user that may watch the broker.
    pub asks_for_login: bool,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            tls: TlsSettings::default(),
            path: "/metrics".to_owned(),
            per_object: false,
            asks_for_login: false,
        }
    }
}

impl MetricsSettings {
    /// Whether they are served.
    pub fn is_served(&self) -> bool {
        !self.listen.is_empty() || !self.listen_tls.is_empty()
    }
}
