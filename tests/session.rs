//! What a connection's task owes its socket: bytes in any pieces, bounds on what waits, an end whatever
//! happens.
#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{self, Method, connection, queue};
use support::{Peer, declare, publish, start_ok, tune_ok};

/// A declare that only asks, and how many messages the answer says are ready.
async fn ready(peer: &mut Peer, name: &str) -> u32 {
    let passive = queue::Declare { queue: name.into(), passive: true, ..Default::default() };
    peer.send(1, Method::Queue(queue::AMQPMethod::Declare(passive))).await;
    match peer.method(1).await {
        Method::Queue(queue::AMQPMethod::DeclareOk(ok)) => ok.message_count,
        other => panic!("expected declare-ok, got {other:?}"),
    }
}

fn as_bytes(channel: u16, method: &Method) -> BytesMut {
    let mut bytes = BytesMut::new();
    method::encode(channel, method, &mut bytes);
    bytes
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    let mut script = PROTOCOL_HEADER.to_vec();
    script.extend_from_slice(&as_bytes(0, &start_ok("guest", "guest")));
    for byte in script {
        peer.send_bytes(&[byte]).await;
    }
    for expected in ["Start(", "Tune("] {
        let method = format!("{:?}", peer.method(0).await);
        assert!(method.contains(expected), "{method}");
    }
}

#[tokio::test]
async fn a_whole_session_may_come_at_once() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    let mut script = PROTOCOL_HEADER.to_vec();
    script.extend_from_slice(&as_bytes(0, &start_ok("guest", "guest")));
    script.extend_from_slice(&as_bytes(0, &tune_ok(0)));
    script.extend_from_slice(&as_bytes(0, &support::open_vhost("/")));
    let open = method::channel::AMQPMethod::Open(method::channel::Open {});
    script.extend_from_slice(&as_bytes(1, &Method::Channel(open)));
    script.extend_from_slice(&as_bytes(1, &declare("q")));
    script.extend_from_slice(&publish(1, "q", b"at once"));
    peer.send_bytes(&script).await;
    for expected in ["Start(", "Tune(", "OpenOk("] {
        let method = format!("{:?}", peer.method(0).await);
        assert!(method.contains(expected), "{method}");
    }
    for expected in ["OpenOk(", "DeclareOk("] {
        let method = format!("{:?}", peer.method(1).await);
        assert!(method.contains(expected), "{method}");
    }
    peer.consume(1, "q").await;
    assert_eq!(peer.delivery(1).await.body, b"at once");
}

#[tokio::test]
async fn bodies_of_any_size_come_back_as_they_were() {
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    peer.consume(1, "q").await;
    for size in [0, 1, 4095, 4096, 8 * 1024, 131_064, 131_065, 1_000_000, 5_000_000] {
        let body: Vec<u8> = (0..=250).cycle().take(size).collect();
        // Both ends are one script here, so the broker's bytes must be read while ours are still going out.
        let bytes = publish(1, "q", &body);
        let mut sent = 0;
        while sent < bytes.len() {
            sent += peer.send_what_fits(&bytes[sent..]);
            tokio::task::yield_now().await;
        }
        assert!(peer.delivery(1).await.body == body, "a body of {size} bytes");
    }
}

#[tokio::test]
async fn a_consumer_that_does_not_read_leaves_messages_in_their_queue() {
    const MESSAGES: u32 = 200;
    let broker = support::broker().await;
    let mut producer = Peer::open_channel(broker.amqp_addr()).await;
    producer.declare(1, "q").await;
    let mut consumer = Peer::open_channel(broker.amqp_addr()).await;
    consumer.consume(1, "q").await;
    for number in 0..MESSAGES {
        let body = vec![u8::try_from(number % 256).unwrap(); 256 * 1024];
        producer.publish(1, "q", &body).await;
    }
    // 50 MB were published. Sockets of loopback take some of them, the connection a named bound.
    let left = ready(&mut producer, "q").await;
    assert!(MESSAGES / 2 < left, "{left} of {MESSAGES} messages are left");
    // Nothing is lost, and everything comes in order once it is read.
    for number in 0..MESSAGES {
        let delivery = consumer.delivery(1).await;
        assert_eq!(u32::from(delivery.body[0]), number % 256);
    }
    assert_eq!(ready(&mut producer, "q").await, 0);
}

