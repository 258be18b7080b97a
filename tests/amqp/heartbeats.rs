//! §4.2.7: signs of life, by a clock that the test moves.

use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::FrameKind;
use leveret_codec::method::queue;

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Frame, Peer, tune_ok};

async fn timed() -> (ManualClock, Broker) {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let broker = support::start(Broker::builder().clock(&clock)).await;
    (clock, broker)
}

/// A peer that has agreed to heartbeats every so many seconds.
async fn open(broker: &Broker, seconds: u16) -> Peer {
    Peer::connect(broker.amqp_addr()).await.opened(tune_ok(seconds)).await
}

#[tokio::test]
async fn the_broker_beats_every_half_interval() {
    let (clock, broker) = timed().await;
    let mut witness = witness(&broker).await;
    let mut peer = open(&broker, 60).await;
    // The first goes out whatever else was said (as RabbitMQ's does).
    clock.advance(Duration::from_secs(30));
    assert_eq!(peer.frame().await, Frame::Heartbeat);
    for _ in 0..6 {
        clock.advance(Duration::from_secs(29));
        // Too early: the answer is the next frame, not a heartbeat.
        peer.send(1, say::open_channel()).await;
        assert!(matches!(peer.frame().await, Frame::Method(1, _)));
        peer.send(1, say::close_channel()).await;
        assert!(matches!(peer.frame().await, Frame::Method(1, _)));
        // Something was sent, so this half needs none; the next does.
        clock.advance(Duration::from_secs(1));
        witness.settle().await;
        clock.advance(Duration::from_secs(30));
        assert_eq!(peer.frame().await, Frame::Heartbeat);
    }
}

#[tokio::test]
async fn a_silent_peer_is_left_after_two_to_three_intervals_and_what_it_held_goes_on() {
    let (clock, broker) = timed().await;
    let mut next = witness(&broker).await;
    let mut peer = open(&broker, 2).await.with_channel(1).await;
    peer.declare(1, "q").await;
    let exclusive = queue::Declare { queue: "mine".into(), exclusive: true, ..Default::default() };
    peer.must(1, say::queue(exclusive)).await;
    peer.consume_acked(1, "q", 0).await;
    peer.publish(1, "q", b"hello").await;
    assert!(!peer.delivery(1).await.redelivered);
    for second in 1..=5 {
        // Each beat of the broker's also proves that it has seen this second.
        clock.advance(Duration::from_secs(1));
        assert_eq!(peer.frame().await, Frame::Heartbeat, "in second {second}");
    }
    assert_eq!(next.count(1, "q").await, 0);
    clock.advance(Duration::from_secs(1));
    peer.end_cleanly().await;
    next.consume_acked(1, "q", 0).await;
    assert!(next.delivery(1).await.redelivered);
    next.declare(1, "mine").await;
}

#[tokio::test]
async fn any_byte_is_a_sign_of_life() {
    let (clock, broker) = timed().await;
    let mut witness = witness(&broker).await;
    let mut peer = open(&broker, 2).await;
    // Three heartbeats and a half, one byte an interval.
    for byte in say::HEARTBEAT.iter().cycle().take(28) {
        peer.send_bytes(&[*byte]).await;
        witness.settle().await;
        for _ in 0..2 {
            clock.advance(Duration::from_secs(1));
            witness.settle().await;
        }
    }
    peer.send_bytes(&say::HEARTBEAT[4..]).await;
    let mut peer = peer.with_channel(1).await;
    peer.declare(1, "q").await;
}

#[tokio::test]
async fn without_heartbeats_silence_lasts_for_ever() {
    let (clock, broker) = timed().await;
    let mut peer = open(&broker, 0).await.with_channel(1).await;
    let mut witness = witness(&broker).await;
    for _ in 0..10 {
        clock.advance(Duration::from_hours(24));
        witness.settle().await;
    }
    peer.send(1, say::close_channel()).await;
    // The next frame is the answer: no heartbeat has come in ten days.
    assert!(matches!(peer.frame().await, Frame::Method(1, _)));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_left_as_well_if_it_is_silent() {
    let (clock, broker) = timed().await;
    let mut witness = witness(&broker).await;
    let mut peer =
        Peer::connect_narrow(broker.amqp_addr()).await.opened(tune_ok(2)).await.with_channel(1).await;
    peer.declare(1, "q").await;
    peer.consume_acked(1, "q", 0).await;
    for _ in 0..100 {
        witness.publish(1, "q", &vec![7; 200_000]).await;
    }
    for _ in 0..6 {
        clock.advance(Duration::from_secs(1));
        witness.settle().await;
    }
    // Everything is back, though the socket could not take a byte more.
    while witness.count(1, "q").await < 100 {}
    assert_serves(&mut witness).await;
}

#[tokio::test]
async fn a_consumer_that_works_for_long_on_what_it_has_is_kept_by_its_heartbeats() {
    const COUNT: u32 = 200;
    let (clock, broker) = timed().await;
    let mut witness = witness(&broker).await;
    let peer = Peer::connect_narrow(broker.amqp_addr()).await.opened(tune_ok(2)).await;
    let mut busy = peer.with_channel(1).await;
    busy.declare(1, "q").await;
    busy.consume_acked(1, "q", 0).await;
    for number in 0..COUNT {
        let body = [number.to_be_bytes().to_vec(), vec![7; 100_000]].concat();
        witness.publish(1, "q", &body).await;
    }
    for _ in 0..20 {
        busy.send_bytes(&say::HEARTBEAT).await;
        witness.settle().await;
        clock.advance(Duration::from_secs(1));
        witness.settle().await;
    }
    let mut number: u32 = 0;
    while number < COUNT {
        let seen = busy.look(|frame| (frame.kind, frame.payload.get(..4).map(<[u8]>::to_vec))).await;
        let (kind, start) = seen.expect("the broker closed the socket");
        if kind == FrameKind::Body {
            assert_eq!(start.unwrap(), number.to_be_bytes());
            number += 1;
        }
    }
}
