//! The broker that a suite is run against: leveret, or a foreign one to check the expectations themselves.
//!
//! Invariant: an expectation is only worth something if RabbitMQ meets it. So with
//! `LEVERET_INTEROP_BROKER=amqp://...` every suite runs against that broker and nothing is started.

use std::env;
use std::process::Command;
use std::time::Duration;

use crate::process;
use crate::server::{Server, StartError};

const FOREIGN: &str = "LEVERET_INTEROP_BROKER";

/// Less memory than any process has: every publisher is told to stop. (`1` would mean all there is.)
const TOO_LITTLE: (&str, &str) = ("LEVERET_MEMORY_HIGH_WATERMARK", "1024");

/// A foreign broker takes its time.
const ORDER_LIMIT: Duration = Duration::from_mins(1);

/// A broker to talk to, for as long as this value lives.
pub struct Broker {
    url: String,
    blocked_url: Option<String>,
    /// As users have it; None for a foreign one, or after it has failed to restart.
    server: Option<Server>,
    /// Out of memory; likewise.
    blocked: Option<Server>,
}

impl Broker {
    /// The broker that the environment names, or two leverets of our own: one as users have it, and one
    /// that is out of memory.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(&[])
    }

    /// The same, with additional arguments for the leveret that is as users have it.
    pub fn start_with(arguments: &[String]) -> Result<Self, StartError> {
        if let Ok(url) = env::var(FOREIGN) {
            let blocked_url = env::var("LEVERET_INTEROP_BLOCKED_BROKER").ok();
            return Ok(Self { url, blocked_url, server: None, blocked: None });
        }
        let server = Server::start_with(&[], arguments)?;
        let blocked = Server::start(&[TOO_LITTLE])?;
        let (url, blocked_url) = (server.url(), Some(blocked.url()));
        Ok(Self { url, blocked_url, server: Some(server), blocked: Some(blocked) })
    }

    /// Whether the environment names another than leveret.
    pub fn is_foreign() -> bool {
        env::var_os(FOREIGN).is_some()
    }

    /// Tells a client's program where the broker is, and whether it is another than leveret.
    pub fn announce(&self, command: &mut Command) {
        command.env("INTEROP_URL", &self.url);
        if Self::is_foreign() {
            command.env("INTEROP_FOREIGN", "1");
        }
        match &self.blocked_url {
            Some(url) => command.env("INTEROP_BLOCKED_URL", url),
            None => command.env_remove("INTEROP_BLOCKED_URL"),
        };
    }

    /// Stops it as an operator would and starts it again with its data; returns when clients may connect.
    pub fn restart(&mut self) -> Result<(), String> {
        if Self::is_foreign() {
            return order("INTEROP_RESTART");
        }
        let server = self.server.take().ok_or("an earlier restart failed")?;
        self.server = Some(server.restart().map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Where a broker is that is out of memory, at least until [`Broker::unblock`].
    pub fn block(&self) -> Result<String, String> {
        match &self.blocked_url {
            Some(url) => Ok(url.clone()),
            None => order("INTEROP_ALARM_ON").map(|()| self.url.clone()),
        }
    }

    /// Ends the alarm. Our own second broker is started again instead, which ends its connections: else
    /// they could not even be closed, since a publisher that is told to stop is no longer listened to.
    pub fn unblock(&mut self) -> Result<(), String> {
        if let Some(server) = self.blocked.take() {
            self.blocked = Some(server.restart().map_err(|error| error.to_string())?);
            return Ok(());
        }
        if self.blocked_url.is_some() { Ok(()) } else { order("INTEROP_ALARM_OFF") }
    }

    /// What our own brokers have logged; nothing for a foreign one.
    pub fn log(&self) -> String {
        self.own().map(Server::log).collect::<Vec<_>>().join("\n")
    }

    /// Stops our own brokers with SIGTERM; says how it went wrong if one does not end with exit code 0.
    pub fn stop(&self) -> Result<(), String> {
        for server in self.own() {
            match server.stop() {
                Some(status) if status.success() => {}
                Some(status) => return Err(format!("SIGTERM ended leveret with {status}\n{}", server.log())),
                None => return Err(format!("leveret ignored SIGTERM\n{}", server.log())),
            }
        }
        Ok(())
    }

    fn own(&self) -> impl Iterator<Item = &Server> {
        self.server.iter().chain(&self.blocked)
    }
}

/// Runs the shell command in this environment variable, which tells a foreign broker what to do.
fn order(variable: &str) -> Result<(), String> {
    let script = env::var(variable).map_err(|_| format!("{variable} is not set"))?;
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]);
    let finished = process::run(shell, ORDER_LIMIT).map_err(|error| error.to_string())?;
    match finished.status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{variable}: {status}: {}", finished.output)),
        None => Err(format!("{variable} took longer than {} s", ORDER_LIMIT.as_secs())),
    }
}
