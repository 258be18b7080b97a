//! One connection's task: reads, lets the rules work, writes.
//!
//! Invariants:
//! - The task alone touches its socket and its [`Connection`]; others leave things in the connection's
//!   outlet and ring its bell.
//! - While nothing arrives and nothing waits to be written, the task holds no buffer.
//! - What waits to be written is bounded: deliveries are taken from the outlet only below
//!   [`DELIVERIES_WAIT_BYTES`], input is read only below [`REPLIES_WAIT_BYTES`].
//! - Whatever ends the task, also a panic or the end of the runtime, the rules hear of it exactly once.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use leveret_core::amqp::{Connection, Peer};
use leveret_core::{ConnectionId, Effects, Output, Position, Timestamp};

use crate::clock::{Clock, Timer};
use crate::controls::Controls;
use crate::durable::Storage;
use crate::hooks::Hooks;
use crate::journal::Journal;
use crate::otlp::Spans;
use crate::rates::Rates;
use crate::registry::{Bell, Registry};
use crate::socket::Socket;
use crate::vitals::Vitals;

/// Deliveries that may wait for a slow reader, in bytes. Beyond it they stay in their queues' care.
const DELIVERIES_WAIT_BYTES: usize = 256 * 1024;
/// Bytes of any kind that may wait for a slow reader. Beyond it the peer's requests are not read.
const REPLIES_WAIT_BYTES: usize = 1024 * 1024;
/// The smallest and largest read. Reads grow while they come back full. The largest holds several bodies of
/// 64 KiB, so that most arrive whole and are not put together (against reads of 64 KiB: a fifth to two
/// fifths more messages a second at 64 KiB, 3 to 10 % at 16 B and 1 KiB, three interleaved runs each).
const READ_BYTES: std::ops::RangeInclusive<usize> = 8 * 1024..=256 * 1024;
/// After so many bytes in or out another task has its turn, so that consumers run as soon as there is
/// something for them. Four times as much made no load faster and doubled what queues held.
const TURN_BYTES: usize = 64 * 1024;
/// How long a peer may take to read the last frames before its socket is dropped.
const LAST_FRAMES_WAIT: Duration = Duration::from_secs(5);
/// Pieces handed to one vectored write: each large body is one and has one before it.
const WRITE_PIECES: usize = 64;

/// RabbitMQ's text for clients when it goes down.
const SHUTDOWN_REASON: &str = "broker forced connection closure with reason 'shutdown'";

/// What all sessions of one broker share.
pub struct Shared {
    /// The rules.
    pub core: Arc<leveret_core::model::Broker>,
    /// Who is open.
    pub registry: Registry,
    /// The broker's time.
    pub clock: Clock,
    /// Where what survives is; none for a broker that keeps nothing.
    pub storage: Option<Arc<Storage>>,
    /// Rings when the next deadline of the rules is an earlier one than it was.
    pub deadline_moved: Bell,
    /// What the program does that the broker runs in; none where it is embedded without.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// How fast what is counted changes.
    pub rates: Rates,
    /// Where spans of messages are left; none where nobody collects them.
    pub spans: Option<Spans>,
    /// How the process is doing.
    pub vitals: Vitals,
    /// What an operator changes.
    pub controls: Controls,
    stage: AtomicU8,
}

/// How far the broker is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub enum Stage {
    /// It serves.
    Open = 0,
    /// Clients are asked to go.
    Closing = 1,
    /// Sockets are dropped as they are.
    Aborted = 2,
}

impl Shared {
    /// What sessions need, for a broker that serves.
    pub fn new(core: Arc<leveret_core::model::Broker>, clock: Clock, storage: Option<Arc<Storage>>) -> Self {
        Self {
            core,
            registry: Registry::default(),
            clock,
            storage,
            deadline_moved: Bell::default(),
            hooks: None,
            rates: Rates::default(),
            spans: None,
            vitals: Vitals::default(),
            controls: Controls::default(),
            stage: AtomicU8::new(Stage::Open as u8),
        }
    }

    /// Carries out what the rules want done by others. No lock is held.
    pub fn carry_out(&self, effects: &mut Effects) {
        if effects.has_rules() || self.core.events().has_noted() {
            self.core.carry_out(self.clock.now(), effects);
        }
        if let Some(spans) = &self.spans {
            effects.spans.drain(..).for_each(|span| spans.offer(span.into()));
        }
        if std::mem::take(&mut effects.is_due_earlier) {
            self.deadline_moved.ring();
        }
        if let Some(storage) = &self.storage {
            storage.carry_out(effects);
        }
        self.registry.carry_out(effects);
    }

    /// Goes on to `stage` and lets every session know.
    pub fn enter_stage(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        self.registry.ring_all();
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Open,
            1 => Stage::Closing,
            _ => Stage::Aborted,
        }
    }
}

