//! A blocking client that costs little beside the broker: ready-made frames out, frames counted in.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::{Buf as _, BytesMut};
use leveret_codec::content::put_header;
use leveret_codec::frame::{self, FRAME_END, FrameKind, put_frame_header};
use leveret_codec::method::{self, Method, basic, channel, confirm, connection, queue};
use leveret_codec::{Limits, MethodId, PROTOCOL_HEADER, PropertiesBuilder, hot};

use crate::{BODY_BYTES, Outcome};

/// Messages that are written with one call.
const BATCH: u64 = 100;

/// What the consumer asks for, and how often it acknowledges.
const PREFETCH: u16 = 1000;
const ACK_EVERY: u64 = 100;

const READ_BYTES: usize = 1 << 20;

/// A connection with one open channel.
pub struct Client {
    socket: TcpStream,
    input: BytesMut,
    /// The tag of the last delivery on channel 1, whichever consumer it was for.
    last_tag: u64,
}

/// What a frame is to a client that counts.
enum Seen {
    Body,
    Confirm { tag: u64, multiple: bool },
    Method,
    Other,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Outcome<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        let mut client = Self { socket, input: BytesMut::new(), last_tag: 0 };
        client.socket.write_all(&PROTOCOL_HEADER)?;
        client.wait_for_answers(1)?;
        client.say(
            0,
            &Method::Connection(connection::AMQPMethod::StartOk(connection::StartOk {
                mechanism: "PLAIN".into(),
                response: "\0guest\0guest".into(),
                locale: "en_US".into(),
                ..Default::default()
            })),
        )?;
        client.wait_for_answers(1)?;
        let agreed = connection::TuneOk { channel_max: 2047, frame_max: 131_072, heartbeat: 0 };
        client.say(0, &Method::Connection(connection::AMQPMethod::TuneOk(agreed)))?;
        let open = connection::Open { virtual_host: "/".into() };
        client.call(0, &Method::Connection(connection::AMQPMethod::Open(open)))?;
        client.call(1, &Method::Channel(channel::AMQPMethod::Open(channel::Open {})))?;
        Ok(client)
    }

    fn say(&mut self, channel: u16, method: &Method) -> Outcome<()> {
        let mut bytes = BytesMut::new();
        method::encode(channel, method, &mut bytes);
        Ok(self.socket.write_all(&bytes)?)
    }

    fn call(&mut self, channel: u16, method: &Method) -> Outcome<()> {
        self.say(channel, method)?;
        self.wait_for_answers(1)
    }

    fn wait_for_answers(&mut self, count: usize) -> Outcome<()> {
        let mut answers = 0;
        while answers < count {
            if let Seen::Method = self.next()? {
                answers += 1;
            }
        }
        Ok(())
    }

    /// The next frame. A channel or connection that the broker closes is an error.
    fn next(&mut self) -> Outcome<Seen> {
        loop {
            if let Some(frame) = frame::cut(&self.input, &Limits::default())? {
                let seen = Seen::of(&frame)?;
                let bytes = frame.wire_bytes();
                self.input.advance(bytes);
                return Ok(seen);
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Outcome<()> {
        let filled = self.input.len();
        self.input.resize(filled + READ_BYTES, 0);
        let read = self.socket.read(self.input.get_mut(filled..).unwrap_or_default())?;
        self.input.truncate(filled + read);
        if read == 0 { Err("the broker closed the socket".into()) } else { Ok(()) }
    }

    /// Declares durable queues, many at a time.
    pub fn declare(&mut self, names: &[String]) -> Outcome<()> {
        for names in names.chunks(1000) {
            let mut bytes = BytesMut::new();
            for name in names {
                let declare =
                    queue::Declare { queue: name.as_str().into(), durable: true, ..Default::default() };
                method::encode(1, &Method::Queue(queue::AMQPMethod::Declare(declare)), &mut bytes);
            }
            self.socket.write_all(&bytes)?;
            self.wait_for_answers(names.len())?;
        }
        Ok(())
    }

    /// Wants confirms from now on.
    pub fn publisher(mut self) -> Outcome<Publisher> {
        self.call(1, &Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false })))?;
        Ok(Publisher { client: self, sent: 0, confirmed_to: 0, beyond: BTreeSet::new() })
    }

    /// Takes so many messages out of a queue.
    pub fn consume(&mut self, queue: &str, count: u64) -> Outcome<()> {
        let qos = basic::Qos { prefetch_count: PREFETCH, global: false };
        self.call(1, &Method::Basic(basic::AMQPMethod::Qos(qos)))?;
        let consume = basic::Consume { queue: queue.into(), consumer_tag: "c".into(), ..Default::default() };
        self.say(1, &Method::Basic(basic::AMQPMethod::Consume(consume)))?;
        let mut taken = 0;
        while taken < count {
            let Seen::Body = self.next()? else { continue };
            taken += 1;
            self.last_tag += 1;
            if taken % ACK_EVERY == 0 || taken == count {
                let mut ack = BytesMut::new();
                hot::put_ack(&mut ack, 1, self.last_tag, true);
                self.socket.write_all(&ack)?;
            }
        }
        let cancel = basic::Cancel { consumer_tag: "c".into(), nowait: false };
        self.call(1, &Method::Basic(basic::AMQPMethod::Cancel(cancel)))
    }
}

