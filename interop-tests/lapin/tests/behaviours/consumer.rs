//! Consumers: what they get, how much at once, in turns, and until when.

use futures_lite::StreamExt;
use lapin::{
    Channel,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};

use crate::{
    broker::with_broker,
    client::{
        Outcome, at_hand, bodies, body, confirming, consume, consume_with, drain, fresh, next, own_queue,
        publish, publish_numbers, ready, table, within,
    },
};

const NO_ACK: BasicConsumeOptions =
    BasicConsumeOptions { no_local: false, no_ack: true, exclusive: false, nowait: false };

async fn prefetch(channel: &Channel, count: u16) -> Outcome {
    Ok(channel.basic_qos(count, BasicQosOptions::default()).await?)
}

#[test]
fn a_published_message_is_delivered_to_the_consumer() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let mut consumer = consume(&channel, &queue).await?;
        publish(&channel, "amq.direct", "nobody", "lost").await?;
        publish(&channel, "", queue.as_str(), "hello").await?;
        let delivery = next(&mut consumer).await?;
        assert_eq!(body(&delivery), "hello");
        assert_eq!((delivery.delivery_tag, delivery.redelivered), (1, false));
        assert_eq!((delivery.exchange.as_str(), &delivery.routing_key), ("", &queue));
        delivery.ack(BasicAckOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn a_consumer_gets_what_was_there_before_it() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        let mut consumer = consume(&channel, &queue).await?;
        publish(&channel, "", queue.as_str(), "4").await?;
        assert_eq!(bodies(&mut consumer, 4).await?, ["1", "2", "3", "4"]);
        Ok(())
    });
}

#[test]
fn the_broker_names_a_consumer_that_has_no_tag() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let (first, second) = (consume(&channel, &queue).await?, consume(&channel, &queue).await?);
        assert!(first.tag().as_str().starts_with("amq.ctag-"), "{}", first.tag());
        assert_ne!(first.tag(), second.tag());
        Ok(())
    });
}

#[test]
fn messages_without_acknowledgement_are_gone_at_delivery() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (channel, keeper) = (confirming(&connection).await?, confirming(&connection).await?);
        let queue = own_queue(&keeper).await?;
        publish_numbers(&channel, &queue, 3).await?;
        let mut consumer = consume_with(&channel, &queue, NO_ACK).await?;
        assert_eq!(bodies(&mut consumer, 3).await?, ["1", "2", "3"]);
        channel.close(200, "bye".into()).await?;
        assert_eq!(keeper.queue_delete(queue, QueueDeleteOptions::default()).await?, 0);
        Ok(())
    });
}

#[test]
fn prefetch_bounds_what_a_consumer_holds() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 10).await?;
        prefetch(&channel, 3).await?;
        let mut consumer = consume(&channel, &queue).await?;
        let first = next(&mut consumer).await?;
        assert_eq!(bodies(&mut consumer, 2).await?, ["2", "3"]);
        assert_eq!(ready(&channel, &queue).await?, 7);
        assert_eq!(at_hand(&mut consumer).await?, []);
        first.ack(BasicAckOptions::default()).await?;
        assert_eq!(bodies(&mut consumer, 1).await?, ["4"]);
        assert_eq!(ready(&channel, &queue).await?, 6);
        assert_eq!(at_hand(&mut consumer).await?, []);
        Ok(())
    });
}

#[test]
fn prefetch_is_taken_by_consumers_started_after_it() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let (left, right) = (own_queue(&channel).await?, own_queue(&channel).await?);
        for queue in [&left, &right] {
            publish_numbers(&channel, queue, 5).await?;
        }
        prefetch(&channel, 2).await?;
        let mut two = consume(&channel, &left).await?;
        prefetch(&channel, 1).await?;
        let mut one = consume(&channel, &right).await?;
        assert_eq!(bodies(&mut two, 2).await?, ["1", "2"]);
        assert_eq!(bodies(&mut one, 1).await?, ["1"]);
        assert_eq!((ready(&channel, &left).await?, ready(&channel, &right).await?), (3, 4));
        Ok(())
    });
}

#[test]
fn prefetch_for_a_whole_channel_is_accepted() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        // RabbitMQ 4.3 takes it for the prefetch of each consumer: with one it makes no difference.
        channel.basic_qos(1, BasicQosOptions { global: true }).await?;
        publish_numbers(&channel, &queue, 2).await?;
        let mut consumer = consume(&channel, &queue).await?;
        let first = next(&mut consumer).await?;
        assert_eq!(ready(&channel, &queue).await?, 1);
        first.ack(BasicAckOptions::default()).await?;
        assert_eq!(bodies(&mut consumer, 1).await?, ["2"]);
        Ok(())
    });
}

