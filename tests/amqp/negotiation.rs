//! §2.3.3 and §1.4: from the first byte to connection.open.

use std::time::Duration;

use leveret::{Broker, Clock, Timestamp};
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, basic, channel, connection, queue};

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Peer, open_vhost, start_ok, tune_ok};

#[tokio::test]
async fn both_headers_of_0_9_are_answered_with_connection_start() {
    let broker = support::broker().await;
    for header in [PROTOCOL_HEADER, *b"AMQP\x01\x01\x00\x09"] {
        let mut peer = Peer::connect(broker.amqp_addr()).await;
        peer.send_bytes(&header).await;
        match peer.method(0).await {
            Method::Connection(connection::AMQPMethod::Start(start)) => {
                assert_eq!((start.version_major, start.version_minor), (0, 9));
            }
            other => panic!("{header:?} was answered with {other:?}"),
        }
    }
}

#[tokio::test]
async fn any_other_header_is_answered_with_ours_and_the_end_of_the_stream() {
    let broker = support::broker().await;
    let tls_hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 505]].concat();
    let openings: [&[u8]; 10] = [
        b"AMQP\x00\x00\x08\x00",
        b"AMQP\x01\x01\x08\x00",
        b"AMQP\x00\x00\x09\x00",
        b"AMQP\x00\x01\x00\x00",
        b"AMQP\x03\x01\x00\x00",
        b"amqp\x00\x00\x09\x01",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        &tls_hello,
        &[0xff; 8],
    ];
    for opening in openings {
        let mut peer = Peer::connect(broker.amqp_addr()).await;
        peer.send_bytes(opening).await;
        assert_eq!(peer.bytes(8).await.as_ref(), PROTOCOL_HEADER, "{opening:?}");
        peer.end_cleanly().await;
    }
    assert_serves(&mut witness(&broker).await).await;
}

#[tokio::test]
async fn less_than_a_header_is_waited_for() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.send_bytes(&PROTOCOL_HEADER[..7]).await;
    witness(&broker).await.settle().await;
    peer.send_bytes(&PROTOCOL_HEADER[7..]).await;
    let start = peer.method(0).await;
    assert!(matches!(start, Method::Connection(connection::AMQPMethod::Start(_))), "{start:?}");
}

#[tokio::test]
async fn a_socket_that_opens_and_closes_is_a_health_check() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    for said in [&b""[..], b"A", b"AMQP", &PROTOCOL_HEADER] {
        for _ in 0..25 {
            let mut peer = Peer::connect(broker.amqp_addr()).await;
            peer.send_bytes(said).await;
            drop(peer);
            let mut peer = Peer::connect(broker.amqp_addr()).await;
            peer.send_bytes(said).await;
            peer.crash();
        }
        assert_serves(&mut witness).await;
    }
}

/// Everything from the header to a get, as one client that never waits would send it.
pub fn whole_conversation() -> Vec<u8> {
    let said = [
        say::bytes(0, &start_ok("guest", "guest")),
        say::bytes(0, &tune_ok(0)),
        say::bytes(0, &open_vhost("/")),
        say::bytes(1, &say::open_channel()),
        say::bytes(1, &support::declare("q")),
        support::publish(1, "q", b"hello").to_vec(),
        say::bytes(1, &say::get("q")),
        say::bytes(1, &say::close_channel()),
        say::bytes(0, &say::close()),
    ];
    [PROTOCOL_HEADER.to_vec(), said.concat()].concat()
}

/// Expects the answers to [`whole_conversation`], in order.
async fn whole_answer(peer: &mut Peer) {
    let start = peer.method(0).await;
    assert!(matches!(start, Method::Connection(connection::AMQPMethod::Start(_))), "{start:?}");
    let tune = peer.method(0).await;
    assert!(matches!(tune, Method::Connection(connection::AMQPMethod::Tune(_))), "{tune:?}");
    let ok = peer.method(0).await;
    assert!(matches!(ok, Method::Connection(connection::AMQPMethod::OpenOk(_))), "{ok:?}");
    let ok = peer.method(1).await;
    assert!(matches!(ok, Method::Channel(channel::AMQPMethod::OpenOk(_))), "{ok:?}");
    let ok = peer.method(1).await;
    assert!(matches!(ok, Method::Queue(queue::AMQPMethod::DeclareOk(_))), "{ok:?}");
    let ok = peer.method(1).await;
    assert!(matches!(ok, Method::Basic(basic::AMQPMethod::GetOk(_))), "{ok:?}");
    assert_eq!(peer.content(1).await, b"hello");
    let ok = peer.method(1).await;
    assert!(matches!(ok, Method::Channel(channel::AMQPMethod::CloseOk(_))), "{ok:?}");
    let ok = peer.method(0).await;
    assert!(matches!(ok, Method::Connection(connection::AMQPMethod::CloseOk(_))), "{ok:?}");
}

