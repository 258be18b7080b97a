//! What the broker holds, counted by the allocator of this process, where nothing else runs: what comes and
//! goes leaves nothing behind, and what a peer costs has a bound.
//!
//! Bounds are a few times what was measured when they were written, so that they tell a leak or a
//! forgotten bound from noise. The peers' own buffers are in the count.
#![cfg(test)]
#![forbid(unsafe_code)]

mod support;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use leveret::Broker;
use leveret_codec::PROTOCOL_HEADER;
use leveret_codec::method::{Method, basic, channel, connection, exchange, queue};
use peak_alloc::PeakAlloc;
use support::{PATIENCE, Peer, publish, publish_as, publish_with};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One test at a time: they all count the same heap.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs a test while no other does, in a runtime of its own.
fn alone(test: impl Future<Output = ()>) {
    let _turn = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// A broker, and a connection to see that it has dealt with what was said.
struct House {
    broker: Broker,
    witness: Peer,
}

impl House {
    async fn open() -> Self {
        let broker = support::broker().await;
        let mut witness = Peer::open_channel(broker.amqp_addr()).await;
        witness.declare(1, "witnessed").await;
        Self { broker, witness }
    }

    async fn peer(&self) -> Peer {
        Peer::open_channel(self.broker.amqp_addr()).await
    }

    /// Bytes on the heap once everything that was said has been dealt with.
    async fn held(&mut self) -> usize {
        for _ in 0..10 {
            self.witness.declare(1, "witnessed").await;
        }
        ALLOCATOR.current_usage()
    }

    /// Waits until no more than so much is held: a crash is noticed when the kernel says so.
    async fn until_held(&mut self, most: usize, what: &str) {
        let started = Instant::now();
        while most < self.held().await {
            assert!(
                started.elapsed() < PATIENCE,
                "{} bytes are still held {what}, not {most}",
                self.held().await
            );
        }
    }
}

fn queue(declare: queue::Declare) -> Method {
    Method::Queue(queue::AMQPMethod::Declare(declare))
}

fn bind(queue: &str, exchange: &str, key: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        ..Default::default()
    }))
}

fn consume(queue: &str, no_ack: bool) -> Method {
    Method::Basic(basic::AMQPMethod::Consume(basic::Consume {
        queue: queue.into(),
        no_ack,
        ..Default::default()
    }))
}

/// One connection that uses everything, and goes.
async fn visit(house: &House, number: usize) {
    let mut peer = house.peer().await.with_channel(2).await.with_channel(3).await;
    let mine = format!("mine {number}");
    peer.ask(1, queue(queue::Declare { queue: mine.as_str().into(), exclusive: true, ..Default::default() }))
        .await;
    let gone = format!("gone {number}");
    peer.ask(
        2,
        queue(queue::Declare { queue: gone.as_str().into(), auto_delete: true, ..Default::default() }),
    )
    .await;
    let exchange = exchange::Declare {
        exchange: gone.as_str().into(),
        kind: "topic".into(),
        auto_delete: true,
        ..Default::default()
    };
    peer.ask(2, Method::Exchange(exchange::AMQPMethod::Declare(exchange))).await;
    peer.ask(2, bind(&gone, &gone, "a.*.b")).await;
    peer.ask(2, bind(&mine, "amq.topic", "#")).await;
    peer.ask(1, consume(&mine, false)).await;
    peer.ask(2, consume(&gone, false)).await;
    peer.ask(3, consume("amq.rabbitmq.reply-to", true)).await;
    for _ in 0..20 {
        peer.publish(1, &mine, &[7; 500]).await;
        let publish = basic::Publish {
            exchange: gone.as_str().into(),
            routing_key: "a.x.b".into(),
            ..Default::default()
        };
        peer.send_bytes(&publish_as(2, publish, &[7; 500])).await;
    }
    for _ in 0..20 {
        peer.look(|_| ()).await.unwrap();
    }
    match number % 3 {
        0 => peer.crash(),
        1 => drop(peer),
        _ => {
            let close = connection::AMQPMethod::Close(connection::Close::default());
            peer.send(0, Method::Connection(close)).await;
            peer.stop_sending().await;
            peer.until_end().await;
        }
    }
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    alone(async {
        let mut house = House::open().await;
        for number in 0..100 {
            visit(&house, number).await;
        }
        let before = house.held().await;
        for number in 100..1000 {
            visit(&house, number).await;
        }
        // Nine hundred visits: a hundred bytes kept of each would show.
        house.until_held(before + 90_000, "after 900 visits").await;
    });
}

