//! What an operator has said once holds after a kill, though nobody says it again: policies, limits, topic
//! permissions.

use std::net::SocketAddr;

use leveret_codec::method::{Method, basic, channel};

use crate::directory::Directory;
use crate::say;
use crate::support::{Event, Peer};

const DEFINITIONS: &str = r#"{
    "policies": [{"vhost": "/", "name": "spill", "pattern": "^x$", "apply-to": "exchanges", "priority": 1,
                  "definition": {"alternate-exchange": "amq.fanout"}}],
    "parameters": [
        {"component": "operator_policy", "name": "short", "vhost": "/",
         "value": {"pattern": "^gone$", "apply-to": "queues", "definition": {"message-ttl": 0}}},
        {"component": "vhost-limits", "name": "limits", "vhost": "/", "value": {"max-queues": 2}}
    ],
    "topic_permissions": [{"user": "guest", "vhost": "/", "exchange": "amq.topic", "write": "^{username}", "read": ".*"}]
}"#;

#[tokio::test]
async fn what_an_operator_has_said_holds_after_a_kill() {
    let directory = Directory::new();
    let said = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(said.path(), DEFINITIONS).unwrap();
    let mut first = directory.start_with(&["--definitions", said.path().to_str().unwrap()], &[]);
    furnish(first.address()).await;
    first.kill();
    let mut second = directory.start();
    let address = second.address();
    policies_hold(address).await;
    let text = refused(address, say::bytes(1, &say::durable_queue("third"))).await;
    assert!(
        text.ends_with("cannot declare queue 'third': queue limit in vhost '/' (2) is reached"),
        "{text}"
    );
    let text = refused(address, say::publish(("amq.topic", "other"), true, b"x")).await;
    assert!(text.contains("write access to topic 'other' in exchange 'amq.topic'"), "{text}");
    second.kill();
}

async fn furnish(address: SocketAddr) {
    let mut peer = Peer::open_channel(address).await;
    peer.must(say::durable_exchange("x", "direct")).await;
    for queue in ["kept", "gone"] {
        peer.must(say::durable_queue(queue)).await;
    }
    peer.must(say::bind("kept", "amq.fanout", "")).await;
    peer.close().await;
}

async fn policies_hold(address: SocketAddr) {
    let mut peer = Peer::open_channel(address).await;
    peer.send_bytes(&say::publish(("", "gone"), true, b"short")).await;
    peer.send_bytes(&say::publish(("x", "nowhere"), true, b"spilled")).await;
    let empty = peer.ask(1, say::get("gone")).await;
    assert!(matches!(empty, Method::Basic(basic::AMQPMethod::GetEmpty(_))), "{empty:?}");
    let got = peer.ask(1, say::get("kept")).await;
    assert!(matches!(got, Method::Basic(basic::AMQPMethod::GetOk(_))), "{got:?}");
}

/// Why the broker closes the channel after this.
async fn refused(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut peer = Peer::open_channel(address).await;
    peer.send_bytes(bytes.as_ref()).await;
    match peer.event(1).await {
        Event::Method(method) => match *method {
            Method::Channel(channel::AMQPMethod::Close(close)) => close.reply_text.to_string(),
            other => panic!("expected channel.close, got {other:?}"),
        },
        other => panic!("expected channel.close, got {other:?}"),
    }
}
