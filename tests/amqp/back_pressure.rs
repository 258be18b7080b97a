//! Peers that do not read, or are many: each costs a bounded amount, and nobody else waits for it.

use std::collections::VecDeque;

use leveret::Broker;
use leveret_codec::method::{Method, basic, channel, connection};
use leveret_codec::{FrameKind, MethodId};
use tokio::sync::watch;

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Event, Peer, publish, publish_as, within};

/// What the kernel may hold for a connection whose reader is narrow (its own send buffer grows to some
/// MiB), and the broker beside its queues (less than two MiB), in bytes.
const HELD_BYTES: usize = 16 << 20;

/// A connection with channel 1 open and as little room in its receive buffer as possible.
async fn narrow(broker: &Broker) -> Peer {
    Peer::connect_narrow(broker.amqp_addr()).await.opened(support::tune_ok(0)).await.with_channel(1).await
}

/// A message that says which one it is, in so many bytes.
fn numbered(number: usize, bytes: usize) -> Vec<u8> {
    let mut body = vec![number.to_le_bytes()[0]; bytes.max(8)];
    body[..8].copy_from_slice(&number.to_le_bytes());
    body
}

fn assert_numbered(body: &[u8], number: usize, bytes: usize) {
    assert!(body == numbered(number, bytes), "wrong body for message {number} of {bytes} bytes");
}

#[tokio::test]
async fn what_a_consumer_does_not_read_stays_in_its_queue() {
    const COUNT: usize = 400;
    const BYTES: usize = 100_000;
    let broker = support::broker().await;
    let mut publisher = Peer::open_channel(broker.amqp_addr()).await;
    publisher.declare(1, "q").await;
    publisher.declare(1, "other").await;
    publisher.must(1, say::confirms()).await;
    let mut deaf = narrow(&broker).await;
    deaf.consume(1, "q").await;
    let mut other = Peer::open_channel(broker.amqp_addr()).await;
    other.consume(1, "other").await;
    for number in 0..COUNT {
        let said = [publish(1, "q", &numbered(number, BYTES)), publish(1, "other", &numbered(number, BYTES))];
        publisher.send_bytes(&said.concat()).await;
        // Neither the publisher nor anybody else's consumer is held up.
        publisher.confirmed(1, 2 * number as u64 + 2).await;
        assert_numbered(&other.delivery(1).await.body, number, BYTES);
    }
    let waiting = other.count(1, "q").await as usize;
    assert!(COUNT - HELD_BYTES / BYTES < waiting, "only {waiting} of {COUNT} messages wait");
    for number in 0..COUNT {
        assert_numbered(&deaf.delivery(1).await.body, number, BYTES);
    }
    assert_eq!(other.count(1, "q").await, 0);
}

#[tokio::test]
async fn a_reader_that_is_slow_all_the_time_gets_every_byte_in_order() {
    const COUNT: usize = 1500;
    let broker = support::broker().await;
    let mut publisher = Peer::open_channel(broker.amqp_addr()).await;
    publisher.declare(1, "q").await;
    let mut slow = narrow(&broker).await;
    slow.consume_acked(1, "q", 100).await;
    // Below and above the size from which a body is written without being copied, woven together.
    let bytes_of = |number: usize| number * 7919 % 30_000;
    for number in 0..COUNT {
        publisher.publish(1, "q", &numbered(number, bytes_of(number))).await;
        let delivery = slow.delivery(1).await;
        assert_numbered(&delivery.body, number, bytes_of(number));
        slow.send(1, say::ack(delivery.tag, false)).await;
    }
    for number in 0..COUNT {
        publisher.publish(1, "q", &numbered(number, bytes_of(number))).await;
    }
    for number in 0..COUNT {
        let delivery = slow.delivery(1).await;
        assert_numbered(&delivery.body, number, bytes_of(number));
        slow.send(1, say::ack(delivery.tag, false)).await;
    }
}

