//! How connections with TLS are accepted, in RabbitMQ's terms.

use std::path::PathBuf;
use std::time::Duration;

use super::cipher::TlsCipher;

/// The `ssl_options` of a broker; the defaults are RabbitMQ's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The broker's certificate in PEM, with the intermediate ones behind it. A TLS listener needs one.
    pub certfile: Option<PathBuf>,
    /// Its key in PEM, without a password. A TLS listener needs one.
    pub keyfile: Option<PathBuf>,
    /// The authorities that clients' certificates are verified against, in PEM.
    pub cacertfile: Option<PathBuf>,
    /// Whether clients are asked for a certificate.
    pub verify: PeerVerification,
    /// Whether a client that is asked and shows none is refused.
    pub fail_if_no_peer_cert: bool,
    /// The versions of TLS that are spoken.
    pub versions: Vec<TlsVersion>,
    /// How many certificates may stand between a client's and an authority's; `None` is rustls' own limit of six.
    pub depth: Option<u8>,
    /// The cipher suites that are spoken, the best first; none are all that rustls has.
    pub ciphers: Vec<TlsCipher>,
    /// Whether the broker's order of cipher suites decides, instead of the client's.
    pub honor_cipher_order: bool,
    /// Whether a client that comes again may leave out the longer part of the handshake.
    pub reuse_sessions: bool,
    /// What of a client's certificate is its user's name, for the mechanism EXTERNAL.
    pub login: CertificateLogin,
    /// How long a client may take for the handshake.
    pub handshake_timeout: Duration,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            certfile: None,
            keyfile: None,
            cacertfile: None,
            verify: PeerVerification::None,
            fail_if_no_peer_cert: false,
            versions: vec![TlsVersion::V1_3, TlsVersion::V1_2],
            depth: None,
            ciphers: Vec::new(),
            honor_cipher_order: false,
            reuse_sessions: true,
            login: CertificateLogin::default(),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

impl TlsSettings {
    /// With this certificate and its key; clients are not asked for theirs.
    pub fn new(certfile: impl Into<PathBuf>, keyfile: impl Into<PathBuf>) -> Self {
        Self { certfile: Some(certfile.into()), keyfile: Some(keyfile.into()), ..Self::default() }
    }

    /// Asks clients for a certificate of these authorities, and refuses those that show a wrong one. One that
    /// shows none is let in, unless [`TlsSettings::fail_if_no_peer_cert`] is set too.
    #[must_use]
    pub fn verify_peer(mut self, cacertfile: impl Into<PathBuf>) -> Self {
        self.cacertfile = Some(cacertfile.into());
        self.verify = PeerVerification::Peer;
        self
    }
}

/// `ssl_options.verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerVerification {
    /// `verify_none`: clients are not asked.
    None,
    /// `verify_peer`: what a client shows must be valid.
    Peer,
}

/// A version of TLS. The older ones are insecure, and no longer spoken by anything that is kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// `tlsv1.2`
    V1_2,
    /// `tlsv1.3`
    V1_3,
}

/// What of a certificate is the name of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateLogin {
    /// `ssl_cert_login_from`
    pub from: LoginFrom,
    /// `ssl_cert_login_san_type`, where it is an alternative name.
    pub san_type: SanType,
    /// `ssl_cert_login_san_index`: which of that type, from zero.
    pub san_index: usize,
}

impl Default for CertificateLogin {
    fn default() -> Self {
        Self { from: LoginFrom::DistinguishedName, san_type: SanType::Dns, san_index: 0 }
    }
}

/// RabbitMQ's `ssl_cert_login_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFrom {
    /// The whole subject, as RFC 4514 writes it: `CN=jane,O=hares`.
    DistinguishedName,
    /// The subject's common names, with commas between them.
    CommonName,
    /// One of the alternative names.
    SubjectAlternativeName,
}

/// Kinds of alternative names: RabbitMQ's `ssl_cert_login_san_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanType {
    /// `dns`
    Dns,
    /// `ip`, written as an address
    Ip,
    /// `email`
    Email,
    /// `uri`
    Uri,
    /// `other_name`, if it is a string
    OtherName,
}
