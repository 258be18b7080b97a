//! The same short life over and over: how often a broker can begin and end things.
//!
//! Each client has a thread, and a connection of its own where the life is shorter than a connection. A cycle is a
//! few round trips; what waits for another client is the broker's.

mod cycle;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::PerfError;
use super::latency::{Clock, Recorder, Summary};
use super::load::{rate, say, seconds};
use super::options::{self, BaseOptions};
use cycle::{Cycle, Ground};

const SECOND: Duration = Duration::from_secs(1);

/// What begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Connect, open a channel, close.
    Connections,
    /// Open a channel, close it.
    Channels,
    /// Declare a queue, delete it.
    Queues,
    /// Bind a queue, unbind it.
    Bindings,
    /// Connect, open a channel, publish one message, close.
    Publish,
}

impl What {
    /// In words.
    fn cycle(self) -> &'static str {
        match self {
            Self::Connections => "connect, open a channel, close",
            Self::Channels => "open a channel, close it",
            Self::Queues => "declare a queue, delete it",
            Self::Bindings => "bind a queue, unbind it",
            Self::Publish => "connect, open a channel, publish, close",
        }
    }
}

/// Options of `leveret perf churn`.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct ChurnOptions {
    /// The broker and the figures.
    #[command(flatten)]
    #[serde(flatten)]
    pub base: BaseOptions,
    /// What begins and ends
    #[arg(long, value_name = "WHAT")]
    pub what: What,
    /// So many at it at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,
    /// For how long
    #[arg(long = "seconds", value_name = "S", default_value = "10", value_parser = options::seconds)]
    #[serde(rename = "seconds", serialize_with = "options::as_seconds")]
    pub window: Duration,
    /// With `publish`: wait for the message's confirm before closing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_window: Option<u32>,
    /// With `publish`: bytes of the message
    #[arg(long, value_name = "BYTES", default_value_t = 16, value_parser = clap::value_parser!(u32).range(..=4088))]
    pub size: u32,
    /// Make the queues durable
    #[arg(long)]
    pub durable: bool,
    /// The queues' names begin so; they are deleted afterwards
    #[arg(long, value_name = "NAME", default_value_t = options::own_name())]
    pub queue: String,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct ChurnReport {
    mode: &'static str,
    what: What,
    options: ChurnOptions,
    seconds: f64,
    cycles: u64,
    cycles_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Summary>,
}

/// Cycles for a time.
pub fn churn(options: ChurnOptions) -> Result<ChurnReport, PerfError> {
    let ground = Ground::prepare(&options)?;
    let outcome = run(&options, &ground);
    ground.clear()?;
    let (recorder, seconds) = outcome?;
    let latency_us = recorder.summary();
    let cycles = latency_us.as_ref().map_or(0, |summary| summary.count);
    Ok(ChurnReport {
        mode: "churn",
        what: options.what,
        seconds,
        cycles,
        cycles_per_second: rate(0, cycles, seconds),
        latency_us,
        options,
    })
}

/// What all have measured, and how long it took until the last was done.
fn run(options: &ChurnOptions, ground: &Ground<'_>) -> Result<(Recorder, f64), PerfError> {
    let cycles = (0..options.clients).map(|number| ground.cycle(number)).collect::<Result<Vec<_>, _>>()?;
    let watch = Watch { clock: Clock::start(), window: options.window, done: AtomicU64::new(0) };
    thread::scope(|scope| {
        let (ended, endings) = channel();
        for cycle in cycles {
            let (ended, watch) = (ended.clone(), &watch);
            scope.spawn(move || {
                // The other end is gone if somebody else has failed already.
                let _ = ended.send(watch.repeat(cycle));
            });
        }
        drop(ended);
        let recorder = watch.gather(&endings, options.base.output.tells_progress())?;
        Ok((recorder, seconds(0, watch.clock.now())))
    })
}

/// What the threads share.
struct Watch {
    clock: Clock,
    window: Duration,
    done: AtomicU64,
}

impl Watch {
    /// One client's cycles, each timed.
    fn repeat(&self, mut cycle: Cycle<'_>) -> Result<Recorder, PerfError> {
        let end = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
        let mut recorder = Recorder::new();
        let mut now = self.clock.now();
        while now < end {
            cycle.once()?;
            let done = self.clock.now();
            recorder.record(now, done);
            now = done;
            self.done.fetch_add(1, Relaxed);
        }
        cycle.end()?;
        Ok(recorder)
    }

    fn gather(
        &self,
        endings: &Receiver<Result<Recorder, PerfError>>,
        tells: bool,
    ) -> Result<Recorder, PerfError> {
        let mut all = Recorder::new();
        let (mut told, mut told_at) = (0, 0);
        loop {
            match endings.recv_timeout(SECOND) {
                Ok(ending) => all.merge(&ending?),
                Err(RecvTimeoutError::Disconnected) => return Ok(all),
                Err(RecvTimeoutError::Timeout) => {
                    let (now, at) = (self.done.load(Relaxed), self.clock.now());
                    if tells {
                        let rate = rate(told, now, seconds(told_at, at));
                        say(&format!("{:>6.1} s: {rate:>10.0} cycles /s", seconds(0, at)));
                    }
                    (told, told_at) = (now, at);
                }
            }
        }
    }
}

impl fmt::Display for ChurnReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{}, {:.1} s", self.what.cycle(), self.seconds)?;
        write!(to, "cycles     {:>12.0} /s", self.cycles_per_second)?;
        match &self.latency_us {
            Some(latency) => write!(to, "\none takes  {latency}"),
            None => Ok(()),
        }
    }
}