/// Reads deliveries until both consumers together have had all; which ones it had.
async fn take_share(mut peer: Peer, had: watch::Sender<usize>, all: usize) -> Vec<usize> {
    let mut taken = Vec::new();
    let mut others = had.subscribe();
    loop {
        let delivery = tokio::select! {
            delivery = peer.delivery(1) => delivery,
            _ = others.wait_for(|had| all <= *had) => return taken,
        };
        taken.push(usize::from_le_bytes(delivery.body[..8].try_into().unwrap()));
        had.send_modify(|had| *had += 1);
    }
}

#[tokio::test]
async fn a_deaf_consumer_leaves_the_work_to_its_competitors() {
    const COUNT: usize = 400;
    const BYTES: usize = 100_000;
    let broker = support::broker().await;
    let mut publisher = Peer::open_channel(broker.amqp_addr()).await;
    publisher.declare(1, "q").await;
    let mut deaf = narrow(&broker).await;
    deaf.consume(1, "q").await;
    let mut worker = Peer::open_channel(broker.amqp_addr()).await;
    worker.consume(1, "q").await;
    let had = watch::Sender::new(0);
    let working = tokio::spawn(take_share(worker, had.clone(), COUNT));
    for number in 0..COUNT {
        publisher.publish(1, "q", &numbered(number, BYTES)).await;
    }
    // The deaf one has taken as much as fits, and then the other gets it all.
    let enough = COUNT - HELD_BYTES / BYTES;
    within("the work to be done", had.subscribe().wait_for(|had| enough <= *had)).await.unwrap();
    assert_eq!(publisher.count(1, "q").await, 0);
    let (theirs, ours) = (take_share(deaf, had, COUNT).await, working.await.unwrap());
    assert!(theirs.is_sorted() && ours.is_sorted());
    let mut all = [theirs, ours].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..COUNT));
}

/// The same bytes again and again, until the broker takes no more of them.
struct Flood {
    said: Vec<u8>,
    sent: usize,
}

impl Flood {
    /// Some answers of another client: the broker had its turns.
    const PATIENT_TURNS: u32 = 50;

    /// Sends `said` until nothing is taken while another client is answered many times.
    async fn until_stuck(said: Vec<u8>, peer: &mut Peer, witness: &mut Peer, most_bytes: usize) -> Self {
        let mut flood = Self { said, sent: 0 };
        let mut idle = 0;
        while idle < Self::PATIENT_TURNS {
            let rest = &flood.said[flood.sent % flood.said.len()..];
            let count = peer.send_what_fits(rest);
            flood.sent += count;
            assert!(flood.sent < most_bytes, "the broker has taken {} bytes and more", flood.sent);
            if count == 0 {
                witness.settle().await;
                idle += 1;
            } else {
                idle = 0;
            }
        }
        flood
    }

    /// The bytes that complete what was begun, and how often `said` is out with them.
    fn rest(&self) -> (VecDeque<u8>, usize) {
        let length = self.said.len();
        let rest = self.said[self.sent % length..].iter().copied().collect();
        (if self.sent.is_multiple_of(length) { VecDeque::new() } else { rest }, self.sent.div_ceil(length))
    }
}

