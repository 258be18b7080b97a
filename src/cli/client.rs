//! A blocking AMQP client, as small as a command needs it: one socket, no thread, every wait bounded.
//!
//! It logs in, opens one channel and calls methods on it. Who wants to move messages in bulk takes the
//! socket with [`Client::into_stream`] and reads and writes frames.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{channel, connection};
use leveret_codec::{DecodeError, FrameKind, Limits, Method, PROTOCOL_HEADER, frame, method};

use super::target::Target;

/// How long the broker may take to accept a connection, and for each reply.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The one channel of a client.
pub const CHANNEL: u16 = 1;

const READ_BYTES: usize = 4096;

/// As much is kept before it is sent.
const CAST_BYTES: usize = 64 * 1024;

/// A connection with one open channel.
pub struct Client {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    limits: Limits,
}

impl Client {
    /// Connects, logs in, opens the vhost and a channel. Heartbeats are off.
    pub fn connect(target: &Target) -> Result<Self, ClientError> {
        Self::connect_with_channels(target, CHANNEL)
    }

    /// The same with so many channels, of which only the first is of use here.
    pub fn connect_with_channels(target: &Target, channels: u16) -> Result<Self, ClientError> {
        let stream =
            dial(target).map_err(|source| ClientError::Connect { target: target.to_string(), source })?;
        stream.set_nodelay(true)?;
        let mut client = Self::from_stream(stream, BytesMut::new(), Limits::default())?;
        client.log_in(target, channels)?;
        for number in CHANNEL..=channels {
            client.put(number, &Method::Channel(channel::AMQPMethod::Open(channel::Open {})));
            client.flush()?;
            client.receive()?;
        }
        Ok(client)
    }

    /// §2.2.4: the protocol header, then start, tune and open, each with its answer.
    fn log_in(&mut self, target: &Target, channel_max: u16) -> Result<(), ClientError> {
        use connection::AMQPMethod as C;
        self.stream.write_all(&PROTOCOL_HEADER)?;
        let start = self.receive()?;
        let Method::Connection(C::Start(_)) = start else { return Err(ClientError::Unexpected(start)) };
        self.put(0, &Method::Connection(C::StartOk(start_ok(target))));
        self.flush()?;
        let tune = self.receive()?;
        let Method::Connection(C::Tune(offer)) = tune else { return Err(ClientError::Unexpected(tune)) };
        // Zero is no limit (§2.2.4, tune); ours holds then.
        if offer.frame_max != 0 {
            self.limits.frame_max_bytes = offer.frame_max.min(self.limits.frame_max_bytes);
        }
        let frame_max = self.limits.frame_max_bytes;
        let agreed = connection::TuneOk { channel_max, frame_max, heartbeat: 0 };
        self.put(0, &Method::Connection(C::TuneOk(agreed)));
        let open = connection::Open { virtual_host: target.vhost.as_str().into() };
        self.put(0, &Method::Connection(C::Open(open)));
        self.flush()?;
        let opened = self.receive()?;
        let Method::Connection(C::OpenOk(_)) = opened else { return Err(ClientError::Unexpected(opened)) };
        Ok(())
    }

    /// Sends a method on the channel and waits for the next method of the broker.
    pub fn call(&mut self, request: &Method) -> Result<Method, ClientError> {
        self.put(CHANNEL, request);
        self.flush()?;
        self.receive()
    }

    /// Sends a method on the channel, or keeps it to be sent with the next ones: nobody waits for an answer.
    pub fn cast(&mut self, request: &Method) -> Result<(), ClientError> {
        self.put(CHANNEL, request);
        if self.output.len() < CAST_BYTES { Ok(()) } else { self.flush() }
    }

    /// Sends frames that are ready-made.
    pub fn write(&mut self, frames: &[u8]) -> Result<(), ClientError> {
        Ok(self.stream.write_all(frames)?)
    }

