//! Peers that speak something else, or stop in the middle.

use std::io::Write as _;
use std::time::Duration;

use leveret::{Broker, Clock, Timestamp};
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, basic};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::secure;
use crate::support::{self, Peer, tune_ok, within};

/// The beginning of a handshake that asks for more: a record that announces 512 bytes.
const BEGUN: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// Whatever comes until the socket is closed.
async fn heard(socket: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // A reset is an end too: the broker may close while bytes of ours are on their way.
    let _ = within("the end", socket.read_to_end(&mut heard)).await;
    heard
}

async fn assert_serves(broker: &Broker, authority: &Authority) {
    secure::connect(broker, authority).await.opened(tune_ok(0)).await;
}

#[tokio::test]
async fn what_is_not_tls_is_answered_with_an_alert_and_closed() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let garbage: [&[u8]; 5] = [
        &PROTOCOL_HEADER,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x16\x03\x01\xff\xff\x01\0\0\0\0\0\0\0\0\0\0",
        // A record of the right size whose content is none.
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
    ];
    for bytes in garbage {
        let mut socket = within("connecting", TcpStream::connect(secure::address(&broker))).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        socket.shutdown().await.unwrap();
        let heard = heard(&mut socket).await;
        // An alert, or nothing: never AMQP.
        assert!(heard.is_empty() || heard.starts_with(&[0x15, 3]), "{bytes:?} was answered with {heard:?}");
    }
    assert_serves(&broker, &authority).await;
}

#[tokio::test]
async fn tls_on_the_port_without_it_is_told_the_protocol() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut socket = within("connecting", TcpStream::connect(broker.amqp_addr())).await.unwrap();
    socket.write_all(BEGUN).await.unwrap();
    assert_eq!(heard(&mut socket).await, PROTOCOL_HEADER);
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_is_closed_in_its_time() {
    let authority = Authority::new("authority");
    let clock = Clock::manual(Timestamp::from_micros(0));
    let builder =
        Broker::builder().clock(&clock).listen_tls(([127, 0, 0, 1], 0)).tls(secure::settings(&authority));
    let broker = support::start(builder).await;
    let mut sockets = Vec::new();
    for begun in [0, 1, BEGUN.len()] {
        let mut socket = within("connecting", TcpStream::connect(secure::address(&broker))).await.unwrap();
        socket.write_all(&BEGUN[..begun]).await.unwrap();
        sockets.push(socket);
    }
    // Whoever comes later is accepted later, so these were accepted when it is through.
    assert_serves(&broker, &authority).await;
    clock.advance(Duration::from_millis(9_999));
    assert_serves(&broker, &authority).await;
    for socket in &sockets {
        let nothing = socket.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    }
    clock.advance(Duration::from_millis(1));
    for socket in &mut sockets {
        assert_eq!(heard(socket).await, b"");
    }
    assert_serves(&broker, &authority).await;
}

#[tokio::test]
async fn a_goodbye_that_comes_with_the_last_word_is_heard_although_the_socket_stays_open() {
    let authority = Authority::new("authority");
    // Time stands still, so no deadline ends what the goodbye should.
    let clock = Clock::manual(Timestamp::from_micros(0));
    let builder =
        Broker::builder().clock(&clock).listen_tls(([127, 0, 0, 1], 0)).tls(secure::settings(&authority));
    let broker = support::start(builder).await;
    let mut stream = secure::shake_hands(&broker, secure::trusting(&authority, None)).await.unwrap();
    let (socket, tls) = stream.get_mut();
    tls.writer().write_all(&PROTOCOL_HEADER).unwrap();
    tls.send_close_notify();
    let mut said = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut said).unwrap();
    }
    socket.write_all(&said).await.unwrap();
    let mut heard = Vec::new();
    within("the end", stream.read_to_end(&mut heard)).await.unwrap();
    // connection.start: the last word was answered before.
    assert!(heard.starts_with(&[1, 0, 0]), "{heard:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_gives_back_what_it_had() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut witness = Peer::open_channel(broker.amqp_addr()).await;
    witness.declare(1, "q").await;
    witness.publish(1, "q", b"hello").await;
    let stream = secure::shake_hands(&broker, secure::trusting(&authority, None)).await.unwrap();
    let mut peer = Peer::over(stream).opened(tune_ok(0)).await.with_channel(1).await;
    let consume = basic::Consume { queue: "q".into(), ..Default::default() };
    peer.ask(1, Method::Basic(basic::AMQPMethod::Consume(consume))).await;
    assert_eq!(peer.delivery(1).await.body, b"hello");
    // Dropped without close_notify, in the middle of everything.
    drop(peer);
    witness.consume(1, "q").await;
    let again = witness.delivery(1).await;
    assert!(again.redelivered && again.body == b"hello", "{again:?}");
}

#[tokio::test]
async fn bytes_that_were_changed_on_their_way_end_the_connection() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut stream = secure::shake_hands(&broker, secure::trusting(&authority, None)).await.unwrap();
    stream.write_all(&PROTOCOL_HEADER).await.unwrap();
    let (socket, _) = stream.get_mut();
    // A record of application data that nobody has encrypted.
    socket.write_all(b"\x17\x03\x03\x00\x20AMQPAMQPAMQPAMQPAMQPAMQPAMQPAMQP").await.unwrap();
    let mut heard = Vec::new();
    let ended = within("the end", stream.read_to_end(&mut heard)).await;
    assert!(ended.is_err_and(|error| error.to_string().contains("BadRecordMac")));
    assert_serves(&broker, &authority).await;
}
