//! Who is sent what, and what becomes of it.

use amqprs::FieldValue;
use amqprs::channel::{
    BasicAckArguments, BasicCancelArguments, BasicConsumeArguments, BasicNackArguments, BasicQosArguments,
    BasicRejectArguments, QueueDeleteArguments,
};
use leveret_interop_program::{Proof, same, that};

use crate::headers::table;
use crate::line::{Line, Said};
use crate::scene::Scene;

pub async fn consume_ack(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let mut line = Line::on(&connection).await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["1", "2", "3"]).await?;
    let mut deliveries = line.consume(&queue).await?;
    for body in ["1", "2", "3"] {
        line.ack(&deliveries.next(body).await?).await?;
    }
    line.raw.close().await?;
    connection.close().await?;
    scene.line().await?.holds(&queue, 0).await
}

pub async fn consume_auto_ack(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let mut line = Line::on(&connection).await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["1", "2", "3"]).await?;
    let auto_ack = BasicConsumeArguments::new(&queue, "").manual_ack(false).finish();
    let mut deliveries = line.consume_with(auto_ack).await?;
    for body in ["1", "2", "3"] {
        deliveries.next(body).await?;
    }
    connection.close().await?;
    scene.line().await?.holds(&queue, 0).await
}

/// Takes all three and keeps them.
async fn hold_all(line: &Line, queue: &str, redelivered: bool) -> Proof {
    let mut deliveries = line.consume(queue).await?;
    for body in ["1", "2", "3"] {
        same("redelivered", deliveries.next(body).await?.deliver.redelivered(), redelivered)?;
    }
    Ok(())
}

pub async fn redelivered(scene: &Scene) -> Proof {
    let mut keeper = scene.line().await?;
    let queue = scene.queue(&mut keeper).await?;
    keeper.send(&queue, &["1", "2", "3"]).await?;
    let connection = scene.connect().await?;
    let line = Line::on(&connection).await?;
    hold_all(&line, &queue, false).await?;
    line.raw.close().await?;
    let line = Line::on(&connection).await?;
    hold_all(&line, &queue, true).await?;
    connection.close().await?;
    hold_all(&keeper, &queue, true).await
}

pub async fn nack_requeue(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["1"]).await?;
    let mut deliveries = line.consume(&queue).await?;
    let tag = deliveries.next("1").await?.deliver.delivery_tag();
    line.raw.basic_nack(BasicNackArguments::new(tag, false, true)).await?;
    let again = deliveries.next("1").await?.deliver;
    that(again.redelivered(), "it is not marked as redelivered")?;
    line.raw.basic_reject(BasicRejectArguments::new(again.delivery_tag(), false)).await?;
    // What is held would come back, what was dropped does not.
    line.raw.close().await?;
    scene.line().await?.holds(&queue, 0).await
}

pub async fn multiple_ack(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["1", "2", "3", "4"]).await?;
    let mut deliveries = line.consume(&queue).await?;
    deliveries.next("1").await?;
    deliveries.next("2").await?;
    let third = deliveries.next("3").await?.deliver.delivery_tag();
    line.raw.basic_ack(BasicAckArguments::new(third, true)).await?;
    deliveries.next("4").await?;
    line.raw.close().await?;
    let keeper = scene.line().await?;
    keeper.holds(&queue, 1).await?;
    keeper.gets(&queue, "4").await
}

pub async fn prefetch(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["1", "2", "3", "4", "5"]).await?;
    line.raw.basic_qos(BasicQosArguments::new(0, 3, false)).await?;
    let mut deliveries = line.consume(&queue).await?;
    let first = deliveries.next("1").await?;
    deliveries.next("2").await?;
    deliveries.next("3").await?;
    line.holds(&queue, 2).await?;
    deliveries.none()?;
    line.ack(&first).await?;
    deliveries.next("4").await?;
    line.holds(&queue, 1).await?;
    deliveries.none()
}

pub async fn consumer_cancel(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    let mut deliveries = line.consume_with(BasicConsumeArguments::new(&queue, "tag")).await?;
    line.send(&queue, &["1"]).await?;
    line.ack(&deliveries.next("1").await?).await?;
    line.raw.basic_cancel(BasicCancelArguments::new("tag")).await?;
    line.send(&queue, &["2", "3"]).await?;
    line.holds(&queue, 2).await?;
    deliveries.none()
}

pub async fn cancel_notify(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    let _deliveries = line.consume_with(BasicConsumeArguments::new(&queue, "tag")).await?;
    scene.line().await?.raw.queue_delete(QueueDeleteArguments::new(&queue)).await?;
    same("the broker's word", line.hear().await?, Said::Cancelled("tag".to_owned()))
}

pub async fn single_active(scene: &Scene) -> Proof {
    let (mut line, mut other) = (scene.line().await?, scene.line().await?);
    let queue = scene.queue_with(&mut line, table([("x-single-active-consumer", true.into())])?).await?;
    let mut first = line.consume_with(BasicConsumeArguments::new(&queue, "first")).await?;
    let mut second = other.consume(&queue).await?;
    line.send(&queue, &["1", "2"]).await?;
    line.ack(&first.next("1").await?).await?;
    line.ack(&first.next("2").await?).await?;
    other.holds(&queue, 0).await?;
    second.none()?;
    line.raw.basic_cancel(BasicCancelArguments::new("first")).await?;
    other.send(&queue, &["3"]).await?;
    second.next("3").await?;
    Ok(())
}

pub async fn consumer_priority(scene: &Scene) -> Proof {
    let (mut line, other) = (scene.line().await?, scene.line().await?);
    let queue = scene.queue(&mut line).await?;
    line.raw.basic_qos(BasicQosArguments::new(0, 5, false)).await?;
    let mut low = other.consume(&queue).await?;
    let priority = table([("x-priority", FieldValue::I(10))])?;
    let mut high =
        line.consume_with(BasicConsumeArguments::new(&queue, "").arguments(priority).finish()).await?;
    for body in ["1", "2", "3", "4", "5"] {
        line.send(&queue, &[body]).await?;
        high.next(body).await?;
    }
    other.holds(&queue, 0).await?;
    low.none()?;
    line.send(&queue, &["no credit"]).await?;
    low.next("no credit").await?;
    Ok(())
}
