//! The channels of one connection: which there are, and what each frame is to its channel.
//!
//! Invariant: a number is taken from channel.open until both sides know that the channel is closed.
//!
//! ```text
//! (none) ──open──▶ Open ──close──────────────▶ (none)      close-ok is the last thing sent
//!                   └──refusal──▶ Closing ──close-ok──▶ (none)
//! ```
//! In `Closing` everything but close and close-ok is discarded, whole publishes included.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::FixedState;
use leveret_codec::frame::{Frame, FrameKind};
use leveret_codec::hot::{self, Ack, Publish};
use leveret_codec::method::{self, Method, MethodId, channel};

use crate::amqp::alike::Pattern;
use crate::amqp::assembly::check_announced;
use crate::amqp::channel::{Channel, Left, Mode};
use crate::amqp::chunk::Frames;
use crate::amqp::confirm::{Confirmed, Verdict};
use crate::amqp::event::{tell_channel_closed, tell_channel_opened};
use crate::amqp::publish::asks_nothing;
use crate::amqp::report;
use crate::amqp::session::Turn;
use crate::effect::Output;
use crate::id::ChannelNumber;
use crate::model::{ChannelRecord, Stat};
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

/// A channel as its connection knows it.
#[derive(Debug)]
enum Slot {
    /// In use.
    Open(Box<Channel>),
    /// channel.close was sent; the client owes close-ok.
    Closing,
}

/// The channels of a connection, by number.
#[derive(Debug)]
pub struct ChannelTable {
    slots: HashMap<ChannelNumber, Slot, FixedState>,
    /// Most channels; zero is no limit.
    channel_max: u16,
    /// Content has come for an open channel, whatever became of it.
    content_came: bool,
    /// What the last publish was, if nothing has come since.
    pattern: Pattern,
    /// When somebody may be late, see `late`.
    pub look_at: Option<Timestamp>,
}

impl ChannelTable {
    /// No channel yet.
    pub fn new(channel_max: u16) -> Self {
        Self {
            slots: HashMap::default(),
            channel_max,
            content_came: false,
            pattern: Pattern::default(),
            look_at: None,
        }
    }

    /// An open channel.
    pub fn get_mut(&mut self, number: ChannelNumber) -> Option<&mut Channel> {
        match self.slots.get_mut(&number)? {
            Slot::Open(channel) => Some(channel),
            Slot::Closing => None,
        }
    }

    /// Those that are open.
    pub fn open_channels(&mut self) -> impl Iterator<Item = &mut Channel> {
        self.slots.values_mut().filter_map(|slot| match slot {
            Slot::Open(channel) => Some(&mut **channel),
            Slot::Closing => None,
        })
    }

    /// Whether content has come since this was last asked. During an alarm that makes a publisher: content held
    /// by a transaction, half of a body, a direct reply (RabbitMQ blocks at the first content frame, too).
    pub fn take_content_came(&mut self) -> bool {
        std::mem::take(&mut self.content_came)
    }

