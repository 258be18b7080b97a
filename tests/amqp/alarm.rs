//! The memory alarm (RabbitMQ's `connection.blocked`): publishers are held back, consumers go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, connection, tx};

use crate::said::witness;
use crate::say;
use crate::support::{self, Frame, Peer, open_vhost, tune_ok};

const WATERMARK_BYTES: u64 = 1000;

/// A broker that believes what the test says of its memory.
struct Alarmed {
    broker: Broker,
    clock: ManualClock,
    memory: Arc<AtomicU64>,
    /// Looks on, and never publishes.
    witness: Peer,
}

impl Alarmed {
    async fn start() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(0));
        let memory = Arc::new(AtomicU64::new(0));
        let measured = memory.clone();
        let builder = Broker::builder()
            .clock(&clock)
            .memory_high_watermark_bytes(WATERMARK_BYTES)
            .memory_measure(move || Some(measured.load(Ordering::Relaxed)));
        let broker = support::start(builder).await;
        let witness = witness(&broker).await;
        Self { broker, clock, memory, witness }
    }

    async fn set(&mut self, bytes: u64) {
        self.memory.store(bytes, Ordering::Relaxed);
        self.clock.advance(Duration::from_secs(1));
        self.witness.settle().await;
    }

    async fn raise(&mut self) {
        self.set(WATERMARK_BYTES + 1).await;
    }

    async fn clear(&mut self) {
        self.set(0).await;
    }

    async fn open_channel(&self) -> Peer {
        Peer::open_channel(self.broker.amqp_addr()).await
    }
}

async fn blocked(peer: &mut Peer) {
    match peer.method(0).await {
        Method::Connection(connection::AMQPMethod::Blocked(blocked)) => {
            assert_eq!(blocked.reason.as_str(), "low on memory");
        }
        other => panic!("expected connection.blocked, got {other:?}"),
    }
}

async fn unblocked(peer: &mut Peer) {
    let unblocked = peer.method(0).await;
    assert!(matches!(unblocked, Method::Connection(connection::AMQPMethod::Unblocked(_))), "{unblocked:?}");
}

#[tokio::test]
async fn a_publisher_is_blocked_after_its_publish_and_goes_on_in_order() {
    let mut alarmed = Alarmed::start().await;
    let mut publisher = alarmed.open_channel().await;
    publisher.declare(1, "q").await;
    alarmed.raise().await;
    // Nothing has happened yet: it has not published.
    publisher.declare(1, "q").await;
    let mut said = support::publish(1, "q", b"a").to_vec();
    said.extend_from_slice(&support::publish(1, "q", b"b"));
    said.extend(say::bytes(1, &support::declare("during")));
    publisher.send_bytes(&said).await;
    blocked(&mut publisher).await;
    publisher.publish(1, "q", b"c").await;
    publisher.send(1, support::declare("later")).await;
    alarmed.witness.settle().await;
    assert_eq!(alarmed.witness.count(1, "q").await, 1);
    alarmed.clear().await;
    unblocked(&mut publisher).await;
    for _ in ["during", "later"] {
        let ok = publisher.method(1).await;
        assert!(matches!(ok, Method::Queue(_)), "{ok:?}");
    }
    alarmed.witness.consume(1, "q").await;
    alarmed.witness.deliveries(1, &["a", "b", "c"]).await;
}

#[tokio::test]
async fn consumers_go_on_during_an_alarm() {
    let mut alarmed = Alarmed::start().await;
    let mut publisher = alarmed.open_channel().await;
    publisher.declare(1, "q").await;
    for number in 0..100 {
        publisher.publish(1, "q", format!("{number}").as_bytes()).await;
    }
    assert_eq!(publisher.count(1, "q").await, 100);
    alarmed.raise().await;
    publisher.publish(1, "q", b"last").await;
    blocked(&mut publisher).await;
    // Opened during the alarm, and as good as any other while it does not publish.
    let mut consumer = alarmed.open_channel().await;
    consumer.consume_acked(1, "q", 1).await;
    for number in 0..100 {
        let taken = consumer.deliveries(1, &[&format!("{number}")]).await;
        consumer.send(1, say::ack(taken[0].tag, false)).await;
    }
    consumer.deliveries(1, &["last"]).await;
}

#[tokio::test]
async fn a_client_that_does_not_know_of_blocking_is_blocked_without_a_word() {
    let mut alarmed = Alarmed::start().await;
    let mut publisher = Peer::connect(alarmed.broker.amqp_addr()).await;
    publisher.send_bytes(&PROTOCOL_HEADER).await;
    publisher.method(0).await;
    let start_ok = connection::AMQPMethod::StartOk(connection::StartOk {
        mechanism: "PLAIN".into(),
        response: "\0guest\0guest".into(),
        locale: "en_US".into(),
        ..Default::default()
    });
    publisher.send(0, Method::Connection(start_ok)).await;
    publisher.method(0).await;
    publisher.send(0, tune_ok(0)).await;
    publisher.ask(0, open_vhost("/")).await;
    let mut publisher = publisher.with_channel(1).await;
    publisher.declare(1, "q").await;
    alarmed.raise().await;
    publisher.publish(1, "q", b"a").await;
    publisher.publish(1, "q", b"b").await;
    publisher.send(1, support::declare("q")).await;
    alarmed.witness.settle().await;
    assert_eq!(alarmed.witness.count(1, "q").await, 1);
    alarmed.clear().await;
    // The next frame is the answer, on channel 1.
    assert!(matches!(publisher.frame().await, Frame::Method(1, _)));
    assert_eq!(alarmed.witness.count(1, "q").await, 2);
}

