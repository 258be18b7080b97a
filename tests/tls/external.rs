//! A client's certificate is its login.

use leveret::{Broker, CertificateLogin, LoginFrom, Mechanism, SanType, TlsSettings};
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, connection};
use rcgen::{CertificateParams, DnType};
use serde_json::json;

use crate::authority::{Authority, client};
use crate::secure::{self, SecurePeer};
use crate::support::{self, Peer, open_vhost, start_ok, tune_ok};

const REFUSED: &str = "ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL. For details see the \
                       broker logfile.";

/// A broker that takes certificates for logins, and knows this user alone, who has no password.
async fn start(settings: TlsSettings, user: &str) -> Broker {
    let definitions = json!({
        "users": [{"name": user, "password_hash": "", "tags": []}],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": user, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    });
    let builder = Broker::builder()
        .listen_tls(([127, 0, 0, 1], 0))
        .tls(settings)
        .mechanisms([Mechanism::Plain, Mechanism::External])
        .definitions(definitions);
    support::start(builder).await
}

fn settings(authority: &Authority, login: CertificateLogin) -> TlsSettings {
    let settings = secure::settings(authority).verify_peer(authority.cacertfile(&[]));
    TlsSettings { login, ..settings }
}

/// What a client that shows its certificate is offered, and the client.
async fn offered(
    broker: &Broker,
    authority: &Authority,
    own: Option<&CertificateParams>,
) -> (String, SecurePeer) {
    let own = own.map(|params| authority.sign(params));
    let mut peer = secure::connect_as(broker, secure::trusting(authority, own.as_ref())).await;
    peer.send_bytes(&PROTOCOL_HEADER).await;
    match peer.method(0).await {
        Method::Connection(connection::AMQPMethod::Start(start)) => (start.mechanisms.to_string(), peer),
        other => panic!("expected connection.start, got {other:?}"),
    }
}

/// start-ok with EXTERNAL, of a client that wants to be told why it is refused.
fn external() -> Method {
    match start_ok("", "") {
        Method::Connection(connection::AMQPMethod::StartOk(ok)) => {
            let ok = connection::StartOk { mechanism: "EXTERNAL".into(), response: "".into(), ..ok };
            Method::Connection(connection::AMQPMethod::StartOk(ok))
        }
        other => other,
    }
}

async fn assert_welcome(mut peer: SecurePeer) {
    let tune = peer.ask(0, external()).await;
    assert!(matches!(tune, Method::Connection(connection::AMQPMethod::Tune(_))), "{tune:?}");
    peer.send(0, tune_ok(0)).await;
    let ok = peer.ask(0, open_vhost("/")).await;
    assert!(matches!(ok, Method::Connection(connection::AMQPMethod::OpenOk(_))), "{ok:?}");
}

async fn assert_refused(mut peer: SecurePeer) {
    peer.send(0, external()).await;
    assert_eq!(peer.closed_with().await, (403, REFUSED.to_owned()));
}

fn jane() -> CertificateParams {
    let mut params = client(&[(DnType::OrganizationName, "Hares, Inc."), (DnType::CommonName, "jane")]);
    params.subject_alt_names = vec![
        rcgen::SanType::DnsName("jane.example.org".try_into().unwrap()),
        rcgen::SanType::Rfc822Name("jane@example.org".try_into().unwrap()),
    ];
    params
}

#[tokio::test]
async fn the_name_comes_from_where_it_is_said_to() {
    let authority = Authority::new("authority");
    let from = |from, san_type| CertificateLogin { from, san_type, san_index: 0 };
    let table = [
        (from(LoginFrom::DistinguishedName, SanType::Dns), r"CN=jane,O=Hares\, Inc."),
        (from(LoginFrom::CommonName, SanType::Dns), "jane"),
        (from(LoginFrom::SubjectAlternativeName, SanType::Dns), "jane.example.org"),
        (from(LoginFrom::SubjectAlternativeName, SanType::Email), "jane@example.org"),
    ];
    for (login, user) in table {
        let broker = start(settings(&authority, login), user).await;
        let (mechanisms, peer) = offered(&broker, &authority, Some(&jane())).await;
        assert_eq!(mechanisms, "PLAIN EXTERNAL");
        assert_welcome(peer).await;
        let joan = client(&[(DnType::CommonName, "joan")]);
        assert_refused(offered(&broker, &authority, Some(&joan)).await.1).await;
    }
}

#[tokio::test]
async fn without_a_certificate_it_is_offered_and_refused() {
    let authority = Authority::new("authority");
    let broker = start(settings(&authority, CertificateLogin::default()), "CN=jane").await;
    let (mechanisms, peer) = offered(&broker, &authority, None).await;
    assert_eq!(mechanisms, "PLAIN EXTERNAL");
    assert_refused(peer).await;
}

#[tokio::test]
async fn a_certificate_that_nobody_has_verified_is_no_login() {
    let authority = Authority::new("authority");
    let broker = start(secure::settings(&authority), "CN=jane").await;
    let own = client(&[(DnType::CommonName, "jane")]);
    assert_refused(offered(&broker, &authority, Some(&own)).await.1).await;
}

#[tokio::test]
async fn without_tls_it_is_not_offered() {
    let authority = Authority::new("authority");
    let broker = start(settings(&authority, CertificateLogin::default()), "CN=jane").await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.send_bytes(&PROTOCOL_HEADER).await;
    match peer.method(0).await {
        Method::Connection(connection::AMQPMethod::Start(start)) => {
            assert_eq!(start.mechanisms.to_string(), "PLAIN");
        }
        other => panic!("expected connection.start, got {other:?}"),
    }
}