/// One connection from its first byte to its last.
pub struct Session {
    shared: Arc<Shared>,
    id: ConnectionId,
    bell: Arc<Bell>,
    connection: Connection,
    /// Bytes that are no whole frame yet.
    input: BytesMut,
    /// How much the next read asks for.
    read_bytes: usize,
    output: Output,
    timer: Timer,
    journal: Journal,
    was_told_to_close: bool,
    /// When the socket is dropped although frames wait; set once the connection is done.
    gives_up_at: Option<Timestamp>,
    /// The place in the log at which the bell was last asked to be rung.
    asked_at: Position,
    /// Bytes since another task last had its turn.
    turn_bytes: usize,
}

/// What one turn found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There may be more at once.
    Busy,
    /// Nothing to do until something happens.
    Idle,
    /// Over, for whatever reason.
    Done,
}

impl Session {
    /// A connection that has just been accepted.
    pub fn new(shared: Arc<Shared>, peer: Peer) -> Self {
        let (id, bell) = shared.registry.enter();
        tracing::Span::current().record("id", id.0);
        if shared.stage() != Stage::Open {
            // It came in while everybody was told, and may have been missed.
            bell.ring();
        }
        let now = shared.clock.now();
        let journal = Journal::new(now, peer.address.clone());
        let connection = Connection::new(now, id, shared.core.clone(), peer);
        Self {
            journal,
            timer: Timer::new(shared.clock.clone()),
            shared,
            id,
            bell,
            connection,
            input: BytesMut::new(),
            read_bytes: *READ_BYTES.start(),
            output: Output::default(),
            was_told_to_close: false,
            gives_up_at: None,
            asked_at: Position::ZERO,
            turn_bytes: 0,
        }
    }