    /// A frame for a channel; `id` is its method's, or that of the publish it belongs to. A publish that is whole
    /// takes its content with it.
    pub fn handle_frame<'a>(
        &mut self,
        turn: &mut Turn<'_>,
        frames: &mut Frames<'a>,
        frame: Frame<'a>,
        id: MethodId,
    ) -> Ruling {
        let limits = frames.limits();
        self.pattern.forget();
        let channel = match self.slots.get_mut(&frame.channel) {
            Some(Slot::Open(channel)) => channel,
            Some(Slot::Closing) => return self.handle_closing(turn, frame, id),
            None => return self.open(turn, frames, frame, id),
        };
        let assembled = match frame.kind {
            FrameKind::Method if id == MethodId::BASIC_PUBLISH && channel.assembly.is_idle() => {
                let Some(assembled) = frames.take_publish(frame) else {
                    channel.assembly.publish(&Publish::decode(frame.payload)?);
                    return Ok(());
                };
                check_announced(assembled.body_bytes)?;
                self.content_came = true;
                if asks_nothing(assembled.message.properties()) {
                    frames.learn(frame.channel, &assembled, &mut self.pattern);
                }
                return channel.publish(turn, assembled);
            }
            FrameKind::Method if id == MethodId::CHANNEL_CLOSE => {
                channel.assembly.check_method()?;
                method::decode(frame.payload, limits)?;
                self.end(turn, frame.channel);
                return Ok(());
            }
            FrameKind::Method if id == MethodId::BASIC_ACK => {
                channel.assembly.check_method()?;
                let mut next = Some(Ack::decode(frame.payload)?);
                while let Some(ack) = next {
                    channel.ack(turn, ack)?;
                    next = frames.take_ack(frame.channel);
                }
                return Ok(());
            }
            FrameKind::Method => return channel.handle_method(turn, frame.payload, limits),
            FrameKind::Header => {
                self.content_came = true;
                let max = turn.session.broker.settings().message_max_bytes;
                channel.assembly.header(frame.payload, limits, max)?
            }
            FrameKind::Body | FrameKind::Heartbeat => {
                self.content_came = true;
                channel.assembly.body(frame.payload)?
            }
        };
        assembled.map_or(Ok(()), |assembled| channel.publish(turn, assembled))
    }

    /// Takes as many publishes as begin like the last one. `true`: there were some.
    #[inline]
    pub fn publish_alike(&mut self, turn: &mut Turn<'_>, frames: &mut Frames<'_>) -> bool {
        if !self.pattern.is_known() {
            return false;
        }
        match self.slots.get_mut(&self.pattern.channel) {
            Some(Slot::Open(channel)) => channel.publish_alike(turn, frames, &self.pattern),
            _ => false,
        }
    }

    /// A moment of rest: what is remembered of publishes is given back.
    pub fn rest(&mut self) {
        self.pattern = Pattern::default();
        self.open_channels().for_each(|channel| channel.route.rest());
    }

    /// Only channel.open can come on a number that is free.
    fn open(&mut self, turn: &mut Turn<'_>, frames: &Frames<'_>, frame: Frame<'_>, id: MethodId) -> Ruling {
        if frame.kind != FrameKind::Method {
            let text = "expected method frame, got non method frame instead";
            return Err(Refusal::unexpected_frame(text).without_method());
        }
        let (opened, max) = (self.slots.len(), self.channel_max);
        if max != 0 && usize::from(max) <= opened {
            return Err(Refusal::not_allowed(format!(
                "number of channels opened ({opened}) has reached the negotiated channel_max ({max})"
            ))
            .without_method());
        }
        if id != MethodId::CHANNEL_OPEN {
            return Err(Refusal::channel_error("expected 'channel.open'"));
        }
        method::decode(frame.payload, frames.limits())?;
        let seat = turn.session.take_channel()?;
        let record = Arc::new(ChannelRecord::new(frame.channel));
        turn.session.record.add_channel(record.clone());
        turn.session.broker.roll().enter_channel();
        self.slots.insert(frame.channel, Slot::Open(Box::new(Channel::new(frame.channel, seat, record))));
        tell_channel_opened(turn.session, frame.channel);
        turn.send(frame.channel, &Method::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})));
        Ok(())
    }

    /// After channel.close everything is discarded but its answer, and the client's own close, which
    /// crossed it.
    fn handle_closing(&mut self, turn: &mut Turn<'_>, frame: Frame<'_>, id: MethodId) -> Ruling {
        if frame.kind != FrameKind::Method {
            return Ok(());
        }
        match id {
            MethodId::CHANNEL_CLOSE_OK => {
                self.slots.remove(&frame.channel);
            }
            MethodId::CHANNEL_CLOSE => send_close_ok(turn, frame.channel),
            MethodId::CHANNEL_OPEN => {
                return Err(Refusal::channel_error("second 'channel.open' seen"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The client closes a channel: everything is given back before it is answered.
    fn end(&mut self, turn: &mut Turn<'_>, number: ChannelNumber) {
        self.finish(turn);
        if let Some(Slot::Open(channel)) = self.slots.remove(&number) {
            release(turn, vec![*channel]);
        }
        send_close_ok(turn, number);
    }

    /// The broker closes a channel, because of what `id` asked for; the others go on.
    pub fn close(&mut self, turn: &mut Turn<'_>, number: ChannelNumber, refusal: &Refusal, id: MethodId) {
        self.finish(turn);
        if let Some(Slot::Open(channel)) = self.slots.insert(number, Slot::Closing) {
            release(turn, vec![*channel]);
        }
        let id = refusal.method(Some(id));
        // In the house it is an answer, heard by whoever asked.
        if !turn.session.is_direct {
            report::channel_error(turn.session, number, refusal, id);
        }
        let close = channel::Close {
            reply_code: refusal.code.code(),
            reply_text: refusal.reply_text().into(),
            class_id: id.class,
            method_id: id.method,
        };
        turn.send(number, &Method::Channel(channel::AMQPMethod::Close(close)));
    }

    /// Gives back what all channels hold; none is left.
    pub fn release_all(&mut self, turn: &mut Turn<'_>) {
        self.finish(turn);
        let channels = std::mem::take(&mut self.slots).into_values().filter_map(|slot| match slot {
            Slot::Open(channel) => Some(*channel),
            Slot::Closing => None,
        });
        release(turn, channels.collect());
    }

    /// Brings what was collected to its queues and confirms what can be.
    pub fn finish(&mut self, turn: &mut Turn<'_>) {
        turn.flush();
        for number in turn.batch.take_confirming() {
            if let Some(channel) = self.get_mut(number) {
                send_confirms(channel, turn.out);
            }
        }
    }

    /// The log has every write of the connection up to this one.
    pub fn handle_committed(&mut self, up_to: u64, out: &mut Output) {
        for slot in self.slots.values_mut() {
            let Slot::Open(channel) = slot else { continue };
            if let Mode::Confirm(confirms) = &mut channel.mode {
                confirms.committed(up_to);
                send_confirms(channel, out);
            }
            channel.commits_committed(up_to, out);
        }
    }

    /// The log has failed: publishes that wait for it are refused. `false`: some channel waits for the answer to
    /// a commit, which nobody can give.
    #[must_use]
    pub fn handle_log_failed(&mut self, out: &mut Output) -> bool {
        let mut is_answered = true;
        for slot in self.slots.values_mut() {
            let Slot::Open(channel) = slot else { continue };
            if let Mode::Confirm(confirms) = &mut channel.mode {
                confirms.fail();
            }
            send_confirms(channel, out);
            is_answered &= channel.commits_waiting.is_empty();
        }
        is_answered
    }
}

/// Lets go of channels. None of them consumes any more before anything goes back, so that it goes to
/// nobody who is leaving, too.
fn release(turn: &mut Turn<'_>, channels: Vec<Channel>) {
    let left: Vec<Left> = channels.iter().flat_map(|channel| channel.leave(turn)).collect();
    for channel in channels {
        let (number, record) = (channel.number, channel.record.clone());
        channel.release(turn);
        let routes = turn.session.vhost.routes();
        let is_there = |exchange: &[u8]| exchange.is_empty() || routes.exchange(exchange).is_some();
        turn.session.broker.roll().leave_channel(&turn.session.record, &record, is_there);
        tell_channel_closed(turn.session, number);
    }
    for Left { queue, is_unused } in left {
        queue.follow(turn.now, &mut turn.out.effects);
        if is_unused {
            turn.delete_unused(&queue);
        }
    }
}

fn send_confirms(channel: &mut Channel, out: &mut Output) {
    let Mode::Confirm(confirms) = &mut channel.mode else { return };
    let mut confirmed = 0;
    let mut told = confirms.told();
    while let Some(verdict) = confirms.take() {
        put_verdict(out, channel.number, verdict);
        if matches!(verdict, Verdict::Ack(_)) {
            confirmed += confirms.told() - told;
        }
        told = confirms.told();
    }
    channel.record.counters.add(Stat::Confirm, confirmed);
    channel.record.unconfirmed.store(confirms.untold(), Ordering::Relaxed);
}

fn put_verdict(out: &mut Output, channel: ChannelNumber, verdict: Verdict) {
    let frames = out.frames.buffer();
    match verdict {
        Verdict::Ack(Confirmed { tag, multiple }) => hot::put_ack(frames, channel, tag, multiple),
        // The bit means nothing here; RabbitMQ has it set.
        Verdict::Nack(Confirmed { tag, multiple }) => hot::put_nack(frames, channel, tag, multiple, true),
    }
}

fn send_close_ok(turn: &mut Turn<'_>, number: ChannelNumber) {
    turn.send(number, &Method::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {})));
}
