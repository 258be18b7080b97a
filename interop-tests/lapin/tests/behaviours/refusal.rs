//! Channel errors: code and text, and that they cost one channel and nothing else.

use lapin::{
    BasicProperties, Channel, ExchangeKind,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::{
    broker::{Broker, with_broker},
    client::{
        Outcome, body, confirming, consume, consume_with, fresh, next, own_queue, own_queue_with, publish,
        ready, refusal, table, text, within,
    },
};

/// A channel to be refused something, on a connection whose other channel and consumer go on.
struct Pair {
    doomed: Channel,
    survivor: Channel,
}

impl Pair {
    async fn open(broker: &Broker) -> Outcome<Self> {
        let connection = broker.connect().await?;
        let survivor = confirming(&connection).await?;
        Ok(Self { doomed: confirming(&connection).await?, survivor })
    }

    /// The channel that was refused is closed; the other one still publishes and consumes.
    async fn assert_only_one_closed(&self) -> Outcome {
        assert!(!self.doomed.status().connected());
        let queue = own_queue(&self.survivor).await?;
        let mut consumer = consume(&self.survivor, &queue).await?;
        publish(&self.survivor, "", queue.as_str(), "alive").await?;
        assert_eq!(body(&next(&mut consumer).await?), "alive");
        Ok(())
    }
}

fn not_found(what: &str) -> (u16, String) {
    (404, format!("NOT_FOUND - no {what}"))
}

#[test]
fn a_passive_declare_of_a_missing_queue_is_404() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = fresh("missing");
        let passive = QueueDeclareOptions::default().passive();
        let answer = pair.doomed.queue_declare(queue.clone(), passive, FieldTable::default()).await;
        assert_eq!(refusal(answer)?, not_found(&broker.queue_text(&queue)));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn a_passive_declare_of_a_missing_exchange_is_404() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let exchange = fresh("missing");
        let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
        let answer = pair
            .doomed
            .exchange_declare(exchange.clone(), ExchangeKind::Direct, passive, FieldTable::default())
            .await;
        assert_eq!(refusal(answer)?, not_found(&broker.exchange_text(&exchange)));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn consuming_from_a_missing_queue_is_404() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = fresh("missing");
        let options = BasicConsumeOptions::default();
        let answer =
            pair.doomed.basic_consume(queue.clone(), "".into(), options, FieldTable::default()).await;
        assert_eq!(refusal(answer)?, not_found(&broker.queue_text(&queue)));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn getting_from_a_missing_queue_is_404() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = fresh("missing");
        let answer = pair.doomed.basic_get(queue.clone(), BasicGetOptions::default()).await;
        assert_eq!(refusal(answer)?, not_found(&broker.queue_text(&queue)));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn binding_to_a_missing_exchange_is_404() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = own_queue(&pair.doomed).await?;
        let exchange = fresh("missing");
        let options = QueueBindOptions::default();
        let answer = pair
            .doomed
            .queue_bind(queue, exchange.clone(), "key".into(), options, FieldTable::default())
            .await;
        assert_eq!(refusal(answer)?, not_found(&broker.exchange_text(&exchange)));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn publishes_behind_one_to_a_missing_exchange_are_dropped_with_their_channel() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = own_queue(&pair.survivor).await?;
        let exchange = fresh("missing");
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default();
        let first = pair
            .doomed
            .basic_publish(exchange.clone(), "key".into(), options, b"x", properties.clone())
            .await?;
        for _ in 0..100 {
            let sent =
                pair.doomed.basic_publish("".into(), queue.clone(), options, b"y", properties.clone()).await;
            if sent.is_err() {
                break; // The refusal was quicker than we.
            }
        }
        let answer = within("the refusal", first).await?;
        assert_eq!(refusal(answer)?, not_found(&broker.exchange_text(&exchange)));
        assert_eq!(ready(&pair.survivor, &queue).await?, 0);
        pair.assert_only_one_closed().await
    });
}

