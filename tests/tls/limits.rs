//! Large messages, slow readers and the end.

use leveret::Broker;
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, queue};
use tokio::net::TcpSocket;

use crate::authority::Authority;
use crate::secure::{self, SecurePeer};
use crate::support::{Peer, publish, tune_ok, within};

/// What the kernel may hold for a connection whose reader is narrow, and the broker beside its queues.
const HELD_BYTES: usize = 16 << 20;

async fn open(broker: &Broker, authority: &Authority) -> SecurePeer {
    secure::connect(broker, authority).await.opened(tune_ok(0)).await.with_channel(1).await
}

/// A connection with as little room in its receive buffer as the kernel allows.
async fn narrow(broker: &Broker, authority: &Authority) -> SecurePeer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let socket = within("connecting", socket.connect(secure::address(broker))).await.unwrap();
    let stream = secure::shake_hands_over(socket, secure::trusting(authority, None)).await.unwrap();
    Peer::over(stream).opened(tune_ok(0)).await.with_channel(1).await
}

/// A body that no two places of are alike for long.
fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 31 + at / 251).to_le_bytes()[0]).collect()
}

async fn count<S>(peer: &mut Peer<S>, name: &str) -> usize
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let passive = queue::Declare { queue: name.into(), passive: true, ..Default::default() };
    match peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(passive))).await {
        Method::Queue(queue::AMQPMethod::DeclareOk(ok)) => ok.message_count as usize,
        other => panic!("expected queue.declare-ok, got {other:?}"),
    }
}

#[tokio::test]
async fn bodies_of_every_size_come_through_whole() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut peer = open(&broker, &authority).await;
    peer.declare(1, "q").await;
    peer.consume(1, "q").await;
    // Around a record, a frame, what is encrypted at once, and what is read at once.
    for bytes in [0, 1, 16_383, 16_384, 16_385, 65_536, 131_064, 131_065, 262_145, 5_000_000] {
        let body = body(bytes);
        peer.publish(1, "q", &body).await;
        assert!(peer.delivery(1).await.body == body, "{bytes} bytes");
    }
}

#[tokio::test]
async fn many_small_messages_come_in_their_order() {
    const COUNT: usize = 20_000;
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let (mut publisher, mut consumer) = (open(&broker, &authority).await, open(&broker, &authority).await);
    consumer.declare(1, "q").await;
    consumer.consume(1, "q").await;
    let publishing = tokio::spawn(async move {
        for number in 0..COUNT {
            publisher.send_bytes(&publish(1, "q", &number.to_le_bytes())).await;
        }
        publisher
    });
    for number in 0..COUNT {
        assert_eq!(consumer.delivery(1).await.body, number.to_le_bytes());
    }
    publishing.await.unwrap();
}

#[tokio::test]
async fn what_a_consumer_does_not_read_stays_in_its_queue() {
    const COUNT: usize = 400;
    const BYTES: usize = 100_000;
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut deaf = narrow(&broker, &authority).await;
    deaf.declare(1, "q").await;
    deaf.consume(1, "q").await;
    let mut publisher = open(&broker, &authority).await;
    let body = body(BYTES);
    for _ in 0..COUNT {
        publisher.publish(1, "q", &body).await;
    }
    let waiting = count(&mut publisher, "q").await;
    assert!(COUNT - HELD_BYTES / BYTES < waiting, "only {waiting} of {COUNT} messages wait");
    for number in 0..COUNT {
        assert!(deaf.delivery(1).await.body == body, "message {number}");
    }
    assert_eq!(count(&mut publisher, "q").await, 0);
}

#[tokio::test]
async fn a_shutdown_tells_everybody_and_closes_the_stream_in_its_way() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut open = open(&broker, &authority).await;
    // Neither one that has not begun its handshake, nor one that has not logged in, holds it up.
    let silent = Peer::connect(secure::address(&broker)).await;
    let mut stranger = secure::connect(&broker, &authority).await;
    stranger.send_bytes(&PROTOCOL_HEADER).await;
    stranger.method(0).await;
    let shutdown = tokio::spawn(broker.shutdown());
    assert_eq!(open.closed_with().await.0, 320);
    open.send_close_ok().await;
    // Without close_notify this would not be clean.
    open.end_cleanly().await;
    stranger.end_cleanly().await;
    within("the shutdown", shutdown).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_client_that_ends_its_stream_is_answered_and_hears_the_end() {
    use leveret_codec::method::connection::{AMQPMethod, Close};
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut peer = open(&broker, &authority).await;
    peer.send(0, Method::Connection(AMQPMethod::Close(Close::default()))).await;
    peer.stop_sending().await;
    let ok = peer.method(0).await;
    assert!(matches!(ok, Method::Connection(AMQPMethod::CloseOk(_))), "{ok:?}");
    peer.end_cleanly().await;
}
