//! How a broker ends: everybody is told, and nobody can keep it.

use std::time::Duration;

use leveret::{Broker, Clock, Timestamp};
use leveret_codec::PROTOCOL_HEADER;
use tokio::task::JoinSet;

use crate::say;
use crate::support::{self, Event, Frame, Peer, publish, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_is_told_and_waited_for() {
    let broker = support::broker().await;
    let mut peers = Vec::new();
    for _ in 0..100 {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        peer.declare(1, "q").await;
        peer.consume_acked(1, "q", 10).await;
        peers.push(peer);
    }
    let shutdown = tokio::spawn(broker.shutdown());
    let told: JoinSet<()> = peers
        .into_iter()
        .map(|mut peer| async move {
            let text =
                "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'".to_owned();
            assert_eq!(peer.closed_with().await, (320, text));
            peer.send_close_ok().await;
            peer.end_cleanly().await;
        })
        .collect();
    told.join_all().await;
    within("the shutdown", shutdown).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_at_work_are_told_between_two_frames() {
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut working = JoinSet::new();
    let (begun, mut begins) = tokio::sync::mpsc::channel(8);
    for number in 0..8 {
        let begun = begun.clone();
        working.spawn(async move {
            let queue = format!("q{number}");
            let mut peer = Peer::open_channel(address).await;
            peer.declare(1, &queue).await;
            peer.consume(1, &queue).await;
            let mut sent = 0_u32;
            loop {
                // A frame at a time is looked at, so a close in the middle of a content would be seen.
                peer.send_what_fits(&publish(1, &queue, &sent.to_be_bytes()));
                match peer.frame().await {
                    Frame::Method(1, _) => assert_eq!(peer.content(1).await, sent.to_be_bytes()),
                    Frame::Method(0, _) => break,
                    other => panic!("expected a delivery or the close, got {other:?}"),
                }
                sent += 1;
                if sent == 100 {
                    begun.send(()).await.unwrap();
                }
            }
            peer.send_close_ok().await;
            peer.end().await;
            assert!(100 <= sent);
        });
    }
    for _ in 0..8 {
        within("the work to begin", begins.recv()).await.unwrap();
    }
    within("the shutdown", broker.shutdown()).await;
    working.join_all().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn no_peer_can_keep_a_broker_from_ending() {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let builder = Broker::builder().clock(&clock).memory_high_watermark_bytes(0).memory_measure(|| Some(1));
    let broker = support::start(builder).await;
    let address = broker.amqp_addr();
    // Nothing said; half a header; half a handshake; half a frame; a close that it does not finish.
    let mut silent = Peer::connect(address).await;
    let mut stranger = Peer::connect(address).await;
    stranger.send_bytes(&PROTOCOL_HEADER[..4]).await;
    let mut slow = Peer::connect(address).await;
    slow.log_in("guest", "guest").await;
    let mut halved = Peer::open_channel(address).await;
    halved.send_bytes(&publish(1, "q", b"hello")[..20]).await;
    let mut leaving = Peer::open_channel(address).await;
    leaving.send(0, say::close()).await;
    let mut refused = Peer::open_channel(address).await;
    refused.send(1, say::open_channel()).await;
    // Blocked by the alarm, which is always on here.
    let mut blocked = Peer::open_channel(address).await;
    blocked.publish(1, "q", b"hello").await;
    blocked.publish(1, "q", b"hello").await;
    // A client that does not read what it has asked for.
    let mut deaf =
        Peer::connect_narrow(address).await.opened(support::tune_ok(0)).await.with_channel(1).await;
    while 0 < deaf.send_what_fits(&say::bytes(1, &say::qos(1)).repeat(10_000)) {
        tokio::task::yield_now().await;
    }
    // From here on the time that tokio tells goes by as fast as nothing happens.
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    broker.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    tokio::time::resume();
    for peer in [&mut silent, &mut stranger, &mut slow] {
        peer.end_cleanly().await;
    }
    for peer in [&mut halved, &mut blocked] {
        while let Frame::Method(of, method) = peer.frame().await {
            if of == 0 && format!("{method:?}").contains("CONNECTION_FORCED") {
                break;
            }
        }
        peer.end().await;
    }
    for peer in [&mut leaving, &mut refused] {
        peer.method(0).await;
        peer.end_cleanly().await;
    }
    deaf.until_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_during_the_shutdown_do_not_prolong_it() {
    for _ in 0..20 {
        let broker = support::broker().await;
        let address = broker.amqp_addr();
        let arriving: JoinSet<()> = (0..4)
            .map(|_| async move {
                while let Ok(socket) = tokio::net::TcpStream::connect(address).await {
                    drop(socket);
                }
            })
            .collect();
        within("the shutdown", broker.shutdown()).await;
        arriving.join_all().await;
    }
}

#[tokio::test]
async fn a_consumer_gets_nothing_after_the_close() {
    let broker = support::broker().await;
    let mut consumer = Peer::open_channel(broker.amqp_addr()).await;
    consumer.declare(1, "q").await;
    consumer.consume_acked(1, "q", 1).await;
    for _ in 0..3 {
        consumer.publish(1, "q", b"hello").await;
    }
    let Event::Delivery(delivery) = consumer.event(1).await else { panic!("expected a delivery") };
    let shutdown = tokio::spawn(broker.shutdown());
    assert_eq!(consumer.closed_with().await.0, 320);
    consumer.send(1, say::ack(delivery.tag, false)).await;
    consumer.send_close_ok().await;
    consumer.end_cleanly().await;
    within("the shutdown", shutdown).await.unwrap();
}
