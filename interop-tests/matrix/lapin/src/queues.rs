//! What queues refuse, keep, drop and pass on.

use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use leveret_interop_program::{Failure, Proof, same, that};
use tokio::time::sleep;

use crate::headers::{death, deaths, field, table, text};
use crate::scene::{Scene, confirming};
use crate::words::{bind, consume, gets, holds, look, next, none, post, publish, refused, reject, send};

pub async fn exclusive(scene: &Scene) -> Proof {
    let (owner, other) = (scene.connect().await?, scene.connect().await?);
    let name = scene.name()?;
    let channel = owner.create_channel().await?;
    channel
        .queue_declare(name.as_str().into(), QueueDeclareOptions::exclusive(), FieldTable::default())
        .await?;
    refused(look(&other.create_channel().await?, &name).await, 405)?;
    owner.close(200, "bye".into()).await?;
    refused(look(&other.create_channel().await?, &name).await, 404)?;
    Ok(())
}

pub async fn passive_missing(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let channel = connection.create_channel().await?;
    refused(look(&channel, &scene.name()?).await, 404)?;
    that(!channel.status().connected(), "the channel is still open")?;
    that(connection.status().connected(), "the connection was closed too")?;
    scene.queue(&confirming(&connection).await?).await?;
    Ok(())
}

pub async fn inequivalent(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    let other = table([("x-max-length", AMQPValue::LongInt(5))]);
    let answer = channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), other).await;
    let words = refused(answer, 406)?;
    that(words.contains("inequivalent arg"), words)
}

pub async fn reject_publish(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let full = table([("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", text("reject-publish"))]);
    let queue = scene.queue_with(&channel, full).await?;
    send(&channel, &queue, &["fits"]).await?;
    let said = post(&channel, ("", &queue), BasicProperties::default(), b"too much").await?;
    same("what came of it", said, Confirmation::Nack(None))?;
    holds(&channel, &queue, 1).await
}

pub async fn max_length(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue_with(&channel, table([("x-max-length", AMQPValue::LongInt(2))])).await?;
    send(&channel, &queue, &["1", "2", "3", "4"]).await?;
    holds(&channel, &queue, 2).await?;
    gets(&channel, &queue, "3").await?;
    gets(&channel, &queue, "4").await
}

/// A queue that sends its dead letters to a second one, by the default exchange.
async fn with_dead_letters(
    scene: &Scene,
    channel: &Channel,
    mut arguments: FieldTable,
) -> Proof<(String, String)> {
    let letters = scene.queue(channel).await?;
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(&letters));
    Ok((scene.queue_with(channel, arguments).await?, letters))
}

pub async fn message_ttl(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let (queue, letters) = with_dead_letters(scene, &channel, FieldTable::default()).await?;
    let mut consumer = consume(&channel, &letters).await?;
    publish(&channel, ("", &queue), BasicProperties::default().with_expiration("200".into()), b"late")
        .await?;
    let letter = next(&mut consumer, "late").await?;
    same("expiration", letter.properties.expiration(), &None)?;
    let death = death(&letter.properties)?;
    same("reason", field(&death, "reason")?, text("expired"))?;
    same("original expiration", field(&death, "original-expiration")?, text("200"))
}

pub async fn queue_ttl(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let ttl = table([("x-message-ttl", AMQPValue::LongInt(200))]);
    let (queue, letters) = with_dead_letters(scene, &channel, ttl).await?;
    let mut consumer = consume(&channel, &letters).await?;
    let started = Instant::now();
    send(&channel, &queue, &["1", "2"]).await?;
    next(&mut consumer, "1").await?;
    next(&mut consumer, "2").await?;
    // Brokers count whole milliseconds.
    that(
        started.elapsed() >= Duration::from_millis(199),
        format_args!("gone after {:?}", started.elapsed()),
    )?;
    holds(&channel, &queue, 0).await
}

pub async fn queue_expires(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let channel = connection.create_channel().await?;
    let queue = scene.queue_with(&channel, table([("x-expires", AMQPValue::LongInt(300))])).await?;
    loop {
        // Asking for it uses it, so the pause is longer than its life.
        sleep(Duration::from_secs(1)).await;
        let answer = look(&connection.create_channel().await?, &queue).await;
        if answer.is_err() {
            return refused(answer, 404).map(|_| ());
        }
    }
}

pub async fn dead_letter(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let (exchange, letters) = (scene.exchange(&channel, "fanout").await?, scene.queue(&channel).await?);
    bind(&channel, &letters, &exchange, "").await?;
    let queue = scene.queue_with(&channel, table([("x-dead-letter-exchange", text(&exchange))])).await?;
    send(&channel, &queue, &["bad"]).await?;
    reject(&next(&mut consume(&channel, &queue).await?, "bad").await?, false).await?;
    let letter = next(&mut consume(&channel, &letters).await?, "bad").await?;
    let death = death(&letter.properties)?;
    let time = field(&death, "time")?;
    that(matches!(time, AMQPValue::Timestamp(_)), format_args!("time: {time:?}"))?;
    let expected = table([
        ("count", AMQPValue::LongLongInt(1)),
        ("reason", text("rejected")),
        ("queue", text(&queue)),
        ("exchange", text("")),
        ("routing-keys", AMQPValue::FieldArray(vec![text(&queue)].into())),
        ("time", time),
    ]);
    same("x-death", death, expected)
}

pub async fn retry_loop(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    // Each is the other's target; an exchange between them is there before both.
    let pause = scene.exchange(&channel, "fanout").await?;
    let work = scene.queue_with(&channel, table([("x-dead-letter-exchange", text(&pause))])).await?;
    let back = table([
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(&work)),
        ("x-message-ttl", AMQPValue::LongInt(50)),
    ]);
    let waiting = scene.queue_with(&channel, back).await?;
    bind(&channel, &waiting, &pause, "").await?;
    send(&channel, &work, &["job"]).await?;
    let mut consumer = consume(&channel, &work).await?;
    for _ in 0..3 {
        reject(&next(&mut consumer, "job").await?, false).await?;
    }
    let last = next(&mut consumer, "job").await?;
    for death in deaths(&last.properties)? {
        if field(&death, "queue")? == text(&work) {
            same("reason", field(&death, "reason")?, text("rejected"))?;
            return same("count", field(&death, "count")?, AMQPValue::LongLongInt(3));
        }
    }
    Err(Failure::Failed("x-death has no entry for the work queue".to_owned()))
}

pub async fn priority(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue_with(&channel, table([("x-max-priority", AMQPValue::LongInt(5))])).await?;
    for (number, level) in [1, 5, 3, 5, 1].into_iter().enumerate() {
        let (properties, body) =
            (BasicProperties::default().with_priority(level), format!("{level}-{number}"));
        publish(&channel, ("", &queue), properties, body.as_bytes()).await?;
    }
    for body in ["5-1", "5-3", "3-2", "1-0", "1-4"] {
        gets(&channel, &queue, body).await?;
    }
    Ok(())
}

pub async fn delivery_limit(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let limit = table([("x-queue-type", text("quorum")), ("x-delivery-limit", AMQPValue::LongInt(2))]);
    let (queue, letters) = with_dead_letters(scene, &channel, limit).await?;
    send(&channel, &queue, &["poison"]).await?;
    let mut consumer = consume(&channel, &queue).await?;
    for _ in 0..3 {
        reject(&next(&mut consumer, "poison").await?, true).await?;
    }
    let letter = next(&mut consume(&channel, &letters).await?, "poison").await?;
    same("reason", field(&death(&letter.properties)?, "reason")?, text("delivery_limit"))?;
    none(&mut consumer).await
}
