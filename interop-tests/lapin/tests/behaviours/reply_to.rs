//! Direct reply-to: a call and its answer without a queue for the answer.

use lapin::{
    BasicProperties, Channel, Consumer,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};

use crate::{
    broker::with_broker,
    client::{Outcome, body, confirming, consume, fresh, next, own_queue, publish_with, refusal, within},
};

const REPLY_TO: &str = "amq.rabbitmq.reply-to";
const NO_ACK: BasicConsumeOptions =
    BasicConsumeOptions { no_local: false, no_ack: true, exclusive: false, nowait: false };

async fn consume_replies(channel: &Channel) -> lapin::Result<Consumer> {
    channel.basic_consume(REPLY_TO.into(), "".into(), NO_ACK, FieldTable::default()).await
}

async fn call(channel: &Channel, queue: &ShortString, body: &str, id: &str) -> Outcome {
    let properties = BasicProperties::default().with_reply_to(REPLY_TO.into()).with_correlation_id(id.into());
    publish_with(channel, "", queue.as_str(), body.as_bytes(), properties).await?;
    Ok(())
}

/// Takes one call and answers in capitals; tells the address it was to answer to.
async fn answer_one(channel: &Channel, calls: &mut Consumer) -> Outcome<ShortString> {
    let call = next(calls).await?;
    let address = call.properties.reply_to().clone().unwrap_or_default();
    let id = call.properties.correlation_id().clone().unwrap_or_default();
    let properties = BasicProperties::default().with_correlation_id(id);
    let answer = body(&call).to_uppercase();
    publish_with(channel, "", address.as_str(), answer.as_bytes(), properties).await?;
    Ok(address)
}

#[test]
fn a_call_is_answered_without_a_reply_queue() {
    with_broker(async |broker| {
        let (client, server) = (broker.channel().await?, broker.channel().await?);
        let queue = fresh("calls");
        let options = QueueDeclareOptions::default().auto_delete();
        server.queue_declare(queue.clone(), options, FieldTable::default()).await?;
        let mut calls = consume(&server, &queue).await?;
        let mut replies = consume_replies(&client).await?;
        for (body_of_call, id) in [("hello", "1"), ("again", "2")] {
            call(&client, &queue, body_of_call, id).await?;
            let address = answer_one(&server, &mut calls).await?;
            assert!(address.as_str().starts_with("amq.rabbitmq.reply-to."), "{address}");
            let reply = next(&mut replies).await?;
            assert_eq!(body(&reply), body_of_call.to_uppercase());
            assert_eq!(reply.properties.correlation_id().as_ref().map(ShortString::as_str), Some(id));
            assert_eq!((reply.exchange.as_str(), &reply.routing_key), ("", &address));
        }
        Ok(())
    });
}

#[test]
fn each_caller_gets_its_own_answers() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let server = confirming(&connection).await?;
        let queue = own_queue(&server).await?;
        let mut calls = consume(&server, &queue).await?;
        let mut callers = Vec::new();
        for name in ["ann", "bob", "cid"] {
            let channel = confirming(&connection).await?;
            let replies = consume_replies(&channel).await?;
            call(&channel, &queue, name, name).await?;
            callers.push((name, channel, replies));
        }
        for _ in &callers {
            answer_one(&server, &mut calls).await?;
        }
        for (name, _, replies) in &mut callers {
            assert_eq!(body(&next(replies).await?), name.to_uppercase());
        }
        Ok(())
    });
}

#[test]
fn calling_without_a_consumer_of_replies_is_406() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let properties = BasicProperties::default().with_reply_to(REPLY_TO.into());
        let confirm = channel
            .basic_publish("".into(), queue, BasicPublishOptions::default(), b"hello", properties)
            .await?;
        let text = "PRECONDITION_FAILED - fast reply consumer does not exist".to_owned();
        assert_eq!(refusal(within("the refusal", confirm).await?)?, (406, text));
        Ok(())
    });
}

#[test]
fn replies_are_not_to_be_acknowledged() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let options = BasicConsumeOptions::default();
        let answer = channel.basic_consume(REPLY_TO.into(), "".into(), options, FieldTable::default()).await;
        let text = "PRECONDITION_FAILED - reply consumer cannot acknowledge".to_owned();
        assert_eq!(refusal(answer)?, (406, text));
        Ok(())
    });
}

#[test]
fn one_consumer_of_replies_is_all_a_channel_has() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let _first = consume_replies(&channel).await?;
        let text = "PRECONDITION_FAILED - reply consumer already set".to_owned();
        assert_eq!(refusal(consume_replies(&channel).await)?, (406, text));
        Ok(())
    });
}
