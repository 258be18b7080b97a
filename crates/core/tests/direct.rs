//! A client without a socket ([`Direct`]), and what those see who look on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use leveret_codec::method::{FieldTable, Method, basic, exchange, queue};
use leveret_codec::{PropertiesBuilder, TableBuilder, Value};
use leveret_core::amqp::{Answer, As, Closed, Direct};
use leveret_core::model::{Alarm, Broker, BrokerSettings, PasswordHash, Permissions, SpanKind, Stat, User};
use leveret_core::{ConnectionId, Effects, NoStore, Timestamp};
use tracing::{Metadata, Subscriber, span};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn broker() -> Arc<Broker> {
    broker_with(BrokerSettings::default())
}

fn broker_with(settings: BrokerSettings) -> Arc<Broker> {
    let broker = Broker::new(settings, [7; 32], Arc::new(NoStore));
    broker.add_vhost("/");
    let mut user = User::new("reader", PasswordHash::default(), Vec::new());
    user.set_permissions("/", Permissions::new("", "", ".*"));
    broker.put_user(user);
    broker
}

/// Works as somebody and gives everything back.
fn work<R>(broker: &Arc<Broker>, who: As<'_>, work: impl FnOnce(&mut Direct) -> R) -> R {
    let mut direct = Direct::open(NOW, (broker, ConnectionId(9)), who, "/").unwrap();
    let result = work(&mut direct);
    direct.close(NOW);
    let mut effects = std::mem::take(direct.effects());
    broker.carry_out(NOW, &mut effects);
    result
}

fn ask(direct: &mut Direct, method: queue::AMQPMethod) -> Result<Answer, Closed> {
    direct.call(NOW, &Method::Queue(method));
    direct.hear().unwrap()
}

fn declare(name: &str, durable: bool) -> queue::AMQPMethod {
    queue::AMQPMethod::Declare(queue::Declare { queue: name.into(), durable, ..queue::Declare::default() })
}

fn publish(direct: &mut Direct, key: &str, body: &'static [u8]) -> Vec<Answer> {
    let publish = basic::Publish { routing_key: key.into(), mandatory: true, ..basic::Publish::default() };
    // content_type: text/plain
    let properties = [&[0x80, 0, 10], b"text/plain".as_slice()].concat();
    direct.publish(NOW, &publish, (&properties, &Bytes::from_static(body))).unwrap();
    std::iter::from_fn(|| direct.hear()).collect::<Result<_, _>>().unwrap()
}

fn get(direct: &mut Direct, queue: &str) -> Answer {
    let get = basic::Get { queue: queue.into(), no_ack: true };
    direct.call(NOW, &Method::Basic(basic::AMQPMethod::Get(get)));
    direct.hear().unwrap().unwrap()
}

#[test]
fn what_is_published_is_confirmed_and_got_as_it_was() {
    let broker = broker();
    work(&broker, As::Operator("local"), |direct| {
        ask(direct, declare("q", false)).unwrap();
        let answers = publish(direct, "q", b"body");
        assert!(matches!(answers[..], [Answer { method: Method::Basic(basic::AMQPMethod::Ack(_)), .. }]));
        let got = get(direct, "q");
        assert!(matches!(got.method, Method::Basic(basic::AMQPMethod::GetOk(_))));
        assert_eq!((&got.body[..], &got.properties[3..]), (&b"body"[..], &b"text/plain"[..]));
        assert!(matches!(get(direct, "q").method, Method::Basic(basic::AMQPMethod::GetEmpty(_))));
    });
}

#[test]
fn what_reaches_no_queue_comes_back_before_its_confirm() {
    work(&broker(), As::Operator("local"), |direct| {
        let answers = publish(direct, "nowhere", b"");
        let [returned, confirmed] = &answers[..] else { panic!("{answers:?}") };
        assert!(matches!(returned.method, Method::Basic(basic::AMQPMethod::Return(_))));
        assert!(matches!(confirmed.method, Method::Basic(basic::AMQPMethod::Ack(_))));
    });
}

