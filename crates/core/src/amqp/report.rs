//! What the log says of a client's mistakes, in RabbitMQ's words: operators and their tools look for these.
//!
//! The first line says whose mistake it was, the second what it was.

use std::fmt;

use leveret_codec::MethodId;

use crate::amqp::connection::Identity;
use crate::amqp::session::Session;
use crate::id::{ChannelNumber, ConnectionId};
use crate::refusal::Refusal;

/// A connection, as lines of the log name it.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// Its number.
    pub id: ConnectionId,
    /// Its addresses.
    pub address: &'a str,
    /// As far as it has said who it is.
    pub identity: &'a Identity,
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address)?;
        if let Some(name) = &self.identity.connection_name {
            write!(f, " - {}", name.escape_debug())?;
        }
        if let Some(vhost) = &self.identity.vhost {
            write!(f, ", vhost: '{vhost}'")?;
        }
        if let Some(user) = &self.identity.user {
            write!(f, ", user: '{user}'")?;
        }
        Ok(())
    }
}

/// A channel was closed for what `operation` asked for.
pub fn channel_error(session: &Session, number: ChannelNumber, refusal: &Refusal, operation: MethodId) {
    tracing::error!(
        // In RabbitMQ's log it is the channel that speaks.
        target: "leveret_core::amqp::channels",
        "Channel error on connection <0.{}.0> ({}, vhost: '{}', user: '{}'), channel {number}:\n\
         operation {} caused a channel exception {}: {}",
        session.id.0,
        session.connection,
        session.vhost.name(),
        session.user,
        operation.name().unwrap_or("none"),
        Lower(refusal.code.name()),
        refusal.text
    );
}

/// An open connection was closed for what `operation` asked for.
pub fn connection_error(who: Who<'_>, refusal: &Refusal, operation: Option<MethodId>) {
    tracing::error!(
        "Error on AMQP connection <0.{}.0> ({who}, state: running):\n\
         operation {} caused a connection exception {}: {}",
        who.id.0,
        refusal.method(operation).name().unwrap_or("none"),
        Lower(refusal.code.name()),
        refusal.text
    );
}

/// The broker wants a connection gone; that is nobody's mistake.
pub fn forced(who: Who<'_>, reason: &str) {
    tracing::info!("Closing connection <0.{}.0> ({who}) because \"{reason}\"", who.id.0);
}

/// A client has not come in; `state` is how far it came.
pub fn handshake_error(who: Who<'_>, state: &str, why: &str) {
    tracing::error!("Error on AMQP connection <0.{}.0> ({who}, state: {state}):\n{why}", who.id.0);
}

/// A connection is dropped.
pub fn dropped(who: Who<'_>, why: fmt::Arguments<'_>) {
    tracing::error!("closing AMQP connection <0.{}.0> ({who}):\n{why}", who.id.0);
}

/// What somebody speaks that does not speak AMQP 0-9-1.
pub fn spoken(header: &[u8; 8]) -> String {
    const ADVICE: &str = "Ensure the client is connecting to the correct port.";
    let method = ["GET", "HEAD", "PUT", "POST"].iter().find(|method| header.starts_with(method.as_bytes()));
    if let Some(method) = method {
        return format!("HTTP {method} request detected on AMQP port. {ADVICE}");
    }
    match header {
        [0x16, 0x03, ..] => format!("TLS client detected on non-TLS AMQP port. {ADVICE}"),
        [b'A', b'M', b'Q', b'P', version @ ..] => {
            format!("client asked for another version of AMQP: {version:?}")
        }
        _ => format!("client did not start with AMQP protocol header: {}", header.escape_ascii()),
    }
}

/// `not_found` of `NOT_FOUND`.
struct Lower(&'static str);

impl fmt::Display for Lower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knocks_at_the_wrong_door_is_told_apart() {
        let table: [(&[u8; 8], &str); 5] = [
            (b"GET / HT", "HTTP GET request detected on AMQP port. "),
            (b"POST /a ", "HTTP POST request detected on AMQP port. "),
            (b"\x16\x03\x01\x00\xaa\x01\0\0", "TLS client detected on non-TLS AMQP port. "),
            (b"AMQP\x00\x01\x00\x00", "client asked for another version of AMQP: [0, 1, 0, 0]"),
            (b"hello\nwo", "client did not start with AMQP protocol header: hello\\nwo"),
        ];
        for (header, expected) in table {
            assert!(spoken(header).starts_with(expected), "{}", spoken(header));
        }
    }

    #[test]
    fn a_connection_is_named_by_all_that_it_has_said() {
        let mut identity = Identity::default();
        let named =
            |identity: &Identity| Who { id: ConnectionId(7), address: "a -> b", identity }.to_string();
        assert_eq!(named(&identity), "a -> b");
        identity.user = Some("guest".to_owned());
        identity.connection_name = Some("shop\n".to_owned());
        assert_eq!(named(&identity), "a -> b - shop\\n, user: 'guest'");
        identity.vhost = Some("/".to_owned());
        assert_eq!(named(&identity), "a -> b - shop\\n, vhost: '/', user: 'guest'");
    }
}
