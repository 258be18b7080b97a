//! A clean end and a start: everything durable is there as it was, byte for byte, and `redelivered` tells the
//! truth.

use std::net::SocketAddr;
use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{Method, basic, channel, exchange, queue};
use leveret_codec::{ContentHeader, Limits, PropertiesBuilder, TableBuilder, Value};

use crate::directory::Directory;
use crate::say;
use crate::support::{Frame, Peer, open_vhost, publish_with, tune_ok};

/// A message as basic.get brings it.
#[derive(Debug, PartialEq)]
pub struct Got {
    exchange: String,
    key: String,
    redelivered: bool,
    pub properties: Vec<u8>,
    pub body: Vec<u8>,
}

/// Gets the next message of a queue, to be acknowledged.
pub async fn get(peer: &mut Peer, queue: &str) -> Option<Got> {
    let ok = match peer.ask(1, say::get(queue)).await {
        Method::Basic(basic::AMQPMethod::GetEmpty(_)) => return None,
        Method::Basic(basic::AMQPMethod::GetOk(ok)) => ok,
        other => panic!("expected an answer to basic.get, got {other:?}"),
    };
    let Frame::Header(1, header) = peer.frame().await else { panic!("expected a content header") };
    let body_bytes = ContentHeader::decode(&header, &Limits::default()).unwrap().body_bytes;
    let (mut body, bytes) = (Vec::new(), usize::try_from(body_bytes).unwrap());
    while body.len() < bytes {
        let Frame::Body(1, piece) = peer.frame().await else { panic!("expected a body") };
        body.extend(piece);
    }
    Some(Got {
        exchange: ok.exchange.to_string(),
        key: ok.routing_key.to_string(),
        redelivered: ok.redelivered,
        // Behind class, weight and size of the body.
        properties: header[12..].to_vec(),
        body,
    })
}

/// Every property, and headers as only bytes can keep them: a key twice, odd values, tables in tables.
fn odd_properties() -> Vec<u8> {
    let mut inner = TableBuilder::new();
    inner.insert("deep", Value::Bool(true));
    let inner = inner.build();
    let mut headers = TableBuilder::new();
    headers.insert("twice", Value::Str(b"first"));
    headers.insert("a", Value::Table(inner.as_ref()));
    headers.insert("twice", Value::Str(b"second \xff\x00"));
    headers.insert("", Value::Void);
    let headers = headers.build();
    PropertiesBuilder::new()
        .content_type("text/plain")
        .content_encoding("none")
        .headers(headers.as_ref())
        .delivery_mode(2)
        .priority(200)
        .correlation_id("c")
        .reply_to("r")
        .expiration("3600000")
        .message_id("m")
        .timestamp(u64::MAX)
        .type_("t")
        .user_id("guest")
        .app_id("a")
        .cluster_id("u")
        .build()
}

pub async fn publish(peer: &mut Peer, (exchange, key): (&str, &str), properties: &[u8], body: &[u8]) {
    let publish = basic::Publish { exchange: exchange.into(), routing_key: key.into(), ..Default::default() };
    peer.send_bytes(&publish_with(1, publish, properties, body)).await;
}

#[tokio::test]
async fn messages_come_back_byte_for_byte_and_in_their_order() {
    let directory = Directory::new();
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::durable_exchange("x", "fanout")).await;
    for queue in ["q", "other"] {
        peer.must(say::durable_queue(queue)).await;
        peer.must(say::bind(queue, "x", "")).await;
    }
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_be_bytes()[at as usize % 4]).collect();
    let plain = PropertiesBuilder::new().delivery_mode(2).build();
    let sent =
        [("k", odd_properties(), b"odd".to_vec()), ("", plain.clone(), Vec::new()), ("l", plain, large)];
    for (key, properties, body) in &sent {
        publish(&mut peer, ("x", key), properties, body).await;
    }
    publish(&mut peer, ("x", "gone"), &[0, 0], b"not persistent").await;
    assert_eq!(peer.count("q").await, 4);
    peer.close().await;
    let (printed, code) = served.end_by("TERM");
    assert_eq!(code, Some(0), "{printed:#?}");

    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    for queue in ["q", "other"] {
        for (key, properties, body) in sent.clone() {
            let (exchange, key) = ("x".to_owned(), key.to_owned());
            let expected = Got { exchange, key, redelivered: false, properties, body };
            assert_eq!(get(&mut peer, queue).await.unwrap(), expected);
        }
        assert_eq!(get(&mut peer, queue).await, None);
    }
}

