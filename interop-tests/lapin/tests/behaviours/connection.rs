//! Logging in, many channels, heartbeats, closing, and a broker that is short of memory or disk.

use std::{collections::BTreeSet, time::Duration};

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind, Event,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ChannelFlowOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::FieldTable,
    uri::SASLMechanism,
};
use tokio::{task::yield_now, time};

use crate::{
    broker::{Broker, skip, with_broker},
    client::{
        Events, Outcome, bodies, body, confirming, consume, drain, eventually, fresh, get, is_gone, next,
        own_queue, publish, ready, refusal, within,
    },
};

const LOGIN_REFUSED: &str = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. \
                             For details see the broker logfile.";

/// Shows that a channel works, whatever happened around it.
async fn assert_usable(channel: &Channel) -> Outcome {
    let queue = own_queue(channel).await?;
    publish(channel, "", queue.as_str(), "still here").await?;
    assert_eq!(body(&get(channel, &queue).await?), "still here");
    Ok(())
}

#[test]
fn a_connection_opens_and_closes() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        // lapin's close fails on a channel that is just being closed because its handle was dropped.
        let channel = confirming(&connection).await?;
        assert_usable(&channel).await?;
        within("close-ok", connection.close(200, "bye".into())).await??;
        eventually("the closed state", async || Ok(connection.status().closed())).await
    });
}

#[test]
fn limits_are_negotiated_to_rabbitmqs_defaults() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let configuration = connection.configuration();
        assert_eq!(configuration.channel_max(), 2047);
        assert_eq!(configuration.frame_max(), 131_072);
        assert_eq!(configuration.heartbeat(), 60);
        Ok(())
    });
}

#[test]
fn amqplain_logs_in_too() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.query.auth_mechanism = Some(SASLMechanism::AMQPlain);
        let connection = broker.connect_to(uri).await?;
        assert_usable(&confirming(&connection).await?).await
    });
}

#[test]
fn a_wrong_password_is_refused_with_403() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.authority.userinfo.password = "not the password".to_owned();
        let login =
            within("the refusal", Connection::connect_uri(uri, ConnectionProperties::default())).await?;
        assert_eq!(refusal(login)?, (403, LOGIN_REFUSED.to_owned()));
        Ok(())
    });
}

#[test]
fn an_unknown_user_is_refused_like_a_wrong_password() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.authority.userinfo.username = "nobody".to_owned();
        let login =
            within("the refusal", Connection::connect_uri(uri, ConnectionProperties::default())).await?;
        assert_eq!(refusal(login)?, (403, LOGIN_REFUSED.to_owned()));
        Ok(())
    });
}

#[test]
fn a_missing_vhost_is_refused_with_530() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.vhost = "nosuch".to_owned();
        let login =
            within("the refusal", Connection::connect_uri(uri, ConnectionProperties::default())).await?;
        assert_eq!(refusal(login)?, (530, "NOT_ALLOWED - vhost nosuch not found".to_owned()));
        Ok(())
    });
}

#[test]
fn a_new_secret_is_accepted() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let secret = broker.uri().authority.userinfo.password;
        within("update-secret-ok", connection.update_secret(secret.into(), "rotation".into())).await??;
        assert_usable(&confirming(&connection).await?).await
    });
}

#[test]
fn a_thousand_channels_of_one_connection_all_publish() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let count = connection.configuration().channel_max().min(1000);
        let collector = connection.create_channel().await?;
        let queue = own_queue(&collector).await?;
        let mut consumer = consume(&collector, &queue).await?;
        let mut channels = Vec::new();
        for _ in 1..count {
            channels.push(confirming(&connection).await?);
        }
        for channel in &channels {
            publish(channel, "", queue.as_str(), &channel.id().to_string()).await?;
        }
        let came = bodies(&mut consumer, channels.len()).await?;
        let sent: BTreeSet<_> = channels.iter().map(|channel| channel.id().to_string()).collect();
        assert_eq!(sent.len(), usize::from(count) - 1, "channel numbers repeat");
        assert_eq!(came.into_iter().collect::<BTreeSet<_>>(), sent);
        Ok(())
    });
}

/// lapin hands out the number of a closed channel again only a moment after the close has returned.
async fn the_only_channel(connection: &Connection) -> Outcome<Channel> {
    let free = async {
        loop {
            match connection.create_channel().await {
                Err(error) if matches!(error.kind(), ErrorKind::ChannelsLimitReached) => yield_now().await,
                answer => break answer,
            }
        }
    };
    let channel = within("a free channel number", free).await??;
    assert_eq!(channel.id(), 1);
    Ok(channel)
}

#[test]
fn a_channel_number_can_be_used_again_after_close() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.query.channel_max = Some(1);
        let connection = broker.connect_to(uri).await?;
        for _ in 0..3 {
            let channel = the_only_channel(&connection).await?;
            let queue = own_queue(&channel).await?;
            publish(&channel, "", queue.as_str(), "first of the channel").await?;
            assert_eq!(get(&channel, &queue).await?.delivery_tag, 1);
            within("close-ok", channel.close(200, "bye".into())).await??;
        }
        Ok(())
    });
}