#[test]
fn channels_that_come_and_go_leave_nothing_behind() {
    alone(async {
        let mut house = House::open().await;
        let mut peer = house.peer().await;
        let close = Method::Channel(channel::AMQPMethod::Close(channel::Close::default()));
        let mut before = 0;
        for number in 0..5000_u32 {
            let number = u16::try_from(2 + number % 2000).unwrap();
            peer = peer.with_channel(number).await;
            peer.ask(number, consume("witnessed", false)).await;
            peer.publish(number, "witnessed", &[7; 500]).await;
            peer.delivery(number).await;
            peer.ask(number, close.clone()).await;
            let purge = queue::Purge { queue: "witnessed".into(), nowait: false };
            house.witness.ask(1, Method::Queue(queue::AMQPMethod::Purge(purge))).await;
            if number == 1000 && before == 0 {
                before = house.held().await;
            }
        }
        house.until_held(before + 50_000, "after 4000 channels").await;
    });
}

#[test]
fn queues_and_bindings_that_come_and_go_leave_nothing_behind() {
    alone(async {
        let mut house = House::open().await;
        let mut peer = house.peer().await;
        let mut before = 0;
        for number in 0..3000 {
            let name = format!("queue {number}");
            peer.declare(1, &name).await;
            for exchange in ["amq.direct", "amq.topic", "amq.fanout"] {
                peer.ask(1, bind(&name, exchange, &format!("key.{number}"))).await;
            }
            peer.publish(1, &name, &[7; 500]).await;
            let delete = queue::Delete { queue: name.into(), ..Default::default() };
            peer.ask(1, Method::Queue(queue::AMQPMethod::Delete(delete))).await;
            if number == 500 {
                before = house.held().await;
            }
        }
        house.until_held(before + 50_000, "after 2500 queues").await;
    });
}

#[test]
fn a_backlog_costs_what_it_weighs_and_gives_it_back() {
    const COUNT: usize = 20_000;
    const BYTES: usize = 1000;
    alone(async {
        let mut house = House::open().await;
        let mut peer = house.peer().await;
        peer.declare(1, "q").await;
        let before = house.held().await;
        let said = publish(1, "q", &[7; BYTES]).repeat(100);
        for _ in 0..COUNT / 100 {
            peer.send_bytes(&said).await;
        }
        peer.declare(1, "q").await;
        let each = (house.held().await - before) / COUNT;
        println!("a waiting message of {BYTES} bytes costs {each}");
        assert!((BYTES..BYTES + 500).contains(&each), "{each} bytes a message of {BYTES}");
        peer.ask(1, consume("q", true)).await;
        for _ in 0..COUNT {
            peer.delivery(1).await;
        }
        house.until_held(before + 500_000, "of 20 MB that have been consumed").await;
    });
}

#[test]
fn a_small_message_that_waits_for_its_acknowledgement_does_not_keep_a_large_buffer() {
    const COUNT: usize = 5000;
    const BYTES: usize = 100;
    alone(async {
        let mut house = House::open().await;
        let mut peer = house.peer().await;
        peer.declare(1, "q").await;
        let mut consumer = house.peer().await;
        consumer.ask(1, consume("q", false)).await;
        let before = house.held().await;
        for _ in 0..COUNT {
            // Each in a read of its own, as from a client that publishes now and then.
            peer.publish(1, "q", &[7; BYTES]).await;
            consumer.delivery(1).await;
        }
        let each = (house.held().await - before) / COUNT;
        println!("an unacknowledged message of {BYTES} bytes costs {each}");
        assert!(each < BYTES + 1000, "{each} bytes a message of {BYTES}");
    });
}

