//! §4.2.3 and §4.2.6: frames as they lie in segments, and content as it lies in frames.

use crate::said::witness;
use crate::say;
use crate::support::{self, Frame, Peer, publish};

#[tokio::test]
async fn twenty_thousand_publishes_in_one_write_arrive_in_order() {
    const COUNT: usize = 20_000;
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    let mut said = Vec::new();
    for number in 0..COUNT {
        said.extend_from_slice(&publish(1, "q", number.to_string().as_bytes()));
    }
    peer.send_bytes(&said).await;
    assert_eq!(peer.count(1, "q").await as usize, COUNT);
    peer.consume(1, "q").await;
    for number in 0..COUNT {
        assert_eq!(peer.delivery(1).await.body, number.to_string().as_bytes());
    }
}

#[tokio::test]
async fn a_message_is_the_same_however_its_frames_are_cut_into_segments() {
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    let mut witness = witness(&broker).await;
    peer.declare(1, "q").await;
    peer.consume(1, "q").await;
    let message = [
        say::bytes(1, &say::publish("q")),
        say::header(1, 11),
        say::HEARTBEAT.to_vec(),
        say::body(1, b"hello"),
        say::body(1, b""),
        say::body(1, b" world"),
    ]
    .concat();
    for at in 0..=message.len() {
        peer.send_bytes(&message[..at]).await;
        witness.settle().await;
        peer.send_bytes(&message[at..]).await;
        assert_eq!(peer.delivery(1).await.body, b"hello world", "cut after {at} bytes");
    }
}

#[tokio::test]
async fn contents_of_several_channels_may_be_woven_into_each_other() {
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await.with_channel(2).await.with_channel(700).await;
    for queue in ["one", "two"] {
        peer.declare(700, queue).await;
    }
    let woven = [
        say::bytes(1, &say::publish("one")),
        say::bytes(2, &say::publish("two")),
        say::header(2, 6),
        say::HEARTBEAT.to_vec(),
        say::header(1, 4),
        say::body(2, b"for"),
        say::body(1, b"for "),
        say::body(2, b"two"),
        say::bytes(1, &say::publish("one")),
        say::header(1, 0),
    ];
    peer.send_bytes(&woven.concat()).await;
    // A channel's frames are in order, and so are those of all channels of a connection here.
    assert_eq!(peer.count(700, "one").await, 2);
    assert_eq!(peer.get(700, "two").await.unwrap(), b"fortwo");
    assert_eq!(peer.get(700, "one").await.unwrap(), b"for ");
    assert_eq!(peer.get(700, "one").await.unwrap(), b"");
}

#[tokio::test]
async fn a_partial_frame_is_forgotten_with_its_connection() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    let message = publish(1, "q", b"hello");
    for at in 1..message.len() {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        peer.send_bytes(&message[..at]).await;
        peer.stop_sending().await;
        peer.end_cleanly().await;
    }
    assert_eq!(witness.count(1, "q").await, 0);
}

#[tokio::test]
async fn heartbeats_are_taken_in_any_number() {
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.send_bytes(&say::HEARTBEAT.repeat(100_000)).await;
    peer.declare(1, "q").await;
    // Nobody answers a heartbeat: the next frame is the answer to the next question.
    peer.send(1, say::close_channel()).await;
    assert!(matches!(peer.frame().await, Frame::Method(1, _)));
}
