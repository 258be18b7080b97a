//! The broker that a suite is run against: leveret, or a foreign one to check the expectations themselves.
//!
//! Invariant: an expectation is only worth something if RabbitMQ meets it. So with
//! `LEVERET_INTEROP_BROKER=amqp://...` every suite runs against that broker and nothing is started.

use std::env;
use std::process::Command;

use crate::server::{Server, StartError};

/// Less memory than any process has: every publisher is told to stop. (`1` would mean all there is.)
const TOO_LITTLE: (&str, &str) = ("LEVERET_MEMORY_HIGH_WATERMARK", "1024");

/// A broker to talk to, for as long as this value lives.
pub struct Broker {
    url: String,
    blocked_url: Option<String>,
    own: Vec<Server>,
}

impl Broker {
    /// The broker that the environment names, or two leverets of our own: one as users have it, and one
    /// that is out of memory.
    pub fn start() -> Result<Self, StartError> {
        if let Ok(url) = env::var("LEVERET_INTEROP_BROKER") {
            let blocked_url = env::var("LEVERET_INTEROP_BLOCKED_BROKER").ok();
            return Ok(Self { url, blocked_url, own: Vec::new() });
        }
        let server = Server::start(&[])?;
        let blocked = Server::start(&[TOO_LITTLE])?;
        let (url, blocked_url) = (server.url(), Some(blocked.url()));
        Ok(Self { url, blocked_url, own: vec![server, blocked] })
    }

    /// Tells a client's program where the broker is.
    pub fn announce(&self, command: &mut Command) {
        command.env("INTEROP_URL", &self.url);
        match &self.blocked_url {
            Some(url) => command.env("INTEROP_BLOCKED_URL", url),
            None => command.env_remove("INTEROP_BLOCKED_URL"),
        };
    }

    /// What our own brokers have logged; nothing for a foreign one.
    pub fn log(&self) -> String {
        self.own.iter().map(Server::log).collect::<Vec<_>>().join("\n")
    }

    /// Stops our own brokers with SIGTERM; says how it went wrong if one does not end with exit code 0.
    pub fn stop(self) -> Result<(), String> {
        for server in &self.own {
            match server.stop() {
                Some(status) if status.success() => {}
                Some(status) => return Err(format!("SIGTERM ended leveret with {status}\n{}", server.log())),
                None => return Err(format!("leveret ignored SIGTERM\n{}", server.log())),
            }
        }
        Ok(())
    }
}
