//! Publishers and consumers at the same time, on several tasks and threads: nothing is lost, nothing comes
//! twice, and what one publisher says keeps its order.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::Range;

use leveret_codec::method::basic;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::say;
use crate::support::{self, Delivery, Event, Peer, publish_as};

/// Publishes that may wait for their confirm.
const WINDOW: u64 = 1000;
/// Publishes of one write.
const BATCH: u32 = 100;

/// Which message it is: its publisher, and its place among that publisher's.
type Name = (u32, u32);

fn body_of((publisher, place): Name) -> Vec<u8> {
    [publisher.to_be_bytes(), place.to_be_bytes()].concat()
}

fn name_of(delivery: &Delivery) -> Name {
    let (publisher, place) = delivery.body.split_first_chunk().unwrap();
    (u32::from_be_bytes(*publisher), u32::from_be_bytes(place.try_into().unwrap()))
}

/// Publishes messages to an exchange, each with its confirm.
async fn publish_all(
    address: SocketAddr,
    exchange: &'static str,
    key: &'static str,
    publisher: u32,
    places: Range<u32>,
) {
    let mut peer = Peer::open_channel(address).await;
    peer.must(1, say::confirms()).await;
    let (mut sent, mut confirmed) = (0_u64, 0);
    let mut places = places.peekable();
    while let Some(first) = places.next() {
        let batch =
            Some(first).into_iter().chain(std::iter::from_fn(|| places.next()).take(BATCH as usize - 1));
        let mut bytes = Vec::new();
        for place in batch {
            let publish =
                basic::Publish { exchange: exchange.into(), routing_key: key.into(), ..Default::default() };
            bytes.extend_from_slice(&publish_as(1, publish, &body_of((publisher, place))));
            sent += 1;
        }
        peer.send_bytes(&bytes).await;
        let wanted = if places.peek().is_none() { sent } else { sent.saturating_sub(WINDOW) };
        while confirmed < wanted {
            match peer.event(1).await {
                // In order and without gaps: whatever is confirmed is news, and has been published.
                Event::Confirm { tag, multiple } => {
                    assert!(confirmed < tag && tag <= sent, "{tag} after {confirmed} of {sent}");
                    assert!(multiple || tag == confirmed + 1, "{tag} after {confirmed}, alone");
                    confirmed = tag;
                }
                other => panic!("expected a confirm, got {other:?}"),
            }
        }
    }
    assert_eq!(confirmed, sent);
}

/// Counts what all consumers have had, so that each knows when to stop.
#[derive(Clone)]
struct Total {
    had: watch::Sender<usize>,
    wanted: usize,
}

impl Total {
    fn new(wanted: usize) -> Self {
        Self { had: watch::Sender::new(0), wanted }
    }

    fn count_one(&self) {
        self.had.send_modify(|had| *had += 1);
    }

    async fn reached(&self) {
        let mut had = self.had.subscribe();
        had.wait_for(|had| self.wanted <= *had).await.unwrap();
    }
}

/// Consumes until all consumers together have had enough, and acknowledges in runs of ten.
async fn consume_all(address: SocketAddr, queue: &'static str, prefetch: u16, total: Total) -> Vec<Delivery> {
    let mut peer = Peer::open_channel(address).await;
    peer.consume_acked(1, queue, prefetch).await;
    let mut taken: Vec<Delivery> = Vec::new();
    loop {
        let event = tokio::select! {
            event = peer.event(1) => event,
            () = total.reached() => break,
        };
        let Event::Delivery(delivery) = event else { panic!("expected a delivery, got {event:?}") };
        assert_eq!(delivery.tag, taken.len() as u64 + 1);
        if delivery.tag.is_multiple_of(10) {
            peer.send(1, say::ack(delivery.tag, true)).await;
        }
        taken.push(delivery);
        total.count_one();
    }
    peer.send(1, say::ack(0, true)).await;
    peer.must(1, say::close_channel()).await;
    taken
}

