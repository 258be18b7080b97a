//! Reads deliveries in large pieces, counts them, and acknowledges if asked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use bytes::BytesMut;
use leveret_codec::method::basic;
use leveret_codec::{Limits, Method, hot, method};

use super::arrivals::{Arrivals, Stop};
use super::counters::Counters;
use super::producer::{TICK, is_tick};
use super::read_buffer::ReadBuffer;
use super::topology::subscription;
use super::{Harvest, Plan};
use crate::cli::client::{self, CHANNEL, Client, ClientError, PATIENCE};
use crate::cli::perf::PerfError;
use crate::cli::perf::latency::{Nanos, Recorder};

/// One consuming connection.
pub struct Consumer<'a> {
    stream: TcpStream,
    input: ReadBuffer,
    limits: Limits,
    subscribed: usize,
    arrivals: Arrivals,
    first_arrival: Option<Nanos>,
    acks: Option<Acks>,
    latencies: Option<Recorder>,
    counters: &'a Counters,
}

impl<'a> Consumer<'a> {
    /// Connects and subscribes to its share of the queues, as the consumer of this number.
    pub fn subscribe(plan: &Plan<'_>, number: u16, counters: &'a Counters) -> Result<Self, PerfError> {
        let traffic = &plan.load.traffic;
        let mut client = Client::connect(plan.target)?;
        if traffic.prefetch != 0 {
            let qos = basic::Qos { prefetch_count: traffic.prefetch, global: false };
            client.call(&Method::Basic(basic::AMQPMethod::Qos(qos)))?;
        }
        let limits = client.limits();
        let (mut stream, early) = client.into_stream();
        let mut requests = BytesMut::new();
        let mut asked = 0;
        for (nth, queue) in plan.topology.share(number, plan.consumers).enumerate() {
            // As short as can be: it comes back with every message.
            let tag = if nth == 0 { "c".to_owned() } else { format!("c{nth}") };
            let consume = subscription(queue, &tag, traffic.ack_every.is_none());
            method::encode(CHANNEL, &Method::Basic(basic::AMQPMethod::Consume(consume)), &mut requests);
            asked += 1;
        }
        stream.write_all(&requests)?;
        stream.set_read_timeout(Some(TICK))?;
        let consumer = Self {
            stream,
            input: ReadBuffer::new(&early),
            limits,
            subscribed: 0,
            arrivals: Arrivals::new(traffic.size, limits),
            first_arrival: None,
            acks: traffic.ack_every.map(|every| Acks { every: every.into(), acked: 0, out: BytesMut::new() }),
            latencies: plan.stamps.then(Recorder::new),
            counters,
        };
        consumer.await_subscriptions(asked)
    }

    /// What waits in a queue may come before the next subscription is answered.
    fn await_subscriptions(mut self, asked: usize) -> Result<Self, PerfError> {
        let deadline = Instant::now() + PATIENCE;
        self.take_in()?;
        while self.subscribed < asked {
            if deadline < Instant::now() {
                return Err(ClientError::Silent.into());
            }
            self.read()?;
        }
        Ok(self)
    }

    /// Consumes until everything has arrived, or the run is given up.
    pub fn run(mut self) -> Result<Harvest, PerfError> {
        self.take_in()?;
        while !self.counters.all_arrived() && !self.counters.is_given_up() {
            self.read()?;
        }
        let last_arrival = Some(self.counters.clock().now());
        if !self.counters.is_given_up() {
            self.ack_rest()?;
            let rest = BytesMut::from(self.input.waiting());
            Client::from_stream(self.stream, rest, self.limits)?.close()?;
        }
        Ok(Harvest {
            delivery: self.latencies,
            first_arrival: self.first_arrival,
            last_arrival,
            confirm: None,
        })
    }

    fn read(&mut self) -> Result<(), PerfError> {
        match self.stream.read(self.input.room()) {
            Ok(0) => return Err(ClientError::Lost.into()),
            Ok(read) => self.input.filled(read),
            Err(error) if is_tick(&error) => self.ack_rest()?,
            Err(error) => return Err(error.into()),
        }
        self.take_in()
    }

    fn take_in(&mut self) -> Result<(), PerfError> {
        let before = self.arrivals.whole();
        while self.walk()? {}
        if !self.arrivals.agree() {
            return Err(PerfError::Garbled);
        }
        let whole = self.arrivals.whole();
        if before == 0 && whole != 0 {
            self.first_arrival = Some(self.counters.clock().now());
        }
        self.counters.received(whole - before);
        match &mut self.acks {
            Some(acks) => acks.put_due(whole).write(&mut self.stream),
            None => Ok(()),
        }
    }

    /// Walks over what has been read, and says whether there is more to walk: it stops at each method that is no delivery.
    fn walk(&mut self) -> Result<bool, PerfError> {
        let bytes = self.input.waiting();
        let walked = match &mut self.latencies {
            None => self.arrivals.walk(bytes, |_| {}),
            Some(latencies) => {
                // One read brings many messages: they have arrived when it returned.
                let (now, window) = (self.counters.clock().now(), self.counters.window());
                self.arrivals.walk(bytes, |body| match stamp(body) {
                    Some(due) if window.contains(due) => latencies.record(due, now),
                    _ => {}
                })
            }
        };
        let (walked, stop) = walked.map_err(ClientError::from)?;
        let more = match stop {
            Stop::Partial => false,
            Stop::Said(payload) => {
                answer(payload, self.limits)?;
                self.subscribed += 1;
                true
            }
        };
        self.input.drop_front(walked);
        Ok(more)
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

/// When a message was due, from the first piece of its body.
fn stamp(body: &[u8]) -> Option<Nanos> {
    body.first_chunk().map(|stamp| Nanos::from_be_bytes(*stamp))
}

/// A consumer is told nothing but deliveries when its subscriptions are answered, unless the queue or the connection
/// is going away.
fn answer(payload: &[u8], limits: Limits) -> Result<(), PerfError> {
    match method::decode(payload, &limits).map_err(ClientError::from)? {
        Method::Basic(basic::AMQPMethod::ConsumeOk(_)) => Ok(()),
        other => Err(client::refusal(&other).unwrap_or(ClientError::Unexpected(other)).into()),
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
