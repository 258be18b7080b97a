//! From files to a configuration: the broker's certificate, its key, and the authorities of its clients.
//!
//! Invariant: what is wrong with a file is found here, at the start or at a reload, and said in a sentence that
//! tells the operator what to do; no handshake fails later for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::depth::DepthVerifier;
use super::settings::{PeerVerification, TlsSettings, TlsVersion};

/// Why connections with TLS can't be accepted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is needed was not named.
    #[error("there is a TLS listener but no {what}: give `{key}`")]
    NotGiven {
        /// What it would hold.
        what: &'static str,
        /// The setting that names it.
        key: &'static str,
    },
    /// A file can't be read.
    #[error("cannot read {what} in {path}: {source} (see `{key}`)")]
    Unreadable {
        /// What it should hold.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The setting that names it.
        key: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {what} in PEM format: {reason} (see `{key}`)")]
    Malformed {
        /// What it should hold.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The setting that names it.
        key: &'static str,
        /// What was found instead.
        reason: String,
    },
    /// The key has a password.
    #[error(
        "the key in {0} is protected by a password, which is not supported: write it without one \
         (`openssl pkey -in {0} -out key.pem`), readable for the broker's user alone"
    )]
    Encrypted(PathBuf),
    /// The two files are not a pair.
    #[error("the key in {keyfile} does not belong to the first certificate in {certfile}")]
    Mismatch {
        /// Where the certificate is.
        certfile: PathBuf,
        /// Where the key is.
        keyfile: PathBuf,
    },
    /// No client would accept it.
    #[error("the certificate in {path} has expired ({not_after}): renew it")]
    Expired {
        /// Where.
        path: PathBuf,
        /// Until when it was valid.
        not_after: String,
    },
    /// Settings contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The library refuses it.
    #[error("the TLS settings cannot be used: {0}")]
    Unusable(String),
}

/// A file that settings name, and what it is for.
struct Pem<'a> {
    what: &'static str,
    key: &'static str,
    path: &'a Path,
    bytes: Vec<u8>,
}

/// Reads everything.
pub fn server_config(settings: &TlsSettings) -> Result<ServerConfig, TlsError> {
    let certificate = Pem::read("certificate", "ssl_options.certfile", settings.certfile.as_deref())?;
    let key = Pem::read("private key", "ssl_options.keyfile", settings.keyfile.as_deref())?;
    let authorities = match &settings.cacertfile {
        Some(path) => Pem::read("certificate", "ssl_options.cacertfile", Some(path))?.certificates()?,
        None => Vec::new(),
    };
    let mut chain = certificate.certificates()?;
    check_validity(&certificate, &chain)?;
    complete(&mut chain, &authorities);
    let unusable = |error: rustls::Error| TlsError::Unusable(error.to_string());
    let provider = Arc::new(provider(settings));
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(settings))
        .map_err(unusable)?
        .with_client_cert_verifier(verifier(settings, authorities, provider)?)
        .with_single_cert(chain, key.private_key()?)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { certfile: certificate.path.to_owned(), keyfile: key.path.to_owned() }
            }
            other => unusable(other),
        })?;
    config.ignore_client_order = settings.honor_cipher_order;
    if !settings.reuse_sessions {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

impl<'a> Pem<'a> {
    fn read(what: &'static str, key: &'static str, path: Option<&'a Path>) -> Result<Self, TlsError> {
        let path = path.ok_or(TlsError::NotGiven { what, key })?;
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self { what, key, path, bytes }),
            Err(source) => Err(TlsError::Unreadable { what, path: path.to_owned(), key, source }),
        }
    }

    fn malformed(&self, reason: &impl ToString) -> TlsError {
        let (what, key, path) = (self.what, self.key, self.path.to_owned());
        TlsError::Malformed { what, path, key, reason: reason.to_string() }
    }

    /// All certificates of the file; there is at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match certificates {
            Ok(none) if none.is_empty() => Err(self.malformed(&"there is no BEGIN CERTIFICATE in it")),
            Ok(some) => Ok(some),
            Err(error) => Err(self.malformed(&error)),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        // The two ways in which PEM says it: of PKCS #8, and of OpenSSL's older files.
        let is_encrypted = [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"]
            .iter()
            .any(|mark| self.bytes.windows(mark.len()).any(|window| window == *mark));
        if is_encrypted {
            return Err(TlsError::Encrypted(self.path.to_owned()));
        }
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| self.malformed(&error))
    }
}