impl Seen {
    fn of(frame: &frame::Frame<'_>) -> Outcome<Self> {
        Ok(match frame.kind {
            FrameKind::Body => Self::Body,
            FrameKind::Header | FrameKind::Heartbeat => Self::Other,
            FrameKind::Method => match MethodId::of(frame.payload)? {
                MethodId::BASIC_DELIVER => Self::Other,
                MethodId::BASIC_ACK => {
                    let ack = hot::Ack::decode(frame.payload)?;
                    Self::Confirm { tag: ack.tag, multiple: ack.multiple }
                }
                MethodId::BASIC_NACK
                | MethodId::CHANNEL_CLOSE
                | MethodId::CONNECTION_CLOSE
                | MethodId::CONNECTION_BLOCKED => {
                    return Err(format!(
                        "the broker said {:?}",
                        method::decode(frame.payload, &Limits::default())?
                    )
                    .into());
                }
                _ => Self::Method,
            },
        })
    }
}

/// A client that publishes persistent messages with confirms.
pub struct Publisher {
    client: Client,
    sent: u64,
    /// Everything up to this one is confirmed,
    confirmed_to: u64,
    /// and these, too.
    beyond: BTreeSet<u64>,
}

impl Publisher {
    /// Publishes so many messages to a queue, with at most `window` unconfirmed ones, and waits for all confirms.
    pub fn publish(&mut self, queue: &str, count: u64, window: u64) -> Outcome<()> {
        let one = message(queue);
        let batch = one.repeat(usize::try_from(BATCH)?);
        let end = self.sent + count;
        while self.sent < end {
            let room = window - self.unconfirmed();
            let now = room.min(BATCH).min(end - self.sent);
            // Small writes would be most of the work when there is room for one at a time.
            if now < BATCH.min(window).min(end - self.sent) {
                self.take_confirm()?;
                continue;
            }
            let bytes = one.len() * usize::try_from(now)?;
            self.client.socket.write_all(batch.get(..bytes).unwrap_or_default())?;
            self.sent += now;
        }
        while 0 < self.unconfirmed() {
            self.take_confirm()?;
        }
        Ok(())
    }

    fn unconfirmed(&self) -> u64 {
        self.sent - self.confirmed_to - self.beyond.len() as u64
    }

    fn take_confirm(&mut self) -> Outcome<()> {
        match self.client.next()? {
            Seen::Confirm { tag, multiple: true } => {
                self.confirmed_to = self.confirmed_to.max(tag);
                self.beyond = self.beyond.split_off(&(tag + 1));
            }
            Seen::Confirm { tag, multiple: false } => {
                self.beyond.insert(tag);
            }
            Seen::Body | Seen::Method | Seen::Other => {}
        }
        while self.beyond.remove(&(self.confirmed_to + 1)) {
            self.confirmed_to += 1;
        }
        Ok(())
    }
}

/// A whole publish to the default exchange.
fn message(queue: &str) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let publish = basic::Publish { routing_key: queue.into(), ..Default::default() };
    method::encode(1, &Method::Basic(basic::AMQPMethod::Publish(publish)), &mut bytes);
    put_header(&mut bytes, 1, BODY_BYTES as u64, &PropertiesBuilder::new().delivery_mode(2).build());
    put_frame_header(&mut bytes, FrameKind::Body, 1, u32::try_from(BODY_BYTES).unwrap_or_default());
    bytes.resize(bytes.len() + BODY_BYTES, b'x');
    bytes.extend_from_slice(&[FRAME_END]);
    bytes.to_vec()
}
