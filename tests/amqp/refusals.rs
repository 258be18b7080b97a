//! §1.2 and §4.10: what closes a connection, what closes a channel, and how the rest goes on.
//!
//! The texts are tested elsewhere. Here it is seen that whoever is refused can read why, whatever it was
//! still sending, and that the socket then ends in order.

use leveret::Broker;
use leveret_codec::method::{Method, basic, channel, connection, exchange, queue};

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Peer, publish};

/// What a client can do that closes its connection, once channel 1 is open: the code, the failed method, the
/// bytes.
fn offences() -> Vec<(u16, (u16, u16), Vec<u8>)> {
    let declare_ok = Method::Queue(queue::AMQPMethod::DeclareOk(queue::DeclareOk::default()));
    let immediate = basic::Publish { immediate: true, ..Default::default() };
    let consume = || {
        let consume = basic::Consume { queue: "q".into(), consumer_tag: "tag".into(), ..Default::default() };
        say::bytes(1, &say::consume(consume))
    };
    let tune_ok = Method::Connection(connection::AMQPMethod::TuneOk(connection::TuneOk::default()));
    let too_short = say::frame(1, 1, &[0, 50, 0, 10, 0]);
    let bad_table = [0, 50, 0, 10, 0, 0, 1, b'q', 0, 0, 0, 0, 3, 1, b'k', b'?'];
    vec![
        (501, (0, 0), vec![1, 0, 1, 0, 0, 0, 5, 0, 20, 0, 10, 0, 0]),
        (501, (0, 0), say::frame(4, 1, b"abc")),
        (501, (0, 0), say::frame(8, 0, b"x")),
        (501, (0, 0), vec![1, 0, 1, 0xff, 0xff, 0xff, 0xff]),
        (501, (50, 10), too_short),
        (502, (50, 10), say::frame(1, 1, &bad_table)),
        (503, (99, 99), say::frame(1, 1, &[0, 99, 0, 99])),
        (503, (50, 11), say::bytes(1, &declare_ok)),
        (503, (10, 50), say::bytes(1, &say::close())),
        (504, (20, 10), say::bytes(1, &say::open_channel())),
        (504, (50, 10), say::bytes(7, &support::declare("q"))),
        (504, (20, 40), say::bytes(7, &say::close_channel())),
        (504, (10, 31), say::bytes(0, &tune_ok)),
        (505, (0, 0), say::frame(8, 1, b"")),
        (505, (0, 0), say::body(0, b"abc")),
        (505, (0, 0), say::header(1, 0)),
        (505, (0, 0), say::body(1, b"abc")),
        (505, (60, 40), [say::bytes(1, &say::publish("q")), say::body(1, b"abc")].concat()),
        (530, (60, 20), [say::bytes(1, &support::declare("q")), consume(), consume()].concat()),
        (540, (60, 40), support::publish_as(1, immediate, b"").to_vec()),
        (540, (60, 110), say::frame(1, 1, &[0, 60, 0, 110, 0])),
        (540, (20, 20), say::frame(1, 1, &[0, 20, 0, 20, 0])),
    ]
}

async fn refused_with(peer: &mut Peer, code: u16, method: (u16, u16)) {
    loop {
        let answer = match peer.frame().await {
            support::Frame::Method(_, answer) => *answer,
            other => panic!("{other:?} instead of connection.close with {code}"),
        };
        match answer {
            Method::Connection(connection::AMQPMethod::Close(close)) => {
                assert_eq!(close.reply_code, code, "{}", close.reply_text);
                assert_eq!((close.class_id, close.method_id), method, "{}", close.reply_text);
                return;
            }
            // What was asked for before.
            Method::Queue(_) | Method::Basic(_) => {}
            other => panic!("{other:?} instead of connection.close with {code}"),
        }
    }
}

#[tokio::test]
async fn whoever_is_refused_reads_why_and_then_the_end_of_the_stream() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    for (code, method, offence) in offences() {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        peer.send_bytes(&offence).await;
        refused_with(&mut peer, code, method).await;
        let answered_at_once = offence.len() != 7;
        if answered_at_once {
            peer.send_close_ok().await;
            peer.end_cleanly().await;
        }
        assert_serves(&mut witness).await;
    }
}

