//! What one connection sees of another: its crash, its deletions, its exclusive queues, its replies.

use std::collections::HashSet;
use std::time::Instant;

use leveret_codec::Limits;
use leveret_codec::PropertiesBuilder;
use leveret_codec::content::ContentHeader;
use leveret_codec::method::{Method, basic, connection, exchange, queue};

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Frame, PATIENCE, Peer, publish_with};

/// Asks a queue's number of messages until it is this one: a crash is noticed when the kernel says so.
async fn until_count(witness: &mut Peer, queue: &str, count: u32) {
    let started = Instant::now();
    while witness.count(1, queue).await != count {
        assert!(started.elapsed() < PATIENCE, "waited too long for {count} messages in {queue}");
    }
}

/// Declares passively until the queue is gone.
async fn until_gone(witness: &mut Peer, queue: &str) {
    let started = Instant::now();
    let passive = queue::Declare { queue: queue.into(), passive: true, ..Default::default() };
    while let Method::Queue(_) = witness.ask(1, say::queue(passive.clone())).await {
        assert!(started.elapsed() < PATIENCE, "waited too long for {queue} to go");
    }
    witness.send(1, say::close_channel_ok()).await;
    witness.must(1, say::open_channel()).await;
}

#[tokio::test]
async fn what_a_crashed_consumer_held_comes_back_in_its_old_order() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    for body in ["a", "b", "c", "d", "e"] {
        witness.publish(1, "q", body.as_bytes()).await;
    }
    let mut consumer = Peer::open_channel(broker.amqp_addr()).await;
    consumer.consume_acked(1, "q", 4).await;
    let held = consumer.deliveries(1, &["a", "b", "c", "d"]).await;
    assert!(held.iter().all(|delivery| !delivery.redelivered));
    consumer.send(1, say::ack(2, false)).await;
    consumer.deliveries(1, &["e"]).await;
    consumer.crash();
    until_count(&mut witness, "q", 4).await;
    witness.publish(1, "q", b"f").await;
    witness.consume_acked(1, "q", 0).await;
    let again = witness.deliveries(1, &["a", "c", "d", "e", "f"]).await;
    let redelivered: Vec<bool> = again.iter().map(|delivery| delivery.redelivered).collect();
    assert_eq!(redelivered, [true, true, true, true, false]);
}

#[tokio::test]
async fn what_was_never_sent_to_a_crashed_consumer_was_not_delivered() {
    const COUNT: u32 = 400;
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    let mut consumer = Peer::connect_narrow(broker.amqp_addr())
        .await
        .opened(support::tune_ok(0))
        .await
        .with_channel(1)
        .await;
    consumer.consume_acked(1, "q", 0).await;
    // More than the sockets hold: some wait in the broker, the rest in the queue.
    let rest = vec![7; 50_000];
    for number in 0..COUNT {
        witness.publish(1, "q", &[&number.to_be_bytes()[..], &rest].concat()).await;
    }
    assert!(0 < witness.count(1, "q").await);
    consumer.delivery(1).await;
    consumer.crash();
    until_count(&mut witness, "q", COUNT).await;
    witness.consume_acked(1, "q", 0).await;
    let mut was_fresh = false;
    for number in 0..COUNT {
        let delivery = witness.delivery(1).await;
        assert_eq!(delivery.body[..4], number.to_be_bytes());
        // First those that may have been seen, then those that cannot have been.
        assert!(!(was_fresh && delivery.redelivered), "{number}");
        was_fresh = !delivery.redelivered;
    }
    assert!(was_fresh);
}

#[tokio::test]
async fn exclusive_queues_are_gone_when_close_ok_is_out() {
    let broker = support::broker().await;
    let mut lingering = Vec::new();
    for turn in 0..200 {
        let mut peer = Peer::open_channel(broker.amqp_addr()).await;
        for name in ["mine", "mine too"] {
            let exclusive = queue::Declare { queue: name.into(), exclusive: true, ..Default::default() };
            let ok = peer.ask(1, say::queue(exclusive)).await;
            assert!(matches!(ok, Method::Queue(queue::AMQPMethod::DeclareOk(_))), "{turn}: {ok:?}");
        }
        let ok = peer.ask(0, say::close()).await;
        assert!(matches!(ok, Method::Connection(connection::AMQPMethod::CloseOk(_))), "{ok:?}");
        // The socket stays open a while: the names are free nevertheless.
        lingering.push(peer);
    }
}