#[test]
fn an_idle_connection_is_small() {
    const COUNT: usize = 300;
    alone(async {
        let mut house = House::open().await;
        let before = house.held().await;
        let mut peers = Vec::new();
        for _ in 0..COUNT {
            peers.push(house.peer().await);
        }
        let with_buffers = house.held().await;
        for peer in &mut peers {
            peer.give_back();
        }
        let each = (house.held().await - before) / COUNT;
        println!(
            "an idle connection with a channel costs {each}, {} with its client's buffers",
            (with_buffers - before) / COUNT
        );
        assert!(each < 5_000, "{each} bytes a connection");
        drop(peers);
        house.until_held(before + 100_000, "after 300 connections").await;
    });
}

#[test]
fn an_idle_queue_is_small() {
    const COUNT: usize = 5000;
    alone(async {
        let mut house = House::open().await;
        let mut peer = house.peer().await;
        let names: Vec<String> = (0..COUNT).map(|number| format!("some-queue-{number:07}")).collect();
        let before = house.held().await;
        for name in &names {
            peer.declare(1, name).await;
        }
        let each = (house.held().await - before) / COUNT;
        println!("an idle queue costs {each}");
        assert!(each < 800, "{each} bytes a queue");
    });
}

#[test]
fn nothing_is_reserved_for_what_is_only_announced() {
    alone(async {
        let mut house = House::open().await;
        let before = house.held().await;
        let mut peers = Vec::new();
        for _ in 0..20 {
            let mut peer = house.peer().await;
            for number in 2..12 {
                peer = peer.with_channel(number).await;
                // All of a publish but its body of 128 MiB.
                let whole = publish_with(number, basic::Publish::default(), &[0, 0], b"");
                let mut said = whole.to_vec();
                let size_at = said.len() - 11;
                said[size_at..][..8].copy_from_slice(&(128_u64 << 20).to_be_bytes());
                peer.send_bytes(&said).await;
            }
            // And the beginning of a frame of 128 KiB.
            peer.send_bytes(&[3, 0, 2, 0, 1, 0xff, 0xf0, 7, 7, 7]).await;
            peer.give_back();
            peers.push(peer);
        }
        for _ in 0..20 {
            let mut stranger = Peer::connect(house.broker.amqp_addr()).await;
            stranger.send_bytes(&PROTOCOL_HEADER).await;
            stranger.method(0).await;
            stranger.send_bytes(&[1, 0, 0, 0, 0, 0x1f, 0xff, 0, 10]).await;
            stranger.give_back();
            peers.push(stranger);
        }
        let held = house.held().await - before;
        println!("200 announcements of 128 MiB and 20 of a frame cost {held}");
        assert!(held < 20 * (131_072 + 30_000) + 20 * 20_000, "{held}");
    });
}

#[test]
fn a_deaf_consumer_costs_a_bounded_amount() {
    const CONSUMERS: usize = 10;
    const COUNT: usize = 100;
    const BYTES: usize = 100_000;
    alone(async {
        let mut house = House::open().await;
        let mut publisher = house.peer().await;
        let mut deaf = Vec::new();
        for number in 0..CONSUMERS {
            let peer = Peer::connect_narrow(house.broker.amqp_addr()).await.opened(support::tune_ok(0)).await;
            let mut peer = peer.with_channel(1).await;
            let queue = format!("q{number}");
            peer.declare(1, &queue).await;
            peer.ask(1, bind(&queue, "amq.fanout", "")).await;
            peer.ask(1, consume(&queue, true)).await;
            peer.give_back();
            deaf.push(peer);
        }
        let before = house.held().await;
        let publish = basic::Publish { exchange: "amq.fanout".into(), ..Default::default() };
        for _ in 0..COUNT {
            publisher.send_bytes(&publish_as(1, publish.clone(), &vec![7; BYTES])).await;
        }
        publisher.declare(1, "q").await;
        let held = house.held().await - before;
        println!("a backlog of {} bytes for {CONSUMERS} deaf consumers costs {held}", COUNT * BYTES);
        // The messages, once; beside them each connection's pieces, which share the bodies.
        assert!(held < COUNT * BYTES * 3 / 2 + CONSUMERS * 200_000, "{held}");
        drop(deaf);
        let purge = |queue: String| {
            let purge = queue::Purge { queue: queue.as_str().into(), nowait: false };
            Method::Queue(queue::AMQPMethod::Purge(purge))
        };
        for number in 0..CONSUMERS {
            publisher.ask(1, purge(format!("q{number}"))).await;
        }
        house.until_held(before + 500_000, "after the deaf have gone").await;
    });
}
