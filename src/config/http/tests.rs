//! Where HTTP and metrics are served, by every source.

use leveret::PeerVerification;

use super::super::tests::with_file;
use super::super::{Environment, resolve};
use super::*;

fn address(text: &str) -> Listen {
    Listen::Address(text.parse().unwrap())
}

fn with_variables(variables: &[(&str, &str)]) -> Plan {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    resolve(&[], &Environment::of(owned)).unwrap()
}

#[test]
fn both_are_served_on_their_ports_unless_they_are_switched_off() {
    let plan = with_variables(&[]);
    assert_eq!(plan.http.listeners.listen, [Listen::AllInterfaces(15672)]);
    assert_eq!(plan.metrics.listeners.listen, [Listen::AllInterfaces(15692)]);
    assert_eq!(plan.http.listeners.listen_tls, []);
    let plan = with_variables(&[("LEVERET_HTTP", "off"), ("LEVERET_METRICS", "127.0.0.1:9")]);
    assert_eq!(plan.http.listeners.listen, []);
    assert_eq!(plan.metrics.listeners.listen, [address("127.0.0.1:9")]);
}

#[test]
fn the_file_says_address_and_port_by_themselves() {
    let listen = |text: &str| with_file(text).unwrap().http.listeners.listen;
    assert_eq!(listen("management.tcp.port = 8080"), [Listen::AllInterfaces(8080)]);
    assert_eq!(listen("management.tcp.ip = 127.0.0.1"), [address("127.0.0.1:15672")]);
    assert_eq!(listen("management.tcp.ip = ::1\nmanagement.tcp.port = 1"), [address("[::1]:1")]);
    assert_eq!(listen("management.listener.port = 2"), [Listen::AllInterfaces(2)]);
    let plan = with_file("prometheus.tcp.ip = 127.0.0.1\nprometheus.path = /m").unwrap();
    assert_eq!(plan.metrics.listeners.listen, [address("127.0.0.1:15692")]);
    assert_eq!(plan.metrics.path, "/m");
}

#[test]
fn tls_comes_beside_it_with_its_own_certificate_or_that_of_amqp() {
    let plan = with_file(
        "management.ssl.certfile = /c
         management.ssl.keyfile = /k
         management.ssl.verify = verify_peer
         management.ssl.cacertfile = /ca",
    );
    let listeners = plan.unwrap().http.listeners;
    assert_eq!(listeners.listen_tls, [Listen::AllInterfaces(15671)]);
    assert_eq!(listeners.listen, [Listen::AllInterfaces(15672)]);
    assert_eq!(listeners.tls, TlsSettings::new("/c", "/k").verify_peer("/ca"));
    let plan = with_file("ssl_options.certfile = /c\nssl_options.keyfile = /k\nmanagement.ssl.port = 443");
    let listeners = plan.unwrap().http.listeners;
    assert_eq!(listeners.listen_tls, [Listen::AllInterfaces(443)]);
    assert_eq!(listeners.tls, TlsSettings::new("/c", "/k"));
    let old = with_file(
        "management.listener.port = 15672
         management.listener.ssl = true
         management.listener.ssl_opts.certfile = /c
         management.listener.ssl_opts.keyfile = /k",
    );
    let listeners = old.unwrap().http.listeners;
    assert_eq!((listeners.listen, listeners.listen_tls), (vec![], vec![Listen::AllInterfaces(15672)]));
}

#[test]
fn the_variables_of_older_images_set_it_too() {
    let plan = with_variables(&[
        ("RABBITMQ_MANAGEMENT_SSL_CERTFILE", "/c"),
        ("RABBITMQ_MANAGEMENT_SSL_KEYFILE", "/k"),
        ("RABBITMQ_MANAGEMENT_SSL_FAIL_IF_NO_PEER_CERT", "true"),
        ("RABBITMQ_MANAGEMENT_SSL_VERIFY", "verify_peer"),
    ]);
    let tls = plan.http.listeners.tls;
    assert!(tls.fail_if_no_peer_cert && tls.verify == PeerVerification::Peer);
    assert_eq!(plan.http.listeners.listen_tls, [Listen::AllInterfaces(15671)]);
}

#[test]
fn the_rest_is_what_the_file_says() {
    let plan = with_file(
        "management.path_prefix = /broker/
         management.cors.allow_origins.1 = https://a
         management.cors.allow_origins.2 = https://b
         management.cors.max_age = 60
         management.http.max_body_size = 1000
         management.rates_mode = none
         prometheus.return_per_object_metrics = true
         prometheus.authentication.enabled = true",
    )
    .unwrap();
    let expected = Http {
        listeners: plan.http.listeners.clone(),
        path_prefix: "/broker".to_owned(),
        cors_origins: vec!["https://a".to_owned(), "https://b".to_owned()],
        cors_max_age_secs: Some(60),
        max_body_bytes: 1000,
        rates_mode: RatesMode::None,
        disable_stats: false,
        enable_queue_totals: false,
    };
    assert_eq!(plan.http, expected);
    assert!(plan.metrics.per_object && plan.metrics.asks_for_login);
    let refused = with_file("management.tcp.port = 0").unwrap_err().to_string();
    assert_eq!(refused, "F, line 1: management.tcp.port: expected a whole number from 1 to 65535, found `0`");
    let refused = with_file("management.rates_mode = all").unwrap_err().to_string();
    assert!(refused.contains("expected `none`, `basic` or `detailed`"), "{refused}");
}
