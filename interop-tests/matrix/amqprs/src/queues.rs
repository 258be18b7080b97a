//! What queues refuse, keep, drop and pass on.

use std::time::{Duration, Instant};

use amqprs::channel::{BasicPublishArguments, BasicRejectArguments, QueueDeclareArguments};
use amqprs::{BasicProperties, FieldArray, FieldTable, FieldValue, ShortStr};
use leveret_interop_program::{Failure, Proof, same, that};
use tokio::time::sleep;

use crate::headers::{death, deaths, field, table};
use crate::line::{Line, Said};
use crate::scene::Scene;

/// Asking for this queue must close the channel with this code; the broker's words.
async fn refused(line: &mut Line, declare: QueueDeclareArguments, code: u16) -> Proof<String> {
    let answer = line.raw.queue_declare(declare).await;
    that(answer.is_err(), format_args!("{answer:?} instead of {code}"))?;
    line.closed_with(code).await
}

fn passive(name: &str) -> QueueDeclareArguments {
    QueueDeclareArguments::new(name).passive(true).finish()
}

pub async fn exclusive(scene: &Scene) -> Proof {
    let (owner, other) = (scene.connect().await?, scene.connect().await?);
    let name = scene.name()?;
    let line = Line::on(&owner).await?;
    line.raw.queue_declare(QueueDeclareArguments::new(&name).exclusive(true).finish()).await?;
    refused(&mut Line::on(&other).await?, passive(&name), 405).await?;
    owner.close().await?;
    refused(&mut Line::on(&other).await?, passive(&name), 404).await?;
    Ok(())
}

pub async fn passive_missing(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let mut line = Line::on(&connection).await?;
    refused(&mut line, passive(&scene.name()?), 404).await?;
    that(connection.is_open(), "the connection was closed too")?;
    scene.queue(&mut Line::on(&connection).await?).await?;
    Ok(())
}

pub async fn inequivalent(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    let arguments = table([("x-max-length", FieldValue::I(5))])?;
    let other = QueueDeclareArguments::durable_client_named(&queue).arguments(arguments).finish();
    let text = refused(&mut line, other, 406).await?;
    that(text.contains("inequivalent arg"), text)
}

pub async fn reject_publish(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let full = table([("x-max-length", FieldValue::I(1)), ("x-overflow", "reject-publish".into())])?;
    let queue = scene.queue_with(&mut line, full).await?;
    line.send(&queue, &["fits"]).await?;
    let number = line.post(BasicPublishArguments::new("", &queue), BasicProperties::default(), b"").await?;
    same("what came of it", line.hear().await?, Said::Refused(number))?;
    line.holds(&queue, 1).await
}

pub async fn max_length(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue_with(&mut line, table([("x-max-length", FieldValue::I(2))])?).await?;
    line.send(&queue, &["1", "2", "3", "4"]).await?;
    line.holds(&queue, 2).await?;
    line.gets(&queue, "3").await?;
    line.gets(&queue, "4").await
}

/// A queue that sends its dead letters to a second one, by the default exchange.
async fn with_dead_letters(
    scene: &Scene,
    line: &mut Line,
    mut arguments: FieldTable,
) -> Proof<(String, String)> {
    let letters = scene.queue(line).await?;
    arguments.insert(ShortStr::try_from("x-dead-letter-exchange")?, "".into());
    arguments.insert(ShortStr::try_from("x-dead-letter-routing-key")?, letters.clone().into());
    Ok((scene.queue_with(line, arguments).await?, letters))
}

pub async fn message_ttl(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let (queue, letters) = with_dead_letters(scene, &mut line, FieldTable::new()).await?;
    let mut deliveries = line.consume(&letters).await?;
    line.publish("", &queue, BasicProperties::default().with_expiration("200").finish(), b"late").await?;
    let letter = deliveries.next("late").await?;
    same("expiration", letter.properties.expiration(), None)?;
    let death = death(&letter.properties)?;
    same("reason", field(&death, "reason")?, FieldValue::from("expired"))?;
    same("original expiration", field(&death, "original-expiration")?, FieldValue::from("200"))
}

pub async fn queue_ttl(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let ttl = table([("x-message-ttl", FieldValue::I(200))])?;
    let (queue, letters) = with_dead_letters(scene, &mut line, ttl).await?;
    let mut deliveries = line.consume(&letters).await?;
    let started = Instant::now();
    line.send(&queue, &["1", "2"]).await?;
    deliveries.next("1").await?;
    deliveries.next("2").await?;
    // Brokers count whole milliseconds.
    that(
        started.elapsed() >= Duration::from_millis(199),
        format_args!("gone after {:?}", started.elapsed()),
    )?;
    line.holds(&queue, 0).await
}

