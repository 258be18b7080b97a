//! A disk that is nearly full, and one that takes nothing more: publishers are told, consumers go on, and what was
//! confirmed is there afterwards.

use std::net::SocketAddr;
use std::process::Command;

use leveret_codec::method::{Method, basic, connection};

use crate::damaged::{bodies, publish};
use crate::directory::Directory;
use crate::say;
use crate::served::Served;
use crate::support::{Event, Frame, Peer};

/// More than any disk has free.
const NEVER_FREE: (&str, &str) = ("LEVERET_DISK_FREE_LIMIT", "1000000000000000000");

#[tokio::test]
async fn below_the_limit_of_free_space_publishers_are_held_back_and_consumers_go_on() {
    let directory = Directory::new();
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::durable_queue("q")).await;
    peer.must(say::confirms()).await;
    for number in 0..20_u8 {
        publish(&mut peer, &[number]).await;
    }
    peer.close().await;
    served.end_by("TERM");

    let mut served = directory.start_with(&[], &[NEVER_FREE]);
    let address = served.address();
    let mut publisher = Peer::open_channel(address).await;
    publisher.must(say::confirms()).await;
    assert_eq!(until_blocked(&mut publisher).await, ("low on disk".to_owned(), 0));
    let mut consumer = Peer::open_channel(address).await;
    consumer.must(say::consume("q")).await;
    for number in 0..20_u8 {
        let delivery = consumer.delivery(1).await;
        assert_eq!(delivery.body, [number]);
        consumer.send(1, say::ack(delivery.tag, false)).await;
    }
    drop((publisher, consumer));
    let (printed, code) = served.end_by("TERM");
    assert_eq!(code, Some(0), "{printed:#?}");
    let warnings = printed.iter().filter(|line| line.contains("Free disk space is insufficient"));
    assert_eq!(warnings.count(), 1, "{printed:#?}");
}

/// Publishes until the broker says that it is blocked, which it does after a publish; says why, and how many were
/// refused.
async fn until_blocked(peer: &mut Peer) -> (String, u32) {
    let mut refused = 0;
    loop {
        peer.send_bytes(&say::publish(("", "q"), true, b"one more")).await;
        let Frame::Method(_, answer) = peer.frame().await else { panic!("expected a method") };
        match *answer {
            Method::Connection(connection::AMQPMethod::Blocked(blocked)) => {
                return (blocked.reason.to_string(), refused);
            }
            Method::Basic(basic::AMQPMethod::Nack(_)) => refused += 1,
            Method::Basic(basic::AMQPMethod::Ack(_)) => {}
            other => panic!("expected an answer to a publish, got {other:?}"),
        }
    }
}

/// The largest file that a broker may write, in units of 512 bytes: two segments, and no longer one.
const LARGEST_FILE: u64 = (65 << 20) / 512;

/// A broker whose writes fail behind a certain size of a file.
fn start_limited(directory: &Directory) -> Served {
    // The signal that comes with the error is ignored, as a service manager does it for its services.
    let script = format!("trap '' XFSZ; ulimit -f {LARGEST_FILE}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_leveret")]).args(directory.arguments());
    Served::spawn(command.env_clear())
}

#[tokio::test]
async fn a_log_that_cannot_be_written_confirms_nothing_more_and_keeps_what_it_confirmed() {
    let directory = Directory::new();
    let mut served = start_limited(&directory);
    let address = served.address();
    let mut publisher = Peer::open_channel(address).await;
    publisher.must(say::durable_queue("q")).await;
    publisher.must(say::confirms()).await;
    for number in 0..20_u8 {
        publish(&mut publisher, &[number]).await;
    }
    // Longer than the longest file that can be written.
    let large = vec![7; 70 << 20];
    publisher.send_bytes(&say::publish(("", "q"), true, &large)).await;
    let answer = publisher.method(1).await;
    assert!(
        matches!(&answer, Method::Basic(basic::AMQPMethod::Nack(nack)) if nack.delivery_tag == 21),
        "{answer:?}"
    );
    assert_eq!(until_blocked(&mut publisher).await.0, "low on disk");
    served.until("[error]");
    consumers_go_on(address).await;
    drop(publisher);
    let (printed, _) = served.end_by("TERM");
    let before_the_end = printed.iter().take_while(|line| !line.contains("SIGTERM"));
    let errors: Vec<_> = before_the_end.filter(|line| line.contains("[error]")).collect();
    assert_eq!(errors.len(), 1, "{printed:#?}");
    assert!(errors[0].contains(".log"), "it says which file: {errors:?}");

    let mut served = directory.start();
    let found = bodies(served.address()).await;
    let expected: Vec<Vec<u8>> = (0..20).map(|number| vec![number]).collect();
    assert_eq!(found.iter().filter(|body| body.len() == 1).cloned().collect::<Vec<_>>(), expected);
}

async fn consumers_go_on(address: SocketAddr) {
    let mut consumer = Peer::open_channel(address).await;
    consumer.must(say::consume("q")).await;
    for number in 0..20_u8 {
        match consumer.event(1).await {
            Event::Delivery(delivery) => assert_eq!(delivery.body, [number]),
            other => panic!("expected a delivery, got {other:?}"),
        }
    }
}