/// Reads frames with `look` until it has said yes so many times, and sends `rest` meanwhile.
async fn drain(
    peer: &mut Peer,
    mut rest: VecDeque<u8>,
    times: usize,
    mut look: impl FnMut(leveret_codec::Frame<'_>) -> bool,
) {
    let mut seen = 0;
    while seen < times {
        let sent = peer.send_what_fits(rest.make_contiguous());
        rest.drain(..sent);
        seen += usize::from(peer.look(&mut look).await.expect("the broker closed the socket"));
    }
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_publisher_that_does_not_read_its_returns_is_not_read_either() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    let mut deaf = narrow(&broker).await;
    let nowhere = basic::Publish { routing_key: "nowhere".into(), mandatory: true, ..Default::default() };
    let said = publish_as(1, nowhere, &[7; 10_000]).to_vec();
    let flood = Flood::until_stuck(said, &mut deaf, &mut witness, 2 * HELD_BYTES).await;
    assert_serves(&mut witness).await;
    // Read at last, it has every one of them.
    let (rest, times) = flood.rest();
    drain(&mut deaf, rest, times, |frame| {
        assert!(frame.kind != FrameKind::Body || frame.payload == [7; 10_000]);
        frame.kind == FrameKind::Body
    })
    .await;
    deaf.declare(1, "q").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_not_read_either() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    let mut deaf = narrow(&broker).await;
    // A long name makes long answers.
    let said = say::bytes(1, &support::declare(&"q".repeat(255))).repeat(100);
    let flood = Flood::until_stuck(said, &mut deaf, &mut witness, 2 * HELD_BYTES).await;
    assert_serves(&mut witness).await;
    let (rest, times) = flood.rest();
    drain(&mut deaf, rest, times * 100, |frame| {
        assert_eq!(MethodId::of(frame.payload).unwrap(), MethodId::QUEUE_DECLARE_OK);
        true
    })
    .await;
}

#[tokio::test]
async fn a_publisher_that_does_not_read_its_confirms_is_served_as_far_as_they_go() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    let mut deaf = narrow(&broker).await;
    deaf.must(1, say::confirms()).await;
    let said = publish(1, "nowhere", b"hello").repeat(1000);
    // Confirms of one read are one frame, so this may never fill the sockets. If it does, it is held up.
    for _ in 0..200 {
        let mut rest = &said[..];
        while !rest.is_empty() {
            let sent = deaf.send_what_fits(rest);
            rest = &rest[sent..];
            witness.settle().await;
        }
    }
    assert_serves(&mut witness).await;
    deaf.confirmed(1, 200_000).await;
}

#[tokio::test]
async fn a_connection_works_with_all_its_channels() {
    const CHANNELS: u16 = 2047;
    let broker = support::broker().await;
    let mut connections = [Peer::open(broker.amqp_addr()).await, Peer::open(broker.amqp_addr()).await];
    for peer in &mut connections {
        let opens: Vec<u8> =
            (1..=CHANNELS).flat_map(|channel| say::bytes(channel, &say::open_channel())).collect();
        peer.send_bytes(&opens).await;
        for channel in 1..=CHANNELS {
            peer.method(channel).await;
        }
    }
    for (number, peer) in connections.iter_mut().enumerate() {
        for channel in 1..=CHANNELS {
            let queue = format!("{number} {channel}");
            let consume = basic::Consume { queue: queue.as_str().into(), no_ack: true, ..Default::default() };
            let said =
                [say::bytes(channel, &support::declare(&queue)), say::bytes(channel, &say::consume(consume))];
            peer.send_bytes(&said.concat()).await;
            peer.method(channel).await;
            peer.method(channel).await;
        }
    }
    let [one, other] = &mut connections;
    for channel in 1..=CHANNELS {
        // Across: each publishes on a channel to what the other consumes on the same.
        one.publish(channel, &format!("1 {channel}"), &channel.to_be_bytes()).await;
        other.publish(channel, &format!("0 {channel}"), &channel.to_be_bytes()).await;
    }
    for channel in 1..=CHANNELS {
        for peer in [&mut *one, &mut *other] {
            let delivery = peer.delivery(channel).await;
            assert_eq!((delivery.tag, delivery.body.as_slice()), (1, &channel.to_be_bytes()[..]));
        }
    }
    // One too many ends the connection, and all its queues' consumers with it.
    one.send(CHANNELS + 1, say::open_channel()).await;
    assert_eq!(one.closed_with().await.0, 530);
    one.send_close_ok().await;
    one.end_cleanly().await;
    let again: Vec<u8> =
        (1..=CHANNELS).flat_map(|channel| say::bytes(channel, &say::close_channel())).collect();
    other.send_bytes(&again).await;
    for channel in 1..=CHANNELS {
        let ok = other.method(channel).await;
        assert!(matches!(ok, Method::Channel(_)), "{ok:?}");
    }
}

