//! Publishes ready-made messages as fast as the socket, the confirm window and the schedule allow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::iter::repeat_n;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use leveret_codec::method::confirm;
use leveret_codec::{FrameKind, Limits, Method, MethodId, frame, hot, method};

use super::batch::Batch;
use super::counters::Counters;
use super::pace::Pace;
use super::readiness::{is_readable, wake_exactly};
use super::unconfirmed::Unconfirmed;
use super::{DRAIN, Harvest, Plan};
use crate::cli::client::{self, Client, ClientError};
use crate::cli::perf::PerfError;
use crate::cli::perf::latency::{Nanos, Recorder};

/// How often a thread that waits for its socket looks whether the run is over.
pub const TICK: Duration = Duration::from_millis(50);

const CONFIRM_READ_BYTES: usize = 16 * 1024;

/// One publishing connection.
pub struct Producer<'a> {
    stream: TcpStream,
    input: BytesMut,
    limits: Limits,
    batch: Batch,
    /// Where in the batch the next write starts.
    at: usize,
    /// Messages written whole.
    published: u64,
    /// Messages to write in all.
    quota: u64,
    pace: Option<Pace>,
    stamps: bool,
    confirms: Option<Confirms>,
    counters: &'a Counters,
}

struct Confirms {
    window: u64,
    waiting: Unconfirmed,
    latencies: Option<Recorder>,
}