#[tokio::test]
async fn a_client_need_not_wait_for_any_answer() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.send_bytes(&whole_conversation()).await;
    whole_answer(&mut peer).await;
}

#[tokio::test]
async fn a_client_may_end_its_stream_with_its_last_word() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.send_bytes(&whole_conversation()).await;
    peer.stop_sending().await;
    whole_answer(&mut peer).await;
    peer.end_cleanly().await;
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_the_same_conversation() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    for byte in whole_conversation() {
        peer.send_bytes(&[byte]).await;
        // Lets the broker read what is there.
        tokio::task::yield_now().await;
    }
    whole_answer(&mut peer).await;
}

#[tokio::test]
async fn a_conversation_may_be_cut_in_two_anywhere() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    let conversation = whole_conversation();
    for at in 1..conversation.len() {
        let mut peer = Peer::connect(broker.amqp_addr()).await;
        peer.send_bytes(&conversation[..at]).await;
        witness.settle().await;
        peer.send_bytes(&conversation[at..]).await;
        whole_answer(&mut peer).await;
        witness.must(1, say::delete("q")).await;
    }
}

/// A broker whose time this test moves, and a connection to see it work by.
async fn timed() -> (leveret::ManualClock, Broker, Peer) {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let broker = support::start(Broker::builder().clock(&clock)).await;
    let witness = witness(&broker).await;
    (clock, broker, witness)
}

#[tokio::test]
async fn a_refused_login_is_told_to_who_can_understand_it() {
    let (clock, broker, mut witness) = timed().await;
    for (user, password) in [("guest", "wrong"), ("guest", ""), ("nobody", "guest")] {
        let mut peer = Peer::connect(broker.amqp_addr()).await;
        peer.send_bytes(&PROTOCOL_HEADER).await;
        peer.method(0).await;
        peer.send(0, start_ok(user, password)).await;
        let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the \
                    broker logfile.";
        assert_eq!(peer.closed_with().await, (403, text.to_owned()));
        // A guesser is kept waiting; whoever answers may go.
        witness.settle().await;
        clock.advance(Duration::from_secs(3));
        peer.end_cleanly().await;
    }
    let mut polite = Peer::connect(broker.amqp_addr()).await;
    polite.send_bytes(&PROTOCOL_HEADER).await;
    polite.method(0).await;
    polite.send(0, start_ok("guest", "wrong")).await;
    assert_eq!(polite.closed_with().await.0, 403);
    polite.send_close_ok().await;
    polite.end_cleanly().await;
}

#[tokio::test]
async fn a_refused_login_is_the_end_of_the_stream_for_all_others() {
    let (clock, broker, mut witness) = timed().await;
    let start_ok = |mechanism: &str, response: &str| {
        Method::Connection(connection::AMQPMethod::StartOk(connection::StartOk {
            mechanism: mechanism.into(),
            response: response.into(),
            locale: "en_US".into(),
            ..Default::default()
        }))
    };
    for (mechanism, response) in [
        ("PLAIN", "\0guest\0wrong"),
        ("PLAIN", "guest"),
        ("EXTERNAL", ""),
        ("", ""),
        ("AMQPLAIN", "\0guest\0guest"),
    ] {
        let mut peer = Peer::connect(broker.amqp_addr()).await;
        peer.send_bytes(&PROTOCOL_HEADER).await;
        peer.method(0).await;
        // What it says further is not listened to.
        peer.send_bytes(
            &[say::bytes(0, &start_ok(mechanism, response)), say::bytes(0, &tune_ok(0))].concat(),
        )
        .await;
        witness.settle().await;
        clock.advance(Duration::from_secs(3));
        peer.end_cleanly().await;
    }
}

#[tokio::test]
async fn an_unknown_virtual_host_is_named() {
    let broker = support::broker().await;
    let mut peer = Peer::connect(broker.amqp_addr()).await;
    peer.log_in("guest", "guest").await;
    peer.send(0, tune_ok(0)).await;
    peer.send(0, open_vhost("nosuch")).await;
    match peer.method(0).await {
        Method::Connection(connection::AMQPMethod::Close(close)) => {
            assert_eq!(close.reply_text.as_str(), "NOT_ALLOWED - vhost nosuch not found");
            assert_eq!((close.reply_code, close.class_id, close.method_id), (530, 10, 40));
        }
        other => panic!("expected connection.close, got {other:?}"),
    }
    peer.send_close_ok().await;
    peer.end_cleanly().await;
}
