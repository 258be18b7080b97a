//! Delayed messages over the end of the process, a kill or a clean one.

use std::time::Duration;

use leveret::{Clock, Timestamp};
use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{Method, basic, exchange};
use leveret_codec::{Properties, PropertiesBuilder, TableBuilder, Value};

use crate::directory::Directory;
use crate::ended::{embedded, get, publish};
use crate::say;
use crate::support::{Peer, within};

/// A durable exchange that delays, and a durable queue behind it.
async fn declare(peer: &mut Peer) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-delayed-type".into(), AMQPValue::LongString("direct".into()));
    let declare = exchange::Declare {
        exchange: "later".into(),
        kind: "x-delayed-message".into(),
        durable: true,
        arguments,
        ..Default::default()
    };
    peer.must(Method::Exchange(exchange::AMQPMethod::Declare(declare))).await;
    peer.must(say::durable_queue("q")).await;
    peer.must(say::bind("q", "later", "k")).await;
}

async fn publish_delayed(peer: &mut Peer, millis: i32, body: &[u8]) {
    let headers = TableBuilder::new().insert("x-delay", Value::I32(millis)).build();
    let properties = PropertiesBuilder::new().delivery_mode(2).headers(headers.as_ref()).build();
    publish(peer, ("later", "k"), &properties, body).await;
}

#[tokio::test]
async fn what_waits_is_there_after_any_end_and_comes_when_it_is_due() {
    for end in ["TERM", "KILL"] {
        let directory = Directory::new();
        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        declare(&mut peer).await;
        peer.must(say::confirms()).await;
        publish_delayed(&mut peer, 1500, b"soon").await;
        assert!(matches!(peer.method(1).await, Method::Basic(basic::AMQPMethod::Ack(_))));
        publish_delayed(&mut peer, 3_600_000, b"in an hour").await;
        assert!(matches!(peer.method(1).await, Method::Basic(basic::AMQPMethod::Ack(_))));
        peer.crash();
        served.end_by(end);

        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        within("the delayed message", async { while peer.count("q").await == 0 {} }).await;
        let message = get(&mut peer, "q").await.unwrap();
        assert_eq!(message.body, b"soon", "after {end}");
        let headers = Properties::from_checked(&message.properties).headers().unwrap();
        assert_eq!(headers.get(b"x-delay"), Some(Value::I64(-1500)));
        assert_eq!(get(&mut peer, "q").await, None);
    }
}

#[tokio::test]
async fn a_wait_goes_on_while_nobody_runs_and_order_is_kept() {
    let directory = Directory::new();
    let clock = |secs: u64| Clock::manual(Timestamp::from_micros(secs * 1_000_000));
    let (broker, _) = embedded(&directory, clock(1000)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    declare(&mut peer).await;
    for (millis, body) in [(90_000, b"third"), (30_000, b"first"), (60_000, b"secnd"), (600_000, b"later")] {
        publish_delayed(&mut peer, millis, body).await;
    }
    assert_eq!(peer.count("q").await, 0);
    peer.close().await;
    broker.shutdown().await;

    let (broker, clock) = embedded(&directory, clock(1065)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    within("what was due meanwhile", async { while peer.count("q").await < 2 {} }).await;
    clock.advance(Duration::from_secs(25));
    within("what is due now", async { while peer.count("q").await < 3 {} }).await;
    for body in [b"first", b"secnd", b"third"] {
        assert_eq!(get(&mut peer, "q").await.unwrap().body, body);
    }
    assert_eq!(get(&mut peer, "q").await, None);
    peer.close().await;
    broker.shutdown().await;
}
