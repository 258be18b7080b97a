//! The relay and its clients: what is passed on, and what is refused with which words.

use std::net::Ipv4Addr;

use bytes::BytesMut;
use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{basic, encode, exchange, queue};
use leveret_codec::{Method, content, hot};

use super::*;
use crate::cli::client::{CHANNEL, Client, ClientError};

/// A conversation with a relay that lives as long.
fn with_relay(talk: impl FnOnce(&Target)) {
    let relay = Relay::listen((Ipv4Addr::LOCALHOST, 0)).unwrap();
    thread::scope(|scope| {
        let serving = scope.spawn(|| relay.serve());
        let talked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| talk(&relay.target())));
        relay.stop();
        serving.join().unwrap().unwrap();
        if let Err(panic) = talked {
            std::panic::resume_unwind(panic);
        }
    });
}

fn declare(name: &str) -> queue::Declare {
    queue::Declare {
        queue: name.into(),
        passive: false,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: FieldTable::default(),
    }
}

fn consume(queue: &str, tag: &str) -> Method {
    Method::Basic(basic::AMQPMethod::Consume(basic::Consume {
        queue: queue.into(),
        consumer_tag: tag.into(),
        no_local: false,
        no_ack: true,
        exclusive: false,
        nowait: false,
        arguments: FieldTable::default(),
    }))
}

fn declared(client: &mut Client, name: &str) {
    client.call(&Method::Queue(queue::AMQPMethod::Declare(declare(name)))).unwrap();
}

/// A publish without a body.
fn message(exchange: &str, routing_key: &str, mandatory: bool) -> BytesMut {
    let publish = basic::Publish {
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        mandatory,
        immediate: false,
    };
    let mut frames = BytesMut::new();
    encode(CHANNEL, &Method::Basic(basic::AMQPMethod::Publish(publish)), &mut frames);
    content::put_header(&mut frames, CHANNEL, 0, &[0, 0]);
    frames
}

fn refusal(outcome: Result<Method, ClientError>) -> String {
    match outcome {
        Err(ClientError::Refused { code: 540, text }) => text,
        other => panic!("{other:?}"),
    }
}

fn delivery(client: &mut Client) -> (String, u64, String) {
    match client.receive().unwrap() {
        Method::Basic(basic::AMQPMethod::Deliver(deliver)) => {
            (deliver.consumer_tag.to_string(), deliver.delivery_tag, deliver.routing_key.to_string())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_of_all_publishers_come_to_the_consumer_of_their_queue_with_rising_tags() {
    with_relay(|target| {
        let mut consumer = Client::connect(target).unwrap();
        for (queue, tag) in [("a", "first"), ("b", "second")] {
            declared(&mut consumer, queue);
            consumer.call(&consume(queue, tag)).unwrap();
        }
        let mut publishers = [Client::connect(target).unwrap(), Client::connect(target).unwrap()];
        let expected = [("first", "a"), ("second", "b"), ("second", "b"), ("first", "a")];
        for (number, (tag, key)) in expected.into_iter().enumerate() {
            publishers[number % 2].write(&message("", key, false)).unwrap();
            let number = number as u64 + 1;
            assert_eq!(delivery(&mut consumer), (tag.to_owned(), number, key.to_owned()));
        }
    });
}

#[test]
fn a_queue_that_is_not_there_drops_and_one_without_a_consumer_is_refused() {
    with_relay(|target| {
        let mut publisher = Client::connect(target).unwrap();
        publisher.write(&message("", "nowhere", false)).unwrap();
        declared(&mut publisher, "alone");
        publisher.write(&message("", "alone", false)).unwrap();
        let text = "NOT_IMPLEMENTED - the relay keeps no messages: nobody consumes queue 'alone'";
        assert_eq!(refusal(publisher.receive()), text);
    });
}

#[test]
fn a_consumer_may_come_back_and_publishers_find_it() {
    with_relay(|target| {
        let mut publisher = Client::connect(target).unwrap();
        declared(&mut publisher, "q");
        for _ in 0..2 {
            let mut consumer = Client::connect(target).unwrap();
            consumer.call(&consume("q", "c")).unwrap();
            publisher.write(&message("", "q", false)).unwrap();
            assert_eq!(delivery(&mut consumer).1, 1);
            let cancel = basic::Cancel { consumer_tag: "c".into(), nowait: false };
            consumer.call(&Method::Basic(basic::AMQPMethod::Cancel(cancel))).unwrap();
        }
    });
}

#[test]
fn what_needs_a_broker_is_refused_with_540() {
    with_relay(|target| {
        let call = |request: &Method| {
            let mut client = Client::connect(target).unwrap();
            refusal(client.call(request))
        };
        let publish = |frames: &[u8]| {
            let mut client = Client::connect(target).unwrap();
            client.write(frames).unwrap();
            refusal(client.receive())
        };
        assert_eq!(
            publish(&message("x", "", false)),
            "NOT_IMPLEMENTED - the relay knows only the default exchange"
        );
        assert_eq!(publish(&message("", "", true)), "NOT_IMPLEMENTED - the relay returns no messages");
        let mut nack = BytesMut::new();
        hot::put_nack(&mut nack, CHANNEL, 1, false, true);
        let only = "NOT_IMPLEMENTED - the relay does only what a load of `leveret perf` asks of it";
        assert_eq!(publish(&nack), only);
        let delete = exchange::Delete { exchange: "x".into(), if_unused: false, nowait: false };
        assert_eq!(call(&Method::Exchange(exchange::AMQPMethod::Delete(delete))), only);
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
        for asks in [
            queue::Declare { exclusive: true, ..declare("q") },
            queue::Declare { arguments, ..declare("q") },
            declare(""),
        ] {
            let text = "NOT_IMPLEMENTED - the relay has only queues with a name and nothing else";
            assert_eq!(call(&Method::Queue(queue::AMQPMethod::Declare(asks))), text);
        }
        let mut first = Client::connect(target).unwrap();
        declared(&mut first, "q");
        first.call(&consume("q", "c")).unwrap();
        let text =
            "NOT_IMPLEMENTED - the relay gives a queue to one consumer, and has none that was not declared";
        assert_eq!(call(&consume("q", "c")), text);
        assert_eq!(call(&consume("r", "c")), text);
    });
}
