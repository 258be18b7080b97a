//! A client without a socket: somebody inside the process (the HTTP API) who declares, binds, publishes and gets by the
//! rules that hold for all clients, and hears the same refusals.
//!
//! It is an open connection with one channel that has had no handshake. It counts towards no limit and is on no list;
//! messages that it publishes count as everybody's do.
//!
//! Invariant: an answer is heard when the log has what it tells of, as at a socket.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use leveret_codec::content::{ContentHeader, put_content};
use leveret_codec::frame::{self, FrameKind};
use leveret_codec::method::{self, Method, basic, channel, confirm, connection};
use leveret_codec::{Limits, Outgoing, ReplyCode};

use crate::amqp::chunk::take_chunk;
use crate::amqp::open::{Interruption, Open};
use crate::amqp::session::{Capabilities, Session};
use crate::effect::{Effects, Output};
use crate::id::ConnectionId;
use crate::model::{
    Broker, ConnectionFacts, ConnectionRecord, Outlet, PasswordHash, Permissions, QueueRef, Taken, User,
};
use crate::refusal::{Refusal, Ruling};
use crate::store::Position;
use crate::time::Timestamp;

const CHANNEL: u16 = 1;

/// What is handed over as one frame: as much as there is.
const FRAME_MAX_BYTES: u32 = u32::MAX;

/// Where the properties begin in a header frame's payload: behind class, weight and size.
const PROPERTIES_AT: usize = 12;

/// In whose name.
#[derive(Clone, Copy, Debug)]
pub enum As<'a> {
    /// A user, with what it may do.
    User(&'a str),
    /// The operator of the broker, who may do everything; the name is for the log.
    Operator(&'a str),
}

/// A method that has come back, with its content if it carries one.
#[derive(Debug)]
pub struct Answer {
    /// The method.
    pub method: Method,
    /// The content's properties, as they are on the wire.
    pub properties: Bytes,
    /// The content's body.
    pub body: Bytes,
}

/// The channel, or all of it, was closed: what was asked for is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The reply code's number.
    pub code: u16,
    /// RabbitMQ's text, as clients see it: `NOT_FOUND - no queue 'q' in vhost '/'`.
    pub text: String,
}

/// Publishers are held back by an alarm. At a socket the frames wait; here nobody is kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked(&'static str);

impl fmt::Display for Blocked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "publishers are blocked: {}", self.0)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Direct {
    open: Open,
    broker: Arc<Broker>,
    outlet: Arc<Outlet>,
    id: ConnectionId,
    limits: Limits,
    out: Output,
    heard: VecDeque<Result<Answer, Closed>>,
    is_over: bool,
}

impl Direct {
    /// Goes to work in a virtual host; 404 if there is none. `id` is nobody else's; whatever wakes it is for the caller to
    /// hear, who then calls [`Direct::look`].
    pub fn open(
        now: Timestamp,
        (broker, id): (&Arc<Broker>, ConnectionId),
        who: As<'_>,
        vhost: &str,
    ) -> Ruling<Self> {
        let (vhost, seat) = broker.enter_aside(vhost, id)?;
        let (user, operator) = match who {
            As::User(name) => (name.to_owned(), None),
            As::Operator(name) => (name.to_owned(), Some(operator(name, vhost.name()))),
        };
        let facts = ConnectionFacts {
            name: "direct".into(),
            user: user.clone(),
            vhost: vhost.name().into(),
            connected_at: now,
            ..ConnectionFacts::default()
        };
        let outlet = Arc::new(Outlet::new(id));
        broker.attach(outlet.clone());
        let own_outlet = outlet.clone();
        let session = Session {
            broker: broker.clone(),
            id,
            outlet,
            vhost,
            seat,
            connection: facts.name.clone(),
            record: Arc::new(ConnectionRecord::new(id, facts, Arc::default())),
            user,
            operator,
            is_direct: true,
            capabilities: Capabilities::default(),
            frame_max_bytes: FRAME_MAX_BYTES,
        };
        let mut direct = Self {
            open: Open::new(session, 0),
            broker: broker.clone(),
            outlet: own_outlet,
            id,
            limits: Limits { frame_max_bytes: FRAME_MAX_BYTES, ..Limits::default() },
            out: Output::default(),
            heard: VecDeque::new(),
            is_over: false,
        };
        direct.call(now, &Method::Channel(channel::AMQPMethod::Open(channel::Open {})));
        direct.heard.clear();
        Ok(direct)
    }

