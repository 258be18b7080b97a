//! Acknowledging, rejecting and getting again: what comes back, where to, and marked how.

use lapin::{
    Channel,
    options::{BasicAckOptions, BasicNackOptions, BasicRecoverOptions, BasicRejectOptions},
    types::ShortString,
};

use crate::{
    broker::with_broker,
    client::{
        Events, Outcome, at_hand, body, confirming, consume, drain, get, next, own_queue, publish,
        publish_numbers, ready, refusal,
    },
};

const REQUEUE: BasicRejectOptions = BasicRejectOptions { requeue: true };

fn numbers(numbers: [u32; 3], redelivered: bool) -> Vec<(String, bool)> {
    numbers.iter().map(|number| (number.to_string(), redelivered)).collect()
}

/// What a channel still held, recover would bring back into the queue.
async fn assert_nothing_outstanding(channel: &Channel, queue: &ShortString) -> Outcome {
    channel.basic_recover(BasicRecoverOptions { requeue: true }).await?;
    assert_eq!(drain(channel, queue).await?, []);
    Ok(())
}

#[test]
fn an_acknowledged_message_never_comes_back() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (channel, keeper) = (confirming(&connection).await?, confirming(&connection).await?);
        let queue = own_queue(&keeper).await?;
        publish_numbers(&channel, &queue, 2).await?;
        assert!(get(&channel, &queue).await?.ack(BasicAckOptions::default()).await?);
        let _held = get(&channel, &queue).await?;
        channel.close(200, "bye".into()).await?;
        let mut consumer = consume(&keeper, &queue).await?;
        let again = next(&mut consumer).await?;
        assert_eq!((body(&again), again.redelivered), ("2".to_owned(), true));
        assert_eq!(ready(&keeper, &queue).await?, 0);
        assert_eq!(at_hand(&mut consumer).await?, []);
        Ok(())
    });
}

#[test]
fn requeued_messages_return_to_their_places() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        let first = get(&channel, &queue).await?;
        let second = get(&channel, &queue).await?;
        let third = get(&channel, &queue).await?;
        for message in [&third, &first, &second] {
            message.reject(REQUEUE).await?;
        }
        assert_eq!(drain(&channel, &queue).await?, numbers([1, 2, 3], true));
        Ok(())
    });
}

#[test]
fn a_requeued_message_overtakes_newer_ones() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        get(&channel, &queue).await?.reject(REQUEUE).await?;
        let expected = [("1".to_owned(), true), ("2".to_owned(), false), ("3".to_owned(), false)];
        assert_eq!(drain(&channel, &queue).await?, expected);
        Ok(())
    });
}

#[test]
fn a_requeued_message_is_delivered_again_at_once() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let mut consumer = consume(&channel, &queue).await?;
        publish(&channel, "", queue.as_str(), "try again").await?;
        let delivery = next(&mut consumer).await?;
        assert_eq!((delivery.delivery_tag, delivery.redelivered), (1, false));
        delivery.nack(BasicNackOptions { requeue: true, multiple: false }).await?;
        let delivery = next(&mut consumer).await?;
        assert_eq!((delivery.delivery_tag, delivery.redelivered), (2, true));
        assert_eq!(body(&delivery), "try again");
        Ok(())
    });
}

#[test]
fn a_message_rejected_for_good_is_dropped() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        get(&channel, &queue).await?.reject(BasicRejectOptions { requeue: false }).await?;
        get(&channel, &queue).await?.nack(BasicNackOptions { requeue: false, multiple: false }).await?;
        assert_eq!(drain(&channel, &queue).await?, [("3".to_owned(), false)]);
        Ok(())
    });
}

