//! What TLS needs: an authority, certificates that it has signed for the broker and for `guest`, and another
//! authority that has signed nothing. Made anew for each run, in a directory that goes with it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rcgen::{CertifiedIssuer, KeyUsagePurpose};
use tempfile::TempDir;

/// As an operator of RabbitMQ writes it, who wants clients to be able to log in by certificate.
const SETTINGS: &str = "\
ssl_options.cacertfile = DIRECTORY/ca.pem
ssl_options.certfile = DIRECTORY/server.pem
ssl_options.keyfile = DIRECTORY/server-key.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
ssl_cert_login_from = common_name
";

/// The variables that tell a program of it, and its files.
const FILES: [(&str, &str); 4] = [
    ("INTEROP_CA", "ca.pem"),
    ("INTEROP_OTHER_CA", "other-ca.pem"),
    ("INTEROP_CLIENT_CERT", "client.pem"),
    ("INTEROP_CLIENT_KEY", "client-key.pem"),
];
const URL: &str = "INTEROP_TLS_URL";

/// A listener's address and everything that both sides need for it.
pub struct Certificates {
    directory: TempDir,
    port: u16,
}

impl Certificates {
    /// Makes them all.
    pub fn make() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let certificates = Self { directory, port };
        certificates.sign().map_err(|error| error.to_string())?;
        let settings = SETTINGS.replace("DIRECTORY", &certificates.path(""));
        certificates.write("rabbitmq.conf", &settings)?;
        Ok(certificates)
    }

    fn sign(&self) -> Result<(), Box<dyn std::error::Error>> {
        let ca = authority("matrix-ca")?;
        self.write("ca.pem", &ca.pem())?;
        self.write("other-ca.pem", &authority("another-ca")?.pem())?;
        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue("server", &server, &ca)?;
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, "guest");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue("client", &client, &ca)
    }

    fn issue(
        &self,
        name: &str,
        params: &CertificateParams,
        by: &Issuer<'_, KeyPair>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let key = KeyPair::generate()?;
        self.write(&format!("{name}.pem"), &params.signed_by(&key, by)?.pem())?;
        self.write(&format!("{name}-key.pem"), &key.serialize_pem())?;
        Ok(())
    }

    /// What makes leveret listen with them.
    pub fn arguments(&self) -> [String; 4] {
        let listen = format!("127.0.0.1:{}", self.port);
        ["--listen-tls".to_owned(), listen, "--config".to_owned(), self.path("rabbitmq.conf")]
    }

    /// Tells a client's program.
    pub fn announce(&self, command: &mut Command) {
        command.env(URL, format!("amqps://guest:guest@localhost:{}/%2F", self.port));
        for (variable, file) in FILES {
            command.env(variable, self.path(file));
        }
    }

    /// Tells a client's program that there is no TLS.
    pub fn withhold(command: &mut Command) {
        command.env_remove(URL);
        for (variable, _) in FILES {
            command.env_remove(variable);
        }
    }

    fn path(&self, file: &str) -> String {
        self.directory.path().join(file).display().to_string().trim_end_matches('/').to_owned()
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        fs::write(self.path(file), text).map_err(|error| format!("{file}: {error}"))
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}
