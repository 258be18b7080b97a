//! When a publisher is not read from because the consumers of its queue do not keep up, and when it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[allow(dead_code, reason = "only a part of it is needed")]
#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use leveret_core::amqp::{Connection, Peer};
use leveret_core::model::Broker;
use leveret_core::{ConnectionId, Output, Timestamp};
use support::guest_broker;
use support::speak::speak;

/// What fits into a socket's buffer at a time.
const ROOM_BYTES: usize = 256 * 1024;
/// A publish of a hundred thousand bytes: forty are far more than an outlet and what may wait in front of it.
const LARGE: usize = 100_000;

struct World {
    broker: Arc<Broker>,
    now: Timestamp,
}

struct Client {
    id: ConnectionId,
    connection: Connection,
}

impl World {
    fn new() -> Self {
        Self { broker: guest_broker(), now: Timestamp::from_micros(1_000_000_000) }
    }

    fn connect(&self, id: u64) -> Client {
        let peer = Peer { address: "a".into(), loopback: true, ..Peer::default() };
        let id = ConnectionId(id);
        let connection = Connection::new(self.now, id, self.broker.clone(), peer);
        let mut client = Client { id, connection };
        for said in
            ["protocol-header 0 0 9 1", "connection.start-ok", "connection.tune-ok", "connection.open /"]
        {
            client.say(self.now, 0, &[said]);
        }
        client.say(self.now, 1, &["channel.open", "queue.declare q"]);
        client
    }
}

impl Client {
    fn say(&mut self, now: Timestamp, channel: u16, commands: &[&str]) -> Output {
        let mut input = BytesMut::new();
        for command in commands {
            input.extend_from_slice(&speak(channel, command));
        }
        let mut out = Output::default();
        self.connection.handle_bytes(now, &mut input, &mut out);
        out
    }

    /// Publishes so many large messages, as long as it is read from.
    fn publish(&mut self, now: Timestamp, count: usize) -> usize {
        let publish = format!("publish '' q {}", "x".repeat(LARGE));
        (0..count)
            .take_while(|_| {
                self.say(now, 1, &[&publish]);
                self.connection.wants_read()
            })
            .count()
    }

    /// Looks into its outlet until nothing is left; whom it wakes.
    fn send_all(&mut self, now: Timestamp) -> Vec<ConnectionId> {
        let mut woken = Vec::new();
        for _ in 0..1000 {
            let mut out = Output::default();
            self.connection.handle_outlet(now, ROOM_BYTES, &mut out);
            woken.append(&mut out.effects.wakes);
        }
        woken
    }

    /// Somebody has rung.
    fn look(&mut self, now: Timestamp) {
        self.connection.handle_outlet(now, ROOM_BYTES, &mut Output::default());
    }
}

#[test]
fn a_publisher_that_is_ahead_waits_until_consumers_have_caught_up() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(1), world.connect(2));
    consumer.say(world.now, 1, &["consume q c no-ack nowait"]);
    let taken = publisher.publish(world.now, 40);
    assert!((10..40).contains(&taken), "it was held back after {taken}");
    assert!(consumer.send_all(world.now).contains(&publisher.id), "it is told");
    publisher.look(world.now);
    assert!(publisher.connection.wants_read());
}

#[test]
fn nobody_waits_for_longer_than_a_moment() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(1), world.connect(2));
    consumer.say(world.now, 1, &["consume q c no-ack nowait"]);
    publisher.publish(world.now, 40);
    assert!(!publisher.connection.wants_read());
    let deadline = publisher.connection.next_deadline().unwrap();
    assert!(deadline <= world.now + Duration::from_millis(20));
    publisher.connection.handle_deadline(deadline, &mut Output::default());
    assert!(publisher.connection.wants_read());
}

#[test]
fn nobody_waits_for_a_consumer_that_does_not_read() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(1), world.connect(2));
    consumer.say(world.now, 1, &["consume q c no-ack nowait"]);
    consumer.connection.note_clogged(true);
    assert_eq!(publisher.publish(world.now, 100), 100);
}

#[test]
fn nobody_waits_for_a_consumer_that_does_not_acknowledge() {
    for qos in ["qos 2", "qos 2 global"] {
        let world = World::new();
        let (mut publisher, mut consumer) = (world.connect(1), world.connect(2));
        consumer.say(world.now, 1, &[qos, "consume q c nowait"]);
        assert_eq!(publisher.publish(world.now, 100), 100, "{qos}");
    }
}

#[test]
fn nobody_waits_where_nobody_consumes() {
    let world = World::new();
    let mut publisher = world.connect(1);
    assert_eq!(publisher.publish(world.now, 100), 100);
}

#[test]
fn a_backlog_that_was_there_before_only_slows_publishers_down() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(1), world.connect(2));
    publisher.publish(world.now, 100);
    consumer.say(world.now, 1, &["consume q c no-ack nowait"]);
    publisher.publish(world.now, 1);
    let deadline = publisher.connection.next_deadline().unwrap();
    assert!(deadline <= world.now + Duration::from_millis(1));
}

/// Who waits for each confirm, or brings a few bytes now and then, is not to pay for others.
#[test]
fn small_reads_are_taken_all_the_same() {
    let world = World::new();
    let (mut publisher, mut consumer, mut other) = (world.connect(1), world.connect(2), world.connect(3));
    consumer.say(world.now, 1, &["consume q c no-ack nowait"]);
    publisher.publish(world.now, 40);
    for _ in 0..100 {
        other.say(world.now, 1, &["publish '' q hello"]);
        assert!(other.connection.wants_read());
    }
}

#[test]
fn a_publisher_that_consumes_from_its_own_queue_gets_on() {
    let world = World::new();
    let mut both = world.connect(1);
    both.say(world.now, 1, &["consume q c no-ack nowait"]);
    assert!(both.publish(world.now, 40) < 40);
    both.send_all(world.now);
    assert!(both.connection.wants_read());
}

#[test]
fn a_queue_that_is_deleted_is_not_waited_for() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(1), world.connect(2));
    consumer.say(world.now, 1, &["consume q c no-ack nowait"]);
    publisher.publish(world.now, 40);
    let out = consumer.say(world.now, 1, &["queue.delete q"]);
    assert!(out.effects.wakes.contains(&publisher.id));
    publisher.look(world.now);
    assert!(publisher.connection.wants_read());
}