impl<'a> Producer<'a> {
    /// Connects and, if asked, puts the channel into confirm mode. Nothing is published yet; the first message
    /// will take the route of this number.
    pub fn open(plan: &Plan<'_>, number: u16, counters: &'a Counters) -> Result<Self, PerfError> {
        let traffic = &plan.load.traffic;
        let mut client = Client::connect(plan.target)?;
        let confirms = match traffic.confirm_window {
            None => None,
            Some(window) => {
                client
                    .call(&Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false })))?;
                let latencies = plan.stamps.then(Recorder::new);
                Some(Confirms { window: window.into(), waiting: Unconfirmed::new(window), latencies })
            }
        };
        let limits = client.limits();
        let (stream, input) = client.into_stream();
        stream.set_write_timeout(Some(TICK))?;
        stream.set_read_timeout(Some(TICK))?;
        Ok(Self {
            stream,
            input,
            limits,
            batch: Batch::new(traffic, plan.topology, number, limits),
            at: 0,
            published: 0,
            quota: plan.quota(number),
            pace: Pace::new(plan.rate, plan.producers, number),
            stamps: plan.stamps,
            confirms,
            counters,
        })
    }

    /// Publishes until told to stop, or all that there is to publish; the schedule begins now. Then the message under
    /// way is finished, and so are those that were due already; and confirms are waited for.
    pub fn run(mut self, start: Nanos) -> Result<Harvest, PerfError> {
        wake_exactly();
        self.pace = self.pace.map(|pace| pace.starting_at(start));
        let outcome = self.publish().and_then(|()| self.finish());
        self.counters.producer_is_done();
        outcome?;
        if !self.counters.is_given_up() {
            Client::from_stream(self.stream, self.input, self.limits)?.close()?;
        }
        let confirm = self.confirms.and_then(|confirms| confirms.latencies);
        Ok(Harvest { confirm, ..Harvest::default() })
    }

    fn publish(&mut self) -> Result<(), PerfError> {
        while !self.counters.publishing_stops() && self.published < self.quota {
            self.step()?;
        }
        Ok(())
    }

    /// A broker that holds publishers up must not hide the messages that it was too slow to take.
    fn finish(&mut self) -> Result<(), PerfError> {
        let deadline = Instant::now() + DRAIN;
        let whole = self.published + u64::from(!self.batch.is_boundary(self.at));
        let due = self.pace.map_or(0, |pace| pace.due_by(self.counters.clock().now()));
        self.quota = self.quota.min(whole.max(due));
        while self.published < self.quota && Instant::now() < deadline && !self.counters.is_given_up() {
            self.step()?;
        }
        self.counters.left_unsent(self.quota - self.published);
        while self.unconfirmed() != 0 && Instant::now() < deadline && !self.counters.is_given_up() {
            self.read_confirms()?;
        }
        Ok(())
    }

    /// Writes what may be written now, or waits until something may.
    fn step(&mut self) -> Result<(), PerfError> {
        // One look at the clock a write, and none if nobody needs it.
        let now = if self.stamps || self.pace.is_some() { self.counters.clock().now() } else { 1 };
        let due = self.pace.map_or(u64::MAX, |pace| pace.due_by(now)).min(self.quota) - self.published;
        let window = self.window();
        match due.min(window) {
            0 if window == 0 => self.read_confirms(),
            0 => self.await_due(),
            room => {
                if self.times_confirms() && is_readable(&self.stream, Duration::ZERO)? {
                    self.read_confirms()?;
                }
                self.write(room, now)
            }
        }
    }

    /// How many messages the broker may owe a confirm for, the one under way included.
    fn window(&self) -> u64 {
        self.confirms.as_ref().map_or(u64::MAX, |confirms| confirms.window - confirms.waiting.len())
    }

    fn unconfirmed(&self) -> u64 {
        self.confirms.as_ref().map_or(0, |confirms| confirms.waiting.len())
    }

    /// Confirms are then read as they come, not when there is no room left.
    fn times_confirms(&self) -> bool {
        self.confirms.as_ref().is_some_and(|confirms| confirms.latencies.is_some())
    }

    /// Nothing is due: what the broker has to say meanwhile is heard at once.
    fn await_due(&mut self) -> Result<(), PerfError> {
        let due = self.pace.map_or(0, |pace| pace.wake_for(self.published));
        let wait = self.counters.clock().until(due).min(TICK);
        if is_readable(&self.stream, wait)? { self.read_confirms() } else { Ok(()) }
    }

    /// One write of the socket, of at most so many messages.
    fn write(&mut self, room: u64, now: Nanos) -> Result<(), PerfError> {
        let (pace, published) = (self.pace, self.published);
        let due = move |message| pace.map_or(now, |pace| pace.due(published + message));
        if self.stamps {
            self.batch.stamp(self.at, room, due);
        }
        let written = match self.stream.write(self.batch.from(self.at, room)) {
            Ok(written) => written,
            Err(error) if is_tick(&error) => 0,
            Err(error) => return Err(self.last_words(error)),
        };
        let to = self.at + written;
        let messages = self.batch.ending_between(self.at, to);
        self.at = if to == self.batch.len() { 0 } else { to };
        self.published += messages;
        self.counters.sent(messages);
        match &mut self.confirms {
            None => {}
            Some(Confirms { waiting, latencies: None, .. }) => {
                waiting.published(repeat_n(now, usize::try_from(messages).unwrap_or(usize::MAX)));
            }
            Some(Confirms { waiting, .. }) => {
                let count = u32::try_from(messages).unwrap_or(u32::MAX);
                waiting.published((0..count).map(|message| due(message.into())));
            }
        }
        Ok(())
    }

    fn read_confirms(&mut self) -> Result<(), PerfError> {
        let mut chunk = [0; CONFIRM_READ_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Err(ClientError::Lost.into()),
            Ok(read) => self.input.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(error) if is_tick(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.take_confirms()
    }

    fn take_confirms(&mut self) -> Result<(), PerfError> {
        let now = if self.times_confirms() { self.counters.clock().now() } else { 0 };
        while let Some(frame) = frame::cut(&self.input, &self.limits).map_err(ClientError::from)? {
            let wire_bytes = frame.wire_bytes();
            if frame.kind == FrameKind::Method {
                let settled = match (&mut self.confirms, settlement(frame.payload, self.limits)?) {
                    (Some(confirms), Some(ack)) => confirms.settle(ack, now, self.counters),
                    _ => 0,
                };
                self.counters.confirmed(settled);
            }
            self.input.advance(wire_bytes);
        }
        Ok(())
    }

    /// A broker that refuses a publish closes the channel or the connection, and says why before.
    fn last_words(&mut self, error: std::io::Error) -> PerfError {
        match self.read_confirms() {
            Err(why @ PerfError::Client(ClientError::Refused { .. })) => why,
            _ => error.into(),
        }
    }
}

impl Confirms {
    /// How many messages a confirm settles.
    fn settle(&mut self, ack: hot::Ack, now: Nanos, counters: &Counters) -> u64 {
        let Some(latencies) = &mut self.latencies else {
            return self.waiting.settle(ack.tag, ack.multiple, |_| {});
        };
        self.waiting.settle(ack.tag, ack.multiple, |since| {
            if counters.window().contains(since) {
                latencies.record(since, now);
            }
        })
    }
}

/// What a method of the broker settles, if it is a confirm.
fn settlement(payload: &[u8], limits: Limits) -> Result<Option<hot::Ack>, PerfError> {
    match MethodId::of(payload).map_err(ClientError::from)? {
        MethodId::BASIC_ACK => Ok(Some(hot::Ack::decode(payload).map_err(ClientError::from)?)),
        MethodId::BASIC_NACK => Err(PerfError::Nacked),
        _ => {
            let other = method::decode(payload, &limits).map_err(ClientError::from)?;
            client::refusal(&other).map_or(Ok(None), |refusal| Err(refusal.into()))
        }
    }
}

/// Whether a read or write only took its time.
pub fn is_tick(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
