//! §4.2.6: bodies of any length, cut into the frames that each side has agreed to.

use leveret::Broker;
use leveret_codec::content::ContentHeader;
use leveret_codec::method::{Method, basic, channel, connection};
use leveret_codec::{FrameKind, Limits};

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Frame, Peer};

/// tune-ok with a frame-max of the client's own.
fn tune_ok(frame_max: u32) -> Method {
    let ok = connection::TuneOk { channel_max: 2047, frame_max, heartbeat: 0 };
    Method::Connection(connection::AMQPMethod::TuneOk(ok))
}

async fn open(broker: &Broker, frame_max: u32) -> Peer {
    Peer::connect(broker.amqp_addr()).await.opened(tune_ok(frame_max)).await.with_channel(1).await
}

/// Endless bytes in which every place of a body looks different from its neighbourhood.
struct Pattern(Vec<u8>);

impl Pattern {
    const PERIOD: usize = 65_521;

    fn new() -> Self {
        let bytes = (0..Self::PERIOD + 131_072)
            .map(|at| ((at % Self::PERIOD * 2_654_435_761) >> 16).to_le_bytes()[0]);
        Self(bytes.collect())
    }

    /// So many bytes from this place of a body on; no more than a frame holds.
    fn at(&self, place: usize, length: usize) -> &[u8] {
        &self.0[place % Self::PERIOD..][..length]
    }
}

/// Publishes a body of this length, in frames of at most `frame_max`.
async fn publish(peer: &mut Peer, queue: &str, body_bytes: usize, frame_max: usize) {
    let pattern = Pattern::new();
    peer.send(1, say::publish(queue)).await;
    peer.send_bytes(&say::header(1, body_bytes as u64)).await;
    let mut at = 0;
    while at < body_bytes {
        let length = (body_bytes - at).min(frame_max - 8);
        peer.send_bytes(&say::body(1, pattern.at(at, length))).await;
        at += length;
    }
}

/// Expects a delivery of such a body, and says how long its frames were.
async fn take(peer: &mut Peer, body_bytes: usize) -> Vec<usize> {
    let pattern = Pattern::new();
    let deliver = peer.method(1).await;
    assert!(matches!(deliver, Method::Basic(basic::AMQPMethod::Deliver(_))), "{deliver:?}");
    let Frame::Header(1, header) = peer.frame().await else { panic!("expected a content header") };
    let header = ContentHeader::decode(&header, &Limits::default()).unwrap();
    assert_eq!(header.body_bytes, body_bytes as u64);
    let mut lengths = Vec::new();
    let mut at = 0;
    while at < body_bytes {
        let length = peer.look(|frame| {
            assert_eq!((frame.kind, frame.channel), (FrameKind::Body, 1));
            assert!(frame.payload == pattern.at(at, frame.payload.len()), "wrong bytes from {at} on");
            frame.payload.len()
        });
        let length = length.await.expect("the stream ended within a body");
        lengths.push(length);
        at += length;
    }
    assert_eq!(at, body_bytes);
    lengths
}

#[tokio::test]
async fn bodies_are_cut_to_the_frame_max_of_whoever_receives_them() {
    let broker = support::broker().await;
    let mut small = open(&broker, 4096).await;
    let mut large = open(&broker, 131_072).await;
    small.declare(1, "to small").await;
    large.declare(1, "to large").await;
    small.consume(1, "to small").await;
    large.consume(1, "to large").await;
    for body_bytes in [0, 1, 4087, 4088, 4089, 8176, 8177, 131_063, 131_064, 131_065, 500_000] {
        publish(&mut large, "to small", body_bytes, 131_072).await;
        let mut expected = vec![4088; body_bytes / 4088];
        expected.extend(Some(body_bytes % 4088).filter(|rest| *rest != 0));
        assert_eq!(take(&mut small, body_bytes).await, expected);
        publish(&mut small, "to large", body_bytes, 4096).await;
        let mut expected = vec![131_064; body_bytes / 131_064];
        expected.extend(Some(body_bytes % 131_064).filter(|rest| *rest != 0));
        assert_eq!(take(&mut large, body_bytes).await, expected);
    }
}

#[tokio::test]
async fn a_body_in_frames_of_one_byte_arrives_whole() {
    let broker = support::broker().await;
    let mut peer = open(&broker, 131_072).await;
    peer.declare(1, "q").await;
    peer.consume(1, "q").await;
    publish(&mut peer, "q", 3000, 9).await;
    assert_eq!(take(&mut peer, 3000).await, [3000]);
}

