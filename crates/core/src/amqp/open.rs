//! An open connection: its channels, and the frames between them and the socket.
//!
//! Invariants:
//! - A channel's number is taken from channel.open until both sides know that it is closed.
//! - Publishes and acknowledgements of one chunk of frames are collected and reach each queue together;
//!   they have reached it before anything is answered that could tell the difference.
//! - Confirms are sent when the chunk is through, after every return that belongs before them.
//! - Once `ANSWERS_BYTES` wait for the socket, what is left of a chunk waits too: a request is answered by
//!   much more than it says (`basic.get`), and a peer that asks without reading must cost a bounded amount.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::fast::FixedState;
use leveret_codec::frame::{self, Frame, FrameKind};
use leveret_codec::method::{self, Method, MethodId, channel, connection};
use leveret_codec::{DecodeError, Limits, ReplyCode, hot};

use crate::amqp::assembly::check_announced;
use crate::amqp::batch::Batch;
use crate::amqp::channel::{Channel, Mode};
use crate::amqp::deliver::Inbox;
use crate::amqp::publish::in_one_read;
use crate::amqp::session::{Session, Turn};
use crate::effect::Output;
use crate::id::{ChannelNumber, ConsumerId, QueueId};
use crate::model::{DeleteConditions, Notice, QueueRef};
use crate::refusal::{Refusal, Ruling, Scope};
use crate::time::Timestamp;

/// Frames that may wait for the socket before requests that have come are left where they are.
const ANSWERS_BYTES: usize = 1024 * 1024;

/// A channel as its connection knows it.
#[derive(Debug)]
enum Slot {
    /// In use.
    Open(Box<Channel>),
    /// channel.close was sent; the client owes close-ok.
    Closing,
}

/// Why the connection can't go on as it is.
#[derive(Debug)]
pub enum Interruption {
    /// It must be closed with this; the method is the one that failed, if one did.
    Refused(Refusal, Option<MethodId>),
    /// The same, and nothing more can be made of its bytes.
    Broken(Refusal),
    /// The client has asked to close.
    ClosedByClient,
    /// Publishers are held back, and this is one: the rest of the chunk has to wait.
    Blocked,
    /// The answers to the rest of the chunk would be too much at once: it has to wait.
    Full,
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
    session: Session,
    channel_max: u16,
    channels: HashMap<ChannelNumber, Slot, FixedState>,
    batch: Batch,
    inbox: Inbox,
    exclusive: Vec<QueueRef>,
    /// Content has come. During an alarm that makes a publisher, whatever becomes of the content: held by
    /// a transaction, half of a body, a direct reply (RabbitMQ blocks at the first content frame, too).
    publishing: bool,
    /// Frames that wait for the end of an alarm; `Some` while the connection is blocked.
    held: Option<Bytes>,
    /// Frames that wait until their answers have room; never together with `held`.
    postponed: Option<Bytes>,
}

impl Open {
    /// Right after connection.open.
    pub fn new(session: Session, channel_max: u16) -> Self {
        Self {
            session,
            channel_max,
            channels: HashMap::default(),
            batch: Batch::default(),
            inbox: Inbox::default(),
            exclusive: Vec::new(),
            publishing: false,
            held: None,
            postponed: None,
        }
    }

    /// Whether publishers are held back and this is one.
    pub fn is_blocked(&self) -> bool {
        self.held.is_some()
    }

    /// Whether frames that have come wait, for whatever reason: nothing can be taken before them.
    pub fn holds_frames(&self) -> bool {
        self.held.is_some() || self.postponed.is_some()
    }

    /// Whether deliveries or answers wait that there was no room for.
    pub fn has_waiting(&self) -> bool {
        !self.inbox.deliveries.is_empty() || self.postponed.is_some()
    }

    /// Whole frames have come.
    pub fn handle_chunk(
        &mut self,
        now: Timestamp,
        chunk: &Bytes,
        limits: &Limits,
        out: &mut Output,
    ) -> Result<(), Interruption> {
        let is_alarmed = self.session.broker.alarm_reason().is_some();
        self.publishing = false;
        let mut at = 0;
        let mut result = Ok(());
        while result.is_ok() && at < chunk.len() {
            result = self.handle_next(now, chunk, &mut at, limits, out);
            if is_alarmed && result.is_ok() && std::mem::take(&mut self.publishing) {
                self.block(chunk.slice(at..), out);
                result = Err(Interruption::Blocked);
            } else if result.is_ok() && ANSWERS_BYTES <= out.frames.len() && at < chunk.len() {
                self.postponed = Some(chunk.slice(at..));
                result = Err(Interruption::Full);
            }
        }
        self.finish(now, out);
        result
    }