#[test]
fn multiple_acknowledges_everything_up_to_the_tag() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (channel, keeper) = (confirming(&connection).await?, confirming(&connection).await?);
        let queue = own_queue(&keeper).await?;
        publish_numbers(&keeper, &queue, 5).await?;
        let mut consumer = consume(&channel, &queue).await?;
        for _ in 1..=2 {
            next(&mut consumer).await?;
        }
        let third = next(&mut consumer).await?;
        third.ack(BasicAckOptions { multiple: true }).await?;
        next(&mut consumer).await?;
        next(&mut consumer).await?;
        channel.close(200, "bye".into()).await?;
        let mut rest = consume(&keeper, &queue).await?;
        for number in ["4", "5"] {
            let delivery = next(&mut rest).await?;
            assert_eq!((body(&delivery).as_str(), delivery.redelivered), (number, true));
        }
        assert_eq!(ready(&keeper, &queue).await?, 0);
        assert_eq!(at_hand(&mut rest).await?, []);
        Ok(())
    });
}

#[test]
fn multiple_with_tag_zero_means_everything_outstanding() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        for redelivered in [false, true] {
            for number in 1..=3 {
                let message = get(&channel, &queue).await?;
                assert_eq!((body(&message), message.redelivered), (number.to_string(), redelivered));
            }
            if !redelivered {
                channel.basic_nack(0, BasicNackOptions { multiple: true, requeue: true }).await?;
            }
        }
        channel.basic_ack(0, BasicAckOptions { multiple: true }).await?;
        // Nothing outstanding is fine too.
        channel.basic_ack(0, BasicAckOptions { multiple: true }).await?;
        assert_nothing_outstanding(&channel, &queue).await
    });
}

#[test]
fn multiple_nack_requeues_in_order() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        publish_numbers(&channel, &queue, 3).await?;
        get(&channel, &queue).await?;
        get(&channel, &queue).await?;
        let third = get(&channel, &queue).await?;
        third.nack(BasicNackOptions { multiple: true, requeue: true }).await?;
        assert_eq!(drain(&channel, &queue).await?, numbers([1, 2, 3], true));
        Ok(())
    });
}

#[test]
fn an_unknown_tag_is_406_for_ack_nack_and_reject() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let mut events = Events::of(&connection);
        let expected = (406, "PRECONDITION_FAILED - unknown delivery tag 7".to_owned());
        for method in 0..3 {
            let channel = confirming(&connection).await?;
            match method {
                0 => channel.basic_ack(7, BasicAckOptions::default()).await?,
                1 => channel.basic_nack(7, BasicNackOptions::default()).await?,
                _ => channel.basic_reject(7, BasicRejectOptions::default()).await?,
            }
            assert_eq!(events.refusal().await?, expected);
        }
        Ok(())
    });
}

#[test]
fn a_tag_belongs_to_its_channel() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (channel, other) = (confirming(&connection).await?, confirming(&connection).await?);
        let queue = own_queue(&channel).await?;
        publish(&channel, "", queue.as_str(), "x").await?;
        let message = get(&channel, &queue).await?;
        let mut events = Events::of(&connection);
        other.basic_ack(message.delivery_tag, BasicAckOptions::default()).await?;
        assert_eq!(events.refusal().await?.0, 406);
        assert!(message.ack(BasicAckOptions::default()).await?);
        assert_nothing_outstanding(&channel, &queue).await
    });
}

#[test]
fn recover_delivers_everything_outstanding_again() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let mut consumer = consume(&channel, &queue).await?;
        publish_numbers(&channel, &queue, 3).await?;
        for tag in 1..=3 {
            let delivery = next(&mut consumer).await?;
            assert_eq!((delivery.delivery_tag, delivery.redelivered), (tag, false));
        }
        channel.basic_recover(BasicRecoverOptions { requeue: true }).await?;
        for tag in 4..=6 {
            let delivery = next(&mut consumer).await?;
            assert_eq!((delivery.delivery_tag, delivery.redelivered), (tag, true));
            assert_eq!(body(&delivery), (tag - 3).to_string());
        }
        Ok(())
    });
}

#[test]
fn recover_without_requeue_is_not_implemented() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let answer = channel.basic_recover(BasicRecoverOptions { requeue: false }).await;
        assert_eq!(refusal(answer)?, (540, "NOT_IMPLEMENTED - requeue=false".to_owned()));
        Ok(())
    });
}
