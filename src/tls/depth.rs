//! `ssl_options.depth`: how many certificates may stand between a client's and an authority that is trusted.
//!
//! rustls has no such setting; its verifier decides first, and this one only refuses more.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage};

/// A verifier that refuses long chains.
#[derive(Debug)]
pub struct DepthVerifier {
    /// Decides everything else.
    pub verifier: Arc<dyn ClientCertVerifier>,
    /// Whom it trusts.
    pub roots: Arc<RootCertStore>,
    /// How signatures are verified.
    pub provider: Arc<CryptoProvider>,
    /// Certificates in between; with none of them the authority itself must have signed.
    pub depth: u8,
}

impl ClientCertVerifier for DepthVerifier {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        let depth = usize::from(self.depth);
        let too_deep = |error| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(TooDeep(
                self.depth, error,
            )))))
        };
        let end_entity = EndEntityCert::try_from(end_entity).map_err(too_deep)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let usage = KeyUsage::client_auth();
        let check = |path: &webpki::VerifiedPath<'_>| {
            if depth < path.intermediate_certificates().count() {
                return Err(webpki::Error::MaximumPathDepthExceeded);
            }
            Ok(())
        };
        end_entity
            .verify_for_usage(algorithms, &self.roots.roots, intermediates, now, usage, None, Some(&check))
            .map_err(too_deep)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("more than {0} certificates stand between the client's and a trusted one (ssl_options.depth): {1}")]
struct TooDeep(u8, webpki::Error);
