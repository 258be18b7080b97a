//! Queues: declaring and deleting, counts, who names them and how long they live.

use lapin::{
    BasicProperties, ExchangeKind,
    options::{
        BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicRejectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::{
    broker::with_broker,
    client::{
        bodies, body, confirming, consume, consume_with, drain, eventually, fresh, get, is_gone, own_queue,
        own_queue_with, publish, publish_numbers, publish_with, ready, refusal, table, text,
    },
};

#[test]
fn a_declare_tells_the_ready_messages_and_the_consumers() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = fresh("declared");
        let (options, none) = (QueueDeclareOptions::exclusive(), FieldTable::default);
        let created = channel.queue_declare(queue.clone(), options, none()).await?;
        assert_eq!(created.name(), &queue);
        assert_eq!((created.message_count(), created.consumer_count()), (0, 0));
        publish_numbers(&channel, &queue, 3).await?;
        let again = channel.queue_declare(queue.clone(), options, none()).await?;
        assert_eq!((again.message_count(), again.consumer_count()), (3, 0));
        let got = channel.basic_get(queue.clone(), BasicGetOptions::default()).await?;
        assert_eq!(got.map(|message| (body(&message), message.message_count)), Some(("1".to_owned(), 2)));
        let passive = channel.queue_declare(queue.clone(), options.passive(), none()).await?;
        assert_eq!((passive.message_count(), passive.consumer_count()), (2, 0));
        let _consumer = consume(&channel, &queue).await?;
        let consumed = channel.queue_declare(queue.clone(), options.passive(), none()).await?;
        assert_eq!((consumed.message_count(), consumed.consumer_count()), (0, 1));
        Ok(())
    });
}

#[test]
fn a_queue_without_a_name_is_named_by_the_broker() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let (first, second) = (own_queue(&channel).await?, own_queue(&channel).await?);
        assert!(first.as_str().starts_with("amq.gen-"), "{first}");
        assert_ne!(first, second);
        Ok(())
    });
}

#[test]
fn an_empty_name_means_the_queue_declared_last() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let (_first, last) = (own_queue(&channel).await?, own_queue(&channel).await?);
        let options = QueueBindOptions::default();
        let (exchange, none) = ("amq.direct", FieldTable::default);
        let key = fresh("key");
        channel.queue_bind("".into(), exchange.into(), key.clone(), options, none()).await?;
        publish(&channel, exchange, key.as_str(), "by key").await?;
        // With no key either, the key is the name of the queue.
        channel.queue_bind("".into(), exchange.into(), "".into(), options, none()).await?;
        publish(&channel, exchange, last.as_str(), "by name").await?;
        assert_eq!(body(&get(&channel, &"".into()).await?), "by key");
        assert_eq!(body(&get(&channel, &last).await?), "by name");
        Ok(())
    });
}

#[test]
fn no_queue_declared_yet_is_404_for_an_empty_name() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let answer = channel.basic_get("".into(), BasicGetOptions::default()).await;
        assert_eq!(refusal(answer)?, (404, "NOT_FOUND - no previously declared queue".to_owned()));
        Ok(())
    });
}

#[test]
fn purge_removes_the_ready_messages_and_tells_how_many() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 5).await?;
        let held = get(&channel, &queue).await?;
        assert_eq!(channel.queue_purge(queue.clone(), QueuePurgeOptions::default()).await?, 4);
        assert_eq!(channel.queue_purge(queue.clone(), QueuePurgeOptions::default()).await?, 0);
        // What was out for acknowledgement wasn't purged.
        held.acker.reject(BasicRejectOptions { requeue: true }).await?;
        assert_eq!(drain(&channel, &queue).await?, [("1".to_owned(), true)]);
        Ok(())
    });
}

#[test]
fn delete_tells_the_ready_messages_and_may_be_repeated() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        let _held = get(&channel, &queue).await?;
        assert_eq!(channel.queue_delete(queue.clone(), QueueDeleteOptions::default()).await?, 2);
        assert_eq!(channel.queue_delete(queue, QueueDeleteOptions::default()).await?, 0);
        Ok(())
    });
}

