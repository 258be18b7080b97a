//! Certificates of this test: an authority, and what it signs, as files and for rustls.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// Signs certificates; its files are gone with it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, first, and those above it.
    pub chain: Vec<CertificateDer<'static>>,
    pem: String,
    directory: TempDir,
}

/// A certificate with its key.
pub struct Signed {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
    pem: String,
}

impl Authority {
    /// One that nobody has signed.
    pub fn new(name: &str) -> Self {
        let (key, params) = (KeyPair::generate().unwrap(), authority_params(name));
        let certificate = params.self_signed(&key).unwrap();
        Self {
            chain: vec![certificate.der().clone()],
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// One below this.
    pub fn intermediate(&self, name: &str) -> Self {
        let (key, params) = (KeyPair::generate().unwrap(), authority_params(name));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            chain: [std::slice::from_ref(certificate.der()), &self.chain].concat(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Signs what is described.
    pub fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }

    /// A certificate for a broker on this machine.
    pub fn sign_server(&self) -> Signed {
        self.sign(&server("broker"))
    }

    /// Its own certificate as a file, with those of `others` behind it.
    pub fn cacertfile(&self, others: &[&Authority]) -> PathBuf {
        let pems: Vec<&str> =
            std::iter::once(self).chain(others.iter().copied()).map(|one| &*one.pem).collect();
        self.write("ca.pem", &pems.concat())
    }

    /// A certificate and its key as files; those of the last call are replaced.
    pub fn files(&self, signed: &Signed) -> (PathBuf, PathBuf) {
        (self.write("cert.pem", &signed.pem), self.write("key.pem", &signed.key.serialize_pem()))
    }

    /// Any file, gone with the others.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Signed {
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = named(&[(DnType::CommonName, name)]);
    params
}

/// What a broker on this machine asks an authority to sign.
pub fn server(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    params.distinguished_name = named(&[(DnType::CommonName, name)]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What a client asks an authority to sign.
pub fn client(name: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}