#[tokio::test]
async fn an_exclusive_queue_is_its_connections_alone_until_that_crashes() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    let mut owner = Peer::open_channel(broker.amqp_addr()).await.with_channel(2).await;
    let exclusive = queue::Declare { queue: "mine".into(), exclusive: true, ..Default::default() };
    owner.must(1, say::queue(exclusive.clone())).await;
    owner.must(1, say::close_channel()).await;
    let passive = queue::Declare { queue: "mine".into(), passive: true, ..Default::default() };
    for method in [
        say::queue(exclusive.clone()),
        say::queue(passive),
        say::consume(basic::Consume { queue: "mine".into(), ..Default::default() }),
        say::get("mine"),
        say::delete("mine"),
        say::bind("mine", "amq.direct", "key"),
    ] {
        witness.send(1, method).await;
        let (code, text) = witness.channel_closed_with(1).await;
        assert_eq!(code, 405);
        assert!(
            text.starts_with("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine'"),
            "{text}"
        );
        witness.send(1, say::close_channel_ok()).await;
        witness.must(1, say::open_channel()).await;
    }
    witness.publish(1, "mine", b"hello").await;
    assert_eq!(witness.get(1, "witnessed").await, None);
    assert_eq!(owner.count(2, "mine").await, 1);
    owner.crash();
    until_gone(&mut witness, "mine").await;
    witness.must(1, say::queue(exclusive)).await;
}

#[tokio::test]
async fn a_crash_takes_the_consumer_its_queue_the_binding_and_the_exchange() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    let mut consumer = Peer::open_channel(broker.amqp_addr()).await;
    let exchange = exchange::Declare {
        exchange: "x".into(),
        kind: "direct".into(),
        auto_delete: true,
        ..Default::default()
    };
    consumer.must(1, say::exchange(exchange)).await;
    let queue = queue::Declare { queue: "q".into(), auto_delete: true, ..Default::default() };
    consumer.must(1, say::queue(queue)).await;
    consumer.must(1, say::bind("q", "x", "key")).await;
    consumer.consume(1, "q").await;
    let publish = basic::Publish { exchange: "x".into(), routing_key: "key".into(), ..Default::default() };
    witness.send_bytes(&support::publish_as(1, publish.clone(), b"hello")).await;
    consumer.deliveries(1, &["hello"]).await;
    consumer.crash();
    until_gone(&mut witness, "q").await;
    witness.send_bytes(&support::publish_as(1, publish, b"hello")).await;
    let text = "NOT_FOUND - no exchange 'x' in vhost '/'".to_owned();
    assert_eq!(witness.channel_closed_with(1).await, (404, text));
}

#[tokio::test]
async fn consumers_hear_that_somebody_else_deleted_their_queue() {
    let broker = support::broker().await;
    let mut witness = witness(&broker).await;
    witness.declare(1, "q").await;
    let mut consumer = Peer::open_channel(broker.amqp_addr()).await.with_channel(2).await;
    for tag in ["one", "two"] {
        let consume = basic::Consume { queue: "q".into(), consumer_tag: tag.into(), ..Default::default() };
        consumer.must(1, say::consume(consume)).await;
    }
    witness.publish(1, "q", b"hello").await;
    let held = consumer.delivery(1).await;
    witness.must(1, say::delete("q")).await;
    let mut cancelled = HashSet::new();
    for _ in 0..2 {
        match consumer.method(1).await {
            Method::Basic(basic::AMQPMethod::Cancel(cancel)) => {
                assert!(cancel.nowait);
                cancelled.insert(cancel.consumer_tag.to_string());
            }
            other => panic!("expected basic.cancel, got {other:?}"),
        }
    }
    assert_eq!(cancelled, ["one", "two"].map(str::to_owned).into());
    // What it still holds can be acknowledged, the tags are free, the channel works.
    consumer.send(1, say::ack(held.tag, false)).await;
    consumer.declare(1, "q").await;
    let consume = basic::Consume { queue: "q".into(), consumer_tag: "one".into(), ..Default::default() };
    consumer.must(1, say::consume(consume)).await;
    witness.publish(1, "q", b"again").await;
    assert_eq!(consumer.deliveries(1, &["again"]).await[0].tag, held.tag + 1);
}

