//! An open connection: frames go to its channels, and what queues have left for it goes to the socket.
//!
//! Invariants:
//! - Publishes and acknowledgements of one chunk of frames are collected and reach each queue together;
//!   they have reached it before anything is answered that could tell the difference.
//! - Confirms are sent when the chunk is through, after every return that belongs before them.
//! - A request for the head of a queue that is not in memory waits until it is, with all that comes behind it; no
//!   other connection waits for that.
//! - When the answers that wait for the socket have reached their bound, what is left of a chunk waits too: a
//!   request is answered by much more than it says (`basic.get`), and a peer that asks without reading must
//!   cost a bounded amount.

use std::sync::Arc;

use bytes::Bytes;
use leveret_codec::frame::{self, Frame, FrameKind};
use leveret_codec::method::{self, Method, MethodId, connection};
use leveret_codec::{DecodeError, Limits, ReplyCode};

use crate::amqp::channels::ChannelTable;
use crate::amqp::chunk::{Chunk, Frames};
use crate::amqp::held_back::{HeldBack, has_room};
use crate::amqp::session::{Session, Turn, Workspace};
use crate::amqp::throttle::Throttle;
use crate::effect::Output;
use crate::model::{ConnectionState, Notice};
use crate::refusal::{Refusal, Scope};
use crate::store::Position;
use crate::time::Timestamp;

/// Why the connection can't go on.
#[derive(Debug)]
pub enum Interruption {
    /// It must be closed with this; the method is the one that failed, if one did.
    Refused(Refusal, Option<MethodId>),
    /// The same, and nothing more can be made of its bytes.
    Broken(Refusal),
    /// The client has asked to close.
    ClosedByClient,
    /// Frames wait in front of the socket that must never be heard.
    Unspeakable,
}

impl From<DecodeError> for Interruption {
    /// Bytes that are no frame break the stream; a frame where it must not be is a refusal as any other.
    fn from(error: DecodeError) -> Self {
        let is_frame = error.code == ReplyCode::UnexpectedFrame;
        let refusal = Refusal::from(error).without_method();
        if is_frame { Self::Refused(refusal, None) } else { Self::Broken(refusal) }
    }
}

impl From<Refusal> for Interruption {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Open {
    channels: ChannelTable,
    workspace: Workspace,
    held_back: HeldBack,
    throttle: Throttle,
    /// Why it must go.
    forced: Option<Arc<str>>,
}

impl Open {
    /// Right after connection.open.
    pub fn new(session: Session, channel_max: u16) -> Self {
        Self {
            channels: ChannelTable::new(channel_max),
            workspace: Workspace::new(session),
            held_back: HeldBack::Nothing,
            throttle: Throttle::default(),
            forced: None,
        }
    }

    /// Whether the peer is read from, or only itself to blame that it is not.
    pub fn is_reading(&self) -> bool {
        !self.held_back.is_excused()
    }

    /// Whether nothing more is to be read: frames that have come wait, for whatever reason, or the peer publishes faster
    /// than consumers are served.
    pub fn holds_frames(&self) -> bool {
        !self.held_back.is_nothing() || self.throttle.is_on()
    }

    /// Lets others see how it is doing.
    fn note_state(&self) {
        let state = if self.held_back.is_blocked() {
            ConnectionState::Blocked
        } else if self.throttle.is_on() {
            ConnectionState::Flow
        } else {
            ConnectionState::Running
        };
        self.workspace.session.record.set_state(state);
    }

    /// Why the connection must go, since somebody has said so.
    pub fn take_forced(&mut self) -> Option<Arc<str>> {
        self.forced.take()
    }

    /// Whether deliveries or answers wait that there was no room for.
    pub fn has_waiting(&self) -> bool {
        !self.workspace.inbox.deliveries.is_empty() || self.held_back.is_postponed()
    }

