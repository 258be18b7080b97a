//! Logging in, staying connected, and coming back.

use std::path::Path;
use std::time::Duration;

use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::security::SecurityCredentials;
use amqprs::tls::TlsAdaptor;
use amqprs::{BasicProperties, DELIVERY_MODE_PERSISTENT};
use leveret_interop_program::{Address, Failure, Proof, control, same, that, variable};
use tokio::time::sleep;

use crate::line::Line;
use crate::scene::{Scene, arguments};

pub async fn connects(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    connection.open_channel(None).await?.close().await?;
    Ok(connection.close().await?)
}

/// The error that a login comes to.
async fn refused(arguments: &OpenConnectionArguments) -> Proof<String> {
    match Connection::open(arguments).await {
        Ok(_) => Err(Failure::Failed("it was let in".to_owned())),
        Err(error) => Ok(error.to_string()),
    }
}

pub async fn bad_password(scene: &Scene) -> Proof {
    let wrong = SecurityCredentials::new_plain("guest", "wrong");
    let error = refused(&arguments()?.credentials(wrong).finish()).await?;
    // It does not announce authentication_failure_close, so the broker hangs up without a word.
    that(error.contains("network error"), error)?;
    Ok(scene.connect().await?.close().await?)
}

pub async fn heartbeats(scene: &Scene) -> Proof {
    let connection = Connection::open(&arguments()?.heartbeat(1).finish()).await?;
    same("heartbeat", connection.heartbeat(), 1)?;
    let mut line = Line::on(&connection).await?;
    sleep(Duration::from_secs(5)).await;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["alive"]).await?;
    line.gets(&queue, "alive").await
}

pub async fn many_channels(scene: &Scene) -> Proof {
    let connection = scene.connect().await?;
    let mut lines = vec![Line::on(&connection).await?];
    let queue = match lines.first_mut() {
        Some(line) => scene.queue(line).await?,
        None => return Ok(()),
    };
    for number in 0..200 {
        let mut line = Line::on(&connection).await?;
        let body = number.to_string();
        line.send(&queue, &[&body]).await?;
        line.gets(&queue, &body).await?;
        lines.push(line);
    }
    Ok(())
}

pub async fn blocked(_: &Scene) -> Proof {
    // It has a callback for it, but does not announce the capability, so brokers say nothing.
    Err(Failure::NotOffered("does not announce connection.blocked"))
}

/// Where the broker listens with TLS, trusting the authority that this variable names.
fn tls_arguments(authority: &str) -> Proof<OpenConnectionArguments> {
    // Already installed is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let at = Address::parse(&variable("INTEROP_TLS_URL")?)?;
    let authority = variable(authority)?;
    let adaptor = TlsAdaptor::without_client_auth(Some(Path::new(&authority)), at.host.clone())?;
    Ok(OpenConnectionArguments::new(&at.host, at.port, &at.user, &at.password).tls_adaptor(adaptor).finish())
}

pub async fn over_tls(scene: &Scene) -> Proof {
    let connection = Connection::open(&tls_arguments("INTEROP_CA")?).await?;
    let mut line = Line::on(&connection).await?;
    let queue = scene.queue(&mut line).await?;
    line.send(&queue, &["secret"]).await?;
    line.gets(&queue, "secret").await?;
    let error = refused(&tls_arguments("INTEROP_OTHER_CA")?).await?;
    that(error.contains("UnknownIssuer") || error.contains("BadSignature"), error)
}

pub async fn external_login(scene: &Scene) -> Proof {
    let mut arguments = tls_arguments("INTEROP_CA")?;
    let (authority, certificate, key) =
        (variable("INTEROP_CA")?, variable("INTEROP_CLIENT_CERT")?, variable("INTEROP_CLIENT_KEY")?);
    let adaptor = TlsAdaptor::with_client_auth(
        Some(Path::new(&authority)),
        Path::new(&certificate),
        Path::new(&key),
        arguments.get_host().to_owned(),
    )?;
    arguments.tls_adaptor(adaptor).credentials(SecurityCredentials::new_external());
    let connection = Connection::open(&arguments).await?;
    let mut line = Line::on(&connection).await?;
    let queue = scene.queue(&mut line).await?;
    // The broker refuses another user's name than that of the connection.
    line.publish("", &queue, BasicProperties::default().with_user_id("guest").finish(), b"").await?;
    let (properties, _) = line.get(&queue).await?;
    same("user id", properties.user_id().map(String::as_str), Some("guest"))
}

pub async fn reconnect(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let queue = scene.queue(&mut line).await?;
    let persistent = BasicProperties::default().with_delivery_mode(DELIVERY_MODE_PERSISTENT).finish();
    line.publish("", &queue, persistent, b"kept").await?;
    control("restart").await?;
    // amqprs leaves it to the program to connect again.
    loop {
        match scene.line().await {
            Ok(again) => return again.gets(&queue, "kept").await,
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

pub async fn topology(_: &Scene) -> Proof {
    Err(Failure::NotOffered("has no recovery"))
}
