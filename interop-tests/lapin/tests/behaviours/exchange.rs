//! Exchanges: declaring, deleting, binding one to another, and the alternate of one that finds no queue.

use lapin::{
    BasicProperties, Channel, ExchangeKind,
    options::{
        BasicPublishOptions, ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
        ExchangeUnbindOptions, QueueBindOptions,
    },
    types::{FieldTable, ShortString},
};

use crate::{
    broker::with_broker,
    client::{Outcome, drain, fresh, get, own_queue, publish, refusal, table, text},
};

/// Gone when its last binding goes, so that a test leaves nothing behind.
const AUTO_DELETE: ExchangeDeclareOptions = ExchangeDeclareOptions {
    passive: false,
    durable: false,
    auto_delete: true,
    internal: false,
    nowait: false,
};

async fn declare(channel: &Channel, kind: ExchangeKind, arguments: FieldTable) -> Outcome<ShortString> {
    let exchange = fresh("exchange");
    channel.exchange_declare(exchange.clone(), kind, AUTO_DELETE, arguments).await?;
    Ok(exchange)
}

async fn bind(channel: &Channel, queue: &ShortString, exchange: &ShortString, key: &str) -> Outcome {
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.clone(), exchange.clone(), key.into(), options, FieldTable::default()).await?;
    Ok(())
}

async fn exists(channel: &Channel, exchange: &ShortString) -> lapin::Result<()> {
    let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
    channel.exchange_declare(exchange.clone(), ExchangeKind::Direct, passive, FieldTable::default()).await
}

#[test]
fn an_exchange_is_there_from_declare_to_delete() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let exchange = fresh("exchange");
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        for _ in 0..2 {
            // Declaring again what is there, the same way, changes nothing.
            let none = FieldTable::default();
            channel.exchange_declare(exchange.clone(), ExchangeKind::Topic, durable, none).await?;
        }
        exists(&channel, &exchange).await?;
        for _ in 0..2 {
            // Nor is deleting what is gone an error.
            channel.exchange_delete(exchange.clone(), ExchangeDeleteOptions::default()).await?;
        }
        assert_eq!(refusal(exists(&channel, &exchange).await)?.0, 404);
        Ok(())
    });
}

#[test]
fn the_exchanges_of_the_standard_are_there_from_the_start() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let standard = [
            ("amq.direct", ExchangeKind::Direct),
            ("amq.fanout", ExchangeKind::Fanout),
            ("amq.topic", ExchangeKind::Topic),
            ("amq.headers", ExchangeKind::Headers),
            ("amq.match", ExchangeKind::Headers),
        ];
        for (name, kind) in standard {
            let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
            channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await?;
        }
        Ok(())
    });
}

#[test]
fn an_exchange_with_bindings_is_in_use() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let exchange = declare(&channel, ExchangeKind::Direct, FieldTable::default()).await?;
        let queue = own_queue(&channel).await?;
        bind(&channel, &queue, &exchange, "key").await?;
        let unused = ExchangeDeleteOptions { if_unused: true, ..Default::default() };
        let answer = channel.exchange_delete(exchange.clone(), unused).await;
        let text = format!("PRECONDITION_FAILED - {} in use", broker.exchange_text(&exchange));
        assert_eq!(refusal(answer)?, (406, text));
        Ok(())
    });
}

#[test]
fn an_auto_delete_exchange_goes_with_its_last_binding() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let exchange = declare(&channel, ExchangeKind::Direct, FieldTable::default()).await?;
        let queue = own_queue(&channel).await?;
        for key in ["a", "b"] {
            bind(&channel, &queue, &exchange, key).await?;
        }
        let none = FieldTable::default;
        channel.queue_unbind(queue.clone(), exchange.clone(), "a".into(), none()).await?;
        exists(&channel, &exchange).await?;
        channel.queue_unbind(queue, exchange.clone(), "b".into(), none()).await?;
        assert_eq!(refusal(exists(&channel, &exchange).await)?.0, 404);
        Ok(())
    });
}

