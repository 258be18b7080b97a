//! Why a client's certificate is refused, in words that say what to do about it.

use std::fmt;

use rustls::{CertificateError, OtherError};

/// A client's certificate that was refused.
#[derive(Debug)]
pub struct BadCertificate(pub CertificateError);

impl std::error::Error for BadCertificate {}

impl fmt::Display for BadCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client's certificate is refused: ")?;
        match advice(&self.0) {
            Some(advice) => f.write_str(advice),
            None => match &self.0 {
                CertificateError::Other(OtherError(error)) => error.fmt(f),
                error => error.fmt(f),
            },
        }
    }
}

fn advice(error: &CertificateError) -> Option<&'static str> {
    Some(match error {
        CertificateError::UnknownIssuer => "no authority of `ssl_options.cacertfile` has signed it",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; are both clocks right?"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for clients: sign it with `extendedKeyUsage = clientAuth`"
        }
        CertificateError::Other(OtherError(error)) => match error.downcast_ref::<webpki::Error>()? {
            webpki::Error::UnsupportedCertVersion => {
                "it is of a version of X.509 before 3, as `openssl x509 -req` makes them without extensions: sign it with \
                 `-extfile`, and `extendedKeyUsage = clientAuth` in that file"
            }
            webpki::Error::CaUsedAsEndEntity => {
                "it is that of an authority (`CA:TRUE`), as self-signed ones are: let the authority sign one for the client"
            }
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::crypto::ring;
    use rustls::pki_types::UnixTime;
    use rustls::server::WebPkiClientVerifier;

    use super::*;

    #[test]
    fn what_is_told_says_what_to_do() {
        let other = |error| CertificateError::Other(OtherError(Arc::new(error)));
        for (error, expected) in [
            (other(webpki::Error::UnsupportedCertVersion), "X.509 before 3"),
            (other(webpki::Error::BadDer), "BadDer"),
            (CertificateError::UnknownIssuer, "no authority of `ssl_options.cacertfile`"),
            (CertificateError::InvalidPurpose, "clientAuth"),
            (CertificateError::Expired, "refused: it has expired"),
        ] {
            let told = BadCertificate(error).to_string();
            assert!(
                told.contains(expected) && told.starts_with("the client's certificate is refused: "),
                "{told}"
            );
        }
    }

    #[test]
    fn an_authority_that_comes_as_a_client_is_told_so() {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let refused = verifier.verify_client_cert(made.der(), &[], UnixTime::now()).unwrap_err();
        let rustls::Error::InvalidCertificate(error) = refused else { panic!("{refused}") };
        assert!(BadCertificate(error).to_string().contains("that of an authority"));
    }
}
