//! What a message carries, and how its publisher hears of it.

use lapin::options::{BasicConsumeOptions, BasicGetOptions, BasicPublishOptions};
use lapin::types::{AMQPValue, DecimalValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use leveret_interop_program::{Failure, Proof, same, that};

use crate::headers::{table, text};
use crate::scene::Scene;
use crate::words::{consume, get, holds, next, publish, send};

pub async fn publish_get(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["hello"]).await?;
    let message = get(&channel, &queue).await?;
    same("body", message.data.as_slice(), b"hello".as_slice())?;
    same("routing key", message.routing_key.as_str(), queue.as_str())?;
    let nothing = channel.basic_get(queue.into(), BasicGetOptions::default()).await?;
    that(nothing.is_none(), "the queue is not empty")
}

/// One of each kind of field, tables in tables and lists in lists.
fn headers() -> FieldTable {
    use AMQPValue as V;
    let inner = table([("deep", text("down")), ("when", V::Timestamp(1_700_000_000))]);
    let list = vec![V::LongInt(1), text("two"), V::FieldArray(vec![V::Boolean(true)].into())];
    table([
        ("text", text("ärger")),
        ("yes", V::Boolean(true)),
        ("no", V::Boolean(false)),
        ("nothing", V::Void),
        ("bytes", V::ByteArray(vec![0, 1, 255].into())),
        ("when", V::Timestamp(1_700_000_000)),
        ("int8", V::ShortShortInt(-8)),
        ("uint8", V::ShortShortUInt(8)),
        ("int16", V::ShortInt(-16)),
        ("uint16", V::ShortUInt(16)),
        ("int32", V::LongInt(-32)),
        ("uint32", V::LongUInt(32)),
        ("int64", V::LongLongInt(-64)),
        ("float", V::Float(0.5)),
        ("double", V::Double(0.25)),
        ("decimal", V::DecimalValue(DecimalValue { scale: 2, value: 314 })),
        ("list", V::FieldArray(list.into())),
        ("table", V::FieldTable(table([("inner", V::FieldTable(inner))]))),
    ])
}

pub async fn properties(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    let sent = BasicProperties::default()
        .with_content_type("text/plain".into())
        .with_content_encoding("utf-8".into())
        .with_headers(headers())
        .with_delivery_mode(2)
        .with_priority(7)
        .with_correlation_id("c".into())
        .with_reply_to("r".into())
        .with_expiration("60000".into())
        .with_message_id("m".into())
        .with_timestamp(1_700_000_000)
        .with_type("t".into())
        .with_user_id("guest".into())
        .with_app_id("a".into());
    publish(&channel, ("", &queue), sent.clone(), b"x").await?;
    same("properties", get(&channel, &queue).await?.properties, sent)
}

/// This body comes back as it was sent.
async fn intact(scene: &Scene, sent: &[u8]) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    publish(&channel, ("", &queue), BasicProperties::default(), sent).await?;
    let got = get(&channel, &queue).await?.data;
    that(got == sent, format_args!("{} bytes came back otherwise, as {}", sent.len(), got.len()))
}

pub async fn empty_body(scene: &Scene) -> Proof {
    intact(scene, b"").await
}

pub async fn large_message(scene: &Scene) -> Proof {
    // The period divides no frame, so that one that is lost or swapped shows.
    let body: Vec<u8> = (0..251).cycle().take(8 << 20).collect();
    intact(scene, &body).await
}

pub async fn binary_body(scene: &Scene) -> Proof {
    intact(scene, &(0..=u8::MAX).collect::<Vec<_>>()).await
}

/// Publishes without waiting.
async fn hand_over(channel: &Channel, queue: &str) -> Proof<lapin::PublisherConfirm> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    Ok(channel.basic_publish("".into(), queue.into(), options, b"x", properties).await?)
}

pub async fn confirms(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let queue = scene.queue(&channel).await?;
    let mut outstanding = Vec::new();
    for _ in 0..1000 {
        outstanding.push(hand_over(&channel, &queue).await?);
    }
    for confirm in outstanding {
        same("confirm", confirm.await?, Confirmation::Ack(None))?;
    }
    holds(&channel, &queue, 1000).await
}

pub async fn mandatory(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let (nowhere, properties) = (scene.name()?.into(), BasicProperties::default());
    let confirm = channel.basic_publish("".into(), nowhere, options, b"nowhere", properties).await?;
    // lapin joins a return to the confirm that follows it.
    let confirm = confirm.await?;
    that(confirm.is_ack(), format_args!("{confirm:?} instead of a confirm"))?;
    let returned = confirm.take_message().ok_or_else(|| Failure::Failed("it was not returned".to_owned()))?;
    same("reply code", returned.reply_code, 312)?;
    same("body", returned.delivery.data.as_slice(), b"nowhere".as_slice())
}

pub async fn transactions(scene: &Scene) -> Proof {
    let keeper = scene.channel().await?;
    let queue = scene.queue(&keeper).await?;
    let connection = scene.connect().await?;
    let channel = connection.create_channel().await?;
    channel.tx_select().await?;
    hand_over(&channel, &queue).await?;
    hand_over(&channel, &queue).await?;
    // Asking on the same channel makes sure that the broker has read the publishes.
    holds(&channel, &queue, 0).await?;
    channel.tx_commit().await?;
    holds(&keeper, &queue, 2).await?;
    hand_over(&channel, &queue).await?;
    channel.tx_rollback().await?;
    channel.tx_commit().await?;
    holds(&keeper, &queue, 2).await
}

pub async fn direct_reply(scene: &Scene) -> Proof {
    const REPLIES: &str = "amq.rabbitmq.reply-to";
    let (server, caller) = (scene.channel().await?, scene.channel().await?);
    let queue = scene.queue(&server).await?;
    let mut requests = consume(&server, &queue).await?;
    let auto_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut replies =
        caller.basic_consume(REPLIES.into(), "".into(), auto_ack, FieldTable::default()).await?;
    let asking = BasicProperties::default().with_reply_to(REPLIES.into()).with_correlation_id("42".into());
    publish(&caller, ("", &queue), asking, b"question").await?;
    let request = next(&mut requests, "question").await?.properties;
    let reply_to = request.reply_to().clone().unwrap_or_default();
    let answering =
        BasicProperties::default().with_correlation_id(request.correlation_id().clone().unwrap_or_default());
    publish(&server, ("", reply_to.as_str()), answering, b"answer").await?;
    same(
        "correlation id",
        next(&mut replies, "answer").await?.properties.correlation_id(),
        &Some("42".into()),
    )
}