    /// Whole frames have come. Those that can't be handled now are held back.
    pub fn handle_chunk(
        &mut self,
        now: Timestamp,
        chunk: &Chunk,
        limits: &Limits,
        out: &mut Output,
    ) -> Result<(), Interruption> {
        let mut turn = self.workspace.turn(now, out);
        let alarm = turn.session.broker.alarm_reason();
        let mut frames = Frames::new(chunk, limits);
        let mut result = Ok(());
        while result.is_ok() && self.held_back.is_nothing() && !frames.is_empty() {
            if alarm.is_none() && self.channels.publish_alike(&mut turn, &mut frames) {
                continue;
            }
            result = handle_next(&mut self.channels, &mut turn, &mut frames);
            if std::mem::take(&mut turn.awaits_head) {
                self.held_back.await_head(frames.again());
                break;
            }
            let is_publisher = self.channels.take_content_came();
            match alarm.filter(|_| is_publisher) {
                _ if result.is_err() => {}
                Some(reason) => self.held_back.block(&mut turn, reason, frames.rest()),
                None if has_room(turn.out) || frames.is_empty() => {}
                None => self.held_back.postpone(frames.rest()),
            }
        }
        self.channels.finish(&mut turn);
        if let Some(queue) = turn.batch.take_outrun() {
            self.throttle.wait_for(now, chunk.bytes.len(), &queue, &turn.session.outlet);
        }
        self.note_state();
        if self.awaits().is_none() || !self.workspace.session.broker.store().has_failed() {
            return result;
        }
        match self.handle_log_failed(out) {
            Err(Interruption::Unspeakable) => Err(Interruption::Unspeakable),
            other => result.and(other),
        }
    }

    /// Ends everything: channels, then exclusive queues, before anybody is told that the connection is
    /// closed. Whoever connects next finds the names free.
    pub fn release_all(&mut self, now: Timestamp, out: &mut Output) {
        self.workspace.session.outlet.close();
        let mut turn = self.workspace.turn(now, out);
        self.channels.release_all(&mut turn);
        turn.delete_exclusive();
        let session = &self.workspace.session;
        session.broker.roll().leave(&session.record);
    }

    /// When somebody may be late with an acknowledgement, or has waited for long enough.
    pub fn look_at(&self) -> Option<Timestamp> {
        self.channels.look_at.into_iter().chain(self.throttle.until()).min()
    }

    /// Looks whether that is so.
    pub fn handle_late(&mut self, now: Timestamp, out: &mut Output) {
        self.throttle.handle_deadline(now);
        self.channels.handle_late(&mut self.workspace.turn(now, out));
    }

    /// A moment of rest: room that a burst has left is given back.
    pub fn rest(&mut self) {
        let Workspace { session, batch, inbox, .. } = &mut self.workspace;
        batch.rest();
        inbox.rest(session);
        self.channels.rest();
    }

    /// The log has come so far.
    pub fn handle_committed(&mut self, committed: Position, out: &mut Output) {
        if let Some(write) = self.workspace.batch.committed(committed) {
            self.channels.handle_committed(write, out);
        }
        if self.workspace.barrier <= committed {
            self.workspace.barrier = Position::ZERO;
        }
    }

    /// The log has failed: whoever waits for it hears so.
    pub fn handle_log_failed(&mut self, out: &mut Output) -> Result<(), Interruption> {
        let committed = self.workspace.session.broker.store().committed();
        self.handle_committed(committed, out);
        if self.barrier() != Position::ZERO {
            return Err(Interruption::Unspeakable);
        }
        self.workspace.batch.give_up();
        if self.channels.handle_log_failed(out) {
            return Ok(());
        }
        Err(Refusal::internal_error("the message store has failed").without_method().into())
    }

    /// The earliest position that confirms, commits or answers wait for.
    pub fn awaits(&self) -> Option<Position> {
        let barrier = Some(self.barrier()).filter(|barrier| *barrier != Position::ZERO);
        self.workspace.batch.awaits().into_iter().chain(barrier).min()
    }

    /// No frame may be heard before the log has come so far.
    pub fn barrier(&self) -> Position {
        self.workspace.barrier
    }