#[tokio::test]
async fn a_frame_larger_than_agreed_ends_the_connection_before_it_has_come() {
    let broker = support::broker().await;
    let mut peer = open(&broker, 8192).await;
    // Eight bytes more than agreed are let pass, as with RabbitMQ.
    peer.declare(1, "q").await;
    publish(&mut peer, "q", 8192, 8200).await;
    assert_eq!(peer.count(1, "q").await, 1);
    peer.send_bytes(&[3, 0, 1, 0, 0, 0x20, 1]).await;
    let text = "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,8193,8184}";
    assert_eq!(peer.closed_with().await, (501, text.to_owned()));
    assert_serves(&mut witness(&broker).await).await;
}

#[tokio::test]
async fn ten_megabytes_go_through() {
    const BODY_BYTES: usize = 10_000_000;
    let broker = support::broker().await;
    let mut publisher = open(&broker, 131_072).await;
    let mut consumer = open(&broker, 131_072).await;
    publisher.declare(1, "q").await;
    consumer.consume(1, "q").await;
    publisher.must(1, say::confirms()).await;
    for tag in 1..=3 {
        publish(&mut publisher, "q", BODY_BYTES, 131_072).await;
        publisher.confirmed(1, tag).await;
        take(&mut consumer, BODY_BYTES).await;
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_goes_through() {
    // The default of 128 MiB.
    const BODY_BYTES: usize = 128 << 20;
    let broker = support::broker().await;
    let mut publisher = open(&broker, 131_072).await;
    let mut consumer = open(&broker, 131_072).await;
    publisher.declare(1, "q").await;
    consumer.consume(1, "q").await;
    let (publisher, ()) = tokio::join!(
        async {
            publish(&mut publisher, "q", BODY_BYTES, 131_072).await;
            publisher
        },
        async {
            take(&mut consumer, BODY_BYTES).await;
        }
    );
    drop(publisher);
}

#[tokio::test]
async fn a_body_over_the_limit_closes_its_channel_and_nothing_else() {
    let broker = support::start(Broker::builder().message_max_bytes(1_000_000)).await;
    let mut peer = open(&broker, 131_072).await.with_channel(2).await;
    peer.declare(1, "q").await;
    for body_bytes in [1_000_001, 5_000_000] {
        publish(&mut peer, "q", body_bytes, 131_072).await;
        let text = format!(
            "PRECONDITION_FAILED - message size {body_bytes} is larger than configured max size 1000000"
        );
        assert_eq!(peer.channel_closed_with(1).await, (406, text));
        peer.send(1, say::close_channel_ok()).await;
        assert_eq!(peer.count(2, "q").await, 0);
        let ok = peer.ask(1, say::open_channel()).await;
        assert!(matches!(ok, Method::Channel(channel::AMQPMethod::OpenOk(_))), "{ok:?}");
    }
    publish(&mut peer, "q", 1_000_000, 131_072).await;
    assert_eq!(peer.count(1, "q").await, 1);
}

#[tokio::test]
async fn the_rest_of_a_refused_body_is_swallowed() {
    let broker = support::broker().await;
    let mut peer = open(&broker, 131_072).await.with_channel(2).await;
    let publish_nowhere = basic::Publish { exchange: "nosuch".into(), ..Default::default() };
    let publish_nowhere = Method::Basic(basic::AMQPMethod::Publish(publish_nowhere));
    for _ in 0..100 {
        peer.send_bytes(&say::bytes(1, &publish_nowhere)).await;
        peer.send_bytes(&say::header(1, 300_000)).await;
        for _ in 0..3 {
            peer.send_bytes(&say::body(1, &vec![7; 100_000])).await;
        }
    }
    let text = "NOT_FOUND - no exchange 'nosuch' in vhost '/'".to_owned();
    assert_eq!(peer.channel_closed_with(1).await, (404, text));
    // One close for a hundred publishes, and the other channel never noticed.
    peer.declare(2, "q").await;
    peer.send(1, say::close_channel_ok()).await;
    peer.must(1, say::open_channel()).await;
    peer.publish(1, "q", b"hello").await;
    assert_eq!(peer.get(2, "q").await.unwrap(), b"hello");
}
