//! Starts that are refused, with a sentence that says what to do.

use leveret::{Broker, TlsSettings};

use crate::authority::{Authority, server};
use crate::secure;

async fn refusal(settings: TlsSettings) -> String {
    let builder = Broker::builder().ephemeral().listen_tls(([127, 0, 0, 1], 0)).tls(settings);
    builder.start().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_that_was_not_named_is_asked_for() {
    let authority = Authority::new("authority");
    let (certfile, _) = authority.files(&authority.sign_server());
    let table = [
        (TlsSettings::default(), "no certificate: give `ssl_options.certfile`"),
        (
            TlsSettings { certfile: Some(certfile), ..TlsSettings::default() },
            "no private key: give `ssl_options.keyfile`",
        ),
        (
            TlsSettings { cacertfile: None, ..secure::settings(&authority).verify_peer("") },
            "to verify clients against: give `ssl_options.cacertfile`",
        ),
        (
            TlsSettings { fail_if_no_peer_cert: true, ..secure::settings(&authority) },
            "needs `ssl_options.verify = verify_peer`",
        ),
    ];
    for (settings, expected) in table {
        let error = refusal(settings).await;
        assert!(error.starts_with("TLS: ") && error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_what_it_should_be_is_named() {
    let authority = Authority::new("authority");
    let good = authority.sign_server();
    let table = [
        ("cert.pem", "", "holds no certificate in PEM format: there is no BEGIN CERTIFICATE"),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "holds no certificate"),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "holds no certificate",
        ),
        ("key.pem", "", "holds no private key in PEM format"),
        (
            "key.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "is protected by a password",
        ),
        (
            "key.pem",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "is protected by a password",
        ),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"),
        ("ca.pem", "nothing", "holds no certificate"),
    ];
    for (name, text, expected) in table {
        let (certfile, keyfile) = authority.files(&good);
        let settings = TlsSettings::new(certfile, keyfile).verify_peer(authority.cacertfile(&[]));
        authority.write(name, text);
        let error = refusal(settings).await;
        assert!(error.contains(expected), "{name} {text}: {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_with_its_setting() {
    let authority = Authority::new("authority");
    let settings = TlsSettings { keyfile: Some("/no/such/key.pem".into()), ..secure::settings(&authority) };
    let error = refusal(settings).await;
    assert!(error.contains("cannot read private key in /no/such/key.pem: No such file"), "{error}");
    assert!(error.contains("`ssl_options.keyfile`"), "{error}");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new("authority");
    let (certfile, keyfile) = authority.files(&authority.sign_server());
    authority.write("key.pem", &authority.sign_server().key.serialize_pem());
    let error = refusal(TlsSettings::new(certfile, keyfile)).await;
    assert!(error.contains("does not belong to the first certificate"), "{error}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new("authority");
    let mut params = server("old");
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let (certfile, keyfile) = authority.files(&authority.sign(&params));
    let error = refusal(TlsSettings::new(certfile, keyfile)).await;
    assert!(error.contains("has expired") && error.contains("2020"), "{error}");
}