#[tokio::test]
async fn only_what_was_delivered_before_a_clean_end_is_redelivered() {
    let directory = Directory::new();
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::durable_queue("q")).await;
    for body in [b"a", b"b", b"c", b"d"] {
        peer.send_bytes(&say::publish(("", "q"), true, body)).await;
    }
    for _ in 0..3 {
        get(&mut peer, "q").await.unwrap();
    }
    // `a` stays with its consumer to the end, `b` is done with, `c` was given back.
    peer.send(1, say::ack(2, false)).await;
    let nack = basic::Nack { delivery_tag: 3, multiple: false, requeue: true };
    peer.send(1, Method::Basic(basic::AMQPMethod::Nack(nack))).await;
    assert_eq!(peer.count("q").await, 2);
    let ended = tokio::task::spawn_blocking(move || served.end_by("TERM"));
    assert_eq!(peer.closed_with().await.0, 320);
    peer.send_close_ok().await;
    assert_eq!(ended.await.unwrap().1, Some(0));

    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    let mut found = Vec::new();
    while let Some(got) = get(&mut peer, "q").await {
        found.push((got.body, got.redelivered));
    }
    assert_eq!(found, [(b"a".to_vec(), true), (b"c".to_vec(), true), (b"d".to_vec(), false)]);
}

#[tokio::test]
async fn definitions_come_back_with_their_arguments_and_users_with_their_rights() {
    const DEFINITIONS: &str = r#"{"users": [{"name": "guest", "password": "guest", "tags": "administrator"},
                                            {"name": "jane", "password": "secret", "tags": ""}],
        "vhosts": [{"name": "/"}, {"name": "shop"}],
        "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
                        {"user": "jane", "vhost": "shop", "configure": "^own\\.", "write": ".*", "read": ".*"}]}"#;
    let directory = Directory::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), DEFINITIONS).unwrap();
    let mut served = directory.start_with(&["--definitions", file.path().to_str().unwrap()], &[]);
    define(served.address()).await;
    served.end_by("TERM");

    // Neither the file nor a client says any of it again.
    for end in ["TERM", "KILL"] {
        let mut served = directory.start();
        look(served.address()).await;
        served.end_by(end);
    }
    let mut served = directory.start();
    look(served.address()).await;
}

fn short_lived() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(3_600_000));
    arguments
}

fn headers_binding() -> Method {
    let mut arguments = FieldTable::default();
    arguments.insert("x-match".into(), AMQPValue::LongString("all".into()));
    arguments.insert("colour".into(), AMQPValue::LongString("red".into()));
    Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
        queue: "short-lived".into(),
        exchange: "amq.headers".into(),
        arguments,
        ..Default::default()
    }))
}

async fn define(address: SocketAddr) {
    let mut peer = Peer::open_channel(address).await;
    peer.must(say::durable_queue_with("short-lived", short_lived())).await;
    peer.must(headers_binding()).await;
    peer.must(say::durable_exchange("topic", "topic")).await;
    let bind =
        exchange::Bind { destination: "topic".into(), source: "amq.fanout".into(), ..Default::default() };
    peer.must(Method::Exchange(exchange::AMQPMethod::Bind(bind))).await;
    peer.must(say::bind("short-lived", "topic", "a.#")).await;
    let fleeting = queue::Declare { queue: "fleeting".into(), ..Default::default() };
    peer.must(Method::Queue(queue::AMQPMethod::Declare(fleeting))).await;
    peer.must(say::bind("fleeting", "topic", "#")).await;
    peer.close().await;
}