/// Refuses a certificate that nobody would accept any more.
fn check_validity(file: &Pem<'_>, chain: &[CertificateDer<'_>]) -> Result<(), TlsError> {
    let Some(own) = chain.first() else { return Ok(()) };
    let (_, own) = X509Certificate::from_der(own).map_err(|error| file.malformed(&error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let not_after = own.validity().not_after;
    match u64::try_from(not_after.timestamp()) {
        Ok(end) if now <= end => Ok(()),
        _ => Err(TlsError::Expired { path: file.path.to_owned(), not_after: not_after.to_string() }),
    }
}

/// Adds the intermediate certificates that are in the file of authorities only, where RabbitMQ finds them too.
fn complete(chain: &mut Vec<CertificateDer<'static>>, authorities: &[CertificateDer<'static>]) {
    while let Some(next) = chain.last().and_then(|last| issuer_of(last, authorities)) {
        if chain.contains(next) {
            return;
        }
        chain.push(next.clone());
    }
}

/// Who has signed `certificate`, unless it is a root: clients have that one, or do not trust it.
fn issuer_of<'a>(
    certificate: &CertificateDer<'_>,
    authorities: &'a [CertificateDer<'static>],
) -> Option<&'a CertificateDer<'static>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    authorities.iter().find(|authority| {
        X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
            authority.subject().as_raw() == certificate.issuer().as_raw()
                && authority.subject().as_raw() != authority.issuer().as_raw()
        })
    })
}

/// rustls' cryptography, with the cipher suites that were asked for.
fn provider(settings: &TlsSettings) -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    if !settings.ciphers.is_empty() {
        provider.cipher_suites = settings.ciphers.iter().map(|cipher| cipher.suite()).collect();
    }
    provider
}

fn verifier(
    settings: &TlsSettings,
    authorities: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    match (settings.verify, &settings.cacertfile) {
        (PeerVerification::None, _) if settings.fail_if_no_peer_cert => Err(TlsError::Contradiction(
            "`ssl_options.fail_if_no_peer_cert = true` needs `ssl_options.verify = verify_peer`: without it no \
             client is asked for a certificate",
        )),
        (PeerVerification::None, _) => Ok(WebPkiClientVerifier::no_client_auth()),
        (PeerVerification::Peer, None) => Err(TlsError::NotGiven {
            what: "certificate of an authority to verify clients against",
            key: "ssl_options.cacertfile",
        }),
        (PeerVerification::Peer, Some(path)) => {
            let unusable = |error: &dyn ToString| {
                TlsError::Unusable(format!("{}: {}", path.display(), error.to_string()))
            };
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots.add(authority).map_err(|error| unusable(&error))?;
            }
            let roots = Arc::new(roots);
            let builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
            let builder =
                if settings.fail_if_no_peer_cert { builder } else { builder.allow_unauthenticated() };
            let verifier = builder.build().map_err(|error| unusable(&error))?;
            Ok(match settings.depth {
                None => verifier,
                Some(depth) => Arc::new(DepthVerifier { verifier, roots, provider, depth }),
            })
        }
    }
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let version = |version: &TlsVersion| match version {
        TlsVersion::V1_2 => &rustls::version::TLS12,
        TlsVersion::V1_3 => &rustls::version::TLS13,
    };
    settings.versions.iter().map(version).collect()
}