#[tokio::test]
async fn a_flood_of_publishes_leaves_room_for_others() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    let address = broker.amqp_addr();
    let flooding = tokio::spawn(async move {
        let mut peer = Peer::open_channel(address).await;
        let said = publish(1, "nowhere", &[7; 100]).repeat(1000);
        loop {
            peer.send_bytes(&said).await;
        }
    });
    for _ in 0..30 {
        assert_serves(&mut witness).await;
    }
    assert!(!flooding.is_finished());
    flooding.abort();
}

#[tokio::test]
async fn the_same_queue_can_be_consumed_a_thousand_times() {
    const CONSUMERS: usize = 1000;
    let broker = support::broker().await;
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    for _ in 0..CONSUMERS {
        peer.consume(1, "q").await;
    }
    let said: Vec<u8> =
        (0..2 * CONSUMERS).flat_map(|number| publish(1, "q", &numbered(number, 8)).to_vec()).collect();
    peer.send_bytes(&said).await;
    for number in 0..2 * CONSUMERS {
        assert_numbered(&peer.delivery(1).await.body, number, 8);
    }
}

#[tokio::test]
async fn a_deaf_consumer_that_must_hear_of_other_things_is_not_sent_more() {
    const COUNT: usize = 400;
    const BYTES: usize = 100_000;
    const OTHERS: usize = 200;
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    let mut deaf = narrow(&broker).await;
    for number in 0..OTHERS {
        let queue = format!("other {number}");
        deaf.declare(1, &queue).await;
        deaf.consume(1, &queue).await;
    }
    deaf.consume(1, "q").await;
    for number in 0..COUNT {
        witness.publish(1, "q", &numbered(number, BYTES)).await;
    }
    witness.settle().await;
    let before = witness.count(1, "q").await;
    for number in 0..OTHERS {
        witness.must(1, say::delete(&format!("other {number}"))).await;
        witness.settle().await;
    }
    let after = witness.count(1, "q").await;
    assert!(before - after < 20, "{} more messages have left their queue", before - after);
    // In the end it has everything.
    let (mut number, mut cancelled) = (0, 0);
    while number < COUNT || cancelled < OTHERS {
        match deaf.event(1).await {
            Event::Delivery(delivery) => {
                assert_numbered(&delivery.body, number, BYTES);
                number += 1;
            }
            Event::Method(_) => cancelled += 1,
            Event::Confirm { .. } => panic!("nothing was published here"),
        }
    }
}

#[tokio::test]
async fn requests_of_one_read_are_answered_as_there_is_room() {
    const COUNT: usize = 600;
    const BYTES: usize = 100_000;
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    for number in 0..COUNT {
        witness.publish(1, "q", &numbered(number, BYTES)).await;
    }
    assert_eq!(witness.count(1, "q").await as usize, COUNT);
    let mut deaf = narrow(&broker).await;
    let gets = say::bytes(1, &say::get("q")).repeat(COUNT);
    let said = [gets, say::bytes(1, &say::close_channel()), say::bytes(0, &say::close())];
    deaf.send_bytes(&said.concat()).await;
    witness.settle().await;
    let waiting = witness.count(1, "q").await as usize;
    assert!(COUNT - HELD_BYTES / BYTES < waiting, "only {waiting} of {COUNT} messages wait");
    for number in 0..COUNT {
        let ok = deaf.method(1).await;
        assert!(matches!(ok, Method::Basic(basic::AMQPMethod::GetOk(_))), "{ok:?}");
        assert_numbered(&deaf.content(1).await, number, BYTES);
    }
    let ok = deaf.method(1).await;
    assert!(matches!(ok, Method::Channel(channel::AMQPMethod::CloseOk(_))), "{ok:?}");
    let ok = deaf.method(0).await;
    assert!(matches!(ok, Method::Connection(connection::AMQPMethod::CloseOk(_))), "{ok:?}");
}