    /// The next method of the broker. A close is an error; heartbeats are passed over.
    pub fn receive(&mut self) -> Result<Method, ClientError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(frame) = frame::cut(&self.input, &self.limits)? {
                let wire_bytes = frame.wire_bytes();
                let method = (frame.kind == FrameKind::Method)
                    .then(|| method::decode(frame.payload, &self.limits))
                    .transpose()?;
                self.input.advance(wire_bytes);
                if let Some(method) = method {
                    return refusal(&method).map_or(Ok(method), Err);
                }
            }
            if deadline < Instant::now() {
                return Err(ClientError::Silent);
            }
            self.read_some()?;
        }
    }

    fn read_some(&mut self) -> Result<(), ClientError> {
        let mut chunk = [0; READ_BYTES];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err(ClientError::Lost);
        }
        self.input.extend_from_slice(chunk.get(..read).unwrap_or_default());
        Ok(())
    }

    fn put(&mut self, channel: u16, request: &Method) {
        method::encode(channel, request, &mut self.output);
    }

    fn flush(&mut self) -> Result<(), ClientError> {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }

    /// What was agreed for frames.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Closes the connection and waits until the broker agrees: it has taken in all that was sent before.
    pub fn close(mut self) -> Result<(), ClientError> {
        use connection::AMQPMethod as C;
        let close =
            connection::Close { reply_code: 200, reply_text: "bye".into(), class_id: 0, method_id: 0 };
        self.put(0, &Method::Connection(C::Close(close)));
        self.flush()?;
        let deadline = Instant::now() + PATIENCE;
        // Deliveries and confirms may still be under way, and need not all be waited for.
        while Instant::now() < deadline {
            if let Method::Connection(C::CloseOk(_)) = self.receive()? {
                return Ok(());
            }
        }
        Err(ClientError::Silent)
    }

    /// Gives up the socket, with the bytes that have been read from it already.
    pub fn into_stream(self) -> (TcpStream, BytesMut) {
        (self.stream, self.input)
    }

    /// Takes a socket back that [`Client::into_stream`] gave up, with what was read and not understood yet.
    pub fn from_stream(stream: TcpStream, input: BytesMut, limits: Limits) -> Result<Self, ClientError> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, input, output: BytesMut::new(), limits })
    }
}

fn dial(target: &Target) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (target.host.as_str(), target.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn start_ok(target: &Target) -> connection::StartOk {
    // Without this capability RabbitMQ answers a wrong password with a closed socket and no word.
    let mut capabilities = FieldTable::default();
    capabilities.insert("authentication_failure_close".into(), AMQPValue::Boolean(true));
    let mut client_properties = FieldTable::default();
    client_properties.insert("product".into(), AMQPValue::LongString("leveret".into()));
    client_properties.insert("version".into(), AMQPValue::LongString(env!("CARGO_PKG_VERSION").into()));
    client_properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    connection::StartOk {
        client_properties,
        mechanism: "PLAIN".into(),
        response: format!("\0{}\0{}", target.user, target.password).into(),
        locale: "en_US".into(),
    }
}

/// What a method of the broker means for a client that wanted something else.
pub fn refusal(method: &Method) -> Option<ClientError> {
    let refused = |code, text: &str| Some(ClientError::Refused { code, text: text.to_owned() });
    match method {
        Method::Connection(connection::AMQPMethod::Close(close)) => {
            refused(close.reply_code, close.reply_text.as_str())
        }
        Method::Channel(channel::AMQPMethod::Close(close)) => {
            refused(close.reply_code, close.reply_text.as_str())
        }
        _ => None,
    }
}

/// Why a client did not get what it wanted.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or not for us.
    #[error("cannot connect to {target}: {source}")]
    Connect {
        /// Host and port.
        target: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The broker closed the channel or the connection.
    #[error("the broker refused: {code} {text}")]
    Refused {
        /// Of RabbitMQ's reply codes.
        code: u16,
        /// Its explanation.
        text: String,
    },
    /// A reply to something that was not asked.
    #[error("the broker sent something else than the answer: {0:?}")]
    Unexpected(Method),
    /// The socket was closed without a word.
    #[error("the broker closed the socket without saying why")]
    Lost,
    /// No answer.
    #[error("the broker did not answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// Not AMQP, or broken.
    #[error("the broker sent bytes that are not AMQP: {0}")]
    NotAmqp(#[from] DecodeError),
    /// The socket broke.
    #[error("the connection broke: {0}")]
    Broke(#[source] std::io::Error),
}

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Silent,
            _ => Self::Broke(error),
        }
    }
}

#[cfg(test)]
mod tests;
