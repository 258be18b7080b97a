//! The client against a peer that plays a part and hangs up.

use std::net::TcpListener;
use std::thread;

use super::*;

/// Connects to a peer that reads the protocol header, says these methods whatever it hears, and hangs up.
fn outcome(script: Vec<Method>) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target: Target = format!("amqp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut header = [0; 8];
        stream.read_exact(&mut header).unwrap();
        let mut out = BytesMut::new();
        for said in &script {
            method::encode(0, said, &mut out);
        }
        stream.write_all(&out).unwrap();
        // Hung up in one direction only, so that what the client says meanwhile is no broken pipe to it.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        while stream.read(&mut [0; 1024]).unwrap() != 0 {}
    });
    let outcome = Client::connect(&target).map(drop).map_err(|error| error.to_string());
    peer.join().unwrap();
    outcome
}

fn start() -> Method {
    Method::Connection(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: FieldTable::default(),
        mechanisms: "PLAIN".into(),
        locales: "en_US".into(),
    }))
}

fn tune(frame_max: u32) -> Method {
    Method::Connection(connection::AMQPMethod::Tune(connection::Tune {
        channel_max: 0,
        frame_max,
        heartbeat: 60,
    }))
}

fn open_ok() -> Method {
    Method::Connection(connection::AMQPMethod::OpenOk(connection::OpenOk {}))
}

fn channel_open_ok() -> Method {
    Method::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}))
}

fn close(reply_code: u16, reply_text: &str) -> Method {
    Method::Connection(connection::AMQPMethod::Close(connection::Close {
        reply_code,
        reply_text: reply_text.into(),
        class_id: 0,
        method_id: 0,
    }))
}

#[test]
fn a_broker_that_answers_in_order_is_connected_to() {
    for frame_max in [0, 4096, 131_072, u32::MAX] {
        assert_eq!(
            outcome(vec![start(), tune(frame_max), open_ok(), channel_open_ok()]),
            Ok(()),
            "{frame_max}"
        );
    }
}

#[test]
fn a_refusal_is_reported_in_the_words_of_the_broker() {
    let refused = Err("the broker refused: 403 ACCESS_REFUSED - go away".to_owned());
    assert_eq!(outcome(vec![start(), close(403, "ACCESS_REFUSED - go away")]), refused);
    let refused = Err("the broker refused: 530 NOT_ALLOWED - vhost x not found".to_owned());
    assert_eq!(outcome(vec![start(), tune(0), close(530, "NOT_ALLOWED - vhost x not found")]), refused);
}

#[test]
fn a_broker_that_hangs_up_or_loses_its_thread_is_no_broker() {
    let lost = Err("the broker closed the socket without saying why".to_owned());
    assert_eq!(outcome(vec![]), lost);
    assert_eq!(outcome(vec![start(), tune(0)]), lost);
    let confused = outcome(vec![tune(0)]).unwrap_err();
    assert!(
        confused.starts_with("the broker sent something else than the answer: Connection(Tune("),
        "{confused}"
    );
}