/// Expects a request, and says who wants the reply.
async fn request(server: &mut Peer) -> (String, Vec<u8>) {
    let deliver = server.method(1).await;
    assert!(matches!(deliver, Method::Basic(basic::AMQPMethod::Deliver(_))), "{deliver:?}");
    let Frame::Header(1, header) = server.frame().await else { panic!("expected a content header") };
    let header = ContentHeader::decode(&header, &Limits::default()).unwrap();
    let reply_to = String::from_utf8(header.properties.reply_to().unwrap().to_vec()).unwrap();
    let Frame::Body(1, body) = server.frame().await else { panic!("expected a body") };
    (reply_to, body.to_vec())
}

async fn call(client: &mut Peer, body: &[u8]) {
    let publish = basic::Publish { routing_key: "calls".into(), ..Default::default() };
    let properties = PropertiesBuilder::new().reply_to("amq.rabbitmq.reply-to").build();
    client.send_bytes(&publish_with(1, publish, &properties, body)).await;
}

#[tokio::test]
async fn replies_go_straight_to_whoever_called() {
    let broker = support::broker().await;
    let mut server = Peer::open_channel(broker.amqp_addr()).await;
    server.declare(1, "calls").await;
    server.consume(1, "calls").await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = Peer::open_channel(broker.amqp_addr()).await;
        client.consume(1, "amq.rabbitmq.reply-to").await;
        clients.push(client);
    }
    for round in 0..20 {
        for (number, client) in clients.iter_mut().enumerate() {
            call(client, format!("{number} {round}").as_bytes()).await;
        }
        for _ in 0..clients.len() {
            let (reply_to, body) = request(&mut server).await;
            server.publish(1, &reply_to, &body).await;
        }
        for (number, client) in clients.iter_mut().enumerate() {
            client.deliveries(1, &[&format!("{number} {round}")]).await;
        }
    }
    // Somebody who has gone is not missed, and nobody else gets what was for it.
    let mut gone = clients.pop().unwrap();
    call(&mut gone, b"too late").await;
    let (reply_to, body) = request(&mut server).await;
    gone.crash();
    server.publish(1, &reply_to, &body).await;
    assert_serves(&mut witness(&broker).await).await;
    call(&mut clients[0], b"still there").await;
    let (reply_to, body) = request(&mut server).await;
    server.publish(1, &reply_to, &body).await;
    clients[0].deliveries(1, &["still there"]).await;
}

#[tokio::test]
async fn a_message_is_there_for_everybody_when_its_confirm_is_out() {
    let broker = support::broker().await;
    let mut publisher = Peer::open_channel(broker.amqp_addr()).await;
    let mut other = Peer::open_channel(broker.amqp_addr()).await;
    publisher.declare(1, "q").await;
    publisher.must(1, say::confirms()).await;
    for tag in 1..=200 {
        publisher.publish(1, "q", b"hello").await;
        publisher.confirmed(1, tag).await;
        assert_eq!(other.get(1, "q").await.unwrap(), b"hello");
    }
}

#[tokio::test]
async fn what_one_connection_has_been_granted_every_other_sees_at_once() {
    let broker = support::broker().await;
    let mut one = Peer::open_channel(broker.amqp_addr()).await;
    let mut other = Peer::open_channel(broker.amqp_addr()).await;
    for turn in 0..100 {
        let name = format!("q{turn}");
        one.declare(1, &name).await;
        other.must(1, say::bind(&name, "amq.fanout", "")).await;
        let publish = basic::Publish { exchange: "amq.fanout".into(), ..Default::default() };
        one.send_bytes(&support::publish_as(1, publish, b"hello")).await;
        assert_eq!(one.get(1, &name).await.unwrap(), b"hello");
        other.must(1, say::delete(&name)).await;
        one.declare(1, &name).await;
        assert_eq!(one.count(1, &name).await, 0);
        one.must(1, say::delete(&name)).await;
    }
}
