//! A listener that speaks just enough AMQP to pass every publish on to one consumer, and keeps nothing.
//!
//! It stands for the fastest broker there could be: what it reaches is the ceiling of loopback, kernel
//! and load generator together. It knows one queue, one producer and one consumer, answers every method of
//! its three clients, and confirms a publish when it has been handed on.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use leveret_codec::method::types::FieldTable;
use leveret_codec::method::{basic, channel, confirm, connection, queue};
use leveret_codec::{DecodeError, FrameKind, Limits, Method, MethodId, PROTOCOL_HEADER, frame, hot, method};

use super::producer::{TICK, is_tick};
use super::read_buffer::ReadBuffer;
use crate::cli::client::CHANNEL;
use crate::cli::target::Target;

/// How often the listener looks for a new client, or whether the run is over.
const ACCEPT_PAUSE: Duration = Duration::from_millis(2);

/// The listener and what its clients share.
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    stopped: AtomicBool,
    consumer: Mutex<Option<TcpStream>>,
}

impl Relay {
    /// Listens on a free port of the loopback interface.
    pub fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, stopped: AtomicBool::new(false), consumer: Mutex::new(None) })
    }

    /// Where clients find it.
    pub fn target(&self) -> Target {
        Target {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            vhost: "/".to_owned(),
        }
    }

    /// Serves clients until [`Relay::stop`], each on a thread of its own.
    pub fn serve(&self) -> io::Result<()> {
        thread::scope(|scope| {
            while !self.stopped.load(Relaxed) {
                match self.listener.accept() {
                    Ok((stream, _)) => {
                        // A client that goes away in the middle of a frame is the end of its run, not of ours.
                        scope.spawn(|| Session::new(self, stream).and_then(Session::run));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(ACCEPT_PAUSE),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Lets no one in any more, and lets those go who are still there.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    /// Sends the last replies before the deliveries. Who has seen them may publish at once, and finds the
    /// consumer, because the lock is held meanwhile.
    fn set_consumer(&self, mut stream: TcpStream, replies: &[u8]) -> io::Result<()> {
        let mut consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(replies)?;
        *consumer = Some(stream);
        Ok(())
    }

    /// Without a consumer the messages are gone.
    fn hand_on(&self, deliveries: &[u8]) -> io::Result<()> {
        match self.consumer.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(stream) => stream.write_all(deliveries),
            None => Ok(()),
        }
    }
}

/// One client of the relay.
struct Session<'a> {
    relay: &'a Relay,
    stream: TcpStream,
    channel: Passage,
}

impl<'a> Session<'a> {
    fn new(relay: &'a Relay, stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        Ok(Self { relay, stream, channel: Passage::default() })
    }

    fn run(mut self) -> io::Result<()> {
        let mut header = [0; PROTOCOL_HEADER.len()];
        self.stream.read_exact(&mut header)?;
        self.channel.reply(0, &start());
        let mut input = ReadBuffer::new(&[]);
        while !self.channel.closed && !self.relay.stopped.load(Relaxed) {
            self.send()?;
            match self.stream.read(input.room()) {
                Ok(0) => break,
                Ok(read) => input.filled(read),
                Err(error) if is_tick(&error) => {}
                Err(error) => return Err(error),
            }
            let walked = self.channel.pass(input.waiting()).map_err(io::Error::other)?;
            input.drop_front(walked);
        }
        self.send()
    }

    /// Deliveries go to the consumer, then replies and confirms to the client.
    fn send(&mut self) -> io::Result<()> {
        let channel = &mut self.channel;
        if !channel.deliveries.is_empty() {
            self.relay.hand_on(&channel.deliveries)?;
            channel.deliveries.clear();
        }
        channel.confirm();
        if std::mem::take(&mut channel.subscribed) {
            self.relay.set_consumer(self.stream.try_clone()?, &channel.replies)?;
        } else if !channel.replies.is_empty() {
            self.stream.write_all(&channel.replies)?;
        }
        channel.replies.clear();
        Ok(())
    }
}

/// From what a client sends to what its consumer and it itself are sent.
#[derive(Default)]
struct Passage {
    limits: Limits,
    deliveries: BytesMut,
    replies: BytesMut,
    delivered: u64,
    confirms: bool,
    confirmed: u64,
    subscribed: bool,
    closed: bool,
}

impl Passage {
    /// Walks over whole frames, and returns how many bytes they took.
    fn pass(&mut self, bytes: &[u8]) -> Result<usize, DecodeError> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(frame) = frame::cut(rest, &self.limits)? else { return Ok(at) };
            match frame.kind {
                FrameKind::Method if MethodId::of(frame.payload)? == MethodId::BASIC_PUBLISH => {
                    self.deliver(frame.channel, frame.payload)?;
                }
                FrameKind::Method => {
                    self.answer(frame.channel, &method::decode(frame.payload, &self.limits)?);
                }
                // Content is delivered as it came; the consumer's channel has the same number.
                FrameKind::Header | FrameKind::Body => {
                    self.deliveries.extend_from_slice(rest.get(..frame.wire_bytes()).unwrap_or_default());
                }
                FrameKind::Heartbeat => {}
            }
            at += frame.wire_bytes();
        }
    }

    fn deliver(&mut self, channel: u16, publish: &[u8]) -> Result<(), DecodeError> {
        let publish = hot::Publish::decode(publish)?;
        self.delivered += 1;
        let out = &mut self.deliveries;
        hot::put_deliver(out, channel, b"c", self.delivered, false, publish.exchange, publish.routing_key);
        Ok(())
    }

    /// One confirm for all that was passed on since the last.
    fn confirm(&mut self) {
        if self.confirms && self.confirmed < self.delivered {
            self.confirmed = self.delivered;
            hot::put_ack(&mut self.replies, CHANNEL, self.confirmed, true);
        }
    }

    fn answer(&mut self, channel: u16, request: &Method) {
        self.subscribed |= matches!(request, Method::Basic(basic::AMQPMethod::Consume(_)));
        self.confirms |= matches!(request, Method::Confirm(confirm::AMQPMethod::Select(_)));
        self.closed |= matches!(request, Method::Connection(connection::AMQPMethod::Close(_)));
        if let Some(reply) = reply(request) {
            self.reply(channel, &reply);
        }
    }

    fn reply(&mut self, channel: u16, reply: &Method) {
        method::encode(channel, reply, &mut self.replies);
    }
}

fn start() -> Method {
    Method::Connection(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: FieldTable::default(),
        mechanisms: "PLAIN".into(),
        locales: "en_US".into(),
    }))
}