#[test]
fn a_queue_declared_otherwise_before_is_406() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = fresh("durable");
        let durable = QueueDeclareOptions::durable();
        pair.survivor.queue_declare(queue.clone(), durable, FieldTable::default()).await?;
        let transient = QueueDeclareOptions::default();
        let answer = pair.doomed.queue_declare(queue.clone(), transient, FieldTable::default()).await;
        let what = broker.queue_text(&queue);
        let text = format!(
            "PRECONDITION_FAILED - inequivalent arg 'durable' for {what}: received 'false' but current is 'true'"
        );
        assert_eq!(refusal(answer)?, (406, text));
        pair.survivor.queue_delete(queue, QueueDeleteOptions::default()).await?;
        pair.assert_only_one_closed().await
    });
}

#[test]
fn a_queue_declared_with_another_argument_before_is_406() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let (queue, options) = (fresh("ttl"), QueueDeclareOptions::exclusive());
        let first = table([("x-message-ttl", AMQPValue::LongInt(1000))]);
        pair.survivor.queue_declare(queue.clone(), options, first).await?;
        let second = table([("x-message-ttl", AMQPValue::LongLongInt(2000))]);
        let answer = pair.doomed.queue_declare(queue.clone(), options, second).await;
        let what = broker.queue_text(&queue);
        let text = format!(
            "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for {what}: received '2000' but current is '1000'"
        );
        assert_eq!(refusal(answer)?, (406, text));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn an_argument_is_the_same_in_any_width_of_integer() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue_with(&channel, table([("x-message-ttl", AMQPValue::LongInt(60_000))])).await?;
        // A received name can't be declared again (`amq.` is reserved), so a queue with a name of our own.
        assert!(queue.as_str().starts_with("amq.gen-"));
        let (queue, options) = (fresh("ttl"), QueueDeclareOptions::exclusive());
        for value in [
            AMQPValue::LongInt(60_000),
            AMQPValue::LongUInt(60_000),
            AMQPValue::LongLongInt(60_000),
            AMQPValue::ShortUInt(60_000),
        ] {
            channel.queue_declare(queue.clone(), options, table([("x-message-ttl", value)])).await?;
        }
        Ok(())
    });
}

#[test]
fn an_invalid_argument_is_406() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = fresh("invalid");
        let arguments = table([("x-message-ttl", text("soon"))]);
        let answer =
            pair.doomed.queue_declare(queue.clone(), QueueDeclareOptions::exclusive(), arguments).await;
        let what = broker.queue_text(&queue);
        let text = format!(
            "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for {what}: \"expected integer, got longstr\""
        );
        assert_eq!(refusal(answer)?, (406, text));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn an_exchange_declared_otherwise_before_is_406() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let exchange: ShortString = "amq.fanout".into();
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let answer = pair
            .doomed
            .exchange_declare(exchange.clone(), ExchangeKind::Direct, options, FieldTable::default())
            .await;
        let what = broker.exchange_text(&exchange);
        let text = format!(
            "PRECONDITION_FAILED - inequivalent arg 'type' for {what}: received 'direct' but current is 'fanout'"
        );
        assert_eq!(refusal(answer)?, (406, text));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn an_unknown_exchange_type_is_406() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let kind = ExchangeKind::Custom("x-nosuch".to_owned());
        let answer = pair
            .doomed
            .exchange_declare(fresh("x"), kind, ExchangeDeclareOptions::default(), FieldTable::default())
            .await;
        assert_eq!(refusal(answer)?.0, 406); // RabbitMQ words it in more ways than one.
        pair.assert_only_one_closed().await
    });
}

