//! Publishes ready-made messages as fast as the socket, or the confirm window, allows.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use leveret_codec::method::confirm;
use leveret_codec::{FrameKind, Limits, Method, MethodId, frame, hot, method};

use super::batch::Batch;
use super::counters::Counters;
use super::options::PerfOptions;
use super::unconfirmed::Unconfirmed;
use super::{DRAIN, PerfError};
use crate::cli::client::{self, Client, ClientError};
use crate::cli::target::Target;

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
    confirms: Option<Confirms>,
    counters: &'a Counters,
}

struct Confirms {
    window: u64,
    waiting: Unconfirmed,
}

impl<'a> Producer<'a> {
    /// Connects and, if asked, puts the channel into confirm mode. Nothing is published yet; the first message
    /// will be for the queue of this number.
    pub fn open(
        options: &PerfOptions,
        target: &Target,
        number: u16,
        counters: &'a Counters,
    ) -> Result<Self, PerfError> {
        let mut client = Client::connect(target)?;
        let confirms = match options.confirm_window {
            None => None,
            Some(window) => {
                client
                    .call(&Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false })))?;
                Some(Confirms { window: window.into(), waiting: Unconfirmed::new(window) })
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
            batch: Batch::new(options, number, limits),
            at: 0,
            confirms,
            counters,
        })
    }

    /// Publishes until told to stop. Then the message under way is finished, and confirms are waited for.
    pub fn run(mut self) -> Result<(), PerfError> {
        let outcome = self.publish().and_then(|()| self.finish());
        self.counters.producer_is_done();
        outcome?;
        if self.counters.is_given_up() {
            return Ok(());
        }
        Ok(Client::from_stream(self.stream, self.input, self.limits)?.close()?)
    }

    fn publish(&mut self) -> Result<(), PerfError> {
        while !self.counters.publishing_stops() {
            match self.room() {
                0 => self.read_confirms()?,
                room => self.write(room)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), PerfError> {
        let deadline = Instant::now() + DRAIN;
        while !self.batch.is_boundary(self.at) && Instant::now() < deadline {
            self.write(1)?;
        }
        while self.unconfirmed() != 0 && Instant::now() < deadline {
            self.read_confirms()?;
        }
        Ok(())
    }

    /// How many messages may be published now, the one under way included.
    fn room(&self) -> u64 {
        self.confirms.as_ref().map_or(u64::MAX, |confirms| confirms.window - confirms.waiting.len())
    }

    fn unconfirmed(&self) -> u64 {
        self.confirms.as_ref().map_or(0, |confirms| confirms.waiting.len())
    }

    /// One write of the socket, of at most so many messages.
    fn write(&mut self, room: u64) -> Result<(), PerfError> {
        let written = match self.stream.write(self.batch.from(self.at, room)) {
            Ok(written) => written,
            Err(error) if is_tick(&error) => 0,
            Err(error) => return Err(self.last_words(error)),
        };
        let to = self.at + written;
        let messages = self.batch.ending_between(self.at, to);
        self.at = if to == self.batch.len() { 0 } else { to };
        self.counters.sent(messages);
        if let Some(confirms) = &mut self.confirms {
            confirms.waiting.published(messages);
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
        while let Some(frame) = frame::cut(&self.input, &self.limits).map_err(ClientError::from)? {
            let wire_bytes = frame.wire_bytes();
            if frame.kind == FrameKind::Method {
                let settled = match (&mut self.confirms, settlement(frame.payload, self.limits)?) {
                    (Some(confirms), Some(ack)) => confirms.waiting.settle(ack.tag, ack.multiple),
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