/// The answer to each method of a client of `leveret perf`.
fn reply(request: &Method) -> Option<Method> {
    use basic::AMQPMethod as B;
    use connection::AMQPMethod as C;
    use queue::AMQPMethod as Q;
    Some(match request {
        Method::Connection(C::StartOk(_)) => Method::Connection(C::Tune(connection::Tune {
            channel_max: CHANNEL,
            frame_max: Limits::default().frame_max_bytes,
            heartbeat: 0,
        })),
        Method::Connection(C::Open(_)) => Method::Connection(C::OpenOk(connection::OpenOk {})),
        Method::Connection(C::Close(_)) => Method::Connection(C::CloseOk(connection::CloseOk {})),
        Method::Channel(channel::AMQPMethod::Open(_)) => {
            Method::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}))
        }
        Method::Queue(Q::Declare(declare)) => Method::Queue(Q::DeclareOk(queue::DeclareOk {
            queue: declare.queue.clone(),
            message_count: 0,
            consumer_count: 0,
        })),
        Method::Queue(Q::Delete(_)) => Method::Queue(Q::DeleteOk(queue::DeleteOk { message_count: 0 })),
        Method::Basic(B::Qos(_)) => Method::Basic(B::QosOk(basic::QosOk {})),
        Method::Basic(B::Consume(consume)) => {
            Method::Basic(B::ConsumeOk(basic::ConsumeOk { consumer_tag: consume.consumer_tag.clone() }))
        }
        Method::Confirm(confirm::AMQPMethod::Select(_)) => {
            Method::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {}))
        }
        _ => return None,
    })
}
