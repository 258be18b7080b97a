//! Certificates that are replaced while clients are connected.

use std::time::Duration;

use leveret::{Broker, Clock, Timestamp, TlsError, TlsSettings};
use rustls::pki_types::CertificateDer;

use crate::authority::{Authority, server};
use crate::secure;
use crate::support::{self, Peer, tune_ok, within};

/// The certificate that a new client sees.
async fn shown(broker: &Broker, authority: &Authority) -> CertificateDer<'static> {
    let stream = secure::shake_hands(broker, secure::trusting(authority, None)).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn new_clients_see_a_new_certificate_and_old_ones_go_on() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut old = secure::connect(&broker, &authority).await.opened(tune_ok(0)).await.with_channel(1).await;
    let before = shown(&broker, &authority).await;
    let next = authority.sign(&server("renewed"));
    authority.files(&next);
    assert_eq!(shown(&broker, &authority).await, before);
    broker.reload_tls().unwrap();
    assert_eq!(shown(&broker, &authority).await, next.chain[0]);
    old.declare(1, "q").await;
}

#[tokio::test]
async fn a_client_that_comes_again_sees_the_new_certificate_too() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    // The same configuration, so that it remembers its last session.
    let config = secure::trusting(&authority, None);
    secure::connect_as(&broker, config.clone()).await.opened(tune_ok(0)).await;
    let next = authority.sign(&server("renewed"));
    authority.files(&next);
    broker.reload_tls().unwrap();
    let stream = secure::shake_hands(&broker, config).await.unwrap();
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], next.chain[0]);
    Peer::over(stream).opened(tune_ok(0)).await;
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let before = shown(&broker, &authority).await;
    authority.write("cert.pem", "no certificate");
    let error = broker.reload_tls().unwrap_err();
    assert!(matches!(error, TlsError::Malformed { .. }), "{error}");
    assert_eq!(shown(&broker, &authority).await, before);
    let (one, other) = (authority.sign_server(), authority.sign_server());
    authority.files(&one);
    authority.write("key.pem", &other.key.serialize_pem());
    let error = broker.reload_tls().unwrap_err();
    assert!(matches!(error, TlsError::Mismatch { .. }), "{error}");
    assert_eq!(shown(&broker, &authority).await, before);
}

#[tokio::test]
async fn an_authority_that_was_added_is_trusted_from_then_on() {
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let settings = secure::settings(&one).verify_peer(one.cacertfile(&[]));
    let broker = secure::start(TlsSettings { fail_if_no_peer_cert: true, ..settings }).await;
    let jane = two.sign(&crate::authority::client(&[(rcgen::DnType::CommonName, "jane")]));
    let refusal = secure::refusal(&broker, secure::trusting(&one, Some(&jane))).await;
    assert!(refusal.contains("UnknownCA"), "{refusal}");
    one.cacertfile(&[&two]);
    broker.reload_tls().unwrap();
    secure::connect_as(&broker, secure::trusting(&one, Some(&jane))).await.opened(tune_ok(0)).await;
}

#[tokio::test]
async fn files_that_change_are_read_again_without_being_asked() {
    let authority = Authority::new("authority");
    let clock = Clock::manual(Timestamp::from_micros(0));
    let builder =
        Broker::builder().clock(&clock).listen_tls(([127, 0, 0, 1], 0)).tls(secure::settings(&authority));
    let broker = support::start(builder).await;
    let before = shown(&broker, &authority).await;
    let next = authority.sign(&server("renewed"));
    authority.files(&next);
    let seen = within("the new certificate", async {
        loop {
            // It is another thread that looks, so a look may have begun and not ended.
            clock.advance(Duration::from_secs(5));
            let seen = shown(&broker, &authority).await;
            if seen != before {
                return seen;
            }
        }
    });
    assert_eq!(seen.await, next.chain[0]);
}

#[tokio::test]
async fn a_broker_without_tls_has_nothing_to_read_again() {
    support::broker().await.reload_tls().unwrap();
}
