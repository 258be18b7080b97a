//! What the runner tells a program: where the brokers are, and how to ask for trouble.

use std::env;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use url::Url;

use crate::failure::{Failure, Proof};

/// One of the `INTEROP_` variables.
pub fn variable(name: &str) -> Proof<String> {
    env::var(name).map_err(|_| Failure::Failed(format!("there is no {name}")))
}

/// An AMQP address taken apart, for libraries that want its parts.
#[derive(Clone, Debug)]
pub struct Address {
    /// A name or a number.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// With this.
    pub password: String,
}

impl Address {
    /// Every address of the matrix has all four parts, and the virtual host `/`.
    pub fn parse(text: &str) -> Proof<Self> {
        let url = Url::parse(text)?;
        let missing = |what: &str| Failure::Failed(format!("{text} has no {what}"));
        Ok(Self {
            host: url.host_str().ok_or_else(|| missing("host"))?.to_owned(),
            port: url.port().ok_or_else(|| missing("port"))?,
            user: url.username().to_owned(),
            password: url.password().ok_or_else(|| missing("password"))?.to_owned(),
        })
    }
}

/// A name that nobody else has, for a queue or an exchange.
pub fn name(client: &str, id: &str) -> Proof<String> {
    Ok(format!("matrix.{client}.{id}.{:08x}", getrandom::u32()?))
}

/// Sends one line to the runner and returns what follows "ok".
pub async fn control(line: &str) -> Proof<String> {
    let mut runner = BufReader::new(TcpStream::connect(variable("INTEROP_CONTROL")?).await?);
    runner.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    runner.read_line(&mut answer).await?;
    match answer.trim().strip_prefix("ok") {
        Some(rest) => Ok(rest.trim().to_owned()),
        None => Err(Failure::Failed(format!("{line}: the runner answered {answer:?}"))),
    }
}