#[test]
fn a_queue_with_messages_is_not_deleted_if_that_is_asked() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let queue = own_queue(&confirming(&connection).await?).await?;
        let channel = confirming(&connection).await?;
        publish(&channel, "", queue.as_str(), "x").await?;
        let if_empty = QueueDeleteOptions { if_empty: true, ..Default::default() };
        let answer = channel.queue_delete(queue.clone(), if_empty).await;
        let text = format!("PRECONDITION_FAILED - {} not empty", broker.queue_text(&queue));
        assert_eq!(refusal(answer)?, (406, text));
        let channel = confirming(&connection).await?;
        channel.queue_purge(queue.clone(), QueuePurgeOptions::default()).await?;
        assert_eq!(channel.queue_delete(queue, if_empty).await?, 0);
        Ok(())
    });
}

#[test]
fn a_queue_with_consumers_is_not_deleted_if_that_is_asked() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let channel = confirming(&connection).await?;
        let queue = own_queue(&channel).await?;
        let consumer = consume(&channel, &queue).await?;
        let if_unused = QueueDeleteOptions { if_unused: true, ..Default::default() };
        let doomed = confirming(&connection).await?;
        let answer = doomed.queue_delete(queue.clone(), if_unused).await;
        let text = format!("PRECONDITION_FAILED - {} in use", broker.queue_text(&queue));
        assert_eq!(refusal(answer)?, (406, text));
        channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
        assert_eq!(channel.queue_delete(queue, if_unused).await?, 0);
        Ok(())
    });
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let channel = confirming(&connection).await?;
        let queue = fresh("auto-delete");
        let options = QueueDeclareOptions::default().auto_delete();
        channel.queue_declare(queue.clone(), options, FieldTable::default()).await?;
        // A get is no consumer: the queue stays.
        publish(&channel, "", queue.as_str(), "x").await?;
        assert_eq!(drain(&channel, &queue).await?.len(), 1);
        let (first, second) = (consume(&channel, &queue).await?, consume(&channel, &queue).await?);
        channel.basic_cancel(first.tag(), BasicCancelOptions::default()).await?;
        assert_eq!(ready(&channel, &queue).await?, 0);
        channel.basic_cancel(second.tag(), BasicCancelOptions::default()).await?;
        eventually("the queue to go", async || is_gone(&connection, &queue).await).await
    });
}

#[test]
fn a_durable_queue_stays_when_its_declarer_goes() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let channel = confirming(&connection).await?;
        let queue = fresh("durable");
        channel.queue_declare(queue.clone(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
        publish(&channel, "", queue.as_str(), "kept").await?;
        ready(&channel, &queue).await?; // The message is in the queue.
        connection.close(200, "bye".into()).await?;
        let channel = broker.channel().await?;
        assert_eq!(body(&get(&channel, &queue).await?), "kept");
        channel.queue_delete(queue, QueueDeleteOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn an_empty_queue_answers_get_with_nothing() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        assert_eq!(channel.basic_get(queue, BasicGetOptions::default()).await?, None);
        Ok(())
    });
}

#[test]
fn messages_leave_in_the_order_they_came() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 500).await?;
        let expected: Vec<_> = (1..=500).map(|number| (number.to_string(), false)).collect();
        assert_eq!(drain(&channel, &queue).await?, expected);
        Ok(())
    });
}

#[test]
fn the_oldest_message_makes_room_in_a_full_queue() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue_with(&channel, table([("x-max-length", AMQPValue::LongInt(2))])).await?;
        publish_numbers(&channel, &queue, 5).await?;
        assert_eq!(drain(&channel, &queue).await?, [("4".to_owned(), false), ("5".to_owned(), false)]);
        Ok(())
    });
}

#[test]
fn a_priority_queue_delivers_the_important_first() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue_with(&channel, table([("x-max-priority", AMQPValue::LongInt(5))])).await?;
        for (body, priority) in [("low", Some(1)), ("none", None), ("high", Some(9)), ("also high", Some(5))]
        {
            let properties = priority
                .map_or_else(Default::default, |priority| BasicProperties::default().with_priority(priority));
            publish_with(&channel, "", queue.as_str(), body.as_bytes(), properties).await?;
        }
        let order: Vec<_> = drain(&channel, &queue).await?.into_iter().map(|(body, _)| body).collect();
        assert_eq!(order, ["high", "also high", "low", "none"]);
        Ok(())
    });
}