    /// Asks for something; [`Direct::hear`] has the answer, at once or later.
    pub fn call(&mut self, now: Timestamp, method: &Method) {
        let mut frames = BytesMut::new();
        method::encode(CHANNEL, method, &mut frames);
        self.feed(now, frames);
    }

    /// Publishes, to be confirmed: after a `basic.return`, if it reaches no queue, there comes a `basic.ack` or
    /// `basic.nack`. What an exchange holds back has reached what it was for, and does not return.
    pub fn publish(
        &mut self,
        now: Timestamp,
        publish: &basic::Publish,
        (properties, body): (&[u8], &Bytes),
    ) -> Result<(), Blocked> {
        if let Some(reason) = self.broker.alarm_reason() {
            return Err(Blocked(reason));
        }
        // An alarm that came with the last publish and is over has left frames held back.
        self.look(now);
        self.call(now, &Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: true })));
        let mut frames = Outgoing::new();
        let method = Method::Basic(basic::AMQPMethod::Publish(publish.clone()));
        method::encode(CHANNEL, &method, frames.buffer());
        put_content(&mut frames, CHANNEL, FRAME_MAX_BYTES, properties, body);
        self.feed(now, taken(&mut frames));
        Ok(())
    }

    /// Takes a message out of a queue, wherever it stands; the caller, who may read there, settles it or brings it
    /// back. One that is not in memory is fetched: that rings, too.
    pub fn take(&mut self, now: Timestamp, queue: &QueueRef, position: u64) -> Taken {
        queue.take(now, position, &self.outlet, &mut self.out.effects)
    }

    /// Somebody has rung, or the log has come further.
    pub fn look(&mut self, now: Timestamp) {
        if let Some(held) = self.open.handle_outlet(now, usize::MAX, &mut self.out) {
            self.feed(now, BytesMut::from(&held[..]));
        }
        let store = self.broker.store();
        let committed = store.committed();
        if self.open.awaits().is_some_and(|at| at <= committed) {
            self.open.handle_committed(committed, &mut self.out);
        } else if self.open.awaits().is_some() && store.has_failed() {
            let _ = self.open.handle_log_failed(&mut self.out);
            self.end("INTERNAL_ERROR - the message store has failed");
        }
        self.listen();
    }

    /// What the next answer waits for in the log, if it does.
    pub fn awaits(&self) -> Option<Position> {
        self.open.awaits()
    }

    /// The next answer, if it is there.
    pub fn hear(&mut self) -> Option<Result<Answer, Closed>> {
        self.heard.pop_front()
    }

    /// What is to be carried out for others.
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.out.effects
    }

    /// Gives everything back. To be called once, at the end; then carry out the effects.
    pub fn close(&mut self, now: Timestamp) {
        if !self.is_over {
            self.is_over = true;
            self.open.release_all(now, &mut self.out);
            self.broker.detach(self.id);
        }
    }

    fn feed(&mut self, now: Timestamp, mut frames: BytesMut) {
        while !self.is_over
            && let Some(chunk) = take_chunk(&mut frames, &self.limits)
        {
            match self.open.handle_chunk(now, &chunk, &self.limits, &mut self.out) {
                Ok(()) => {}
                Err(Interruption::Refused(refusal, _) | Interruption::Broken(refusal)) => {
                    self.heard.push_back(Err(closed(&refusal)));
                }
                Err(Interruption::ClosedByClient | Interruption::Unspeakable) => {
                    self.end("INTERNAL_ERROR - the message store has failed");
                }
            }
        }
        self.listen();
    }

    fn end(&mut self, text: &str) {
        self.heard.push_back(Err(Closed { code: ReplyCode::InternalError.code(), text: text.to_owned() }));
    }

    /// Understands what has been said, unless the log must have it first.
    fn listen(&mut self) {
        if self.open.barrier() != Position::ZERO {
            return;
        }
        let frames = taken(&mut self.out.frames).freeze();
        let mut rest = &frames[..];
        let mut waiting: Option<(Answer, usize)> = None;
        // What the broker writes is well formed.
        while let Ok(Some(frame)) = frame::cut(rest, &self.limits) {
            let payload = frame.payload;
            rest = rest.get(frame.wire_bytes()..).unwrap_or_default();
            match frame.kind {
                FrameKind::Method => {
                    let Ok(method) = method::decode(payload, &self.limits) else { continue };
                    match heard(method) {
                        Ok(answer) if has_content(&answer.method) => waiting = Some((answer, 0)),
                        other => self.heard.push_back(other),
                    }
                }
                FrameKind::Header => {
                    let Ok(header) = ContentHeader::decode(payload, &self.limits) else { continue };
                    if let Some((answer, body_bytes)) = &mut waiting {
                        answer.properties =
                            payload.get(PROPERTIES_AT..).map(|it| frames.slice_ref(it)).unwrap_or_default();
                        *body_bytes = usize::try_from(header.body_bytes).unwrap_or(usize::MAX);
                    }
                }
                FrameKind::Body => {
                    if let Some((answer, _)) = &mut waiting {
                        answer.body = frames.slice_ref(payload);
                    }
                }
                FrameKind::Heartbeat => {}
            }
            if let Some((answer, _)) = waiting.take_if(|(answer, bytes)| is_whole(answer, *bytes, frame.kind))
            {
                self.heard.push_back(Ok(answer));
            }
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        debug_assert!(self.is_over, "what it held is given back");
    }
}