#[test]
fn prefetch_does_not_bound_a_consumer_without_acknowledgement() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 20).await?;
        prefetch(&channel, 1).await?;
        let mut consumer = consume_with(&channel, &queue, NO_ACK).await?;
        assert_eq!(bodies(&mut consumer, 20).await?.len(), 20);
        Ok(())
    });
}

#[test]
fn consumers_take_turns() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let mut first = consume_with(&channel, &queue, NO_ACK).await?;
        let mut second = consume_with(&channel, &queue, NO_ACK).await?;
        publish_numbers(&channel, &queue, 6).await?;
        let mut shares = [bodies(&mut first, 3).await?, bodies(&mut second, 3).await?];
        shares.sort();
        assert_eq!(shares, [["1", "3", "5"], ["2", "4", "6"]]);
        Ok(())
    });
}

#[test]
fn a_busy_consumer_is_passed_over() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (busy, idle) = (confirming(&connection).await?, confirming(&connection).await?);
        let queue = own_queue(&busy).await?;
        for channel in [&busy, &idle] {
            prefetch(channel, 1).await?;
        }
        let mut held = consume(&busy, &queue).await?;
        publish(&busy, "", queue.as_str(), "long task").await?;
        let task = next(&mut held).await?;
        let mut worker = consume(&idle, &queue).await?;
        publish_numbers(&busy, &queue, 5).await?;
        for number in 1..=5 {
            let delivery = next(&mut worker).await?;
            assert_eq!(body(&delivery), number.to_string());
            delivery.ack(BasicAckOptions::default()).await?;
        }
        ready(&busy, &queue).await?;
        assert_eq!(at_hand(&mut held).await?, []);
        task.ack(BasicAckOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn a_consumer_of_higher_priority_comes_first() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        prefetch(&channel, 2).await?;
        let mut reserve = consume(&channel, &queue).await?;
        let arguments = table([("x-priority", AMQPValue::LongInt(10))]);
        let options = BasicConsumeOptions::default();
        let mut preferred = channel.basic_consume(queue.clone(), "".into(), options, arguments).await?;
        publish_numbers(&channel, &queue, 3).await?;
        assert_eq!(bodies(&mut preferred, 2).await?, ["1", "2"]);
        assert_eq!(bodies(&mut reserve, 1).await?, ["3"]);
        Ok(())
    });
}

#[test]
fn a_cancelled_consumer_gets_no_more_but_may_still_acknowledge() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let mut consumer = consume(&channel, &queue).await?;
        publish(&channel, "", queue.as_str(), "before").await?;
        let delivery = next(&mut consumer).await?;
        channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
        assert_eq!(within("the end of the consumer", consumer.next()).await?, None);
        publish(&channel, "", queue.as_str(), "after").await?;
        assert_eq!(ready(&channel, &queue).await?, 1);
        channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await?;
        assert_eq!(drain(&channel, &queue).await?, [("after".to_owned(), false)]);
        Ok(())
    });
}

#[test]
fn a_tag_is_free_again_after_cancel() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        for round in 1..=2 {
            let options = BasicConsumeOptions::default();
            let mut consumer =
                channel.basic_consume(queue.clone(), "mine".into(), options, FieldTable::default()).await?;
            publish(&channel, "", queue.as_str(), "x").await?;
            let delivery = next(&mut consumer).await?;
            assert_eq!(delivery.delivery_tag, round);
            delivery.ack(BasicAckOptions::default()).await?;
            channel.basic_cancel("mine".into(), BasicCancelOptions::default()).await?;
        }
        // An unknown tag is no error.
        channel.basic_cancel("mine".into(), BasicCancelOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn a_consumer_is_told_when_its_queue_is_deleted() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = fresh("deleted");
        channel.queue_declare(queue.clone(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
        let mut consumer = consume(&channel, &queue).await?;
        let other = broker.channel().await?;
        other.queue_delete(queue, QueueDeleteOptions::default()).await?;
        assert_eq!(within("the cancel by the broker", consumer.next()).await?, None);
        // The channel goes on, its other consumers too.
        let next_queue = own_queue(&channel).await?;
        let mut consumer = consume(&channel, &next_queue).await?;
        publish(&channel, "", next_queue.as_str(), "on").await?;
        assert_eq!(bodies(&mut consumer, 1).await?, ["on"]);
        Ok(())
    });
}