    /// Brings what was collected to its queues and confirms what can be.
    fn finish(&mut self, now: Timestamp, out: &mut Output) {
        self.batch.flush(now, &mut out.effects);
        for number in self.batch.take_confirming() {
            if let Some(Slot::Open(channel)) = self.channels.get_mut(&number) {
                send_confirms(channel, out);
            }
        }
    }

    fn handle_next(
        &mut self,
        now: Timestamp,
        chunk: &Bytes,
        at: &mut usize,
        limits: &Limits,
        out: &mut Output,
    ) -> Result<(), Interruption> {
        let rest = chunk.get(*at..).unwrap_or_default();
        let cut = frame::cut(rest, limits).map_err(Interruption::from)?;
        let Some(frame) = cut else {
            // A chunk holds whole frames only.
            *at = chunk.len();
            return Ok(());
        };
        let begin = *at;
        *at += frame.wire_bytes();
        if frame.kind == FrameKind::Heartbeat {
            return Ok(());
        }
        if frame.channel == 0 {
            return Self::handle_connection_method(frame, limits, out);
        }
        let id = match frame.kind {
            FrameKind::Method => MethodId::of(frame.payload).map_err(Refusal::from)?,
            _ => MethodId::BASIC_PUBLISH,
        };
        let number = frame.channel;
        match self.handle_channel_frame(now, (chunk, begin, at), frame, id, limits, out) {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.scope == Scope::Channel => {
                self.close_channel(now, number, &refusal, id, out);
                Ok(())
            }
            Err(refusal) => Err(Interruption::Refused(refusal, Some(id))),
        }
    }

