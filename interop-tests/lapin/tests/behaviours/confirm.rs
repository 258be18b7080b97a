//! Publisher confirms, and what comes back that no queue takes.

use lapin::{
    BasicProperties, Confirmation,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::{
    broker::with_broker,
    client::{
        Failure, eventually, fresh, own_queue, own_queue_with, publish, publish_with, ready, table, text,
        within,
    },
};

const MANDATORY: BasicPublishOptions = BasicPublishOptions { mandatory: true, immediate: false };

#[test]
fn a_publish_is_confirmed() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        assert_eq!(publish(&channel, "", queue.as_str(), "sure").await?, Confirmation::Ack(None));
        assert_eq!(ready(&channel, &queue).await?, 1);
        Ok(())
    });
}

#[test]
fn a_persistent_publish_to_a_durable_queue_is_confirmed() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = fresh("durable");
        channel.queue_declare(queue.clone(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let confirmation = publish_with(&channel, "", queue.as_str(), b"kept", persistent).await?;
        assert_eq!(confirmation, Confirmation::Ack(None));
        channel.queue_delete(queue, QueueDeleteOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn two_thousand_outstanding_publishes_are_all_confirmed() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let mut outstanding = Vec::new();
        for number in 0..2000_u32 {
            let body = number.to_be_bytes();
            let (key, options) = (queue.clone(), BasicPublishOptions::default());
            let properties = BasicProperties::default();
            outstanding.push(channel.basic_publish("".into(), key, options, &body, properties).await?);
        }
        for confirm in outstanding {
            assert_eq!(within("a confirm", confirm).await??, Confirmation::Ack(None));
        }
        assert_eq!(ready(&channel, &queue).await?, 2000);
        Ok(())
    });
}

#[test]
fn selecting_twice_does_not_start_the_numbers_again() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        assert!(publish(&channel, "", queue.as_str(), "1").await?.is_ack());
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        assert!(publish(&channel, "", queue.as_str(), "2").await?.is_ack());
        Ok(())
    });
}

#[test]
fn a_message_without_a_queue_is_confirmed_too() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let key = fresh("nowhere");
        assert_eq!(publish(&channel, "", key.as_str(), "gone").await?, Confirmation::Ack(None));
        Ok(())
    });
}

#[test]
fn a_mandatory_message_without_a_queue_is_returned_before_it_is_confirmed() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let key = fresh("nowhere");
        let properties = BasicProperties::default().with_message_id("17".into());
        let confirm = channel
            .basic_publish("amq.direct".into(), key.clone(), MANDATORY, b"come back", properties)
            .await?;
        // lapin hands over the return with the confirm only if it came before it.
        let confirmation = within("the confirm", confirm).await??;
        assert!(confirmation.is_ack());
        let Some(returned) = confirmation.take_message() else {
            return Err(Failure::new("confirmed without a return before".to_owned()));
        };
        assert_eq!((returned.reply_code, returned.reply_text.as_str()), (312, "NO_ROUTE"));
        assert_eq!((returned.exchange.as_str(), &returned.routing_key), ("amq.direct", &key));
        assert_eq!(returned.data, b"come back");
        assert_eq!(returned.properties.message_id().as_ref().map(ShortString::as_str), Some("17"));
        Ok(())
    });
}

#[test]
fn a_mandatory_message_with_a_queue_is_not_returned() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let properties = BasicProperties::default();
        let confirm = channel.basic_publish("".into(), queue, MANDATORY, b"arrives", properties).await?;
        assert_eq!(within("the confirm", confirm).await??, Confirmation::Ack(None));
        Ok(())
    });
}

#[test]
fn a_mandatory_message_is_returned_without_confirms_too() {
    with_broker(async |broker| {
        let channel = broker.connect().await?.create_channel().await?;
        for body in ["first", ""] {
            let (key, properties) = (fresh("nowhere"), BasicProperties::default());
            channel.basic_publish("".into(), key, MANDATORY, body.as_bytes(), properties).await?.await?;
        }
        own_queue(&channel).await?; // Answered behind the returns, which lapin only collects.
        let returned = channel.wait_for_confirms().await?;
        let bodies: Vec<_> = returned.iter().map(|message| message.data.as_slice()).collect();
        assert_eq!(bodies, [&b"first"[..], b""]);
        Ok(())
    });
}

#[test]
fn a_full_queue_that_rejects_publishes_answers_with_nack() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let arguments =
            table([("x-max-length", AMQPValue::LongInt(2)), ("x-overflow", text("reject-publish"))]);
        let queue = own_queue_with(&channel, arguments).await?;
        let mut outstanding = Vec::new();
        for _ in 0..5 {
            let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
            outstanding
                .push(channel.basic_publish("".into(), queue.clone(), options, b"x", properties).await?);
        }
        let mut accepted = Vec::new();
        for confirm in outstanding {
            accepted.push(within("a confirm", confirm).await??.is_ack());
        }
        assert_eq!(accepted, [true, true, false, false, false]);
        assert_eq!(ready(&channel, &queue).await?, 2);
        Ok(())
    });
}

#[test]
fn one_publish_to_many_queues_is_confirmed_once_all_have_it() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let key = fresh("many");
        let mut queues = Vec::new();
        for _ in 0..20 {
            let queue = own_queue(&channel).await?;
            channel
                .queue_bind(
                    queue.clone(),
                    "amq.direct".into(),
                    key.clone(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await?;
            queues.push(queue);
        }
        assert_eq!(publish(&channel, "amq.direct", key.as_str(), "all").await?, Confirmation::Ack(None));
        for queue in &queues {
            assert_eq!(ready(&channel, queue).await?, 1);
        }
        Ok(())
    });
}

#[test]
fn confirms_go_to_the_channel_that_published() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let quiet = connection.create_channel().await?;
        let queue = own_queue(&quiet).await?;
        assert_eq!(publish(&quiet, "", queue.as_str(), "1").await?, Confirmation::NotRequested);
        let loud = connection.create_channel().await?;
        loud.confirm_select(ConfirmSelectOptions::default()).await?;
        assert_eq!(publish(&loud, "", queue.as_str(), "2").await?, Confirmation::Ack(None));
        eventually("both messages", async || Ok(ready(&quiet, &queue).await? == 2)).await
    });
}
