//! Priorities, times and dead letters over the end of the process, a kill or a clean one.

use std::time::Duration;

use leveret::{Clock, Timestamp};
use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{Method, basic, channel};
use leveret_codec::{Properties, PropertiesBuilder, Value};

use crate::directory::Directory;
use crate::ended::{Got, embedded, get, publish};
use crate::say;
use crate::support::{Peer, within};

fn arguments<const N: usize>(named: [(&str, AMQPValue); N]) -> FieldTable {
    let mut arguments = FieldTable::default();
    for (name, value) in named {
        arguments.insert(name.into(), value);
    }
    arguments
}

/// What sends the dead letters of a queue to the queue `dead`.
fn buries() -> [(&'static str, AMQPValue); 2] {
    let text = |text: &str| AMQPValue::LongString(text.into());
    [("x-dead-letter-exchange", text("")), ("x-dead-letter-routing-key", text("dead"))]
}

/// Everything in a queue, in its order.
async fn all(peer: &mut Peer, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Some(Got { body, .. }) = get(peer, queue).await {
        bodies.push(String::from_utf8(body).unwrap());
    }
    bodies
}

/// The log has everything that was done before: what is declared comes behind it, and is answered when it is written.
async fn settle(peer: &mut Peer) {
    peer.must(say::durable_queue("barrier")).await;
}

fn nack(delivery_tag: u64) -> Method {
    let nack = basic::Nack { delivery_tag, multiple: false, requeue: false };
    Method::Basic(basic::AMQPMethod::Nack(nack))
}

#[tokio::test]
async fn priorities_order_what_comes_back() {
    for end in ["TERM", "KILL"] {
        let directory = Directory::new();
        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        let ranked = arguments([("x-max-priority", AMQPValue::LongInt(5))]);
        peer.must(say::durable_queue_with("q", ranked)).await;
        for (body, priority) in [("low", 1), ("high", 5), ("too high", 9), ("low again", 1), ("lowest", 0)] {
            let properties = PropertiesBuilder::new().delivery_mode(2).priority(priority).build();
            publish(&mut peer, ("", "q"), &properties, body.as_bytes()).await;
        }
        assert_eq!(peer.count("q").await, 5);
        settle(&mut peer).await;
        peer.crash();
        served.end_by(end);

        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        let lost = all(&mut peer, "q").await;
        assert_eq!(lost, ["high", "too high", "low", "low again", "lowest"], "after {end}");
    }
}

#[tokio::test]
async fn a_dead_letter_survives_with_its_history() {
    for end in ["TERM", "KILL"] {
        let directory = Directory::new();
        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        peer.must(say::durable_queue("dead")).await;
        peer.must(say::durable_queue_with("q", arguments(buries()))).await;
        for body in [b"a", b"b"] {
            peer.send_bytes(&say::publish(("", "q"), true, body)).await;
        }
        get(&mut peer, "q").await.unwrap();
        peer.send(1, nack(1)).await;
        // It is published when the turn of whoever rejected it is over, which may be after the next answer.
        within("the dead letter", async { while peer.count("dead").await == 0 {} }).await;
        settle(&mut peer).await;
        peer.crash();
        served.end_by(end);

        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        assert_eq!(all(&mut peer, "q").await, ["b"], "after {end}");
        let letter = get(&mut peer, "dead").await.unwrap();
        assert_eq!(letter.body, b"a");
        let properties = Properties::from_checked(&letter.properties);
        let headers = properties.headers().unwrap();
        assert_eq!(headers.get(b"x-first-death-queue"), Some(Value::Str(b"q")));
        assert_eq!(headers.get(b"x-first-death-reason"), Some(Value::Str(b"rejected")));
        assert!(matches!(headers.get(b"x-death"), Some(Value::Array(_))));
        assert_eq!(get(&mut peer, "dead").await, None);
    }
}

#[tokio::test]
async fn a_quorum_queue_keeps_what_is_not_persistent_too() {
    for end in ["TERM", "KILL"] {
        let directory = Directory::new();
        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        let quorum = arguments([("x-queue-type", AMQPValue::LongString("quorum".into()))]);
        peer.must(say::durable_queue_with("q", quorum)).await;
        peer.must(say::confirms()).await;
        peer.send_bytes(&say::publish(("", "q"), false, b"a")).await;
        assert!(matches!(peer.method(1).await, Method::Basic(basic::AMQPMethod::Ack(_))));
        peer.crash();
        served.end_by(end);

        let mut served = directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        assert_eq!(all(&mut peer, "q").await, ["a"], "after {end}");
    }
}

#[tokio::test]
async fn what_was_due_while_nobody_ran_is_dead_lettered_by_whoever_runs_next() {
    let directory = Directory::new();
    let clock = |secs: u64| Clock::manual(Timestamp::from_micros(secs * 1_000_000));
    let (broker, _) = embedded(&directory, clock(1000)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.must(say::durable_queue("dead")).await;
    peer.must(say::durable_queue_with("q", arguments(buries()))).await;
    for (body, millis) in [("long", "90000"), ("short", "60000"), ("forever", "900000")] {
        let own = PropertiesBuilder::new().delivery_mode(2).expiration(millis).build();
        publish(&mut peer, ("", "q"), &own, body.as_bytes()).await;
    }
    assert_eq!(peer.count("q").await, 3);
    peer.close().await;
    broker.shutdown().await;

    let (broker, clock) = embedded(&directory, clock(1070)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    assert_eq!((peer.count("q").await, peer.count("dead").await), (2, 1));
    clock.advance(Duration::from_secs(20));
    assert_eq!((peer.count("q").await, peer.count("dead").await), (1, 2));
    assert_eq!(all(&mut peer, "dead").await, ["short", "long"]);
    peer.close().await;
    broker.shutdown().await;
}

#[tokio::test]
async fn an_unused_queue_has_its_whole_time_again_when_the_broker_begins() {
    let directory = Directory::new();
    let clock = |secs: u64| Clock::manual(Timestamp::from_micros(secs * 1_000_000));
    let (broker, running) = embedded(&directory, clock(1000)).await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    let lease = arguments([("x-expires", AMQPValue::LongInt(60_000))]);
    peer.must(say::durable_queue_with("q", lease)).await;
    running.advance(Duration::from_secs(59));
    peer.close().await;
    broker.shutdown().await;

    let (broker, clock) = embedded(&directory, clock(2000)).await;
    clock.advance(Duration::from_millis(59_999));
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    // Looking is using.
    assert_eq!(peer.count("q").await, 0);
    clock.advance(Duration::from_mins(1));
    let refused = peer.ask(1, say::look_at_queue("q")).await;
    assert!(
        matches!(&refused, Method::Channel(channel::AMQPMethod::Close(close)) if close.reply_code == 404)
    );
    broker.shutdown().await;
}
