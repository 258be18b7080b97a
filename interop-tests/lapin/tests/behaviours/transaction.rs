//! Transactions of one channel: what commit makes visible and rollback takes back.

use lapin::{
    Channel,
    options::{BasicAckOptions, ConfirmSelectOptions},
};

use crate::{
    broker::{Broker, with_broker},
    client::{
        Events, Outcome, body, confirming, consume, drain, fresh, get, next, own_queue, publish,
        publish_numbers, ready, refusal,
    },
};

/// A channel that is not in confirm mode, which would exclude transactions.
async fn plain_channel(broker: &Broker) -> Outcome<Channel> {
    Ok(broker.connect().await?.create_channel().await?)
}

#[test]
fn publishes_appear_with_the_commit() {
    with_broker(async |broker| {
        let channel = plain_channel(&broker).await?;
        let queue = own_queue(&channel).await?;
        channel.tx_select().await?;
        publish_numbers(&channel, &queue, 3).await?;
        assert_eq!(ready(&channel, &queue).await?, 0);
        channel.tx_commit().await?;
        assert_eq!(ready(&channel, &queue).await?, 3);
        // The transaction goes on: the next publish waits for the next commit.
        publish(&channel, "", queue.as_str(), "4").await?;
        assert_eq!(ready(&channel, &queue).await?, 3);
        channel.tx_commit().await?;
        let order: Vec<_> = drain(&channel, &queue).await?.into_iter().map(|(body, _)| body).collect();
        assert_eq!(order, ["1", "2", "3", "4"]);
        Ok(())
    });
}

#[test]
fn a_rollback_drops_publishes() {
    with_broker(async |broker| {
        let channel = plain_channel(&broker).await?;
        let queue = own_queue(&channel).await?;
        channel.tx_select().await?;
        publish_numbers(&channel, &queue, 3).await?;
        channel.tx_rollback().await?;
        channel.tx_commit().await?;
        assert_eq!(ready(&channel, &queue).await?, 0);
        Ok(())
    });
}

#[test]
fn an_uncommitted_publish_goes_with_its_channel() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (channel, keeper) = (connection.create_channel().await?, confirming(&connection).await?);
        let queue = own_queue(&keeper).await?;
        channel.tx_select().await?;
        publish(&channel, "", queue.as_str(), "never").await?;
        ready(&channel, &queue).await?;
        channel.close(200, "bye".into()).await?;
        assert_eq!(ready(&keeper, &queue).await?, 0);
        Ok(())
    });
}

#[test]
fn an_acknowledgement_counts_with_the_commit() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (channel, keeper) = (connection.create_channel().await?, confirming(&connection).await?);
        let queue = own_queue(&keeper).await?;
        publish_numbers(&keeper, &queue, 2).await?;
        channel.tx_select().await?;
        get(&channel, &queue).await?.ack(BasicAckOptions::default()).await?;
        channel.tx_commit().await?;
        get(&channel, &queue).await?.ack(BasicAckOptions::default()).await?;
        channel.close(200, "without a commit".into()).await?;
        let mut consumer = consume(&keeper, &queue).await?;
        let again = next(&mut consumer).await?;
        assert_eq!((body(&again), again.redelivered), ("2".to_owned(), true));
        Ok(())
    });
}

#[test]
fn a_rollback_makes_an_acknowledged_message_outstanding_again() {
    with_broker(async |broker| {
        let channel = plain_channel(&broker).await?;
        let queue = own_queue(&channel).await?;
        publish(&channel, "", queue.as_str(), "x").await?;
        channel.tx_select().await?;
        let tag = get(&channel, &queue).await?.delivery_tag;
        for _ in 0..2 {
            channel.basic_ack(tag, BasicAckOptions::default()).await?;
            channel.tx_rollback().await?;
        }
        // Rolled back is not requeued: the message is still this channel's to acknowledge.
        assert_eq!(ready(&channel, &queue).await?, 0);
        channel.basic_ack(tag, BasicAckOptions::default()).await?;
        channel.tx_commit().await?;
        Ok(())
    });
}

#[test]
fn committing_without_a_transaction_is_406() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let expected = (406, "PRECONDITION_FAILED - channel is not transactional".to_owned());
        assert_eq!(refusal(connection.create_channel().await?.tx_commit().await)?, expected);
        assert_eq!(refusal(connection.create_channel().await?.tx_rollback().await)?, expected);
        Ok(())
    });
}

#[test]
fn a_channel_confirms_or_is_transactional_not_both() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let channel = connection.create_channel().await?;
        channel.tx_select().await?;
        channel.tx_select().await?;
        let text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode".to_owned();
        let answer = channel.confirm_select(ConfirmSelectOptions::default()).await;
        assert_eq!(refusal(answer)?, (406, text));
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode".to_owned();
        assert_eq!(refusal(channel.tx_select().await)?, (406, text));
        Ok(())
    });
}

#[test]
fn a_bad_publish_ends_the_transaction_before_the_commit() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let mut events = Events::of(&connection);
        let channel = connection.create_channel().await?;
        channel.tx_select().await?;
        let exchange = fresh("missing");
        publish(&channel, exchange.as_str(), "key", "x").await?;
        let text = format!("NOT_FOUND - no {}", broker.exchange_text(&exchange));
        assert_eq!(events.refusal().await?, (404, text));
        Ok(())
    });
}
