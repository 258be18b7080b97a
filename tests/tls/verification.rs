//! Who is let in by a broker that verifies certificates, and what is spoken.

use leveret::{TlsCipher, TlsSettings, TlsVersion};
use rcgen::DnType;
use rustls::ProtocolVersion;

use crate::authority::{Authority, client};
use crate::secure;
use crate::support::{Peer, tune_ok};

fn mandatory(authority: &Authority) -> TlsSettings {
    let settings = secure::settings(authority).verify_peer(authority.cacertfile(&[]));
    TlsSettings { fail_if_no_peer_cert: true, ..settings }
}

#[tokio::test]
async fn a_certificate_of_the_authority_lets_in() {
    let authority = Authority::new("authority");
    let broker = secure::start(mandatory(&authority)).await;
    let jane = authority.sign(&client(&[(DnType::CommonName, "jane")]));
    secure::connect_as(&broker, secure::trusting(&authority, Some(&jane))).await.opened(tune_ok(0)).await;
}

#[tokio::test]
async fn no_certificate_or_a_strangers_is_refused_where_one_is_asked_for() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let broker = secure::start(mandatory(&authority)).await;
    let without = secure::refusal(&broker, secure::trusting(&authority, None)).await;
    assert!(without.contains("CertificateRequired"), "{without}");
    let jane = stranger.sign(&client(&[(DnType::CommonName, "jane")]));
    let unknown = secure::refusal(&broker, secure::trusting(&authority, Some(&jane))).await;
    assert!(unknown.contains("UnknownCA"), "{unknown}");
}

#[tokio::test]
async fn no_certificate_lets_in_where_it_may_be_left_out_but_a_strangers_does_not() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let settings = secure::settings(&authority).verify_peer(authority.cacertfile(&[]));
    let broker = secure::start(settings).await;
    secure::connect(&broker, &authority).await.opened(tune_ok(0)).await;
    let jane = stranger.sign(&client(&[(DnType::CommonName, "jane")]));
    let unknown = secure::refusal(&broker, secure::trusting(&authority, Some(&jane))).await;
    assert!(unknown.contains("UnknownCA"), "{unknown}");
}

#[tokio::test]
async fn an_expired_certificate_does_not_let_in() {
    let authority = Authority::new("authority");
    let broker = secure::start(mandatory(&authority)).await;
    let mut params = client(&[(DnType::CommonName, "jane")]);
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let jane = authority.sign(&params);
    let expired = secure::refusal(&broker, secure::trusting(&authority, Some(&jane))).await;
    assert!(expired.contains("CertificateExpired"), "{expired}");
}

#[tokio::test]
async fn a_client_that_trusts_somebody_else_goes_away() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let broker = secure::broker(&authority).await;
    let refusal = secure::refusal(&broker, secure::trusting(&stranger, None)).await;
    assert!(refusal.contains("UnknownIssuer"), "{refusal}");
    secure::connect(&broker, &authority).await.opened(tune_ok(0)).await;
}

#[tokio::test]
async fn a_chain_may_be_as_long_as_its_depth() {
    let root = Authority::new("root");
    let between = root.intermediate("between");
    let mut jane = between.sign(&client(&[(DnType::CommonName, "jane")]));
    jane.chain.push(between.chain[0].clone());
    for (depth, is_welcome) in [(None, true), (Some(1), true), (Some(0), false)] {
        let settings = TlsSettings { depth, ..mandatory(&root) };
        let broker = secure::start(settings).await;
        let config = secure::trusting(&root, Some(&jane));
        if is_welcome {
            secure::connect_as(&broker, config).await.opened(tune_ok(0)).await;
        } else {
            let refusal = secure::refusal(&broker, config).await;
            assert!(refusal.contains("CertificateUnknown"), "{refusal}");
        }
    }
}

#[tokio::test]
async fn intermediate_certificates_are_found_among_the_authorities_too() {
    let root = Authority::new("root");
    let between = root.intermediate("between");
    let (certfile, keyfile) = between.files(&between.sign_server());
    let alone = secure::start(TlsSettings::new(&certfile, &keyfile)).await;
    let refusal = secure::refusal(&alone, secure::trusting(&root, None)).await;
    assert!(refusal.contains("UnknownIssuer"), "{refusal}");
    let cacertfile = Some(between.cacertfile(&[&root]));
    let broker = secure::start(TlsSettings { cacertfile, ..TlsSettings::new(certfile, keyfile) }).await;
    secure::connect(&broker, &root).await.opened(tune_ok(0)).await;
}

#[tokio::test]
async fn the_newest_version_is_spoken_and_others_only_if_asked_for() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let newest = secure::shake_hands(&broker, secure::trusting(&authority, None)).await.unwrap();
    assert_eq!(newest.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let settings = TlsSettings { versions: vec![TlsVersion::V1_2], ..secure::settings(&authority) };
    let broker = secure::start(settings).await;
    let older = secure::shake_hands(&broker, secure::trusting(&authority, None)).await.unwrap();
    assert_eq!(older.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    Peer::over(older).opened(tune_ok(0)).await;
}

#[tokio::test]
async fn cipher_suites_are_spoken_in_the_order_that_was_asked_for() {
    let authority = Authority::new("authority");
    let names = ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"];
    let ciphers: Vec<_> = names.into_iter().map(|name| TlsCipher::named(name).unwrap()).collect();
    for (honor_cipher_order, expected) in [(true, "CHACHA20"), (false, "AES_256")] {
        let ciphers = ciphers.clone();
        let broker =
            secure::start(TlsSettings { ciphers, honor_cipher_order, ..secure::settings(&authority) }).await;
        let stream = secure::shake_hands(&broker, secure::trusting(&authority, None)).await.unwrap();
        let suite = format!("{:?}", stream.get_ref().1.negotiated_cipher_suite().unwrap());
        assert!(suite.contains(expected), "{suite}");
    }
}