    /// Serves the socket until it is done.
    #[expect(clippy::manual_async_fn, reason = "an async fn would keep all of its arguments twice")]
    pub fn run(mut self, mut socket: Socket) -> impl Future<Output = ()> + Send {
        async move {
            loop {
                match poll_fn(|context| Poll::Ready(self.turn(context, &mut socket))).await {
                    Ok(Turn::Busy) if TURN_BYTES <= self.turn_bytes => {
                        self.turn_bytes = 0;
                        tokio::task::yield_now().await;
                    }
                    Ok(Turn::Busy) => {}
                    Ok(Turn::Idle) => self.rest(&socket).await,
                    Ok(Turn::Done) => return socket.farewell(),
                    Err(error) => {
                        tracing::debug!(%error, "lost the socket");
                        // It may be the peer's own goodbye that is answered here.
                        return socket.farewell();
                    }
                }
            }
        }
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self, context: &mut Context<'_>, socket: &mut Socket) -> io::Result<Turn> {
        let now = self.shared.clock.now();
        let has_rung = self.bell.take();
        if has_rung && self.look_at_stage(now) == Stage::Aborted {
            return Ok(Turn::Done);
        }
        let has_read = self.read(now, context, socket)?;
        if has_rung || self.may_deliver() {
            let room_bytes = DELIVERIES_WAIT_BYTES.saturating_sub(self.output.frames.len());
            self.connection.handle_outlet(now, room_bytes, &mut self.output);
        }
        // After the reading: what has just come is a sign of life. And last of all: what a heartbeat adds is
        // not taken for other traffic.
        if self.connection.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.connection.handle_deadline(now, &mut self.output);
        }
        self.hear_log(now);
        self.shared.carry_out(&mut self.output.effects);
        let is_written = self.write(context, socket)?;
        self.connection.note_clogged(!is_written && !self.is_held());
        if self.is_over(now, is_written) {
            return Ok(Turn::Done);
        }
        Ok(if has_read || (is_written && self.may_deliver()) { Turn::Busy } else { Turn::Idle })
    }

    /// Tells the rules how far the log is, and asks to be woken where they wait for it.
    fn hear_log(&mut self, now: Timestamp) {
        let Some(storage) = &self.shared.storage else { return };
        while let Some(at) = self.connection.awaits() {
            let committed = storage.committed();
            if at <= committed {
                self.connection.handle_committed(committed, &mut self.output);
                continue;
            }
            if storage.has_failed() {
                self.connection.handle_log_failed(now, &mut self.output);
            } else if self.asked_at <= committed {
                self.asked_at = at;
                storage.wake_at(at, self.bell.clone());
            }
            return;
        }
    }

    /// Whether nothing may be written yet: an answer is among the frames that the log must have first.
    fn is_held(&self) -> bool {
        let Some(storage) = &self.shared.storage else { return false };
        self.connection.holds_frames_until().is_some_and(|at| storage.committed() < at)
    }

    /// Whether the socket can go. A peer that does not read its last frames gets some time for them.
    fn is_over(&mut self, now: Timestamp, is_written: bool) -> bool {
        if !self.connection.is_done() || is_written {
            return self.connection.is_done();
        }
        *self.gives_up_at.get_or_insert(now + LAST_FRAMES_WAIT) <= now
    }

    /// Follows the broker on its way out.
    fn look_at_stage(&mut self, now: Timestamp) -> Stage {
        let stage = self.shared.stage();
        if stage == Stage::Closing && !self.was_told_to_close {
            self.was_told_to_close = true;
            self.connection.shutdown(now, SHUTDOWN_REASON, &mut self.output);
        }
        stage
    }

    /// Reads once and lets the rules take what is whole. `true`: there was something.
    fn read(&mut self, now: Timestamp, context: &mut Context<'_>, socket: &mut Socket) -> io::Result<bool> {
        if !self.may_read() || socket.poll_read_ready(context)?.is_pending() {
            return Ok(false);
        }
        // A frame larger than the usual read is fetched whole.
        let missing_bytes = self.connection.wanted_bytes(&self.input).saturating_sub(self.input.len());
        self.input.reserve(self.read_bytes.max(missing_bytes));
        let room_bytes = self.input.capacity() - self.input.len();
        let count = match socket.poll_read(context, &mut self.input)? {
            Poll::Pending => return Ok(false),
            Poll::Ready(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Poll::Ready(count) => count,
        };
        self.adapt(count, room_bytes);
        self.turn_bytes += count;
        let traffic = self.connection.traffic();
        traffic.received_bytes.add(count as u64);
        traffic.reads.add(1);
        self.journal.note_bytes();
        self.connection.handle_bytes(now, &mut self.input, &mut self.output);
        self.journal.note_progress(&self.connection);
        Ok(true)
    }

    /// A read that came back full asks for more next time, one that came back nearly empty for less.
    fn adapt(&mut self, count: usize, room_bytes: usize) {
        if room_bytes <= count {
            self.read_bytes = (self.read_bytes * 4).min(*READ_BYTES.end());
        } else if count < self.read_bytes / 8 {
            self.read_bytes = (self.read_bytes / 2).max(*READ_BYTES.start());
        }
    }

    /// Writes until nothing waits (`true`), or the socket takes no more, or the log must come first.
    fn write(&mut self, context: &mut Context<'_>, socket: &mut Socket) -> io::Result<bool> {
        if self.is_held() {
            // What was taken before is not concerned.
            let _ = socket.poll_flush(context)?;
            return Ok(false);
        }
        let frames = &mut self.output.frames;
        while !frames.is_empty() {
            let mut pieces = [IoSlice::new(&[]); WRITE_PIECES];
            let filled = frames.io_slices(&mut pieces);
            let pieces = pieces.get(..filled).unwrap_or_default();
            let count = match socket.poll_write_vectored(context, pieces)? {
                Poll::Pending => return Ok(false),
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => count,
            };
            frames.advance(count);
            self.turn_bytes += count;
            let traffic = self.connection.traffic();
            traffic.sent_bytes.add(count as u64);
            traffic.writes.add(1);
        }
        Ok(socket.poll_flush(context)?.is_ready())
    }

    fn may_read(&self) -> bool {
        self.connection.wants_read()
            && self.output.frames.len() < REPLIES_WAIT_BYTES
            && !self.shared.storage.as_ref().is_some_and(|storage| storage.is_behind())
    }

    fn may_deliver(&self) -> bool {
        self.connection.has_waiting() && self.output.frames.len() < DELIVERIES_WAIT_BYTES
    }

    /// Gives its buffers back and waits until there is something to do.
    async fn rest(&mut self, socket: &Socket) {
        self.turn_bytes = 0;
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.output.frames.shrink();
        self.timer.set(self.connection.next_deadline().into_iter().chain(self.gives_up_at).min());
        if let Some(storage) = self.shared.storage.as_ref().filter(|storage| storage.is_behind()) {
            storage.wake_at_next(self.bell.clone());
        }
        let has_frames = !self.output.frames.is_empty() && !self.is_held();
        let (may_read, must_write) = (self.may_read(), has_frames || socket.has_unsent());
        // Failures of the socket are met by the next turn, which reads or writes.
        tokio::select! {
            _ = poll_fn(|context| socket.poll_read_ready(context)), if may_read => {}
            _ = poll_fn(|context| socket.poll_write_ready(context)), if must_write => {}
            () = self.bell.rung() => {}
            () = self.timer.elapsed() => {}
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        self.journal.note_end(now, &self.connection);
        self.connection.handle_lost(now, &mut self.output);
        self.shared.registry.leave(self.id);
        self.shared.carry_out(&mut self.output.effects);
    }
}