#[test]
fn system_exchanges_are_not_to_be_deleted() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let exchange: ShortString = "amq.direct".into();
        let answer = channel.exchange_delete(exchange.clone(), ExchangeDeleteOptions::default()).await;
        let what = broker.exchange_text(&exchange);
        assert_eq!(
            refusal(answer)?,
            (403, format!("ACCESS_REFUSED - deletion of system {what} not allowed"))
        );
        Ok(())
    });
}

#[test]
fn a_message_flows_from_exchange_to_exchange() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let source = declare(&channel, ExchangeKind::Topic, FieldTable::default()).await?;
        let destination = declare(&channel, ExchangeKind::Direct, FieldTable::default()).await?;
        let queue = own_queue(&channel).await?;
        bind(&channel, &queue, &destination, "a.b").await?;
        let none = FieldTable::default;
        let options = ExchangeBindOptions::default();
        channel.exchange_bind(destination.clone(), source.clone(), "a.*".into(), options, none()).await?;
        for key in ["a.b", "a.c", "b.b"] {
            publish(&channel, source.as_str(), key, key).await?;
        }
        // The pattern lets a.b and a.c through, the direct exchange only a.b.
        assert_eq!(drain(&channel, &queue).await?, [("a.b".to_owned(), false)]);
        let options = ExchangeUnbindOptions::default();
        channel.exchange_unbind(destination, source.clone(), "a.*".into(), options, none()).await?;
        assert_eq!(refusal(exists(&channel, &source).await)?.0, 404);
        Ok(())
    });
}

#[test]
fn exchanges_bound_in_a_circle_deliver_once() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let first = declare(&channel, ExchangeKind::Fanout, FieldTable::default()).await?;
        let second = declare(&channel, ExchangeKind::Fanout, FieldTable::default()).await?;
        for (destination, source) in [(&first, &second), (&second, &first)] {
            let options = ExchangeBindOptions::default();
            channel
                .exchange_bind(destination.clone(), source.clone(), "".into(), options, FieldTable::default())
                .await?;
        }
        let queue = own_queue(&channel).await?;
        bind(&channel, &queue, &first, "").await?;
        bind(&channel, &queue, &second, "").await?;
        publish(&channel, first.as_str(), "", "round").await?;
        assert_eq!(drain(&channel, &queue).await?, [("round".to_owned(), false)]);
        channel.exchange_delete(first, ExchangeDeleteOptions::default()).await?;
        channel.exchange_delete(second, ExchangeDeleteOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn what_finds_no_queue_goes_to_the_alternate_exchange() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let alternate = declare(&channel, ExchangeKind::Fanout, FieldTable::default()).await?;
        let arguments = table([("alternate-exchange", text(alternate.as_str()))]);
        let exchange = declare(&channel, ExchangeKind::Direct, arguments).await?;
        let (known, rest) = (own_queue(&channel).await?, own_queue(&channel).await?);
        bind(&channel, &known, &exchange, "known").await?;
        bind(&channel, &rest, &alternate, "").await?;
        publish(&channel, exchange.as_str(), "known", "1").await?;
        publish(&channel, exchange.as_str(), "unknown", "2").await?;
        assert_eq!(drain(&channel, &known).await?, [("1".to_owned(), false)]);
        // It is delivered as it was published: the first exchange and the key it had.
        let message = get(&channel, &rest).await?;
        assert_eq!((&message.exchange, message.routing_key.as_str()), (&exchange, "unknown"));
        Ok(())
    });
}

#[test]
fn an_internal_exchange_is_not_published_to() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let exchange = fresh("internal");
        let internal = ExchangeDeclareOptions { internal: true, ..AUTO_DELETE };
        channel
            .exchange_declare(exchange.clone(), ExchangeKind::Fanout, internal, FieldTable::default())
            .await?;
        let queue = own_queue(&channel).await?;
        bind(&channel, &queue, &exchange, "").await?;
        let confirm = channel
            .basic_publish(
                exchange.clone(),
                "".into(),
                BasicPublishOptions::default(),
                b"no",
                BasicProperties::default(),
            )
            .await?
            .await;
        let what = broker.exchange_text(&exchange);
        let text = format!("ACCESS_REFUSED - cannot publish to internal {what}");
        assert_eq!(refusal(confirm)?, (403, text));
        Ok(())
    });
}
