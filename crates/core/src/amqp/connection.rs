//! One connection: from the protocol header to the closed socket.
//!
//! ```text
//! Header ──"AMQP 0 0 9 1"──▶ Handshake ──open──▶ Open
//!    │                          │                 │
//!    └──────────────────────────┴─────────────────┴──▶ Ending
//! ```
//!
//! Invariants:
//! - Everything a connection held has been given back before its close or close-ok is sent, or when
//!   [`Connection::handle_lost`] is called.
//! - Frames that tell of something durable are not heard before the log has it, also if the connection ends
//!   meanwhile: see [`Connection::holds_frames_until`].
//! - Nothing that a peer sends is waited for longer than `next_deadline` says, and no more of it is
//!   buffered than one frame.

mod coming;
mod log;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use leveret_codec::frame;
use leveret_codec::method::{Method, MethodId, connection};
use leveret_codec::{Limits, PROTOCOL_HEADER, ReplyCode, protocol_header};

use crate::amqp::chunk::{Chunk, frame_size, largest_frame_bytes, take_chunk};
use crate::amqp::ending::{Ending, send_close_ok};
use crate::amqp::handshake::{self, Handshake};
use crate::amqp::heartbeat::Heartbeat;
use crate::amqp::open::{Interruption, Open};
use crate::amqp::report::{self, Who};
use crate::amqp::session::Peer;
use crate::effect::Output;
use crate::id::ConnectionId;
use crate::model::{Broker, Event, Outlet, Traffic};
use crate::refusal::Refusal;
use crate::store::Position;
use crate::time::Timestamp;

/// The handshake must be through by then, counted from the first moment (RabbitMQ's `handshake_timeout`).
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Frames of a peer that has not logged in.
const STRANGER_FRAME_MAX_BYTES: u32 = 8192;

#[derive(Debug)]
enum State {
    /// Waiting for the protocol header.
    Header { deadline: Timestamp },
    /// Logging in and settling limits.
    Handshake { step: Handshake, deadline: Timestamp },
    /// In use.
    Open(Box<Open>),
    /// Being left, or gone.
    Ending(Ending),
}

/// Who a connection is, for logs and listings.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The user it logged in as.
    pub user: Option<String>,
    /// The virtual host it opened.
    pub vhost: Option<String>,
    /// The name its client gave it.
    pub connection_name: Option<String>,
}

/// The machine of one connection, owned by the task of its socket.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    broker: Arc<Broker>,
    peer: Peer,
    outlet: Arc<Outlet>,
    traffic: Arc<Traffic>,
    limits: Limits,
    heartbeat: Option<Heartbeat>,
    heartbeat_secs: u16,
    identity: Identity,
    /// The event of its end, if it is to be told.
    farewell: Option<Box<Event>>,
    /// What the frames of a connection that is not open any more wait for; zero is nothing.
    barrier: Position,
    state: State,
}

impl Connection {
    /// A socket has been accepted.
    pub fn new(now: Timestamp, id: ConnectionId, broker: Arc<Broker>, peer: Peer) -> Self {
        let outlet = Arc::new(Outlet::new(id));
        broker.attach(outlet.clone());
        Self {
            id,
            broker,
            peer,
            outlet,
            traffic: Arc::default(),
            limits: Limits { frame_max_bytes: STRANGER_FRAME_MAX_BYTES, ..Limits::default() },
            heartbeat: None,
            heartbeat_secs: 0,
            identity: Identity::default(),
            farewell: None,
            barrier: Position::ZERO,
            state: State::Header { deadline: now + HANDSHAKE },
        }
    }

