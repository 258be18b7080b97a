//! Where messages go that were rejected, too old or too many: the retry patterns programs are built on.

use lapin::{
    BasicProperties, Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicRejectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::{
    broker::with_broker,
    client::{
        Failure, Outcome, body, consume, fresh, get, next, own_queue, own_queue_with, publish,
        publish_numbers, publish_with, ready, table, text,
    },
};

/// Arguments that send dead letters straight to a queue.
fn dead_letters_to(queue: &ShortString) -> FieldTable {
    table([("x-dead-letter-exchange", text("")), ("x-dead-letter-routing-key", text(queue.as_str()))])
}

/// A queue with these arguments whose dead letters go to the other queue.
async fn work_queue<const N: usize>(
    channel: &Channel,
    graveyard: &ShortString,
    arguments: [(&str, AMQPValue); N],
) -> Outcome<ShortString> {
    let mut all = dead_letters_to(graveyard);
    for (key, value) in arguments {
        all.insert(key.into(), value);
    }
    own_queue_with(channel, all).await
}

/// The newest event of a dead letter's history.
fn newest_death(delivery: &Delivery) -> Outcome<FieldTable> {
    let headers = delivery.properties.headers().clone().unwrap_or_default();
    let deaths = headers.inner().get("x-death").and_then(AMQPValue::as_array).cloned().unwrap_or_default();
    match deaths.as_slice().first() {
        Some(AMQPValue::FieldTable(death)) => Ok(death.clone()),
        other => Err(Failure::new(format!("no history of deaths, but {other:?} in {headers:?}"))),
    }
}

fn field(death: &FieldTable, key: &str) -> Option<AMQPValue> {
    death.inner().get(key).cloned()
}

#[test]
fn a_rejected_message_is_dead_lettered_with_its_history() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let graveyard = own_queue(&channel).await?;
        let queue = work_queue(&channel, &graveyard, []).await?;
        publish(&channel, "", queue.as_str(), "bad").await?;
        get(&channel, &queue).await?.reject(BasicRejectOptions { requeue: false }).await?;
        let mut dead = consume(&channel, &graveyard).await?;
        let letter = next(&mut dead).await?;
        assert_eq!((body(&letter), &letter.routing_key), ("bad".to_owned(), &graveyard));
        let death = newest_death(&letter)?;
        assert_eq!(field(&death, "reason"), Some(text("rejected")));
        assert_eq!(field(&death, "queue"), Some(text(queue.as_str())));
        assert_eq!(field(&death, "count"), Some(AMQPValue::LongLongInt(1)));
        assert_eq!(field(&death, "exchange"), Some(text("")));
        let headers = letter.properties.headers().clone().unwrap_or_default();
        assert_eq!(field(&headers, "x-first-death-reason"), Some(text("rejected")));
        assert_eq!(field(&headers, "x-first-death-queue"), Some(text(queue.as_str())));
        Ok(())
    });
}

#[test]
fn a_message_older_than_the_queue_allows_is_dead_lettered() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let graveyard = own_queue(&channel).await?;
        let ttl = ("x-message-ttl", AMQPValue::LongInt(50));
        let queue = work_queue(&channel, &graveyard, [ttl]).await?;
        let mut dead = consume(&channel, &graveyard).await?;
        publish(&channel, "", queue.as_str(), "late").await?;
        let letter = next(&mut dead).await?;
        assert_eq!(body(&letter), "late");
        assert_eq!(field(&newest_death(&letter)?, "reason"), Some(text("expired")));
        assert_eq!(ready(&channel, &queue).await?, 0);
        Ok(())
    });
}

#[test]
fn a_message_past_its_own_expiration_is_dead_lettered_without_it() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let graveyard = own_queue(&channel).await?;
        let queue = work_queue(&channel, &graveyard, []).await?;
        let mut dead = consume(&channel, &graveyard).await?;
        let properties = BasicProperties::default().with_expiration("50".into());
        publish_with(&channel, "", queue.as_str(), b"late", properties).await?;
        let letter = next(&mut dead).await?;
        assert_eq!(letter.properties.expiration(), &None);
        let death = newest_death(&letter)?;
        assert_eq!(field(&death, "reason"), Some(text("expired")));
        assert_eq!(field(&death, "original-expiration"), Some(text("50")));
        Ok(())
    });
}

#[test]
fn what_a_full_queue_drops_is_dead_lettered() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let graveyard = own_queue(&channel).await?;
        let limit = ("x-max-length", AMQPValue::LongInt(1));
        let queue = work_queue(&channel, &graveyard, [limit]).await?;
        let mut dead = consume(&channel, &graveyard).await?;
        publish_numbers(&channel, &queue, 3).await?;
        for number in ["1", "2"] {
            let letter = next(&mut dead).await?;
            assert_eq!(body(&letter), number);
            assert_eq!(field(&newest_death(&letter)?, "reason"), Some(text("maxlen")));
        }
        assert_eq!(body(&get(&channel, &queue).await?), "3");
        Ok(())
    });
}

#[test]
fn a_retry_through_a_waiting_room_counts_its_rounds() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        // The two queues point at each other, so one of them has a name of our own.
        let work = fresh("work");
        let mut waiting_arguments = dead_letters_to(&work);
        waiting_arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(20));
        let waiting_room = own_queue_with(&channel, waiting_arguments).await?;
        let exclusive = QueueDeclareOptions::exclusive();
        channel.queue_declare(work.clone(), exclusive, dead_letters_to(&waiting_room)).await?;
        let mut consumer = consume(&channel, &work).await?;
        publish(&channel, "", work.as_str(), "flaky").await?;
        next(&mut consumer).await?.reject(BasicRejectOptions { requeue: false }).await?;
        for round in 1..=3 {
            let delivery = next(&mut consumer).await?;
            let death = newest_death(&delivery)?;
            assert_eq!(field(&death, "queue"), Some(text(waiting_room.as_str())));
            assert_eq!(field(&death, "count"), Some(AMQPValue::LongLongInt(round)));
            if round < 3 {
                delivery.reject(BasicRejectOptions { requeue: false }).await?;
            } else {
                delivery.ack(BasicAckOptions::default()).await?;
            }
        }
        assert_eq!((ready(&channel, &work).await?, ready(&channel, &waiting_room).await?), (0, 0));
        Ok(())
    });
}
