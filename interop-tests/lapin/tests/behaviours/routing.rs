//! Which queue a message reaches, for every type of exchange.

use lapin::{
    BasicProperties, Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions},
    types::{AMQPValue, FieldArray, FieldTable, ShortString},
};

use crate::{
    broker::with_broker,
    client::{Outcome, body, drain, fresh, get, own_queue, publish, publish_with, ready, table, text},
};

/// An exchange and the queues bound to it, to be asked which of them a message reached.
struct Exchange {
    channel: Channel,
    name: ShortString,
    queues: Vec<(&'static str, ShortString)>,
}

impl Exchange {
    async fn declare(channel: &Channel, kind: ExchangeKind) -> Outcome<Self> {
        let name = fresh("routing");
        let options = ExchangeDeclareOptions { auto_delete: true, ..Default::default() };
        channel.exchange_declare(name.clone(), kind, options, FieldTable::default()).await?;
        Ok(Self { channel: channel.clone(), name, queues: Vec::new() })
    }

    /// Binds a new queue by a key, which is what it is called from now on.
    async fn bind(&mut self, key: &'static str) -> Outcome {
        self.bind_with(key, key, FieldTable::default()).await
    }

    async fn bind_with(&mut self, called: &'static str, key: &str, arguments: FieldTable) -> Outcome {
        let queue = own_queue(&self.channel).await?;
        let (exchange, options) = (self.name.clone(), QueueBindOptions::default());
        self.channel.queue_bind(queue.clone(), exchange, key.into(), options, arguments).await?;
        self.queues.push((called, queue));
        Ok(())
    }

    /// The queues that a message with this key reaches, in the order they were bound.
    async fn reached_by(&self, key: &str) -> Outcome<Vec<&'static str>> {
        self.reached_with(key, BasicProperties::default()).await
    }

    async fn reached_with(&self, key: &str, properties: BasicProperties) -> Outcome<Vec<&'static str>> {
        publish_with(&self.channel, self.name.as_str(), key, b"where to?", properties).await?;
        let mut reached = Vec::new();
        for (called, queue) in &self.queues {
            let copies = drain(&self.channel, queue).await?.len();
            assert!(copies <= 1, "{copies} copies in the queue {called}");
            if copies == 1 {
                reached.push(*called);
            }
        }
        Ok(reached)
    }
}

#[test]
fn the_default_exchange_leads_to_the_queue_of_that_name() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let (queue, other) = (own_queue(&channel).await?, own_queue(&channel).await?);
        publish(&channel, "", queue.as_str(), "hello").await?;
        let message = get(&channel, &queue).await?;
        assert_eq!(body(&message), "hello");
        assert_eq!((message.exchange.as_str(), &message.routing_key), ("", &queue));
        assert_eq!(ready(&channel, &other).await?, 0);
        Ok(())
    });
}

#[test]
fn a_direct_exchange_compares_the_key() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Direct).await?;
        for key in ["info", "warning", "", "Info"] {
            exchange.bind(key).await?;
        }
        assert_eq!(exchange.reached_by("info").await?, ["info"]);
        assert_eq!(exchange.reached_by("").await?, [""]);
        assert_eq!(exchange.reached_by("info.").await?, [""; 0]);
        Ok(())
    });
}

#[test]
fn several_queues_may_be_bound_by_one_key() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Direct).await?;
        for called in ["first", "second"] {
            exchange.bind_with(called, "shared", FieldTable::default()).await?;
        }
        assert_eq!(exchange.reached_by("shared").await?, ["first", "second"]);
        Ok(())
    });
}

#[test]
fn one_queue_bound_twice_gets_one_copy() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Topic).await?;
        exchange.bind("a.*").await?;
        let queue = exchange.queues.iter().map(|(_, queue)| queue.clone()).next_back().unwrap_or_default();
        let (channel, name) = (exchange.channel.clone(), exchange.name.clone());
        let options = QueueBindOptions::default();
        channel.queue_bind(queue, name, "*.b".into(), options, FieldTable::default()).await?;
        assert_eq!(exchange.reached_by("a.b").await?, ["a.*"]);
        Ok(())
    });
}

#[test]
fn a_fanout_exchange_reaches_every_queue() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Fanout).await?;
        for key in ["", "a", "b"] {
            exchange.bind(key).await?;
        }
        assert_eq!(exchange.reached_by("anything").await?, ["", "a", "b"]);
        Ok(())
    });
}