pub async fn queue_expires(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let mut line = Line::on(&connection).await?;
    let queue = scene.queue_with(&mut line, table([("x-expires", FieldValue::I(300))])?).await?;
    loop {
        // Asking for it uses it, so the pause is longer than its life.
        sleep(Duration::from_secs(1)).await;
        let mut line = Line::on(&connection).await?;
        if line.raw.queue_declare(passive(&queue)).await.is_err() {
            return line.closed_with(404).await.map(|_| ());
        }
    }
}

pub async fn dead_letter(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let (exchange, letters) = (scene.exchange(&mut line, "fanout").await?, scene.queue(&mut line).await?);
    line.bind(&letters, &exchange, "").await?;
    let target = table([("x-dead-letter-exchange", exchange.as_str().into())])?;
    let queue = scene.queue_with(&mut line, target).await?;
    line.send(&queue, &["bad"]).await?;
    let tag = line.consume(&queue).await?.next("bad").await?.deliver.delivery_tag();
    line.raw.basic_reject(BasicRejectArguments::new(tag, false)).await?;
    let letter = line.consume(&letters).await?.next("bad").await?;
    let mut death = death(&letter.properties)?;
    let time = death.remove(&ShortStr::try_from("time")?);
    that(matches!(time, Some(FieldValue::T(_))), format_args!("time: {time:?}"))?;
    let keys = FieldArray::try_from(vec![FieldValue::from(queue.as_str())])?;
    let expected = table([
        ("count", FieldValue::l(1)),
        ("reason", "rejected".into()),
        ("queue", queue.as_str().into()),
        ("exchange", "".into()),
        ("routing-keys", FieldValue::A(keys)),
    ])?;
    same("x-death", death, expected)
}

pub async fn retry_loop(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    // Each is the other's target; an exchange between them is there before both.
    let pause = scene.exchange(&mut line, "fanout").await?;
    let target = table([("x-dead-letter-exchange", pause.as_str().into())])?;
    let work = scene.queue_with(&mut line, target).await?;
    let back = table([
        ("x-dead-letter-exchange", "".into()),
        ("x-dead-letter-routing-key", work.as_str().into()),
        ("x-message-ttl", FieldValue::I(50)),
    ])?;
    let waiting = scene.queue_with(&mut line, back).await?;
    line.bind(&waiting, &pause, "").await?;
    line.send(&work, &["job"]).await?;
    let mut deliveries = line.consume(&work).await?;
    for _ in 0..3 {
        let tag = deliveries.next("job").await?.deliver.delivery_tag();
        line.raw.basic_reject(BasicRejectArguments::new(tag, false)).await?;
    }
    let last = deliveries.next("job").await?;
    for death in deaths(&last.properties)? {
        if field(&death, "queue")? == FieldValue::from(work.as_str()) {
            same("reason", field(&death, "reason")?, FieldValue::from("rejected"))?;
            return same("count", field(&death, "count")?, FieldValue::l(3));
        }
    }
    Err(Failure::Failed("x-death has no entry for the work queue".to_owned()))
}

pub async fn priority(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue_with(&mut line, table([("x-max-priority", FieldValue::I(5))])?).await?;
    for (number, level) in [1, 5, 3, 5, 1].into_iter().enumerate() {
        let properties = BasicProperties::default().with_priority(level).finish();
        line.publish("", &queue, properties, format!("{level}-{number}").as_bytes()).await?;
    }
    for body in ["5-1", "5-3", "3-2", "1-0", "1-4"] {
        line.gets(&queue, body).await?;
    }
    Ok(())
}

pub async fn delivery_limit(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let limit = table([("x-queue-type", "quorum".into()), ("x-delivery-limit", FieldValue::I(2))])?;
    let (queue, letters) = with_dead_letters(scene, &mut line, limit).await?;
    line.send(&queue, &["poison"]).await?;
    let mut deliveries = line.consume(&queue).await?;
    for _ in 0..3 {
        let tag = deliveries.next("poison").await?.deliver.delivery_tag();
        line.raw.basic_reject(BasicRejectArguments::new(tag, true)).await?;
    }
    let letter = line.consume(&letters).await?.next("poison").await?;
    same("reason", field(&death(&letter.properties)?, "reason")?, FieldValue::from("delivery_limit"))?;
    deliveries.none()
}
