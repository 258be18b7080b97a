//! Whether a broker is there at all: any HTTP answer, or AMQP's greeting where HTTP is off.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use super::call::Call;
use super::client::{ClientError, Request};
use super::wire;

/// A frame on channel 0 whose method is connection.start (§1.4.2.1).
const START: [u8; 3] = [1, 0, 0];
const START_METHOD: [u8; 4] = [0, 10, 0, 10];

/// Whether anybody answers.
pub fn is_alive(call: &Call<'_>) -> bool {
    let request = Request { method: "GET", path: "/healthz", body: None, reason: None };
    match call.client.ask(&request) {
        // Whatever it says, somebody said it.
        Ok(answer) => answer.status < 500,
        Err(ClientError::Connect { .. }) => greets(amqp_port(call), call.timeout().unwrap_or(PATIENCE)),
        Err(_) => false,
    }
}

/// A broker within a machine answers within milliseconds; one that is starting, within seconds.
const PATIENCE: Duration = Duration::from_secs(10);

fn amqp_port(call: &Call<'_>) -> u16 {
    let named = call.environment.variable("RABBITMQ_NODE_PORT");
    named.and_then(|port| port.parse().ok()).unwrap_or(leveret::AMQP_PORT)
}

fn greets(port: u16, patience: Duration) -> bool {
    let Ok(mut stream) = wire::dial("127.0.0.1", port, Some(patience)) else { return false };
    let mut head = [0; 11];
    let spoken =
        stream.write_all(leveret_codec::PROTOCOL_HEADER.as_ref()).and_then(|()| stream.read_exact(&mut head));
    // Type, channel and size of the frame, then class and method.
    spoken.is_ok() && head.starts_with(&START) && head.ends_with(&START_METHOD)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Whether `greets` believes a server that reads a header and answers `bytes`.
    fn believed(bytes: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut header = [0; 8];
            stream.read_exact(&mut header).unwrap();
            stream.write_all(bytes).unwrap();
            header
        });
        let believed = greets(port, Duration::from_secs(5));
        assert_eq!(server.join().unwrap(), *b"AMQP\0\0\x09\x01");
        believed
    }

    #[test]
    fn only_connection_start_is_a_greeting() {
        assert!(believed(&[1, 0, 0, 0, 0, 1, 0, 0, 10, 0, 10, 0, 9]));
        assert!(!believed(b"AMQP\0\0\x09\x01 and more"));
        assert!(!believed(b""));
    }
}
