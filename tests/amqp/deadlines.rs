//! How long the broker waits for a peer, by a clock that the test moves: for a handshake, for an answer to its
//! close, for the end of a stream.

use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, connection};

use crate::said::witness;
use crate::say;
use crate::support::{self, Peer, open_vhost, start_ok, tune_ok};

async fn timed() -> (ManualClock, Broker, Peer) {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let broker = support::start(Broker::builder().clock(&clock)).await;
    let witness = witness(&broker).await;
    (clock, broker, witness)
}

/// What a client says to get in, one entry a step.
fn handshake() -> [Vec<u8>; 3] {
    [PROTOCOL_HEADER.to_vec(), say::bytes(0, &start_ok("guest", "guest")), say::bytes(0, &tune_ok(0))]
}

#[tokio::test]
async fn a_handshake_has_ten_seconds_from_the_first_to_the_last_step() {
    let (clock, broker, mut witness) = timed().await;
    for steps in 0..=handshake().len() {
        let mut peer = Peer::connect(broker.amqp_addr()).await;
        witness.settle().await;
        for step in handshake().iter().take(steps) {
            clock.advance(Duration::from_secs(3));
            witness.settle().await;
            peer.send_bytes(step).await;
            witness.settle().await;
        }
        clock.advance(Duration::from_millis(10_000 - 3000 * steps as u64 - 1));
        witness.settle().await;
        // Still there: had it ended, the handshake would.
        if steps == handshake().len() {
            peer.method(0).await;
            peer.method(0).await;
            let ok = peer.ask(0, open_vhost("/")).await;
            assert!(matches!(ok, Method::Connection(connection::AMQPMethod::OpenOk(_))), "{ok:?}");
            clock.advance(Duration::from_mins(1));
            peer.with_channel(1).await;
            continue;
        }
        clock.advance(Duration::from_millis(1));
        for _ in 0..steps {
            peer.method(0).await;
        }
        peer.end_cleanly().await;
    }
}

#[tokio::test]
async fn a_handshake_is_not_prolonged_by_dripping() {
    let (clock, broker, mut witness) = timed().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    witness.settle().await;
    for byte in &handshake().concat()[..20] {
        peer.send_what_fits(&[*byte]);
        witness.settle().await;
        clock.advance(Duration::from_millis(500));
        witness.settle().await;
    }
    peer.method(0).await;
    peer.end().await;
}

#[tokio::test]
async fn an_answer_to_a_close_is_awaited_for_a_heartbeat_but_no_longer_than_half_a_minute() {
    let (clock, broker, mut witness) = timed().await;
    for (heartbeat, seconds) in [(0, 30), (5, 5), (29, 29), (60, 30)] {
        let peer = Peer::connect(broker.amqp_addr()).await.opened(tune_ok(heartbeat)).await;
        let mut peer = peer.with_channel(1).await;
        peer.send(1, say::open_channel()).await;
        assert_eq!(peer.closed_with().await.0, 504);
        witness.settle().await;
        clock.advance(Duration::from_millis(seconds * 1000 - 1));
        witness.settle().await;
        // What comes late is read and thrown away, and so the broker is still there.
        for _ in 0..10 {
            peer.send_bytes(&support::publish(1, "q", &[7; 10_000])).await;
        }
        witness.settle().await;
        clock.advance(Duration::from_millis(1));
        peer.end_cleanly().await;
    }
}

#[tokio::test]
async fn after_close_ok_the_client_closes_the_socket_or_the_broker_does_after_a_while() {
    let (clock, broker, mut witness) = timed().await;
    for (heartbeat, seconds) in [(0, 30), (5, 5)] {
        let mut peer = Peer::connect(broker.amqp_addr()).await.opened(tune_ok(heartbeat)).await;
        let ok = peer.ask(0, say::close()).await;
        assert!(matches!(ok, Method::Connection(connection::AMQPMethod::CloseOk(_))), "{ok:?}");
        clock.advance(Duration::from_millis(seconds * 1000 - 1));
        witness.settle().await;
        // Not answered any more, but not reset either.
        peer.send_bytes(&say::bytes(1, &say::open_channel())).await;
        witness.settle().await;
        clock.advance(Duration::from_millis(1));
        peer.end_cleanly().await;
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_any_more_ends_after_three_seconds() {
    let (clock, broker, mut witness) = timed().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.send_bytes(&[1, 0, 1, 0, 0, 0, 4, 0, 20, 0, 10, 0]).await;
    assert_eq!(peer.closed_with().await.0, 501);
    peer.send_bytes(&vec![7; 100_000]).await;
    witness.settle().await;
    clock.advance(Duration::from_secs(3));
    peer.end_cleanly().await;
}