#[test]
fn refusals_are_those_that_all_clients_hear() {
    let broker = broker();
    work(&broker, As::Operator("local"), |direct| {
        ask(direct, declare("q", false)).unwrap();
        let closed = ask(direct, declare("q", true)).unwrap_err();
        assert_eq!(closed.code, 406);
        assert_eq!(
            closed.text,
            "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'"
        );
    });
    work(&broker, As::User("reader"), |direct| {
        let closed = ask(direct, declare("other", false)).unwrap_err();
        assert_eq!(closed.code, 403);
        assert!(
            closed.text.contains("configure access to queue 'other' in vhost '/' refused for user 'reader'")
        );
    });
    let Err(refusal) = Direct::open(NOW, (&broker, ConnectionId(9)), As::Operator("local"), "nope") else {
        panic!("there is no such virtual host")
    };
    assert_eq!(refusal.code.code(), 404);
}

/// Nobody sees it on the list of connections, but what it does is counted.
#[test]
fn its_messages_count_and_it_does_not() {
    let broker = broker();
    work(&broker, As::Operator("local"), |direct| {
        ask(direct, declare("q", false)).unwrap();
        publish(direct, "q", b"12345");
        publish(direct, "nowhere", b"1");
        get(direct, "q");
        assert_eq!(broker.roll().connection_count(), 0);
    });
    let gone = broker.roll().gone();
    let stats = gone["/"].stats;
    let expected = [
        (Stat::Publish, 2),
        (Stat::Confirm, 2),
        (Stat::ReturnUnroutable, 1),
        (Stat::GetNoAck, 1),
        (Stat::Ack, 0),
        (Stat::PublishIn, 0),
    ];
    for (stat, count) in expected {
        assert_eq!(stats[stat], count, "{}", stat.as_str());
    }
    assert_eq!(gone["/"].exchanges[&b""[..]], (2, 1), "into the exchange, and out of it");
    assert_eq!(broker.roll().sizes().bytes, 6);
    let look = broker.vhost("/").unwrap().queue("q").unwrap().look(NOW, &mut Effects::default());
    assert_eq!((look.stats[Stat::Publish], look.stats[Stat::GetNoAck]), (1, 1));
    assert_eq!(broker.past().created, 1);
}

/// Publishes with the header, gets, and says what is told of it.
fn spans(broker: &Arc<Broker>, flags: &str) -> Vec<(SpanKind, String, &'static str)> {
    work(broker, As::Operator("local"), |direct| {
        ask(direct, declare("q", false)).unwrap();
        let mut headers = TableBuilder::new();
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        headers.insert("traceparent", Value::Str(parent.as_bytes()));
        let properties = PropertiesBuilder::default().headers(headers.build().as_ref()).build();
        let publish = basic::Publish { routing_key: "q".into(), ..basic::Publish::default() };
        direct.publish(NOW, &publish, (&properties, &Bytes::from_static(b"x"))).unwrap();
        direct.hear().unwrap().unwrap();
        let got = get(direct, "q");
        assert_eq!(got.properties, properties, "clients see what was published");
        let spans = std::mem::take(&mut direct.effects().spans);
        spans.into_iter().map(|span| (span.kind, span.place, span.outcome)).collect()
    })
}

#[test]
fn the_stay_of_a_message_is_told_if_its_publisher_records_its_trace_and_spans_are_on() {
    let on = broker_with(BrokerSettings { spans: true, ..BrokerSettings::default() });
    let expected =
        [(SpanKind::Publish, String::new(), "routed"), (SpanKind::Queue, "q".to_owned(), "delivered")];
    assert_eq!(spans(&on, "01"), expected);
    assert_eq!(spans(&on, "00"), []);
    assert_eq!(spans(&broker(), "01"), []);
}