/// Who may do everything in a virtual host.
fn operator(name: &str, vhost: &str) -> Arc<User> {
    let mut user = User::new(name, PasswordHash::default(), vec!["impersonator".to_owned()]);
    user.set_permissions(vhost, Permissions::new(".*", ".*", ".*"));
    Arc::new(user)
}

fn heard(method: Method) -> Result<Answer, Closed> {
    let (code, text) = match &method {
        Method::Channel(channel::AMQPMethod::Close(close)) => (&close.reply_code, &close.reply_text),
        Method::Connection(connection::AMQPMethod::Close(close)) => (&close.reply_code, &close.reply_text),
        _ => return Ok(Answer { method, properties: Bytes::new(), body: Bytes::new() }),
    };
    Err(Closed { code: *code, text: text.to_string() })
}

fn closed(refusal: &Refusal) -> Closed {
    Closed { code: refusal.code.code(), text: refusal.reply_text() }
}

fn has_content(method: &Method) -> bool {
    use basic::AMQPMethod as M;
    matches!(method, Method::Basic(M::GetOk(_) | M::Return(_) | M::Deliver(_)))
}

/// Whether the content of an answer is there; a body comes in one frame, and an empty one in none.
fn is_whole(answer: &Answer, body_bytes: usize, last: FrameKind) -> bool {
    match last {
        FrameKind::Header => body_bytes == 0,
        FrameKind::Body => body_bytes <= answer.body.len(),
        FrameKind::Method | FrameKind::Heartbeat => false,
    }
}

/// Everything that waits for the socket that is not there.
fn taken(frames: &mut Outgoing) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(frames.len());
    while !frames.is_empty() {
        let mut pieces = [IoSlice::new(&[]); 64];
        let filled = frames.io_slices(&mut pieces);
        let before = bytes.len();
        pieces.iter().take(filled).for_each(|piece| bytes.extend_from_slice(piece));
        frames.advance(bytes.len() - before);
    }
    bytes
}