#[tokio::test]
async fn a_peer_that_asks_without_reading_is_not_read_any_more() {
    // Sockets of loopback hold some megabytes in each direction; the rest must stay with the peer.
    const REQUESTS: usize = 2_000_000;
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    let request = as_bytes(1, &declare("q"));
    let script: Vec<u8> = request.iter().copied().cycle().take(request.len() * REQUESTS).collect();
    let mut sent = 0;
    let mut turns_without_progress = 0;
    while sent < script.len() && turns_without_progress < 5_000 {
        let count = peer.send_what_fits(&script[sent..]);
        turns_without_progress = if count == 0 { turns_without_progress + 1 } else { 0 };
        sent += count;
        tokio::task::yield_now().await;
    }
    assert!(sent < script.len() * 3 / 4, "{sent} bytes of requests were taken without an answer being read");
    // What was taken is answered, all of it.
    for _ in 0..sent / request.len() {
        let ok = peer.method(1).await;
        assert!(matches!(ok, Method::Queue(queue::AMQPMethod::DeclareOk(_))), "{ok:?}");
    }
}

#[tokio::test]
async fn a_lost_socket_gives_back_what_its_connection_held() {
    let broker = support::broker().await;
    let mut gone = Peer::open_channel(broker.amqp_addr()).await;
    let exclusive = queue::Declare { queue: "mine".into(), exclusive: true, ..Default::default() };
    let exclusive = Method::Queue(queue::AMQPMethod::Declare(exclusive));
    gone.send(1, exclusive.clone()).await;
    gone.method(1).await;
    drop(gone);
    // As in RabbitMQ a quick successor may still meet the lock (405); it goes without anybody's doing.
    loop {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        peer.send(1, exclusive.clone()).await;
        match peer.method(1).await {
            Method::Queue(queue::AMQPMethod::DeclareOk(_)) => break,
            Method::Channel(method::channel::AMQPMethod::Close(close)) => assert_eq!(close.reply_code, 405),
            other => panic!("expected declare-ok or a close, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_by_heartbeats_and_dropped_without() {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let broker = support::start(Broker::builder().clock(&clock)).await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.log_in("guest", "guest").await;
    peer.send(0, tune_ok(10)).await;
    peer.send(0, support::open_vhost("/")).await;
    peer.method(0).await;
    for channel in 1..=10 {
        clock.advance(Duration::from_secs(5));
        // Any traffic is a sign of life; the answer shows that this moment has been lived through.
        peer.send(channel, Method::Channel(method::channel::AMQPMethod::Open(method::channel::Open {})))
            .await;
        peer.method(channel).await;
    }
    // Silent now: the broker goes on sending its own heartbeats, and gives up within three intervals.
    for _ in 0..6 {
        clock.advance(Duration::from_secs(5));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    let mut beats = 0;
    while let Some(frame) = peer.next_frame().await {
        assert_eq!(frame, support::Frame::Heartbeat);
        beats += 1;
    }
    assert!((2..6).contains(&beats), "{beats} heartbeats in three intervals");
}

/// A broker whose memory is what the test says.
struct Pressed {
    broker: Broker,
    clock: ManualClock,
    bytes: Arc<AtomicU64>,
}

impl Pressed {
    async fn start() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(0));
        let bytes = Arc::new(AtomicU64::new(0));
        let measured = bytes.clone();
        let builder = Broker::builder()
            .clock(&clock)
            .memory_high_watermark_bytes(1000)
            .memory_measure(move || Some(measured.load(Ordering::Relaxed)));
        Self { broker: support::start(builder).await, clock, bytes }
    }

    /// Lets the broker measure so much.
    async fn hold(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.clock.advance(Duration::from_millis(200));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn publishers_are_held_back_above_the_watermark_and_go_on_below() {
    let pressed = Pressed::start().await;
    let mut producer = Peer::open_channel(pressed.broker.amqp_addr()).await;
    let mut consumer = Peer::open_channel(pressed.broker.amqp_addr()).await;
    producer.declare(1, "q").await;
    pressed.hold(1001).await;
    producer.publish(1, "q", b"one too many").await;
    let blocked = producer.method(0).await;
    let Method::Connection(connection::AMQPMethod::Blocked(blocked)) = blocked else {
        panic!("expected connection.blocked, got {blocked:?}")
    };
    assert_eq!(blocked.reason.as_str(), "low on memory");
    // Who only consumes is served all the time.
    consumer.consume(1, "q").await;
    // A little below is not enough.
    pressed.hold(999).await;
    pressed.hold(900).await;
    let unblocked = producer.method(0).await;
    assert!(matches!(unblocked, Method::Connection(connection::AMQPMethod::Unblocked(_))), "{unblocked:?}");
    producer.declare(1, "q").await;
    assert_eq!(consumer.delivery(1).await.body, b"one too many");
}