#[test]
fn acknowledging_twice_is_406() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = own_queue(&pair.doomed).await?;
        let mut consumer = consume(&pair.doomed, &queue).await?;
        publish(&pair.doomed, "", queue.as_str(), "once").await?;
        let tag = next(&mut consumer).await?.delivery_tag;
        pair.doomed.basic_ack(tag, BasicAckOptions::default()).await?;
        pair.doomed.basic_ack(tag, BasicAckOptions::default()).await?;
        let end = within("the end of the consumer", futures_lite::StreamExt::next(&mut consumer)).await?;
        let expected = (406, "PRECONDITION_FAILED - unknown delivery tag 1".to_owned());
        assert_eq!(end.map(refusal).transpose()?, Some(expected));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn a_reserved_name_is_403() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let options = QueueDeclareOptions::exclusive();
        let answer = pair.doomed.queue_declare("amq.mine".into(), options, FieldTable::default()).await;
        let text = "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'".to_owned();
        assert_eq!(refusal(answer)?, (403, text));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn the_default_exchange_is_not_to_be_bound() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = own_queue(&pair.doomed).await?;
        let options = QueueBindOptions::default();
        let answer =
            pair.doomed.queue_bind(queue, "".into(), "key".into(), options, FieldTable::default()).await;
        let text = "ACCESS_REFUSED - operation not permitted on the default exchange".to_owned();
        assert_eq!(refusal(answer)?, (403, text));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn a_consumer_beside_an_exclusive_one_is_403() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = own_queue(&pair.survivor).await?;
        let exclusive = BasicConsumeOptions { exclusive: true, ..Default::default() };
        let _sole = consume_with(&pair.survivor, &queue, exclusive).await?;
        let options = BasicConsumeOptions::default();
        let answer =
            pair.doomed.basic_consume(queue.clone(), "".into(), options, FieldTable::default()).await;
        let text = format!("ACCESS_REFUSED - {} in exclusive use", broker.queue_text(&queue));
        assert_eq!(refusal(answer)?, (403, text));
        pair.assert_only_one_closed().await
    });
}

#[test]
fn an_exclusive_queue_is_locked_for_other_connections() {
    with_broker(async |broker| {
        let owner = broker.channel().await?;
        let queue = fresh("exclusive");
        let options = QueueDeclareOptions::exclusive();
        owner.queue_declare(queue.clone(), options, FieldTable::default()).await?;
        let other = broker.connect().await?;
        let what = broker.queue_text(&queue);
        let locked = (
            405,
            format!(
                "RESOURCE_LOCKED - cannot obtain exclusive access to locked {what}. It could be originally \
                 declared on another connection or the exclusive property value does not match that of the \
                 original declaration."
            ),
        );
        let none = FieldTable::default;
        let declare = other.create_channel().await?.queue_declare(queue.clone(), options, none()).await;
        assert_eq!(refusal(declare)?, locked);
        let passive = options.passive();
        let passive = other.create_channel().await?.queue_declare(queue.clone(), passive, none()).await;
        assert_eq!(refusal(passive)?, locked);
        let options = BasicConsumeOptions::default();
        let second =
            other.create_channel().await?.basic_consume(queue.clone(), "".into(), options, none()).await;
        assert_eq!(refusal(second)?, locked);
        let get = other.create_channel().await?.basic_get(queue.clone(), BasicGetOptions::default()).await;
        assert_eq!(refusal(get)?, locked);
        let bind = QueueBindOptions::default();
        let bind = other
            .create_channel()
            .await?
            .queue_bind(queue.clone(), "amq.direct".into(), "key".into(), bind, none())
            .await;
        assert_eq!(refusal(bind)?, locked);
        let options = QueuePurgeOptions::default();
        let purge = other.create_channel().await?.queue_purge(queue.clone(), options).await;
        assert_eq!(refusal(purge)?, locked);
        let options = QueueDeleteOptions::default();
        let delete = other.create_channel().await?.queue_delete(queue.clone(), options).await;
        assert_eq!(refusal(delete)?, locked);
        // To publish into it is nobody's privilege.
        publish(&confirming(&other).await?, "", queue.as_str(), "for the owner").await?;
        let mut consumer = consume(&owner, &queue).await?;
        assert_eq!(body(&next(&mut consumer).await?), "for the owner");
        Ok(())
    });
}

#[test]
fn an_exclusive_queue_is_not_to_be_declared_otherwise_by_its_owner_either() {
    with_broker(async |broker| {
        let pair = Pair::open(&broker).await?;
        let queue = fresh("exclusive");
        let options = QueueDeclareOptions::exclusive();
        pair.survivor.queue_declare(queue.clone(), options, FieldTable::default()).await?;
        let shared = QueueDeclareOptions::default();
        let answer = pair.doomed.queue_declare(queue.clone(), shared, FieldTable::default()).await;
        let (code, text) = refusal(answer)?;
        assert_eq!(code, 405, "{text}");
        assert!(
            text.starts_with("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue"),
            "{text}"
        );
        pair.assert_only_one_closed().await
    });
}
