//! Many things that do nothing: what an idle connection or queue costs a broker.
//!
//! Everything is held by this one thread, and nothing happens while it is held.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use leveret_codec::Method;
use leveret_codec::method::queue;
use leveret_codec::method::types::FieldTable;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::PerfError;
use super::load::say;
use super::options::{self, BaseOptions};
use super::resident::resident_bytes;
use crate::cli::client::Client;

/// How many are declared or deleted before an answer is waited for: a broker that is slow at it stays within the patience
/// of a client.
const ROUND: usize = 1000;

const SECOND: Duration = Duration::from_secs(1);

/// Files of this process that are no connections.
const OTHER_FILES: u64 = 50;

/// Options of `leveret perf count`.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(group = clap::ArgGroup::new("things").required(true).args(["connections", "queues"]))]
pub struct CountOptions {
    /// The broker and the figures.
    #[command(flatten)]
    #[serde(flatten)]
    pub base: BaseOptions,
    /// Open so many connections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// Channels of each connection
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    #[arg(conflicts_with = "queues")]
    pub channels: u16,
    /// Declare so many queues: transient exclusive ones of one connection
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<u32>,
    /// Durable queues instead
    #[arg(long, conflicts_with = "connections")]
    pub durable: bool,
    /// The queues' names begin so; they are deleted afterwards
    #[arg(long, value_name = "NAME", default_value_t = options::own_name(), conflicts_with = "connections")]
    pub queue: String,
    /// Hold them for so long before they are let go, and before memory is read
    #[arg(long, value_name = "S", default_value = "1", value_parser = options::seconds)]
    #[serde(serialize_with = "options::as_seconds")]
    pub hold: Duration,
    /// The broker's process, to say how much memory they take
    #[arg(long, value_name = "PID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_pid: Option<u32>,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct CountReport {
    mode: &'static str,
    options: CountOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<u32>,
    open_seconds: f64,
    #[serde(flatten)]
    memory: Option<Memory>,
}

/// Of the broker's process.
#[derive(Clone, Debug, Serialize)]
struct Memory {
    resident_before_bytes: u64,
    resident_after_bytes: u64,
    /// May be below zero: a process may give memory back meanwhile.
    bytes_each: f64,
}

/// Opens, holds, lets go.
pub fn count(options: CountOptions) -> Result<CountReport, PerfError> {
    let before = options.broker_pid.map(resident_bytes).transpose()?;
    let started = Instant::now();
    let held = Held::open(&options)?;
    let open_seconds = started.elapsed().as_secs_f64();
    let things = options.connections.or(options.queues).unwrap_or(1);
    if options.base.output.tells_progress() {
        say(&format!("{things:>10} are there, and are held"));
    }
    thread::sleep(options.hold);
    let after = options.broker_pid.map(resident_bytes).transpose();
    held.release(&options)?;
    Ok(CountReport {
        mode: "count",
        connections: options.connections,
        queues: options.queues,
        open_seconds,
        memory: before.zip(after?).map(|(before, after)| Memory::of(before, after, things)),
        options,
    })
}

impl Memory {
    #[expect(clippy::cast_precision_loss, reason = "no process has 2^53 bytes")]
    fn of(before: u64, after: u64, things: u32) -> Self {
        Self {
            resident_before_bytes: before,
            resident_after_bytes: after,
            bytes_each: (after as f64 - before as f64) / f64::from(things),
        }
    }
}

/// A line a second of how many there are.
struct Told {
    tells: bool,
    last: Instant,
}

impl Told {
    fn new(options: &CountOptions) -> Self {
        Self { tells: options.base.output.tells_progress(), last: Instant::now() }
    }

    fn tell(&mut self, opened: u32) {
        if self.tells && SECOND <= self.last.elapsed() {
            say(&format!("{opened:>10} are there"));
            self.last = Instant::now();
        }
    }
}

enum Held {
    Connections(Vec<Client>),
    Queues(Client),
}