#[tokio::test]
async fn whoever_sends_content_is_a_publisher_whatever_becomes_of_it() {
    let mut alarmed = Alarmed::start().await;
    let select = Method::Tx(tx::AMQPMethod::Select(tx::Select {}));
    let in_transaction = [say::bytes(1, &select), support::publish(1, "q", b"a").to_vec()].concat();
    let to_nowhere = support::publish(1, "nobody has declared this", b"a").to_vec();
    let half_of_it =
        [say::bytes(1, &say::publish("q")), say::header(1, 100), say::body(1, &[7; 50])].concat();
    let empty = support::publish(1, "q", b"").to_vec();
    for content in [in_transaction, to_nowhere, half_of_it, empty] {
        let mut publisher = alarmed.open_channel().await;
        alarmed.raise().await;
        publisher.send_bytes(&content).await;
        publisher.send(2, say::open_channel()).await;
        loop {
            match publisher.frame().await {
                Frame::Method(0, blocked) => {
                    let reason = matches!(*blocked, Method::Connection(connection::AMQPMethod::Blocked(_)));
                    assert!(reason, "{blocked:?}");
                    break;
                }
                // tx.select-ok
                Frame::Method(1, _) => {}
                other => panic!("expected connection.blocked, got {other:?}"),
            }
        }
        alarmed.clear().await;
        unblocked(&mut publisher).await;
        assert!(matches!(publisher.frame().await, Frame::Method(2, _)));
    }
}

#[tokio::test]
async fn an_alarm_may_come_and_go_without_a_message_lost_or_doubled() {
    const ALARMS: u32 = 50;
    let mut alarmed = Alarmed::start().await;
    let mut publisher = alarmed.open_channel().await;
    publisher.declare(1, "q").await;
    let mut consumer = alarmed.open_channel().await;
    consumer.consume(1, "q").await;
    for alarm in 0..ALARMS {
        alarmed.raise().await;
        let mut said = Vec::new();
        for part in 0..20 {
            said.extend_from_slice(&support::publish(1, "q", format!("{alarm} {part}").as_bytes()));
        }
        // Held at a different place every time, also in the middle of a frame.
        let at = said.len() * alarm as usize / ALARMS as usize;
        publisher.send_bytes(&said[..at]).await;
        alarmed.witness.settle().await;
        publisher.send_bytes(&said[at..]).await;
        blocked(&mut publisher).await;
        alarmed.clear().await;
        unblocked(&mut publisher).await;
        for part in 0..20 {
            consumer.deliveries(1, &[&format!("{alarm} {part}")]).await;
        }
    }
}

#[tokio::test]
async fn a_blocked_publisher_is_not_taken_for_dead_and_hears_the_brokers_heart() {
    let mut alarmed = Alarmed::start().await;
    let publisher = Peer::connect(alarmed.broker.amqp_addr()).await.opened(tune_ok(2)).await;
    let mut publisher = publisher.with_channel(1).await;
    publisher.declare(1, "q").await;
    alarmed.raise().await;
    publisher.publish(1, "q", b"a").await;
    // Beats of before, then the word.
    loop {
        match publisher.frame().await {
            Frame::Heartbeat => {}
            Frame::Method(0, _) => break,
            other => panic!("expected connection.blocked, got {other:?}"),
        }
    }
    // The word was a sign of life itself, for this half of the interval.
    alarmed.clock.advance(Duration::from_secs(1));
    alarmed.witness.settle().await;
    for _ in 0..20 {
        alarmed.clock.advance(Duration::from_secs(1));
        assert_eq!(publisher.frame().await, Frame::Heartbeat);
    }
    alarmed.clear().await;
    unblocked(&mut publisher).await;
    publisher.declare(1, "q").await;
}

#[tokio::test]
async fn a_blocked_publisher_that_crashed_is_found_when_the_alarm_is_over() {
    let mut alarmed = Alarmed::start().await;
    let mut publisher = alarmed.open_channel().await;
    publisher.declare(1, "q").await;
    publisher.publish(1, "q", b"held").await;
    publisher.consume_acked(1, "q", 0).await;
    publisher.deliveries(1, &["held"]).await;
    alarmed.raise().await;
    publisher.publish(1, "q", b"more").await;
    blocked(&mut publisher).await;
    publisher.crash();
    alarmed.clear().await;
    alarmed.witness.settle().await;
    alarmed.witness.consume_acked(1, "q", 0).await;
    alarmed.witness.deliveries(1, &["held", "more"]).await;
}