#[test]
fn a_topic_exchange_matches_words() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Topic).await?;
        for pattern in ["#", "*", "a.b", "a.*", "a.#", "*.b", "#.b", "a.#.b", "a..b", "*.*", ""] {
            exchange.bind(pattern).await?;
        }
        let expected: [(&str, &[&str]); 7] = [
            ("a", &["#", "*", "a.#"]),
            ("b", &["#", "*", "#.b"]),
            ("a.b", &["#", "a.b", "a.*", "a.#", "*.b", "#.b", "a.#.b", "*.*"]),
            ("a.x.y.b", &["#", "a.#", "#.b", "a.#.b"]),
            ("a..b", &["#", "a.#", "#.b", "a.#.b", "a..b"]),
            ("A.B", &["#", "*.*"]),
            ("", &["#", ""]),
        ];
        for (key, patterns) in expected {
            assert_eq!(exchange.reached_by(key).await?, patterns, "{key:?}");
        }
        Ok(())
    });
}

#[test]
fn a_headers_exchange_matches_all_or_any() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Headers).await?;
        for x_match in ["all", "any"] {
            let pairs =
                table([("x-match", text(x_match)), ("format", text("pdf")), ("size", AMQPValue::LongInt(4))]);
            exchange.bind_with(x_match, "", pairs).await?;
        }
        let present = table([("x-match", text("all")), ("draft", AMQPValue::Void)]);
        exchange.bind_with("has draft", "", present).await?;
        let by_default = table([("format", text("pdf")), ("size", AMQPValue::LongInt(4))]);
        exchange.bind_with("all by default", "", by_default).await?;
        exchange.bind_with("no pairs", "", FieldTable::default()).await?;
        let pdf = ("format", text("pdf"));
        let cases: [(FieldTable, &[&str]); 6] = [
            (
                table([pdf.clone(), ("size", AMQPValue::LongLongInt(4))]),
                &["all", "any", "all by default", "no pairs"],
            ),
            (table([pdf.clone(), ("size", text("4"))]), &["any", "no pairs"]),
            (table([("format", text("txt"))]), &["no pairs"]),
            (table([("draft", AMQPValue::Boolean(false))]), &["has draft", "no pairs"]),
            (table([("draft", text("")), pdf]), &["any", "has draft", "no pairs"]),
            (FieldTable::default(), &["no pairs"]),
        ];
        for (headers, expected) in cases {
            let properties = BasicProperties::default().with_headers(headers.clone());
            assert_eq!(exchange.reached_with("ignored", properties).await?, expected, "{headers:?}");
        }
        assert_eq!(exchange.reached_by("no headers at all").await?, ["no pairs"]);
        Ok(())
    });
}

#[test]
fn a_headers_exchange_skips_keys_of_the_broker_unless_told_otherwise() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Headers).await?;
        for x_match in ["all", "any", "all-with-x", "any-with-x"] {
            let pairs = table([("x-match", text(x_match)), ("x-kind", text("a")), ("kind", text("b"))]);
            exchange.bind_with(x_match, "", pairs).await?;
        }
        let with = |headers| BasicProperties::default().with_headers(headers);
        let plain = with(table([("kind", text("b"))]));
        assert_eq!(exchange.reached_with("", plain).await?, ["all", "any", "any-with-x"]);
        let prefixed = with(table([("x-kind", text("a"))]));
        assert_eq!(exchange.reached_with("", prefixed).await?, ["any-with-x"]);
        let both = with(table([("x-kind", text("a")), ("kind", text("b"))]));
        let all_four = ["all", "any", "all-with-x", "any-with-x"];
        assert_eq!(exchange.reached_with("", both).await?, all_four);
        Ok(())
    });
}

#[test]
fn an_unbound_queue_gets_nothing_more() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Direct).await?;
        for called in ["stays", "goes"] {
            exchange.bind_with(called, "key", FieldTable::default()).await?;
        }
        for (called, queue) in &exchange.queues {
            if *called == "goes" {
                let (name, none) = (exchange.name.clone(), FieldTable::default());
                exchange.channel.queue_unbind(queue.clone(), name, "key".into(), none).await?;
            }
        }
        assert_eq!(exchange.reached_by("key").await?, ["stays"]);
        Ok(())
    });
}

#[test]
fn copies_go_to_the_keys_in_the_headers_cc_and_bcc() {
    with_broker(async |broker| {
        let mut exchange = Exchange::declare(&broker.channel().await?, ExchangeKind::Direct).await?;
        for key in ["to", "cc", "bcc", "other"] {
            exchange.bind(key).await?;
        }
        let keys = |key| AMQPValue::FieldArray(FieldArray::from(vec![text(key)]));
        let headers = table([("CC", keys("cc")), ("BCC", keys("bcc"))]);
        let properties = BasicProperties::default().with_headers(headers);
        assert_eq!(exchange.reached_with("to", properties.clone()).await?, ["to", "cc", "bcc"]);
        publish_with(&exchange.channel, exchange.name.as_str(), "to", b"", properties).await?;
        for (called, queue) in exchange.queues.iter().filter(|(called, _)| *called != "other") {
            let message = get(&exchange.channel, queue).await?;
            let headers = message.properties.headers().clone().unwrap_or_default();
            assert!(headers.contains_key("CC") && !headers.contains_key("BCC"), "{called}: {headers:?}");
        }
        Ok(())
    });
}