#[test]
fn one_consumer_at_a_time_is_active_where_that_is_asked() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let single = table([("x-single-active-consumer", AMQPValue::Boolean(true))]);
        let queue: ShortString = own_queue_with(&channel, single).await?;
        let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
        let mut first = consume_with(&channel, &queue, no_ack).await?;
        let mut second = consume_with(&channel, &queue, no_ack).await?;
        publish_numbers(&channel, &queue, 3).await?;
        assert_eq!(bodies(&mut first, 3).await?, ["1", "2", "3"]);
        channel.basic_cancel(first.tag(), BasicCancelOptions::default()).await?;
        publish(&channel, "", queue.as_str(), "4").await?;
        assert_eq!(bodies(&mut second, 1).await?, ["4"]);
        Ok(())
    });
}

#[test]
fn messages_past_their_time_to_live_are_gone() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let limited = own_queue_with(&channel, table([("x-message-ttl", AMQPValue::LongInt(50))])).await?;
        publish(&channel, "", limited.as_str(), "by the queue").await?;
        let unlimited = own_queue(&channel).await?;
        let properties = BasicProperties::default().with_expiration("50".into());
        publish_with(&channel, "", unlimited.as_str(), b"by the message", properties).await?;
        publish(&channel, "", unlimited.as_str(), "stays").await?;
        for (queue, rest) in [(&limited, 0), (&unlimited, 1)] {
            eventually("the message to expire", async || Ok(ready(&channel, queue).await? == rest)).await?;
        }
        assert_eq!(drain(&channel, &unlimited).await?, [("stays".to_owned(), false)]);
        Ok(())
    });
}

#[test]
fn an_unused_queue_expires() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        // To ask for the queue would be to use it. An exchange that goes with its last binding tells.
        let exchange = fresh("sentinel");
        let options = ExchangeDeclareOptions { auto_delete: true, ..Default::default() };
        let none = FieldTable::default;
        channel.exchange_declare(exchange.clone(), ExchangeKind::Fanout, options, none()).await?;
        let queue = own_queue_with(&channel, table([("x-expires", AMQPValue::LongInt(100))])).await?;
        channel.queue_bind(queue, exchange.clone(), "".into(), QueueBindOptions::default(), none()).await?;
        let connection = broker.connect().await?;
        eventually("the queue to expire", async || {
            let channel = connection.create_channel().await?;
            let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
            let there = channel.exchange_declare(exchange.clone(), ExchangeKind::Fanout, passive, none());
            Ok(there.await.is_err())
        })
        .await
    });
}

#[test]
fn names_may_be_long_and_in_any_script() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let padding = fresh("name");
        for letter in ["q", "ř", "兎", " "] {
            let room = 255 - padding.as_str().len();
            let name: ShortString = format!("{padding}{}", letter.repeat(room / letter.len())).into();
            let options = QueueDeclareOptions::exclusive();
            let declared = channel.queue_declare(name.clone(), options, FieldTable::default()).await?;
            assert_eq!(declared.name(), &name);
            publish(&channel, "", name.as_str(), "found").await?;
            assert_eq!(drain(&channel, &name).await?, [("found".to_owned(), false)]);
        }
        Ok(())
    });
}

#[test]
fn arguments_of_other_days_and_of_other_people_are_accepted() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let arguments = table([
            ("x-queue-type", text("classic")),
            ("x-queue-mode", text("lazy")),
            ("x-queue-version", AMQPValue::LongInt(2)),
            ("x-ha-policy", text("all")),
            ("my-own", AMQPValue::Boolean(true)),
        ]);
        let (queue, options) = (fresh("arguments"), QueueDeclareOptions::exclusive());
        channel.queue_declare(queue.clone(), options, arguments).await?;
        // Only those that mean something to the broker have to be the same again.
        let fewer = table([("x-queue-mode", text("lazy")), ("x-queue-version", AMQPValue::LongInt(2))]);
        channel.queue_declare(queue, options, fewer).await?;
        Ok(())
    });
}

#[test]
fn an_exclusive_queue_is_transient_even_if_it_was_declared_durable() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = fresh("exclusive");
        let transient = QueueDeclareOptions::exclusive();
        let durable = QueueDeclareOptions { durable: true, ..transient };
        for options in [durable, transient] {
            channel.queue_declare(queue.clone(), options, FieldTable::default()).await?;
        }
        Ok(())
    });
}