async fn look(address: SocketAddr) {
    let mut peer = Peer::open_channel(address).await;
    // Declaring with the same arguments is granted, with others refused.
    peer.must(say::durable_queue_with("short-lived", short_lived())).await;
    // Through exchange and topic, and by headers.
    let mut red = TableBuilder::new();
    red.insert("colour", Value::Str(b"red"));
    let red = PropertiesBuilder::new().headers(red.build().as_ref()).build();
    publish(&mut peer, ("amq.fanout", "a.b"), &[0, 0], b"first").await;
    publish(&mut peer, ("amq.fanout", "b"), &[0, 0], b"to nobody").await;
    publish(&mut peer, ("amq.headers", ""), &red, b"second").await;
    publish(&mut peer, ("amq.headers", ""), &[0, 0], b"to nobody").await;
    publish(&mut peer, ("topic", "a"), &[0, 0], b"third").await;
    for body in [&b"first"[..], b"second", b"third"] {
        assert_eq!(get(&mut peer, "short-lived").await.unwrap().body, body);
    }
    assert_eq!(get(&mut peer, "short-lived").await, None);
    peer.send(1, say::ack(0, true)).await;
    let refused = peer.ask(1, say::look_at_queue("fleeting")).await;
    assert!(
        matches!(&refused, Method::Channel(channel::AMQPMethod::Close(close)) if close.reply_code == 404)
    );

    let mut jane = Peer::connect(address).await;
    jane.log_in("jane", "secret").await;
    jane.send(0, tune_ok(0)).await;
    jane.ask(0, open_vhost("shop")).await;
    let mut jane = jane.with_channel(1).await;
    jane.must(say::durable_queue("own.orders")).await;
    let refused = jane.ask(1, say::durable_queue("orders")).await;
    assert!(
        matches!(&refused, Method::Channel(channel::AMQPMethod::Close(close)) if close.reply_code == 403)
    );
}

#[tokio::test]
async fn time_to_live_runs_on_while_nobody_does() {
    let directory = Directory::new();
    let clock = |secs: u64| Clock::manual(Timestamp::from_micros(secs * 1_000_000));
    let (broker, _) = embedded(&directory, clock(1000)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    let mut ttl = FieldTable::default();
    ttl.insert("x-message-ttl".into(), AMQPValue::LongInt(90_000));
    peer.must(say::durable_queue_with("of the queue", ttl)).await;
    peer.must(say::durable_queue("own")).await;
    let own = PropertiesBuilder::new().delivery_mode(2).expiration("60000").build();
    publish(&mut peer, ("", "own"), &own, b"a").await;
    publish(&mut peer, ("", "of the queue"), &own, b"the shorter one counts").await;
    peer.send_bytes(&say::publish(("", "of the queue"), true, b"b")).await;
    assert_eq!(peer.count("of the queue").await, 2);
    peer.close().await;
    broker.shutdown().await;

    // 59.9 s after the publish nothing has expired; 0.1 s later the first has, 30 s later the other.
    let (broker, clock) = embedded(&directory, clock(1059)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    clock.advance(Duration::from_millis(900));
    assert_eq!((peer.count("own").await, peer.count("of the queue").await), (1, 2));
    clock.advance(Duration::from_millis(100));
    assert_eq!((peer.count("own").await, peer.count("of the queue").await), (0, 1));
    clock.advance(Duration::from_millis(29_999));
    assert_eq!(peer.count("of the queue").await, 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(peer.count("of the queue").await, 0);
    peer.close().await;
    broker.shutdown().await;
}

/// A broker within this process, on a clock of the test.
pub async fn embedded(directory: &Directory, clock: ManualClock) -> (Broker, ManualClock) {
    let builder = Broker::builder().data_dir(directory.path()).clock(&clock);
    (builder.listen(([127, 0, 0, 1], 0)).start().await.unwrap(), clock)
}