    /// Looks at what others have left for this connection; encodes deliveries while no more than about
    /// `room_bytes` have been added. Returns frames that were held back and are to be handled now.
    pub fn handle_outlet(&mut self, now: Timestamp, room_bytes: usize, out: &mut Output) -> Option<Bytes> {
        let mut turn = self.workspace.turn(now, out);
        turn.inbox.fill(turn.session);
        let notices = std::mem::take(&mut turn.inbox.notices);
        deliver(&mut self.channels, &mut turn, room_bytes);
        let mut resumed = self.held_back.resume(turn.out);
        for notice in notices {
            match notice {
                Notice::ConsumerCancelled { channel, consumer: place, queue, id } => {
                    if let Some(channel) = self.channels.get_mut(channel)
                        && channel.consumers.get(place).is_some_and(|consumer| consumer.is(queue, id))
                    {
                        channel.consumer_cancelled(&mut turn, place);
                    }
                }
                Notice::Alarm => resumed = self.held_back.unblock(&mut turn).or(resumed),
                Notice::Forced(reason) => self.forced = Some(reason),
                Notice::CaughtUp => self.throttle.end(),
                Notice::Asked(part) => {
                    let channels = &mut self.channels;
                    channels.open_channels().for_each(|channel| channel.tell_held(turn.session, &part));
                }
                Notice::HeadMoved => resumed = self.held_back.head_moved().or(resumed),
            }
        }
        // Copies of what was delivered, if they are wanted.
        turn.flush();
        self.note_state();
        resumed
    }
}

fn handle_next(
    channels: &mut ChannelTable,
    turn: &mut Turn<'_>,
    frames: &mut Frames<'_>,
) -> Result<(), Interruption> {
    let Some(frame) = frames.take()? else { return Ok(()) };
    if frame.kind == FrameKind::Heartbeat {
        return Ok(());
    }
    if frame.channel == 0 {
        return handle_connection_method(turn, frame, frames.limits());
    }
    let id = match frame.kind {
        FrameKind::Method => MethodId::of(frame.payload).map_err(Refusal::from)?,
        _ => MethodId::BASIC_PUBLISH,
    };
    match channels.handle_frame(turn, frames, frame, id) {
        Ok(()) => Ok(()),
        Err(refusal) if refusal.scope == Scope::Channel => {
            channels.close(turn, frame.channel, &refusal, id);
            Ok(())
        }
        Err(refusal) => Err(Interruption::Refused(refusal, Some(id))),
    }
}

/// A method of class connection, on channel zero.
fn handle_connection_method(
    turn: &mut Turn<'_>,
    frame: Frame<'_>,
    limits: &Limits,
) -> Result<(), Interruption> {
    use connection::AMQPMethod as M;
    if frame.kind != FrameKind::Method {
        let text = frame::describe(frame.kind, frame.payload);
        return Err(Refusal::unexpected_frame(text).without_method().into());
    }
    let id = MethodId::of(frame.payload).map_err(Refusal::from)?;
    let method = method::decode(frame.payload, limits)
        .map_err(|error| Interruption::Refused(error.into(), Some(id)))?;
    match method {
        Method::Connection(M::Close(_)) => Err(Interruption::ClosedByClient),
        Method::Connection(M::UpdateSecret(_)) => {
            // The password of a running connection is not looked at again, so any secret will do.
            turn.send(0, &Method::Connection(M::UpdateSecretOk(connection::UpdateSecretOk {})));
            Ok(())
        }
        _ => Err(Interruption::Refused(
            Refusal::channel_error("unexpected method in connection state running"),
            Some(id),
        )),
    }
}

/// Encodes deliveries while no more than about `room_bytes` have been added.
fn deliver(channels: &mut ChannelTable, turn: &mut Turn<'_>, room_bytes: usize) {
    let most = turn.out.frames.len().saturating_add(room_bytes);
    let mut released = 0;
    while turn.out.frames.len() < most
        && let Some(next) = turn.inbox.deliveries.front()
    {
        let (number, place) = (next.channel, next.consumer);
        let Some(channel) = channels.get_mut(number) else {
            let gone = turn.inbox.deliveries.pop_front();
            released += gone.map_or(0, |delivery| delivery.entry.message.footprint_bytes());
            continue;
        };
        released += channel.deliver_run(turn, place, most);
        if let Some(at) = channel.lateness.look_at {
            channels.look_at = Some(channels.look_at.map_or(at, |known| known.min(at)));
        }
    }
    if 0 < released {
        turn.release(released);
    }
}
