//! Logging in, staying connected, and coming back.

use std::fs;
use std::time::Duration;

use futures_lite::StreamExt;
use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, Event};
use leveret_interop_program::{Failure, Proof, control, same, soon, that, variable};
use tokio::time::{sleep, timeout};

use crate::scene::{Scene, confirming};
use crate::words::{ack, bind, consume, get, gets, post, publish, refused, send};

pub async fn connects(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    connection.create_channel().await?.close(200, "bye".into()).await?;
    Ok(connection.close(200, "bye".into()).await?)
}

pub async fn bad_password(_: &Scene) -> Proof {
    let url = variable("INTEROP_URL")?.replace("guest:guest", "guest:wrong");
    refused(Connection::connect(&url, ConnectionProperties::default()).await.map(|_| ()), 403)?;
    Ok(())
}

pub async fn heartbeats(scene: &Scene) -> Proof {
    let url = format!("{}?heartbeat=1", variable("INTEROP_URL")?);
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    same("heartbeat", connection.configuration().heartbeat(), 1)?;
    let channel = confirming(&connection).await?;
    sleep(Duration::from_secs(5)).await;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["alive"]).await?;
    gets(&channel, &queue, "alive").await
}

pub async fn many_channels(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let mut channels = Vec::new();
    let queue = scene.queue(&connection.create_channel().await?).await?;
    for number in 0..200 {
        let channel = confirming(&connection).await?;
        let body = number.to_string();
        send(&channel, &queue, &[&body]).await?;
        gets(&channel, &queue, &body).await?;
        channels.push(channel); // or it would be closed
    }
    Ok(())
}

pub async fn blocked(scene: &Scene) -> Proof {
    let proof = is_blocked(scene, &control("blocked").await?).await;
    control("unblocked").await?;
    proof
}

async fn is_blocked(scene: &Scene, url: &str) -> Proof {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let blocking = connection.events_listener().filter_map(|event| match event {
        Event::ConnectionBlocked(reason) => Some(reason),
        _ => None,
    });
    let channel = connection.create_channel().await?;
    let nowhere = scene.name()?.into();
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish("".into(), nowhere, options, b"too much", properties).await?;
    let reason = soon("connection.blocked", Box::pin(blocking).next()).await?;
    that(reason.is_some_and(|reason| !reason.is_empty()), "it gives no reason")
}

/// Connects with TLS, believing the authority in the file that this variable names.
async fn connect_tls(url: &str, authority: &str, identity: Option<OwnedIdentity>) -> Proof<Connection> {
    let cert_chain = Some(fs::read_to_string(variable(authority)?)?);
    let config = OwnedTLSConfig { identity, cert_chain };
    let runtime = lapin::runtime::default_runtime()?;
    Ok(Connection::connect_with_config(url, ConnectionProperties::default(), config, runtime).await?)
}

pub async fn over_tls(scene: &Scene) -> Proof {
    let url = variable("INTEROP_TLS_URL")?;
    let connection = connect_tls(&url, "INTEROP_CA", None).await?;
    let channel = confirming(&connection).await?;
    let queue = scene.queue(&channel).await?;
    send(&channel, &queue, &["secret"]).await?;
    gets(&channel, &queue, "secret").await?;
    match connect_tls(&url, "INTEROP_OTHER_CA", None).await {
        Err(Failure::Failed(reason)) => that(reason.contains("certificate"), reason),
        _ => Err(Failure::Failed("a wrong authority was believed".to_owned())),
    }
}

pub async fn external_login(scene: &Scene) -> Proof {
    let pem = fs::read(variable("INTEROP_CLIENT_CERT")?)?;
    let key = fs::read(variable("INTEROP_CLIENT_KEY")?)?;
    let url = format!("{}?auth_mechanism=external", variable("INTEROP_TLS_URL")?);
    let connection = connect_tls(&url, "INTEROP_CA", Some(OwnedIdentity::PKCS8 { pem, key })).await?;
    let channel = confirming(&connection).await?;
    let queue = scene.queue(&channel).await?;
    // The broker refuses another user's name than that of the connection.
    publish(&channel, ("", &queue), BasicProperties::default().with_user_id("guest".into()), b"").await?;
    same("user id", get(&channel, &queue).await?.properties.user_id(), &Some("guest".into()))
}

/// With lapin's own recovery.
async fn recovering() -> Proof<Connection> {
    let properties = ConnectionProperties::default().enable_auto_recover().configure_backoff(|backoff| {
        backoff.with_min_delay(Duration::from_millis(100)).with_max_delay(Duration::from_millis(300))
    });
    Ok(Connection::connect(&variable("INTEROP_URL")?, properties).await?)
}

pub async fn reconnect(scene: &Scene) -> Proof {
    let connection = recovering().await?;
    let channel = confirming(&connection).await?;
    let queue = scene.queue(&channel).await?;
    let persistent = BasicProperties::default().with_delivery_mode(2);
    publish(&channel, ("", &queue), persistent, b"kept").await?;
    control("restart").await?;
    loop {
        match channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await {
            Ok(Some(message)) => return same("body", message.data.as_slice(), b"kept".as_slice()),
            Ok(None) => return Err(Failure::Failed("the message is gone".to_owned())),
            Err(broken) => channel.wait_for_recovery(broken).await?,
        }
    }
}

/// Publishes until it arrives: lapin may publish on the new connection before it has bound the queues
/// again. That the connection broke in between is told to both, and is no end.
async fn flows(channel: &Channel, consumer: &mut Consumer) -> Proof {
    loop {
        let _broken =
            post(channel, ("amq.topic", "topology"), BasicProperties::default(), b"again").await.is_err();
        match timeout(Duration::from_millis(200), consumer.next()).await {
            Ok(Some(Ok(delivery))) => return ack(&delivery).await,
            Ok(Some(Err(_broken))) => {}
            Ok(None) => return Err(Failure::Failed("the consumer has ended".to_owned())),
            Err(_late) => {}
        }
    }
}

pub async fn topology(scene: &Scene) -> Proof {
    let connection = recovering().await?;
    let channel = confirming(&connection).await?;
    let mut consumers = Vec::new();
    for options in [QueueDeclareOptions::exclusive(), QueueDeclareOptions::durable().auto_delete()] {
        let name = scene.name()?;
        channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await?;
        bind(&channel, &name, "amq.topic", "topology").await?;
        consumers.push(consume(&channel, &name).await?);
    }
    control("restart").await?;
    for consumer in &mut consumers {
        flows(&channel, consumer).await?;
    }
    Ok(())
}
