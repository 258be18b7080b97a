//! Who is sent what, and what becomes of it.

use futures_lite::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use leveret_interop_program::{Proof, same, soon, that};

use crate::headers::table;
use crate::scene::{Scene, confirming};
use crate::words::{ack, consume, gets, holds, next, none, reject, send};

/// With a tag that it can be cancelled by.
async fn consume_as(channel: &Channel, queue: &str, tag: &str) -> Proof<Consumer> {
    let options = BasicConsumeOptions::default();
    Ok(channel.basic_consume(queue.into(), tag.into(), options, FieldTable::default()).await?)
}

pub async fn consume_ack(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let channel = confirming(&connection).await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["1", "2", "3"]).await?;
    let mut consumer = consume(&channel, &queue).await?;
    for body in ["1", "2", "3"] {
        ack(&next(&mut consumer, body).await?).await?;
    }
    connection.close(200, "bye".into()).await?;
    holds(&scene.channel().await?, &queue, 0).await
}

pub async fn consume_auto_ack(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let channel = confirming(&connection).await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["1", "2", "3"]).await?;
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let name = queue.as_str().into();
    let mut consumer = channel.basic_consume(name, "".into(), options, FieldTable::default()).await?;
    for body in ["1", "2", "3"] {
        next(&mut consumer, body).await?;
    }
    connection.close(200, "bye".into()).await?;
    holds(&scene.channel().await?, &queue, 0).await
}

/// Takes all three and keeps them.
async fn hold_all(channel: &Channel, queue: &str, redelivered: bool) -> Proof {
    let mut consumer = consume(channel, queue).await?;
    for body in ["1", "2", "3"] {
        same("redelivered", next(&mut consumer, body).await?.redelivered, redelivered)?;
    }
    Ok(())
}

pub async fn redelivered(scene: &Scene) -> Proof {
    let keeper = scene.channel().await?;
    let queue = scene.queue(&keeper).await?;
    send(&keeper, &queue, &["1", "2", "3"]).await?;
    let connection = scene.connect().await?;
    let channel = connection.create_channel().await?;
    hold_all(&channel, &queue, false).await?;
    channel.close(200, "bye".into()).await?;
    let channel = connection.create_channel().await?;
    hold_all(&channel, &queue, true).await?;
    connection.close(200, "bye".into()).await?;
    hold_all(&keeper, &queue, true).await
}

pub async fn nack_requeue(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["1"]).await?;
    let mut consumer = consume(&channel, &queue).await?;
    next(&mut consumer, "1").await?.nack(BasicNackOptions { multiple: false, requeue: true }).await?;
    let again = next(&mut consumer, "1").await?;
    that(again.redelivered, "it is not marked as redelivered")?;
    reject(&again, false).await?;
    // What is held would come back, what was dropped does not.
    channel.close(200, "bye".into()).await?;
    holds(&scene.channel().await?, &queue, 0).await
}

pub async fn multiple_ack(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["1", "2", "3", "4"]).await?;
    let mut consumer = consume(&channel, &queue).await?;
    next(&mut consumer, "1").await?;
    next(&mut consumer, "2").await?;
    next(&mut consumer, "3").await?.ack(BasicAckOptions { multiple: true }).await?;
    next(&mut consumer, "4").await?;
    channel.close(200, "bye".into()).await?;
    let keeper = scene.channel().await?;
    holds(&keeper, &queue, 1).await?;
    gets(&keeper, &queue, "4").await
}

pub async fn prefetch(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["1", "2", "3", "4", "5"]).await?;
    channel.basic_qos(3, BasicQosOptions::default()).await?;
    let mut consumer = consume(&channel, &queue).await?;
    let first = next(&mut consumer, "1").await?;
    next(&mut consumer, "2").await?;
    next(&mut consumer, "3").await?;
    holds(&channel, &queue, 2).await?;
    none(&mut consumer).await?;
    ack(&first).await?;
    next(&mut consumer, "4").await?;
    holds(&channel, &queue, 1).await?;
    none(&mut consumer).await
}

pub async fn consumer_cancel(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    let mut consumer = consume_as(&channel, &queue, "tag").await?;
    send(&channel, &queue, &["1"]).await?;
    ack(&next(&mut consumer, "1").await?).await?;
    channel.basic_cancel("tag".into(), BasicCancelOptions::default()).await?;
    send(&channel, &queue, &["2", "3"]).await?;
    holds(&channel, &queue, 2).await?;
    none(&mut consumer).await
}

pub async fn cancel_notify(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    let mut consumer = consume(&channel, &queue).await?;
    scene.channel().await?.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
    // lapin ends the stream; the channel goes on.
    let end = soon("the end of the consumer", consumer.next()).await?;
    that(end.is_none(), format_args!("{end:?} instead of the end"))?;
    that(channel.status().connected(), "the channel was closed too")
}

pub async fn single_active(scene: &Scene) -> Proof {
    let (channel, other) = (scene.channel().await?, scene.channel().await?);
    let single = table([("x-single-active-consumer", AMQPValue::Boolean(true))]);
    let queue = scene.queue_with(&channel, single).await?;
    let mut first = consume_as(&channel, &queue, "first").await?;
    let mut second = consume(&other, &queue).await?;
    send(&channel, &queue, &["1", "2"]).await?;
    ack(&next(&mut first, "1").await?).await?;
    ack(&next(&mut first, "2").await?).await?;
    holds(&other, &queue, 0).await?;
    none(&mut second).await?;
    channel.basic_cancel("first".into(), BasicCancelOptions::default()).await?;
    send(&channel, &queue, &["3"]).await?;
    next(&mut second, "3").await?;
    Ok(())
}

pub async fn consumer_priority(scene: &Scene) -> Proof {
    let (channel, other) = (scene.channel().await?, scene.channel().await?);
    let queue = scene.queue(&channel).await?;
    channel.basic_qos(5, BasicQosOptions::default()).await?;
    let mut low = consume(&other, &queue).await?;
    let priority = table([("x-priority", AMQPValue::LongInt(10))]);
    let name = queue.as_str().into();
    let mut high = channel.basic_consume(name, "".into(), BasicConsumeOptions::default(), priority).await?;
    for body in ["1", "2", "3", "4", "5"] {
        send(&channel, &queue, &[body]).await?;
        next(&mut high, body).await?;
    }
    holds(&other, &queue, 0).await?;
    none(&mut low).await?;
    send(&channel, &queue, &["no credit"]).await?;
    next(&mut low, "no credit").await?;
    Ok(())
}
