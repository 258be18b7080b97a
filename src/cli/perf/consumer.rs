//! Reads deliveries in large pieces, counts them, and acknowledges if asked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bytes::BytesMut;
use leveret_codec::method::basic;
use leveret_codec::{Limits, Method, hot, method};

use super::PerfError;
use super::arrivals::{Arrivals, Stop};
use super::counters::Counters;
use super::options::PerfOptions;
use super::producer::{TICK, is_tick};
use super::read_buffer::ReadBuffer;
use crate::cli::client::{self, CHANNEL, Client, ClientError};
use crate::cli::target::Target;

/// One consuming connection.
pub struct Consumer<'a> {
    stream: TcpStream,
    input: ReadBuffer,
    limits: Limits,
    arrivals: Arrivals,
    acks: Option<Acks>,
    counters: &'a Counters,
}

impl<'a> Consumer<'a> {
    /// Connects and subscribes to its share of the queues, as the consumer of this number.
    pub fn subscribe(
        options: &PerfOptions,
        target: &Target,
        number: u16,
        counters: &'a Counters,
    ) -> Result<Self, PerfError> {
        let mut client = Client::connect(target)?;
        if options.prefetch != 0 {
            client.call(&Method::Basic(basic::AMQPMethod::Qos(options.qos())))?;
        }
        let (first, step) = if options.queues == 1 { (0, 1) } else { (number, options.consumers) };
        for queue in options.queue_names().iter().skip(first.into()).step_by(step.into()) {
            client.call(&Method::Basic(basic::AMQPMethod::Consume(options.subscription(queue))))?;
        }
        let limits = client.limits();
        let (stream, early) = client.into_stream();
        stream.set_read_timeout(Some(TICK))?;
        Ok(Self {
            stream,
            input: ReadBuffer::new(&early),
            limits,
            arrivals: Arrivals::new(options.size, limits),
            acks: options.ack_every.map(|every| Acks { every: every.into(), acked: 0, out: BytesMut::new() }),
            counters,
        })
    }

    /// Consumes until everything has arrived, or the run is given up.
    pub fn run(mut self) -> Result<(), PerfError> {
        self.take_in()?;
        while !self.counters.all_arrived() {
            if self.counters.is_given_up() {
                return Ok(());
            }
            match self.stream.read(self.input.room()) {
                Ok(0) => return Err(ClientError::Lost.into()),
                Ok(read) => self.input.filled(read),
                Err(error) if is_tick(&error) => self.ack_rest()?,
                Err(error) => return Err(error.into()),
            }
            self.take_in()?;
        }
        self.ack_rest()?;
        let rest = BytesMut::from(self.input.waiting());
        Ok(Client::from_stream(self.stream, rest, self.limits)?.close()?)
    }

    fn take_in(&mut self) -> Result<(), PerfError> {
        let before = self.arrivals.whole();
        let (walked, stop) = self.arrivals.walk(self.input.waiting()).map_err(ClientError::from)?;
        if let Stop::Said(payload) = stop {
            return Err(interruption(payload, self.limits));
        }
        self.input.drop_front(walked);
        if !self.arrivals.agree() {
            return Err(PerfError::Garbled);
        }
        let whole = self.arrivals.whole();
        self.counters.received(whole - before);
        match &mut self.acks {
            Some(acks) => acks.put_due(whole).write(&mut self.stream),
            None => Ok(()),
        }
    }

    /// Nothing more comes for now: what is left over is acknowledged too, or the broker might wait for it.
    fn ack_rest(&mut self) -> Result<(), PerfError> {
        let whole = self.arrivals.whole();
        match &mut self.acks {
            Some(acks) => acks.put_rest(whole).write(&mut self.stream),
            None => Ok(()),
        }
    }
}

/// A consumer is told nothing but deliveries, unless the queue or the connection is going away.
fn interruption(payload: &[u8], limits: Limits) -> PerfError {
    match method::decode(payload, &limits) {
        Ok(method) => client::refusal(&method).unwrap_or(ClientError::Unexpected(method)).into(),
        Err(error) => ClientError::from(error).into(),
    }
}

/// Acknowledgements of a consumer, each for all messages up to its tag.
struct Acks {
    every: u64,
    acked: u64,
    out: BytesMut,
}

impl Acks {
    /// One for every so many messages, as a client would that sees them one by one.
    fn put_due(&mut self, whole: u64) -> &mut Self {
        while self.acked + self.every <= whole {
            self.acked += self.every;
            hot::put_ack(&mut self.out, CHANNEL, self.acked, true);
        }
        self
    }

    fn put_rest(&mut self, whole: u64) -> &mut Self {
        if self.acked < whole {
            self.acked = whole;
            hot::put_ack(&mut self.out, CHANNEL, whole, true);
        }
        self
    }

    fn write(&mut self, stream: &mut TcpStream) -> Result<(), PerfError> {
        if !self.out.is_empty() {
            stream.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }
}
