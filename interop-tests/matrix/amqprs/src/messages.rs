//! What a message carries, and how its publisher hears of it.

use amqprs::channel::{BasicConsumeArguments, BasicGetArguments, BasicPublishArguments};
use amqprs::{
    BasicProperties, ByteArray, DELIVERY_MODE_PERSISTENT, DecimalValue, FieldArray, FieldTable, FieldValue,
};
use leveret_interop_program::{Failure, Proof, same, that};

use crate::headers::table;
use crate::line::{Line, Said};
use crate::scene::Scene;

pub async fn publish_get(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["hello"]).await?;
    let get = BasicGetArguments::new(&queue).no_ack(true).finish();
    let message = line.raw.basic_get(get.clone()).await?;
    let Some((how, _, body)) = message else {
        return Err(Failure::Failed("the queue is empty".to_owned()));
    };
    same("body", body.as_slice(), b"hello".as_slice())?;
    same("routing key", how.routing_key(), &queue)?;
    that(line.raw.basic_get(get).await?.is_none(), "the queue is not empty")
}

/// One of each kind of field, tables in tables and lists in lists.
fn headers() -> Proof<FieldTable> {
    use FieldValue as V;
    let inner = table([("deep", "down".into()), ("when", V::T(1_700_000_000))])?;
    let list = vec![V::I(1), "two".into(), V::A(FieldArray::try_from(vec![V::t(true)])?)];
    table([
        ("text", "ärger".into()),
        ("yes", true.into()),
        ("no", false.into()),
        ("nothing", V::V),
        ("bytes", V::x(ByteArray::try_from(vec![0, 1, 255])?)),
        ("when", V::T(1_700_000_000)),
        ("int8", V::b(-8)),
        ("uint8", V::B(8)),
        ("int16", V::s(-16)),
        ("uint16", V::u(16)),
        ("int32", V::I(-32)),
        ("uint32", V::i(32)),
        ("int64", V::l(-64)),
        ("float", V::f(0.5)),
        ("double", V::d(0.25)),
        ("decimal", V::D(DecimalValue::new(2, 314))),
        ("list", V::A(FieldArray::try_from(list)?)),
        ("table", table([("inner", inner.into())])?.into()),
    ])
}

pub async fn properties(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    let sent = BasicProperties::default()
        .with_content_type("text/plain")
        .with_content_encoding("utf-8")
        .with_headers(headers()?)
        .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
        .with_priority(7)
        .with_correlation_id("c")
        .with_reply_to("r")
        .with_expiration("60000")
        .with_message_id("m")
        .with_timestamp(1_700_000_000)
        .with_message_type("t")
        .with_user_id("guest")
        .with_app_id("a")
        .finish();
    line.publish("", &queue, sent.clone(), b"x").await?;
    let (got, _) = line.get(&queue).await?;
    same("headers", got.headers(), sent.headers())?;
    let without_headers =
        |properties: BasicProperties| properties.clone().with_headers(FieldTable::new()).finish();
    same("properties", format!("{:?}", without_headers(got)), format!("{:?}", without_headers(sent)))
}

/// This body comes back as it was sent.
async fn intact(scene: &Scene, sent: &[u8]) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    line.publish("", &queue, BasicProperties::default(), sent).await?;
    let (_, got) = line.get(&queue).await?;
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

pub async fn confirms(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    let to = BasicPublishArguments::new("", &queue);
    for _ in 0..1000 {
        line.post(to.clone(), BasicProperties::default(), b"x").await?;
    }
    // A confirm may cover all before it; the last of them covers everything.
    let mut highest = 0;
    while highest < 1000 {
        match line.hear().await? {
            Said::Confirmed(number) => highest = highest.max(number),
            other => return Err(Failure::Failed(format!("{other:?} instead of a confirm"))),
        }
    }
    line.holds(&queue, 1000).await
}

pub async fn mandatory(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let nowhere = BasicPublishArguments::new("", &scene.name()?).mandatory(true).finish();
    let number = line.post(nowhere, BasicProperties::default(), b"nowhere").await?;
    same("first", line.hear().await?, Said::Returned(312, b"nowhere".to_vec()))?;
    same("second", line.hear().await?, Said::Confirmed(number))
}

pub async fn transactions(scene: &Scene) -> Proof {
    let mut keeper = scene.line().await?;
    let queue = scene.queue(&mut keeper).await?;
    let connection = scene.connect().await?;
    let mut line = Line::plain(&connection).await?;
    line.raw.tx_select().await?;
    let to = BasicPublishArguments::new("", &queue);
    line.post(to.clone(), BasicProperties::default(), b"1").await?;
    line.post(to.clone(), BasicProperties::default(), b"2").await?;
    // Asking on the same channel makes sure that the broker has read the publishes.
    line.holds(&queue, 0).await?;
    line.raw.tx_commit().await?;
    keeper.holds(&queue, 2).await?;
    line.post(to, BasicProperties::default(), b"3").await?;
    line.raw.tx_rollback().await?;
    line.raw.tx_commit().await?;
    keeper.holds(&queue, 2).await
}

pub async fn direct_reply(scene: &Scene) -> Proof {
    const REPLIES: &str = "amq.rabbitmq.reply-to";
    let (mut server, mut caller) = (scene.line().await?, scene.line().await?);
    let queue = scene.queue(&mut server).await?;
    let mut requests = server.consume(&queue).await?;
    let replies = BasicConsumeArguments::new(REPLIES, "").manual_ack(false).finish();
    let mut replies = caller.consume_with(replies).await?;
    let asking = BasicProperties::default().with_reply_to(REPLIES).with_correlation_id("42").finish();
    caller.publish("", &queue, asking, b"question").await?;
    let request = requests.next("question").await?;
    let reply_to = request.properties.reply_to().cloned().unwrap_or_default();
    let id = request.properties.correlation_id().cloned().unwrap_or_default();
    server
        .publish("", &reply_to, BasicProperties::default().with_correlation_id(&id).finish(), b"answer")
        .await?;
    let reply = replies.next("answer").await?;
    same("correlation id", reply.properties.correlation_id().map(String::as_str), Some("42"))
}