#[test]
fn exchanges_that_a_channel_counts_no_more_are_counted_all_the_same() {
    let broker = broker();
    work(&broker, As::Operator("local"), |direct| {
        let exchanges: Vec<String> = (0..80).map(|number| format!("x{number}")).collect();
        for exchange in &exchanges {
            let declare = exchange::Declare {
                exchange: exchange.as_str().into(),
                kind: "fanout".into(),
                ..Default::default()
            };
            direct.call(NOW, &Method::Exchange(exchange::AMQPMethod::Declare(declare)));
            direct.hear().unwrap().unwrap();
        }
        for exchange in exchanges.iter().cycle().take(800) {
            let publish = basic::Publish { exchange: exchange.as_str().into(), ..basic::Publish::default() };
            direct.publish(NOW, &publish, (&[0, 0], &Bytes::new())).unwrap();
            direct.hear().unwrap().unwrap();
        }
    });
    let gone = &broker.roll().gone()["/"];
    assert_eq!(gone.exchanges.len(), 80);
    assert!(gone.exchanges.values().all(|counts| *counts == (10, 0)), "{:?}", gone.exchanges);
    assert_eq!(gone.stats[Stat::Publish], 800);
}

#[test]
fn publishers_are_refused_during_an_alarm_and_go_on_after_it() {
    let broker = broker();
    let alarm = |on| {
        let mut effects = Effects::default();
        broker.set_alarm(Alarm::Disk, on, &mut effects);
        broker.carry_out(NOW, &mut effects);
    };
    work(&broker, As::Operator("local"), |direct| {
        ask(direct, declare("q", false)).unwrap();
        alarm(true);
        let message = basic::Publish { routing_key: "q".into(), ..basic::Publish::default() };
        let refused = direct.publish(NOW, &message, (&[0, 0], &Bytes::new())).unwrap_err();
        assert_eq!(refused.to_string(), "publishers are blocked: low on disk");
        // It may ask for anything else.
        assert!(ask(direct, declare("q", false)).is_ok());
        alarm(false);
        assert!(matches!(
            publish(direct, "q", b"")[..],
            [Answer { method: Method::Basic(basic::AMQPMethod::Ack(_)), .. }]
        ));
    });
}

#[test]
fn a_message_that_waits_in_a_delayed_exchange_is_taken_and_does_not_come_back() {
    let broker = broker();
    work(&broker, As::Operator("local"), |direct| {
        let mut arguments = TableBuilder::new();
        arguments.insert("x-delayed-type", Value::Str(b"fanout"));
        let declare = exchange::Declare {
            exchange: "later".into(),
            kind: "x-delayed-message".into(),
            arguments: FieldTable::from(&arguments.build()),
            ..exchange::Declare::default()
        };
        direct.call(NOW, &Method::Exchange(exchange::AMQPMethod::Declare(declare)));
        direct.hear().unwrap().unwrap();
        let mut headers = TableBuilder::new();
        headers.insert("x-delay", Value::I32(60_000));
        let properties = PropertiesBuilder::new().headers(headers.build().as_ref()).build();
        let publish = basic::Publish { exchange: "later".into(), mandatory: true, ..Default::default() };
        direct.publish(NOW, &publish, (&properties, &Bytes::new())).unwrap();
        let answers: Vec<_> = std::iter::from_fn(|| direct.hear()).collect::<Result<_, _>>().unwrap();
        assert!(
            matches!(answers[..], [Answer { method: Method::Basic(basic::AMQPMethod::Ack(_)), .. }]),
            "{answers:?}"
        );
    });
}

/// Counts the lines of the log.
#[derive(Default)]
struct Lines(AtomicUsize);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_refusal_is_an_answer_and_no_line_of_the_log() {
    let lines = Arc::new(Lines::default());
    tracing::subscriber::with_default(lines.clone(), || {
        tracing::error!("a line");
        work(&broker(), As::Operator("local"), |direct| {
            let nowhere = basic::Publish { exchange: "nope".into(), ..basic::Publish::default() };
            direct.publish(NOW, &nowhere, (&[0, 0], &Bytes::new())).unwrap();
            assert_eq!(direct.hear().unwrap().unwrap_err().code, 404);
        });
    });
    assert_eq!(lines.0.load(Ordering::Relaxed), 1, "the one that was written here");
}
