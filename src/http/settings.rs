//! What can be set of the HTTP API.

use crate::settings::Listen;
use crate::tls::TlsSettings;

/// RabbitMQ's port for HTTP.
pub const HTTP_PORT: u16 = 15672;

/// How the HTTP API is served; with no listener and no socket it is not.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSettings {
    /// Where HTTP connections are accepted.
    pub listen: Vec<Listen>,
    /// Where HTTP connections with TLS are accepted.
    pub listen_tls: Vec<Listen>,
    /// How.
    pub tls: TlsSettings,
    /// The socket for this machine's own tools.
    pub local_socket: LocalSocket,
    /// Stands before every path, as a proxy may want it: `/broker` makes it `/broker/api/...`.
    pub path_prefix: String,
    /// Origins whose pages may ask (`*` is any); none is told of others.
    pub cors_origins: Vec<String>,
    /// How long a browser may remember what it was told of that, in seconds.
    pub cors_max_age_secs: Option<u64>,
    /// Longest body of a request.
    pub max_body_bytes: usize,
    /// Whether rates are told.
    pub rates_mode: RatesMode,
    /// Lists say nothing of numbers, whatever is asked for.
    pub disable_stats: bool,
    /// They do say how many messages queues have.
    pub enable_queue_totals: bool,
}

impl HttpSettings {
    /// Whether anybody can ask.
    pub fn is_served(&self) -> bool {
        !self.listen.is_empty() || !self.listen_tls.is_empty() || self.local_socket != LocalSocket::None
    }
}

/// How much is told of rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RatesMode {
    /// No samples are taken: every rate is zero.
    None,
    /// Those of objects.
    #[default]
    Basic,
    /// Those of objects, and of what goes from one to another.
    Detailed,
}

impl RatesMode {
    /// As RabbitMQ calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Detailed => "detailed",
        }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            tls: TlsSettings::default(),
            local_socket: LocalSocket::None,
            path_prefix: String::new(),
            cors_origins: Vec::new(),
            cors_max_age_secs: Some(1800),
            max_body_bytes: 10_000_000,
            rates_mode: RatesMode::default(),
            disable_stats: false,
            enable_queue_totals: false,
        }
    }
}

/// Whether there is a Unix socket with the same API and without a password, for processes of the broker's own user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalSocket {
    /// There is none.
    #[default]
    None,
    /// In the data directory; of a broker that keeps nothing, in the user's runtime directory, named after its port.
    Usual,
}
