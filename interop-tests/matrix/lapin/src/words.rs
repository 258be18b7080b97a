//! The words the behaviours are written in: publishes that are confirmed, and waits that end.

use std::fmt::Debug;

use futures_lite::{StreamExt, future};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicRejectOptions,
    QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Consumer, ErrorKind};
use leveret_interop_program::{Failure, Proof, same, soon, that};

/// Returns what the broker has said to it.
pub async fn post(
    channel: &Channel,
    to: (&str, &str),
    properties: BasicProperties,
    body: &[u8],
) -> Proof<Confirmation> {
    let (exchange, key) = to;
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?;
    Ok(soon("the confirm", confirm).await??)
}

/// The broker must confirm it.
pub async fn publish(channel: &Channel, to: (&str, &str), properties: BasicProperties, body: &[u8]) -> Proof {
    same("what came of a publish", post(channel, to, properties, body).await?, Confirmation::Ack(None))
}

pub async fn send(channel: &Channel, queue: &str, bodies: &[&str]) -> Proof {
    for body in bodies {
        publish(channel, ("", queue), BasicProperties::default(), body.as_bytes()).await?;
    }
    Ok(())
}

/// Takes a message out of a queue that must have one.
pub async fn get(channel: &Channel, queue: &str) -> Proof<Delivery> {
    let message = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await?;
    message.map(|message| message.delivery).ok_or_else(|| Failure::Failed(format!("{queue} is empty")))
}

/// The same, with this body.
pub async fn gets(channel: &Channel, queue: &str, body: &str) -> Proof {
    same("body", String::from_utf8_lossy(&get(channel, queue).await?.data), body)
}

pub async fn consume(channel: &Channel, queue: &str) -> Proof<Consumer> {
    let options = BasicConsumeOptions::default();
    Ok(channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?)
}

/// The next delivery, which must have this body.
pub async fn next(consumer: &mut Consumer, body: &str) -> Proof<Delivery> {
    let delivery = soon(&format!("the delivery of {body}"), consumer.next()).await?;
    let delivery = delivery.ok_or_else(|| Failure::Failed("the consumer has ended".to_owned()))??;
    same("body", String::from_utf8_lossy(&delivery.data), body)?;
    Ok(delivery)
}

/// Nothing has come. Ask the broker something on the same channel first.
pub async fn none(consumer: &mut Consumer) -> Proof {
    match future::poll_once(consumer.next()).await {
        Some(Some(delivery)) => Err(Failure::Failed(format!("{:?} came, and should not", delivery?.data))),
        _ => Ok(()),
    }
}

pub async fn ack(delivery: &Delivery) -> Proof {
    that(delivery.ack(BasicAckOptions::default()).await?, "it had been acknowledged before")
}

pub async fn reject(delivery: &Delivery, requeue: bool) -> Proof {
    that(delivery.reject(BasicRejectOptions { requeue }).await?, "it had been acknowledged before")
}

pub async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Proof {
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await?)
}

/// So many messages are ready in the queue.
pub async fn holds(channel: &Channel, queue: &str, count: u32) -> Proof {
    same("messages in the queue", look(channel, queue).await?.message_count(), count)
}

/// Declares a queue passively.
pub async fn look(channel: &Channel, queue: &str) -> lapin::Result<lapin::Queue> {
    channel.queue_declare(queue.into(), QueueDeclareOptions::default().passive(), FieldTable::default()).await
}

pub async fn purge(channel: &Channel, queue: &str) -> Proof<u32> {
    Ok(channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?)
}

/// The broker must have refused with this code; its words.
pub fn refused<T: Debug>(answer: lapin::Result<T>, code: u16) -> Proof<String> {
    match answer {
        Ok(answer) => Err(Failure::Failed(format!("{answer:?} instead of {code}"))),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(refusal) if refusal.get_id() == code => {
                Ok(refusal.get_message().to_string())
            }
            _ => Err(error.into()),
        },
    }
}