impl Held {
    fn open(options: &CountOptions) -> Result<Self, PerfError> {
        match (options.connections, options.queues) {
            (Some(connections), _) => {
                raise_file_limit(connections)?;
                let mut told = Told::new(options);
                let open = |number| {
                    told.tell(number);
                    Client::connect_with_channels(&options.base.url, options.channels)
                };
                Ok(Self::Connections((0..connections).map(open).collect::<Result<_, _>>()?))
            }
            (None, queues) => {
                let mut client = Client::connect(&options.base.url)?;
                let mut told = Told::new(options);
                in_rounds(queues.unwrap_or(0), &mut client, |number, nowait| {
                    told.tell(number);
                    declare(options, number, nowait)
                })?;
                Ok(Self::Queues(client))
            }
        }
    }

    fn release(self, options: &CountOptions) -> Result<(), PerfError> {
        match self {
            Self::Connections(clients) => {
                for client in clients {
                    client.close()?;
                }
                Ok(())
            }
            Self::Queues(mut client) => {
                in_rounds(options.queues.unwrap_or(0), &mut client, |number, nowait| {
                    delete(options, number, nowait)
                })?;
                Ok(client.close()?)
            }
        }
    }
}

/// One request for each number, of which only the last of a round is answered.
fn in_rounds(
    count: u32,
    client: &mut Client,
    mut request: impl FnMut(u32, bool) -> Method,
) -> Result<(), PerfError> {
    let numbers: Vec<u32> = (0..count).collect();
    for round in numbers.chunks(ROUND) {
        let Some((last, others)) = round.split_last() else { return Ok(()) };
        for number in others {
            client.cast(&request(*number, true))?;
        }
        client.call(&request(*last, false))?;
    }
    Ok(())
}

fn declare(options: &CountOptions, number: u32, nowait: bool) -> Method {
    Method::Queue(queue::AMQPMethod::Declare(queue::Declare {
        queue: format!("{}-{number:07}", options.queue).into(),
        passive: false,
        durable: options.durable,
        exclusive: !options.durable,
        auto_delete: false,
        nowait,
        arguments: FieldTable::default(),
    }))
}

fn delete(options: &CountOptions, number: u32, nowait: bool) -> Method {
    Method::Queue(queue::AMQPMethod::Delete(queue::Delete {
        queue: format!("{}-{number:07}", options.queue).into(),
        if_unused: false,
        if_empty: false,
        nowait,
    }))
}

/// A connection is a file. The soft limit is ours to raise, up to the hard one.
fn raise_file_limit(connections: u32) -> Result<(), PerfError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = u64::from(connections) + OTHER_FILES;
    if current.is_none_or(|current| needed <= current) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < needed) {
        return Err(PerfError::TooFewFiles { needed, limit: maximum.unwrap_or(0) });
    }
    // Refused only above the hard limit.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    raised.map_err(|_| PerfError::TooFewFiles { needed, limit: current.unwrap_or(0) })
}

impl fmt::Display for CountReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.connections, self.queues) {
            (Some(connections), _) => write!(to, "{connections} connections")?,
            (None, queues) => write!(to, "{} queues", queues.unwrap_or(0))?,
        }
        write!(to, " in {:.2} s", self.open_seconds)?;
        if let Some(memory) = &self.memory {
            let Memory { resident_before_bytes, resident_after_bytes, bytes_each } = memory;
            write!(
                to,
                "\nresident memory from {resident_before_bytes} to {resident_after_bytes} bytes: {bytes_each:.0} each"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_for_each_thing_and_may_shrink() {
        assert!((Memory::of(1000, 5000, 4).bytes_each - 1000.0).abs() < 1e-9);
        assert!((Memory::of(5000, 1000, 4).bytes_each + 1000.0).abs() < 1e-9);
    }

    #[test]
    fn more_connections_than_the_process_may_open_are_refused() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let refused = raise_file_limit(u32::MAX);
        assert_eq!(refused.is_err(), maximum.is_some_and(|maximum| maximum < u64::from(u32::MAX)));
    }
}