#[test]
fn an_idle_connection_lives_on_its_heartbeats() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.query.heartbeat = Some(1);
        let connection = broker.connect_to(uri).await?;
        assert_eq!(connection.configuration().heartbeat(), 1);
        let channel = connection.create_channel().await?;
        // Either side gives up on a silent peer within three periods; here nothing but heartbeats passes.
        let mut events = Events::of(&connection);
        let trouble = time::timeout(Duration::from_millis(4500), events.next()).await;
        assert!(trouble.is_err(), "{trouble:?}");
        assert_usable(&channel).await
    });
}

#[test]
fn a_hard_error_ends_the_connection_but_no_other() {
    with_broker(async |broker| {
        let bystander = broker.channel().await?;
        let connection = broker.connect().await?;
        let mut events = Events::of(&connection);
        let channel = connection.create_channel().await?;
        let queue = own_queue(&channel).await?;
        let (options, tag) = (BasicConsumeOptions::default(), "twice");
        let _first = channel.basic_consume(queue.clone(), tag.into(), options, FieldTable::default()).await?;
        let second = channel.basic_consume(queue, tag.into(), options, FieldTable::default()).await;
        let expected = (530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'".to_owned());
        assert_eq!(refusal(second)?, expected);
        events.next().await?;
        assert!(connection.create_channel().await.is_err());
        assert_usable(&bystander).await
    });
}

#[test]
fn an_immediate_publish_is_not_implemented() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let options = BasicPublishOptions { immediate: true, ..Default::default() };
        let confirm =
            channel.basic_publish("".into(), "q".into(), options, b"now", BasicProperties::default()).await?;
        let answer = within("the refusal", confirm).await?;
        assert_eq!(refusal(answer)?, (540, "NOT_IMPLEMENTED - immediate=true".to_owned()));
        Ok(())
    });
}

#[test]
fn a_channel_may_ask_for_the_flow_it_has_but_not_stop_it() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        assert!(channel.channel_flow(ChannelFlowOptions { active: true }).await?);
        let answer = channel.channel_flow(ChannelFlowOptions { active: false }).await;
        assert_eq!(refusal(answer)?, (540, "NOT_IMPLEMENTED - active=false".to_owned()));
        Ok(())
    });
}

#[test]
fn what_a_closed_connection_left_unacknowledged_comes_again() {
    with_broker(async |broker| {
        let keeper = broker.channel().await?;
        let queue = fresh("closed");
        let options = QueueDeclareOptions::durable();
        keeper.queue_declare(queue.clone(), options, FieldTable::default()).await?;
        publish(&keeper, "", queue.as_str(), "precious").await?;
        let connection = broker.connect().await?;
        let taker = connection.create_channel().await?;
        assert!(!get(&taker, &queue).await?.redelivered);
        within("close-ok", connection.close(200, "bye".into())).await??;
        let mut consumer = consume(&keeper, &queue).await?;
        let again = next(&mut consumer).await?;
        assert_eq!((body(&again), again.redelivered), ("precious".to_owned(), true));
        keeper.queue_delete(queue, QueueDeleteOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn exclusive_queues_go_with_their_connection() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let channel = connection.create_channel().await?;
        let queue = own_queue(&channel).await?;
        within("close-ok", connection.close(200, "bye".into())).await??;
        let other = broker.connect().await?;
        eventually("the queue to go", async || is_gone(&other, &queue).await).await
    });
}

#[test]
fn a_publisher_is_told_that_the_broker_is_short_of_resources() {
    if !Broker::may_be_out_of_memory() {
        return skip("INTEROP_BLOCKED_URL names no broker that is short of memory");
    }
    with_broker(async |_| {
        let broker = Broker::out_of_memory()?;
        let connection = broker.connect().await?;
        let mut events = Events::of(&connection);
        let channel = connection.create_channel().await?;
        // Until it publishes, a connection is served as ever.
        let queue = own_queue(&channel).await?;
        assert!(!connection.status().blocked());
        // A broker that has just started may yet have to measure how much memory it has.
        let mut event = Box::pin(events.next());
        let event = loop {
            publish(&channel, "", queue.as_str(), "too much").await?;
            tokio::select! {
                event = &mut event => break event?,
                answer = ready(&channel, &queue) => drop(answer?),
            }
        };
        assert!(
            matches!(&event, Event::ConnectionBlocked(reason) if reason.starts_with("low on ")),
            "{event:?}"
        );
        assert!(connection.status().blocked());
        // Those who only consume are not held up.
        let consumer = broker.channel().await?;
        let empty = own_queue(&consumer).await?;
        assert_eq!((ready(&consumer, &empty).await?, drain(&consumer, &empty).await?), (0, vec![]));
        Ok(())
    });
}