/// Each publisher's messages rise in what one consumer had.
fn assert_ordered(taken: &[Delivery]) {
    let mut last = HashMap::new();
    for delivery in taken {
        let (publisher, place) = name_of(delivery);
        let before = last.insert(publisher, place);
        assert!(before < Some(place), "{place} of {publisher} after {before:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_thousand_messages_reach_four_consumers_once_each() {
    const PUBLISHERS: u32 = 4;
    const EACH: u32 = 50_000;
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut witness = Peer::open_channel(address).await;
    witness.declare(1, "q").await;
    let total = Total::new((PUBLISHERS * EACH) as usize);
    let mut consumers = JoinSet::new();
    for prefetch in [1000, 200, 50, 10] {
        consumers.spawn(consume_all(address, "q", prefetch, total.clone()));
    }
    let publishers: JoinSet<()> =
        (0..PUBLISHERS).map(|publisher| publish_all(address, "", "q", publisher, 0..EACH)).collect();
    publishers.join_all().await;
    let taken = consumers.join_all().await;
    let mut names = HashSet::new();
    for taken in &taken {
        assert_ordered(taken);
        for delivery in taken {
            assert!(!delivery.redelivered && names.insert(name_of(delivery)), "{delivery:?} came twice");
        }
    }
    assert_eq!(names.len(), total.wanted);
    assert_eq!(witness.count(1, "q").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fanout_gives_every_queue_everything_in_each_publishers_order() {
    const PUBLISHERS: u32 = 3;
    const EACH: u32 = 5000;
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut witness = Peer::open_channel(address).await;
    witness.must(1, say::fanout("all")).await;
    let mut consumers = JoinSet::new();
    for queue in ["a", "b", "c", "d", "e"] {
        witness.declare(1, queue).await;
        witness.must(1, say::bind(queue, "all", "")).await;
        consumers.spawn(consume_all(address, queue, 100, Total::new((PUBLISHERS * EACH) as usize)));
    }
    let publishers: JoinSet<()> =
        (0..PUBLISHERS).map(|publisher| publish_all(address, "all", "ignored", publisher, 0..EACH)).collect();
    publishers.join_all().await;
    for taken in consumers.join_all().await {
        assert_ordered(&taken);
        assert_eq!(taken.len(), (PUBLISHERS * EACH) as usize);
    }
}

/// Consumes, puts back what it sees for the first time, acknowledges the rest.
async fn see_twice(address: SocketAddr, total: Total) -> Vec<Delivery> {
    let mut peer = Peer::open_channel(address).await;
    peer.consume_acked(1, "q", 20).await;
    let mut taken: Vec<Delivery> = Vec::new();
    loop {
        let delivery = tokio::select! {
            delivery = peer.delivery(1) => delivery,
            () = total.reached() => break,
        };
        let answer =
            if delivery.redelivered { say::ack(delivery.tag, false) } else { say::requeue(delivery.tag) };
        peer.send(1, answer).await;
        taken.push(delivery);
        total.count_one();
    }
    peer.must(1, say::close_channel()).await;
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_put_back_comes_once_more_and_says_so() {
    const EACH: u32 = 5000;
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut witness = Peer::open_channel(address).await;
    witness.declare(1, "q").await;
    let total = Total::new(4 * EACH as usize);
    let consumers: JoinSet<_> = (0..4).map(|_| see_twice(address, total.clone())).collect();
    let publishers: JoinSet<()> =
        (0..2).map(|publisher| publish_all(address, "", "q", publisher, 0..EACH)).collect();
    publishers.join_all().await;
    let taken = consumers.join_all().await.concat();
    for redelivered in [false, true] {
        let names: Vec<Name> = taken.iter().filter(|it| it.redelivered == redelivered).map(name_of).collect();
        assert_eq!(names.len(), 2 * EACH as usize);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
    assert_eq!(witness.count(1, "q").await, 0);
}

/// Consumes a while, acknowledges some of it, and crashes.
async fn live_and_die(address: SocketAddr, deliveries: usize, total: Total) -> Vec<Delivery> {
    let mut peer = Peer::open_channel(address).await;
    peer.consume_acked(1, "q", 100).await;
    let mut taken = Vec::new();
    while taken.len() < deliveries {
        let delivery = tokio::select! {
            delivery = peer.delivery(1) => delivery,
            () = total.reached() => break,
        };
        if !delivery.tag.is_multiple_of(3) {
            peer.send(1, say::ack(delivery.tag, false)).await;
        }
        taken.push(delivery);
    }
    peer.crash();
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn consumers_that_crash_lose_nothing() {
    const EACH: u32 = 10_000;
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut witness = Peer::open_channel(address).await;
    witness.declare(1, "q").await;
    // Counts names of the survivor, who is to see whatever the others have not settled.
    let total = Total::new(1);
    let mut crashing = JoinSet::new();
    for life in 1..=3 {
        let total = total.clone();
        crashing.spawn(async move {
            let mut taken = Vec::new();
            for death in 1..=20 {
                taken.extend(live_and_die(address, 37 * life * death % 400, total.clone()).await);
            }
            taken
        });
    }
    let publishers: JoinSet<()> =
        (0..2).map(|publisher| publish_all(address, "", "q", publisher, 0..EACH)).collect();
    publishers.join_all().await;
    total.count_one();
    let mut seen = crashing.join_all().await.concat();
    // The survivor takes the rest: until the queue is empty and nobody else could hold anything.
    let mut survivor = Peer::open_channel(address).await;
    survivor.consume_acked(1, "q", 0).await;
    let mut names: HashSet<Name> = seen.iter().map(name_of).collect();
    while names.len() < 2 * EACH as usize {
        let delivery = survivor.delivery(1).await;
        names.insert(name_of(&delivery));
        seen.push(delivery);
    }
    // Whoever comes second knows it.
    let fresh: Vec<Name> = seen.iter().filter(|delivery| !delivery.redelivered).map(name_of).collect();
    assert_eq!(fresh.iter().collect::<HashSet<_>>().len(), fresh.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_connections_pass_messages_round() {
    const RING: usize = 200;
    const ROUNDS: u32 = 20;
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    let mut witness = Peer::open_channel(address).await;
    for seat in 0..RING {
        witness.declare(1, &format!("seat {seat}")).await;
    }
    let sitting: JoinSet<()> = (0..RING)
        .map(|seat| async move {
            let mut peer = Peer::open_channel(address).await;
            peer.consume(1, &format!("seat {seat}")).await;
            let next = format!("seat {}", (seat + 1) % RING);
            for round in 0..ROUNDS {
                peer.publish(1, &next, &body_of((0, round))).await;
                assert_eq!(name_of(&peer.delivery(1).await), (0, round));
            }
        })
        .collect();
    sitting.join_all().await;
}