#[tokio::test]
async fn a_crossing_close_is_answered() {
    let broker = support::broker().await;
    for (code, method, offence) in offences().into_iter().filter(|(_, _, offence)| offence.len() != 7) {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        peer.send_bytes(&offence).await;
        refused_with(&mut peer, code, method).await;
        let ok = peer.ask(0, say::close()).await;
        assert!(matches!(ok, Method::Connection(connection::AMQPMethod::CloseOk(_))), "{code}: {ok:?}");
        peer.send_close_ok().await;
        peer.end_cleanly().await;
    }
}

#[tokio::test]
async fn a_peer_that_was_in_the_middle_of_much_more_reads_why_too() {
    let broker = support::broker().await;
    let more = publish(1, "q", &vec![7; 100_000]).repeat(20);
    for (code, method, offence) in offences() {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        peer.send_bytes(&[&offence[..], &more].concat()).await;
        refused_with(&mut peer, code, method).await;
        // It has not been cut off: whatever it was sending is still taken.
        peer.send_bytes(&more).await;
    }
}

#[tokio::test]
async fn nothing_but_the_close_comes_after_an_offence() {
    let broker = support::broker().await;
    let mut consumer = Peer::open_channel(broker.amqp_addr()).await;
    let mut publisher = Peer::open_channel(broker.amqp_addr()).await;
    consumer.declare(1, "q").await;
    consumer.consume_acked(1, "q", 0).await;
    consumer.send(1, say::open_channel()).await;
    consumer.send(1, support::declare("never")).await;
    assert_eq!(consumer.closed_with().await.0, 504);
    for _ in 0..10 {
        publisher.publish(1, "q", b"hello").await;
    }
    // Its consumer is gone already, though it has not answered.
    assert_eq!(publisher.count(1, "q").await, 10);
    consumer.send_close_ok().await;
    consumer.end_cleanly().await;
    let passive = queue::Declare { queue: "never".into(), passive: true, ..Default::default() };
    publisher.send(1, say::queue(passive)).await;
    assert_eq!(publisher.channel_closed_with(1).await.0, 404);
}

#[tokio::test]
async fn a_refused_channel_leaves_all_others_as_they_were() {
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await.with_channel(2).await.with_channel(3).await;
    peer.declare(2, "q").await;
    peer.consume_acked(2, "q", 0).await;
    peer.must(3, say::confirms()).await;
    let nowhere = basic::Publish { exchange: "nosuch".into(), ..Default::default() };
    let passive = queue::Declare { queue: "nosuch".into(), passive: true, ..Default::default() };
    let reserved =
        exchange::Declare { exchange: "amq.x".into(), kind: "direct".into(), ..Default::default() };
    let durable = queue::Declare { queue: "q".into(), durable: true, ..Default::default() };
    let offences = [
        (404, support::publish_as(1, nowhere, b"").to_vec()),
        (404, say::bytes(1, &say::queue(passive))),
        (403, say::bytes(1, &say::exchange(reserved))),
        (406, say::bytes(1, &say::queue(durable))),
        (406, say::bytes(1, &say::ack(1, false))),
    ];
    for (tag, (code, offence)) in (1..).zip(offences) {
        // All in one write: what the others say right behind the offence is heard.
        let more = [say::bytes(1, &support::declare("never")), publish(3, "q", b"hello").to_vec()];
        peer.send_bytes(&[offence, more.concat()].concat()).await;
        assert_eq!(peer.channel_closed_with(1).await.0, code);
        peer.confirmed(3, tag).await;
        let delivery = peer.delivery(2).await;
        assert_eq!((delivery.tag, delivery.body.as_slice()), (tag, b"hello".as_slice()));
        peer.send(1, say::close_channel_ok()).await;
        let ok = peer.ask(1, say::open_channel()).await;
        assert!(matches!(ok, Method::Channel(channel::AMQPMethod::OpenOk(_))), "{ok:?}");
    }
}

#[tokio::test]
async fn channel_max_is_a_limit_on_how_many_not_on_which() {
    let broker = support::start(Broker::builder().channel_max(3)).await;
    let tune_ok = connection::TuneOk { channel_max: 2, frame_max: 131_072, heartbeat: 0 };
    let tune_ok = Method::Connection(connection::AMQPMethod::TuneOk(tune_ok));
    let peer = Peer::connect(broker.amqp_addr()).await.opened(tune_ok).await;
    let mut peer = peer.with_channel(500).await.with_channel(65_535).await;
    peer.must(500, say::close_channel()).await;
    let mut peer = peer.with_channel(7).await;
    peer.send(8, say::open_channel()).await;
    assert_eq!(peer.closed_with().await.0, 530);
    peer.send_close_ok().await;
    peer.end_cleanly().await;
}
