//! The HTTP API over TLS.

use std::sync::Arc;

use leveret::{Broker, Listen, Settings, TlsSettings};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A broker with one certificate for `localhost`, good until that year, and what a client needs to trust it.
async fn broker(directory: &std::path::Path, year: i32) -> (Broker, TlsConnector, u16) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = parameters.self_signed(&key).unwrap();
    let (certfile, keyfile) = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&certfile, certificate.pem()).unwrap();
    std::fs::write(&keyfile, key.serialize_pem()).unwrap();
    // A listener tells its port only if it is asked for it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = Settings::default();
    settings.http.listen_tls = vec![Listen::Address(([127, 0, 0, 1], port).into())];
    settings.http.tls =
        TlsSettings { certfile: Some(certfile), keyfile: Some(keyfile), ..TlsSettings::default() };
    let broker = Broker::builder().settings(settings).ephemeral().start().await.unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (broker, TlsConnector::from(Arc::new(client)), port)
}

async fn get(connector: &TlsConnector, port: u16, path: &str) -> (String, Value) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The end may come without a goodbye.
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn the_same_is_answered_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let (broker, client, port) = broker(directory.path(), 4000).await;
    let (status, body) = get(&client, port, "/api/whoami").await;
    assert_eq!((status.as_str(), &body["name"]), ("HTTP/1.1 200 OK", &"guest".into()));
    let (status, body) = get(&client, port, "/api/health/checks/protocol-listener/https").await;
    assert_eq!(
        (status.as_str(), &body["protocols"]),
        ("HTTP/1.1 200 OK", &serde_json::json!(["amqp", "https"]))
    );
    let (status, _) = get(&client, port, "/api/health/checks/certificate-expiration/10/years").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(broker.http_addr(), None);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let (_broker, client, port) = broker(directory.path(), 2200).await;
    let (status, body) = get(&client, port, "/api/health/checks/certificate-expiration/1000/years").await;
    assert_eq!(
        (status.as_str(), &body["reason"]),
        ("HTTP/1.1 503 Service Unavailable", &"Certificates expiring".into())
    );
    let expired = &body["expired"][0];
    assert_eq!((&expired["protocol"], &expired["port"]), (&"https".into(), &port.into()));
    assert_eq!(expired["certfile_expires_on"][0], "Wed, 01 Jan 2200 00:00:00 +0000");
}