    /// A method of class connection, on channel zero.
    fn handle_connection_method(
        frame: Frame<'_>,
        limits: &Limits,
        out: &mut Output,
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
                let ok = M::UpdateSecretOk(connection::UpdateSecretOk {});
                method::encode(0, &Method::Connection(ok), out.frames.buffer());
                Ok(())
            }
            _ => Err(Interruption::Refused(
                Refusal::channel_error("unexpected method in connection state running"),
                Some(id),
            )),
        }
    }

    /// `at` is where the next frame begins: a publish that is whole takes its content with it.
    fn handle_channel_frame(
        &mut self,
        now: Timestamp,
        (chunk, begin, at): (&Bytes, usize, &mut usize),
        frame: Frame<'_>,
        id: MethodId,
        limits: &Limits,
        out: &mut Output,
    ) -> Ruling {
        let channel = match self.channels.get_mut(&frame.channel) {
            Some(Slot::Open(channel)) => channel,
            Some(Slot::Closing) => return self.handle_closing(frame, id, out),
            None => return self.open_channel(frame, id, limits, out),
        };
        self.publishing |= frame.kind != FrameKind::Method;
        let mut turn = Turn {
            now,
            session: &self.session,
            batch: &mut self.batch,
            inbox: &mut self.inbox,
            exclusive: &mut self.exclusive,
            out,
        };
        match frame.kind {
            FrameKind::Method if id == MethodId::BASIC_PUBLISH && channel.assembly.is_idle() => {
                let Some((assembled, next)) = in_one_read(chunk, begin, frame, limits) else {
                    channel.assembly.publish(&hot::Publish::decode(frame.payload)?);
                    return Ok(());
                };
                check_announced(assembled.body_bytes)?;
                *at = next;
                self.publishing = true;
                channel.publish(&mut turn, assembled)
            }
            FrameKind::Method if id == MethodId::CHANNEL_CLOSE => {
                channel.assembly.check_method()?;
                method::decode(frame.payload, limits)?;
                self.end_channel(now, frame.channel, out);
                Ok(())
            }
            FrameKind::Method => channel.handle_method(&mut turn, frame.payload, limits),
            FrameKind::Header => {
                let max = turn.session.broker.settings().message_max_bytes;
                let assembled = channel.assembly.header(frame.payload, limits, max)?;
                assembled.map_or(Ok(()), |assembled| channel.publish(&mut turn, assembled))
            }
            FrameKind::Body | FrameKind::Heartbeat => {
                let assembled = channel.assembly.body(frame.payload)?;
                assembled.map_or(Ok(()), |assembled| channel.publish(&mut turn, assembled))
            }
        }
    }

    /// Only channel.open can come on a number that is free.
    fn open_channel(&mut self, frame: Frame<'_>, id: MethodId, limits: &Limits, out: &mut Output) -> Ruling {
        if frame.kind != FrameKind::Method {
            let text = "expected method frame, got non method frame instead";
            return Err(Refusal::unexpected_frame(text).without_method());
        }
        if self.channel_max != 0 && usize::from(self.channel_max) <= self.channels.len() {
            return Err(Refusal::not_allowed(format!(
                "number of channels opened ({}) has reached the negotiated channel_max ({})",
                self.channels.len(),
                self.channel_max
            ))
            .without_method());
        }
        if id != MethodId::CHANNEL_OPEN {
            return Err(Refusal::channel_error("expected 'channel.open'"));
        }
        method::decode(frame.payload, limits)?;
        self.channels.insert(frame.channel, Slot::Open(Box::new(Channel::new(frame.channel))));
        let ok = Method::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}));
        method::encode(frame.channel, &ok, out.frames.buffer());
        Ok(())
    }

    /// After channel.close everything is discarded but its answer, and the client's own close, which
    /// crossed it.
    fn handle_closing(&mut self, frame: Frame<'_>, id: MethodId, out: &mut Output) -> Ruling {
        if frame.kind != FrameKind::Method {
            return Ok(());
        }
        match id {
            MethodId::CHANNEL_CLOSE_OK => {
                self.channels.remove(&frame.channel);
            }
            MethodId::CHANNEL_CLOSE => send_close_ok(frame.channel, out),
            MethodId::CHANNEL_OPEN => {
                return Err(Refusal::channel_error("second 'channel.open' seen"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The client closes a channel: everything is given back before it is answered.
    fn end_channel(&mut self, now: Timestamp, number: ChannelNumber, out: &mut Output) {
        self.finish(now, out);
        if let Some(Slot::Open(channel)) = self.channels.remove(&number) {
            self.release(now, vec![*channel], out);
        }
        send_close_ok(number, out);
    }

    /// The broker closes a channel; the others go on.
    fn close_channel(
        &mut self,
        now: Timestamp,
        number: ChannelNumber,
        refusal: &Refusal,
        id: MethodId,
        out: &mut Output,
    ) {
        self.finish(now, out);
        if let Some(Slot::Open(channel)) = self.channels.insert(number, Slot::Closing) {
            self.release(now, vec![*channel], out);
        }
        tracing::info!(channel = number, code = refusal.code.code(), reply = %refusal.text, "closed a channel");
        let id = refusal.method(Some(id));
        let close = channel::Close {
            reply_code: refusal.code.code(),
            reply_text: refusal.reply_text().into(),
            class_id: id.class,
            method_id: id.method,
        };
        let close = Method::Channel(channel::AMQPMethod::Close(close));
        method::encode(number, &close, out.frames.buffer());
    }

    /// Lets go of channels. None of them consumes any more before anything goes back, so that it goes to
    /// nobody who is leaving, too.
    fn release(&mut self, now: Timestamp, channels: Vec<Channel>, out: &mut Output) {
        let mut turn = Turn {
            now,
            session: &self.session,
            batch: &mut self.batch,
            inbox: &mut self.inbox,
            exclusive: &mut self.exclusive,
            out,
        };
        let unused: Vec<QueueRef> = channels.iter().flat_map(|channel| channel.unsubscribe(&turn)).collect();
        for channel in channels {
            channel.release(&mut turn);
        }
        for queue in unused {
            turn.delete_unused(&queue);
        }
    }

    /// Ends everything: channels, then exclusive queues, before anybody is told that the connection is
    /// closed. Whoever connects next finds the names free.
    pub fn release_all(&mut self, now: Timestamp, out: &mut Output) {
        self.finish(now, out);
        let channels = std::mem::take(&mut self.channels).into_values().filter_map(|slot| match slot {
            Slot::Open(channel) => Some(*channel),
            Slot::Closing => None,
        });
        self.release(now, channels.collect(), out);
        for queue in std::mem::take(&mut self.exclusive) {
            let vhost = &self.session.vhost;
            // Without conditions there is nothing to refuse.
            let _ = vhost.delete_queue(now, &queue, DeleteConditions::default(), &mut out.effects);
        }
    }

    /// The log has every append of this connection up to this one.
    pub fn handle_committed(&mut self, up_to: u64, out: &mut Output) {
        for slot in self.channels.values_mut() {
            let Slot::Open(channel) = slot else { continue };
            if let Mode::Confirm(confirms) = &mut channel.mode {
                confirms.committed(up_to);
                send_confirms(channel, out);
            }
            channel.commits_committed(up_to, out);
        }
    }

    /// Looks at what others have left for this connection; encodes deliveries while no more than about
    /// `room_bytes` have been added.
    pub fn handle_outlet(
        &mut self,
        now: Timestamp,
        room_bytes: usize,
        out: &mut Output,
    ) -> Result<Option<Bytes>, Interruption> {
        self.inbox.fill(&self.session);
        let notices = std::mem::take(&mut self.inbox.notices);
        self.deliver(now, room_bytes, out);
        let mut resumed = None;
        if out.frames.len() < ANSWERS_BYTES {
            resumed = self.postponed.take();
        }
        for notice in notices {
            match notice {
                Notice::ConsumerCancelled { channel, consumer, queue, id } => {
                    self.cancel_consumer(now, channel, (consumer, queue, id), out);
                }
                Notice::Close(refusal) => return Err(Interruption::Refused(refusal, None)),
                Notice::Alarm => resumed = self.unblock(out).or(resumed),
            }
        }
        Ok(resumed)
    }

    fn deliver(&mut self, now: Timestamp, room_bytes: usize, out: &mut Output) {
        let most = out.frames.len().saturating_add(room_bytes);
        let mut released = 0;
        while out.frames.len() < most {
            let Some(delivery) = self.inbox.deliveries.pop_front() else { break };
            released += delivery.entry.message.footprint_bytes();
            if let Some(Slot::Open(channel)) = self.channels.get_mut(&delivery.channel) {
                channel.deliver(&self.session, delivery, out);
            }
        }
        if 0 < released {
            for (queue, id) in self.session.outlet.release(released) {
                queue.resume(now, id, &mut out.effects);
            }
        }
    }

    fn cancel_consumer(
        &mut self,
        now: Timestamp,
        number: ChannelNumber,
        (place, queue, id): (u32, QueueId, ConsumerId),
        out: &mut Output,
    ) {
        let Some(Slot::Open(channel)) = self.channels.get_mut(&number) else { return };
        let mut turn = Turn {
            now,
            session: &self.session,
            batch: &mut self.batch,
            inbox: &mut self.inbox,
            exclusive: &mut self.exclusive,
            out,
        };
        if channel.consumers.get(place).is_some_and(|consumer| consumer.is(queue, id)) {
            channel.consumer_cancelled(&mut turn, place);
        }
    }

    /// A publisher during an alarm: it is told, if it wants to be, and not read from.
    fn block(&mut self, rest: Bytes, out: &mut Output) {
        self.held = Some(rest);
        let Some(reason) = self.session.broker.alarm_reason() else { return };
        if self.session.capabilities.connection_blocked {
            let blocked = connection::Blocked { reason: reason.into() };
            let blocked = Method::Connection(connection::AMQPMethod::Blocked(blocked));
            method::encode(0, &blocked, out.frames.buffer());
        }
    }

    /// The last alarm may be over: then the frames that were held back are to be handled now.
    fn unblock(&mut self, out: &mut Output) -> Option<Bytes> {
        if self.session.broker.alarm_reason().is_some() {
            return None;
        }
        let held = self.held.take()?;
        if self.session.capabilities.connection_blocked {
            let unblocked = connection::AMQPMethod::Unblocked(connection::Unblocked {});
            method::encode(0, &Method::Connection(unblocked), out.frames.buffer());
        }
        Some(held)
    }
}

fn send_confirms(channel: &mut Channel, out: &mut Output) {
    if let Mode::Confirm(confirms) = &mut channel.mode
        && let Some(confirmed) = confirms.take()
    {
        hot::put_ack(out.frames.buffer(), channel.number, confirmed.tag, confirmed.multiple);
    }
}

fn send_close_ok(number: ChannelNumber, out: &mut Output) {
    let ok = Method::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}));
    method::encode(number, &ok, out.frames.buffer());
}
