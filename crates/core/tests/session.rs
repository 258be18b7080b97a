//! What a session sees of its connection beside frames: buffers that come free, sizes, identity, the end.
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

use bytes::BytesMut;
use leveret_core::amqp::{Connection, Peer};
use leveret_core::model::Broker;
use leveret_core::{ConnectionId, Output, Timestamp};
use support::guest_broker;
use support::hear::{Ear, take};
use support::speak::speak;

const BUFFER_BYTES: usize = 64 * 1024;

/// A client, and the buffer that its socket is read into.
struct Client {
    broker: Arc<Broker>,
    connection: Connection,
    input: BytesMut,
}

impl Client {
    fn new() -> Self {
        let broker = guest_broker();
        let peer = Peer { address: "a".into(), loopback: true, ..Peer::default() };
        let connection = Connection::new(Timestamp::default(), ConnectionId(1), broker.clone(), peer);
        let mut client = Self { broker, connection, input: BytesMut::new() };
        let handshake =
            ["protocol-header 0 0 9 1", "connection.start-ok", "connection.tune-ok", "connection.open /"];
        client.say(0, &handshake);
        client.say(1, &["channel.open", "queue.declare q"]);
        client.input = BytesMut::with_capacity(BUFFER_BYTES);
        client
    }

    fn say(&mut self, channel: u16, commands: &[&str]) -> Vec<String> {
        for command in commands {
            self.input.extend_from_slice(&speak(channel, command));
        }
        let mut out = Output::default();
        self.connection.handle_bytes(Timestamp::default(), &mut self.input, &mut out);
        Ear::default().hear(&take(&mut out.frames)).into_iter().map(|(_, line)| line).collect()
    }

    /// Whether nothing but `input` refers to the buffer any more.
    fn buffer_is_free(&mut self) -> bool {
        self.input.is_empty() && self.input.try_reclaim(BUFFER_BYTES)
    }
}

/// More than is copied out of the buffer right away.
const MANY: usize = 100;

#[test]
fn small_messages_that_wait_do_not_pin_the_buffer_they_were_read_into() {
    let mut client = Client::new();
    client.say(1, &["publish '' q hello persistent priority=1"; MANY]);
    assert!(client.buffer_is_free());
    let answers = client.say(1, &["get q"]);
    assert_eq!(answers, ["get-ok #1 '' q hello left=99 persistent priority=1"]);
}

#[test]
fn small_messages_that_come_back_do_not_pin_the_buffer_either() {
    let mut client = Client::new();
    client.say(1, &["consume q c nowait"]);
    client.say(1, &["publish '' q hello"; MANY]);
    assert!(!client.buffer_is_free(), "they are on their way to a consumer as they came");
    let mut out = Output::default();
    client.connection.handle_outlet(Timestamp::default(), BUFFER_BYTES, &mut out);
    client.say(1, &["cancel c", "recover requeue"]);
    assert!(client.buffer_is_free());
}

#[test]
fn a_connection_that_is_gone_leaves_nothing_with_the_broker() {
    let client = Client::new();
    let Client { broker, mut connection, .. } = client;
    connection.handle_lost(Timestamp::default(), &mut Output::default());
    drop(connection);
    // The virtual host, its queue and its routes know nothing of the broker.
    assert_eq!(Arc::strong_count(&broker), 1);
}

#[test]
fn an_idle_connection_knows_who_it_is() {
    let mut client = Client::new();
    let identity = client.connection.identity();
    assert_eq!((identity.user.as_deref(), identity.vhost.as_deref()), (Some("guest"), Some("/")));
    assert_eq!(identity.connection_name, None);
    let peer = Peer { address: "b".into(), loopback: true, ..Peer::default() };
    client.connection = Connection::new(Timestamp::default(), ConnectionId(2), client.broker.clone(), peer);
    client.say(0, &["protocol-header 0 0 9 1", "connection.start-ok connection_name=shop"]);
    assert_eq!(client.connection.identity().connection_name.as_deref(), Some("shop"));
}

#[test]
fn a_partial_frame_says_how_long_it_will_be_and_promises_no_more_than_is_allowed() {
    let client = Client::new();
    let frame = speak(1, "queue.declare q");
    let wanted = |bytes: &[u8]| client.connection.wanted_bytes(bytes);
    assert_eq!(wanted(&frame[..6]), 0, "not even the size is there");
    assert_eq!(wanted(&frame[..7]), frame.len());
    assert_eq!(wanted(&frame), frame.len());
    assert_eq!(wanted(&[3, 0, 1, 255, 255, 255, 255]), 131_072 + 8);
}

#[test]
fn a_connection_is_read_and_open_until_it_closes() {
    let mut client = Client::new();
    assert!(client.connection.is_open() && client.connection.wants_read() && !client.connection.is_done());
    client.say(0, &["connection.close"]);
    assert!(!client.connection.is_open() && client.connection.wants_read() && !client.connection.is_done());
    let deadline = client.connection.next_deadline().unwrap();
    client.connection.handle_deadline(deadline, &mut Output::default());
    assert!(
        client.connection.is_done() && !client.connection.is_aborted() && !client.connection.wants_read()
    );
}
