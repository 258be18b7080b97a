//! Whom the client trusts when it speaks TLS, and as whom it shows itself.
//!
//! Without a file of authorities the machine's own bundle is read. `insecure` takes whatever certificate comes:
//! it encrypts and proves nothing, which is what `-k` asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Where the systems of this world keep their authorities.
const BUNDLES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// How a TLS connection is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// PEM of the authorities, instead of the machine's.
    pub authorities: Option<PathBuf>,
    /// PEM of the certificate and its key, for brokers that ask.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Takes every certificate.
    pub insecure: bool,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file that is not there, or no PEM.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Nothing to trust.
    #[error("this machine has no file of authorities: name one with --ssl-ca-cert-file, or take any with -k")]
    NoAuthorities,
    /// What rustls says.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// What rustls needs to connect.
pub fn client(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = if trust.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
    } else {
        builder.with_root_certificates(authorities(trust.authorities.as_deref())?)
    };
    let Some((certificate, key)) = &trust.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate)?;
    let key_pem = PrivateKeyDer::from_pem_file(key);
    let key = key_pem.map_err(|error| TrustError::File { path: key.clone(), problem: error.to_string() })?;
    Ok(builder.with_client_auth_cert(chain, key)?)
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let of_machine = || BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let path = file.or_else(of_machine).ok_or(TrustError::NoAuthorities)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates(path)?);
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let problem = |error: rustls::pki_types::pem::Error| TrustError::File {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    CertificateDer::pem_file_iter(path).map_err(problem)?.collect::<Result<_, _>>().map_err(problem)
}

/// Checks that who speaks has the key of the certificate it shows, and nothing about the certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