    /// For the log.
    fn who(&self) -> Who<'_> {
        Who { id: self.id, address: &self.peer.address, identity: &self.identity }
    }

    /// Which one it is.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Where what goes through its socket is to be counted.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Who it is, as far as it has said.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether the peer's bytes are wanted: not while publishers are held back and it is one, nor while
    /// it does not read the answers to what it has sent.
    pub fn wants_read(&self) -> bool {
        match &self.state {
            State::Header { .. } | State::Handshake { .. } => true,
            State::Open(open) => !open.holds_frames(),
            State::Ending(ending) => ending.wants_read(),
        }
    }

    /// Whether the socket is to be closed once everything has been written.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Ending(ending) if ending.is_done())
    }

    /// Whether the socket is to be closed at once: its peer has been silent for too long to expect that it
    /// takes what is still to be written.
    pub fn is_aborted(&self) -> bool {
        matches!(self.state, State::Ending(ending) if ending.is_aborted())
    }

    /// Whether the connection is open for work.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether deliveries wait that there was no room for.
    pub fn has_waiting(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.has_waiting())
    }

    /// How many bytes the frame at the front of `input` needs in all; zero if not even its size is known.
    pub fn wanted_bytes(&self, input: &[u8]) -> usize {
        frame_size(input).map_or(0, |size| size.min(largest_frame_bytes(&self.limits)))
    }

    /// Bytes have come: takes every whole frame off the front of `input` and leaves a partial one there.
    pub fn handle_bytes(&mut self, now: Timestamp, input: &mut BytesMut, out: &mut Output) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.received();
        }
        if !self.handle_header(input, out) {
            return;
        }
        while self.wants_read() {
            let Some(chunk) = take_chunk(input, &self.limits) else { break };
            self.handle_chunk(now, chunk, out);
        }
        match self.state {
            State::Ending(ending) if ending.is_deaf() => input.clear(),
            // What is left is no whole frame, but may be known to be wrong already.
            _ => {
                if let Err(error) = frame::cut(input, &self.limits) {
                    self.fail_stream(now, &Refusal::from(error).without_method(), out);
                }
            }
        }
        self.note_sent(out);
    }

    /// `false`: there is nothing more to do with these bytes.
    fn handle_header(&mut self, input: &mut BytesMut, out: &mut Output) -> bool {
        let State::Header { deadline } = self.state else { return true };
        let Some(header) = input.first_chunk().copied() else { return false };
        input.advance(PROTOCOL_HEADER.len());
        if !protocol_header::is_supported(&header) {
            report::dropped(self.who(), format_args!("{}", report::spoken(&header)));
            out.frames.buffer().extend_from_slice(&PROTOCOL_HEADER);
            self.state = State::Ending(Ending::Done);
            return false;
        }
        out.send(0, &handshake::start(self.broker.settings(), &self.peer));
        self.state = State::Handshake { step: Handshake::Start, deadline };
        true
    }

    fn handle_chunk(&mut self, now: Timestamp, chunk: Chunk, out: &mut Output) {
        match &mut self.state {
            State::Open(open) => {
                if let Err(interruption) = open.handle_chunk(now, &chunk, &self.limits, out) {
                    self.interrupt(now, interruption, out);
                }
            }
            State::Handshake { .. } => self.handle_handshake(now, chunk.bytes, out),
            State::Ending(ending) => ending.handle_chunk(now, &chunk, &self.limits, out),
            State::Header { .. } => {}
        }
    }

    fn interrupt(&mut self, now: Timestamp, interruption: Interruption, out: &mut Output) {
        match interruption {
            Interruption::Refused(refusal, id) => self.close(now, &refusal, id, out),
            Interruption::Broken(refusal) => self.close_hurriedly(now, &refusal, None, out),
            Interruption::ClosedByClient => {
                self.release(now, out);
                send_close_ok(out);
                self.state = State::Ending(Ending::closed_by_peer(now, self.heartbeat_secs));
            }
            Interruption::Unspeakable => self.abort(now, out),
        }
    }

    /// The stream can't be cut into frames any more: the peer is told, and what more it sends is thrown away.
    fn fail_stream(&mut self, now: Timestamp, refusal: &Refusal, out: &mut Output) {
        if let State::Handshake { step, .. } = &self.state {
            report::handshake_error(self.who(), step.state(), &refusal.text);
        }
        let ending = if let State::Ending(ending) = self.state {
            ending.deafened(now)
        } else {
            self.close(now, refusal, None, out);
            Ending::silent(now)
        };
        self.state = State::Ending(ending);
    }

    /// Gives everything back and sends connection.close.
    fn close(&mut self, now: Timestamp, refusal: &Refusal, id: Option<MethodId>, out: &mut Output) {
        match &self.state {
            State::Open(_) if refusal.code == ReplyCode::ConnectionForced => {
                report::forced(self.who(), &refusal.text);
            }
            State::Open(_) => report::connection_error(self.who(), refusal, id),
            // Who did not come in has been told of.
            _ => {}
        }
        self.release(now, out);
        let id = refusal.method(id);
        let close = connection::AMQPMethod::Close(connection::Close {
            reply_code: refusal.code.code(),
            reply_text: refusal.reply_text().into(),
            class_id: id.class,
            method_id: id.method,
        });
        out.send(0, &Method::Connection(close));
        self.state = State::Ending(Ending::closing(now, self.heartbeat_secs));
    }

    /// The same for a peer that has not come in yet, or has broken its stream: it is not waited for long.
    fn close_hurriedly(&mut self, now: Timestamp, refusal: &Refusal, id: Option<MethodId>, out: &mut Output) {
        self.close(now, refusal, id, out);
        if let State::Ending(ending) = &mut self.state {
            *ending = ending.hurried(now);
        }
    }

    /// Whether the socket takes no more of what waits for it.
    pub fn note_clogged(&self, is_clogged: bool) {
        self.outlet.note_clogged(is_clogged);
    }

    /// Others have left something: deliveries, cancellations, alarms. Encodes about `room_bytes` at most.
    pub fn handle_outlet(&mut self, now: Timestamp, room_bytes: usize, out: &mut Output) {
        let State::Open(open) = &mut self.state else { return };
        if let Some(held) = open.handle_outlet(now, room_bytes, out) {
            self.handle_chunk(now, held.into(), out);
        }
        if let State::Open(open) = &mut self.state
            && let Some(reason) = open.take_forced()
        {
            self.shutdown(now, &reason, out);
        }
        self.note_sent(out);
    }

    /// When [`Connection::handle_deadline`] has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Header { deadline } | State::Handshake { deadline, .. } => Some(*deadline),
            State::Open(open) => {
                let heartbeat = self.heartbeat.as_ref().map(Heartbeat::next_deadline);
                heartbeat.into_iter().chain(open.look_at()).min()
            }
            State::Ending(ending) => ending.next_deadline(),
        }
    }

    /// A moment has come.
    pub fn handle_deadline(&mut self, now: Timestamp, out: &mut Output) {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if let State::Open(open) = &mut self.state
            && open.look_at().is_some_and(|at| at <= now)
        {
            open.handle_late(now, out);
        }
        match (&mut self.state, &mut self.heartbeat) {
            (State::Open(open), Some(heartbeat)) if heartbeat.next_deadline() <= now => {
                // As good a moment as any: not often, and sure to come to who has fallen silent.
                open.rest();
                let due = heartbeat.handle_deadline(now, open.is_reading());
                if due.peer_gone {
                    let secs = self.heartbeat_secs;
                    report::dropped(
                        self.who(),
                        format_args!("missed heartbeats from client, timeout: {secs}s"),
                    );
                    self.release(now, out);
                    self.state = State::Ending(Ending::Aborted);
                    return;
                }
                if due.send {
                    frame::put_heartbeat(out.frames.buffer());
                }
            }
            (State::Header { .. } | State::Handshake { .. }, _) => {
                report::dropped(self.who(), format_args!("handshake_timeout"));
                self.state = State::Ending(Ending::Done);
            }
            (State::Open(_), _) => {}
            (State::Ending(_), _) => self.state = State::Ending(Ending::Done),
        }
    }

    /// The broker ends, or wants this one to go: 320, with a reason.
    pub fn shutdown(&mut self, now: Timestamp, reason: &str, out: &mut Output) {
        match self.state {
            State::Open(_) => {
                let refusal = Refusal::connection_forced(reason.to_owned()).without_method();
                self.close(now, &refusal, None, out);
            }
            State::Header { .. } | State::Handshake { .. } => {
                self.state = State::Ending(Ending::Done);
            }
            State::Ending(_) => {}
        }
    }

    /// The socket is gone, or is about to be closed. Call exactly once, whatever happened before.
    pub fn handle_lost(&mut self, now: Timestamp, out: &mut Output) {
        self.release(now, out);
        self.state = State::Ending(Ending::Done);
        self.broker.detach(self.id);
    }

    fn release(&mut self, now: Timestamp, out: &mut Output) {
        if let State::Open(open) = &mut self.state {
            open.release_all(now, out);
            self.barrier = open.barrier();
            self.broker.events().note_all(self.farewell.take().map(|event| *event).into_iter().collect());
        }
    }

    fn note_sent(&mut self, out: &Output) {
        if let Some(heartbeat) = self.heartbeat.as_mut().filter(|_| !out.frames.is_empty()) {
            heartbeat.sent();
        }
    }
}
