//! What the log says of one connection's life, in the words that operators search RabbitMQ's log for.
//!
//! A socket that is opened and closed without a byte is somebody's health check and is not mentioned. Why a
//! handshake or a method was refused is said by the rules, where it is known; here is said who came, as
//! whom, and how it ended.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::Timestamp;
use leveret_core::amqp::{Connection, Identity};

/// The part of a connection's story that has been told.
#[derive(Debug)]
pub struct Journal {
    address: Arc<str>,
    since: Timestamp,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Accepted,
    Opened,
}

impl Journal {
    /// Of a connection that was accepted just now.
    pub fn new(now: Timestamp, address: Arc<str>) -> Self {
        Self { address, since: now, told: Told::Nothing }
    }

    /// Bytes have come, and have not been looked at yet: whatever is told of them comes behind this.
    pub fn note_bytes(&mut self) {
        if self.told == Told::Nothing {
            self.told = Told::Accepted;
            tracing::info!("accepting AMQP connection {}", self.address);
        }
    }

    /// They have been looked at: tells what has come of them.
    pub fn note_progress(&mut self, connection: &Connection) {
        if self.told == Told::Accepted && connection.is_open() {
            self.told = Told::Opened;
            self.tell_opened(connection.identity());
        }
    }

    fn tell_opened(&self, identity: &Identity) {
        let (user, vhost) = (text(identity.user.as_ref()), text(identity.vhost.as_ref()));
        let span = tracing::Span::current();
        span.record("user", user);
        span.record("vhost", vhost);
        tracing::info!(
            "connection {}: user '{user}' authenticated and granted access to vhost '{vhost}'",
            self.who(identity)
        );
    }

    /// The socket is gone, or about to be closed; the last word.
    pub fn note_end(&self, now: Timestamp, connection: &Connection) {
        if self.told != Told::Opened {
            // Either nothing was ever said, or the rules have told why the handshake came to nothing.
            return;
        }
        let identity = connection.identity();
        let story = format_args!(
            "({}, vhost: '{}', user: '{}', duration: '{}')",
            self.who(identity),
            text(identity.vhost.as_ref()),
            text(identity.user.as_ref()),
            Spoken(now.duration_since(self.since))
        )
        .to_string();
        if connection.is_open() {
            let id = connection.id().0;
            tracing::warn!(
                "closing AMQP connection <0.{id}.0> {story}:\nclient unexpectedly closed TCP connection"
            );
        } else {
            tracing::info!("closing AMQP connection {story}");
        }
    }

    /// The addresses, and the name that the client gave itself.
    fn who<'a>(&'a self, identity: &'a Identity) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| match &identity.connection_name {
            Some(name) => write!(f, "{} - {}", self.address, name.escape_debug()),
            None => f.write_str(&self.address),
        })
    }
}

fn text(name: Option<&String>) -> &str {
    name.map_or("", String::as_str)
}

/// A duration as RabbitMQ writes it: `1H, 5M, 53s`, or `202ms`.
struct Spoken(Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds == 0 {
            return write!(f, "{}ms", self.0.as_millis());
        }
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours != 0 {
            write!(f, "{hours}H, ")?;
        }
        if hours != 0 || minutes != 0 {
            write!(f, "{minutes}M, ")?;
        }
        write!(f, "{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_rabbitmq() {
        let table = [(1, "1s"), (53, "53s"), (353, "5M, 53s"), (3600, "1H, 0M, 0s"), (93_784, "26H, 3M, 4s")];
        for (seconds, expected) in table {
            assert_eq!(Spoken(Duration::from_secs(seconds)).to_string(), expected);
        }
        assert_eq!(Spoken(Duration::from_micros(202_900)).to_string(), "202ms");
    }
}
