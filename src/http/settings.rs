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
