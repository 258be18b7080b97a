//! A broker inside the process that uses it: how it starts, serves and ends.
#![cfg(test)]

mod support;

use std::time::Duration;

use leveret::{Broker, Clock, Timestamp};
use leveret_codec::method::{Method, connection, queue};
use support::Peer;

#[tokio::test]
async fn a_broker_serves_on_a_port_of_its_own() {
    let broker = support::broker().await;
    assert_ne!(broker.amqp_addr().port(), 0);
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    peer.consume(1, "q").await;
    peer.publish(1, "q", b"hello").await;
    assert_eq!(peer.delivery(1).await.body, b"hello");
}

#[tokio::test]
async fn two_brokers_of_one_process_share_nothing() {
    let (one, two) = (support::broker().await, support::broker().await);
    assert_ne!(one.amqp_addr(), two.amqp_addr());
    let mut here = Peer::open_channel(one.amqp_addr()).await;
    let mut there = Peer::open_channel(two.amqp_addr()).await;
    here.declare(1, "q").await;
    there.declare(1, "q").await;
    here.consume(1, "q").await;
    there.publish(1, "q", b"there").await;
    here.publish(1, "q", b"here").await;
    assert_eq!(here.delivery(1).await.body, b"here");
    drop(here);
    one.shutdown().await;
    there.consume(1, "q").await;
    assert_eq!(there.delivery(1).await.body, b"there");
}

#[tokio::test]
async fn a_broker_listens_on_every_address_it_was_given() {
    let builder = Broker::builder().ephemeral().listen(([127, 0, 0, 1], 0)).listen(([127, 0, 0, 2], 0));
    let broker = builder.start().await.unwrap();
    assert_eq!(broker.amqp_addrs().len(), 2);
    for address in broker.amqp_addrs() {
        Peer::open(*address).await;
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_what_to_do() {
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let error = Broker::builder().ephemeral().listen(address).start().await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
    assert!(error.contains("choose another port"), "{error}");
}

#[tokio::test]
async fn a_defined_queue_that_goes_unused_has_its_whole_time() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000_000));
    let queue = |durable: bool, name: &str| serde_json::json!({"name": name, "vhost": "/", "durable": durable, "auto_delete": false, "arguments": {"x-expires": 60_000}});
    let definitions = serde_json::json!({"queues": [queue(true, "kept"), queue(false, "passing")]});
    let broker = support::start(Broker::builder().clock(&clock).definitions(definitions)).await;
    clock.advance(Duration::from_secs(59));
    // A publish is no use of a queue, but makes it look at the time.
    let mut publisher = Peer::open_channel(broker.amqp_addr()).await;
    for name in ["kept", "passing"] {
        publisher.publish(1, name, b"hello").await;
    }
    publisher.declare(1, "barrier").await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    for name in ["kept", "passing"] {
        let look = queue::Declare { queue: name.into(), passive: true, ..Default::default() };
        let answer = peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(look))).await;
        assert!(matches!(answer, Method::Queue(queue::AMQPMethod::DeclareOk(_))), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn definitions_are_there_before_the_first_client() {
    let definitions = serde_json::json!({
        "users": [{"name": "jane", "password": "secret", "tags": []}],
        "permissions": [{"user": "jane", "vhost": "/", "configure": "", "write": "", "read": ""}],
        "queues": [{"name": "orders", "vhost": "/"}],
    });
    let broker = support::start(Broker::builder().definitions(definitions)).await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.log_in("jane", "secret").await;
    let error = Broker::builder()
        .ephemeral()
        .definitions(serde_json::json!({"queues": 1}))
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "definitions: queues: invalid type: integer `1`, expected a sequence");
}

#[tokio::test]
async fn the_first_user_and_vhost_can_be_chosen() {
    let builder = Broker::builder().default_user("jane", "secret").default_vhost("shop");
    let broker = support::start(builder).await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.log_in("jane", "secret").await;
    peer.send(0, support::tune_ok(0)).await;
    peer.send(0, support::open_vhost("shop")).await;
    let ok = peer.method(0).await;
    assert!(matches!(ok, Method::Connection(connection::AMQPMethod::OpenOk(_))), "{ok:?}");
}

#[tokio::test]
async fn limits_are_proposed_as_they_were_set() {
    let builder = Broker::builder().heartbeat_secs(7).frame_max_bytes(8192).channel_max(3);
    let broker = support::start(builder).await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    let tune = peer.tune("guest", "guest").await;
    assert_eq!((tune.heartbeat, tune.frame_max, tune.channel_max), (7, 8192, 3));
}

#[tokio::test]
async fn a_shutdown_tells_every_client_and_waits_for_its_answer() {
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut peer = Peer::open(address).await;
    let shutdown = tokio::spawn(broker.shutdown());
    let (code, text) = peer.closed_with().await;
    assert_eq!(code, 320);
    assert_eq!(text, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
    assert!(!shutdown.is_finished());
    peer.send_close_ok().await;
    peer.end().await;
    shutdown.await.unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_ever() {
    let broker = support::broker().await;
    let mut peer = Peer::open(broker.amqp_addr()).await;
    // The peer never answers; paused time jumps to the end of the wait.
    broker.shutdown().await;
    assert_eq!(peer.closed_with().await.0, 320);
    peer.end().await;
}

#[tokio::test]
async fn a_dropped_broker_ends_without_a_word() {
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut peer = Peer::open(address).await;
    drop(broker);
    peer.end().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn time_is_what_the_clock_says() {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let broker = support::start(Broker::builder().clock(&clock)).await;
    let mut slow = Peer::connect(broker.amqp_addr()).await;
    let mut quick = Peer::open(broker.amqp_addr()).await;
    // Ten seconds for the handshake; `slow` has not begun with it.
    clock.advance(Duration::from_secs(10));
    slow.end().await;
    quick.send(0, Method::Connection(connection::AMQPMethod::Close(connection::Close::default()))).await;
    let ok = quick.method(0).await;
    assert!(matches!(ok, Method::Connection(connection::AMQPMethod::CloseOk(_))), "{ok:?}");
}

#[tokio::test]
async fn messages_are_traced_and_events_are_told_if_that_was_asked_for() {
    let broker = support::start(Broker::builder().trace("/").event_exchange()).await;
    let mut witness = Peer::open_channel(broker.amqp_addr()).await;
    witness.declare(1, "copies").await;
    for (exchange, key) in [("amq.rabbitmq.trace", "publish."), ("amq.rabbitmq.event", "queue.created")] {
        witness.send(1, bind("copies", exchange, key)).await;
        let ok = witness.method(1).await;
        assert!(matches!(ok, Method::Queue(queue::AMQPMethod::BindOk(_))), "{ok:?}");
    }
    witness.consume(1, "copies").await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    peer.publish(1, "q", b"hello").await;
    assert_eq!(witness.delivery(1).await.body, b"", "the queue is there: an event has no body");
    assert_eq!(witness.delivery(1).await.body, b"hello");
}

fn bind(queue: &str, exchange: &str, key: &str) -> Method {
    let (queue, exchange, routing_key) = (queue.into(), exchange.into(), key.into());
    Method::Queue(queue::AMQPMethod::Bind(queue::Bind { queue, exchange, routing_key, ..Default::default() }))
}
