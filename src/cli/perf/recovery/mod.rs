//! A broker that is killed with messages in its log: how long until it is back, and whether all of them are.
//!
//! The broker is a process of our own, on a data directory of its own; both are gone when the run has ended, whatever
//! happened, but for a directory that was chosen.

mod broker;

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::PerfError;
use super::backlog::{drain, fill};
use super::load::{Plan, Progress, Topology};
use super::options::{LoadOptions, OptionsError, OutputOptions};
use crate::cli::client::Client;
use broker::{Broker, DataDir};

/// Confirms are what says that a message must come back.
const CONFIRM_WINDOW: u32 = 1000;

/// Options of `leveret perf recovery`.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct RecoveryOptions {
    /// The figures.
    #[command(flatten)]
    #[serde(flatten)]
    pub output: OutputOptions,
    /// The load; messages are persistent and confirmed in any case.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
    /// How many messages are there when it is killed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    pub messages: u64,
    /// The `leveret` that is started, killed, and started again
    #[arg(long, value_name = "PATH")]
    pub broker: PathBuf,
    /// Where it keeps its data, and leaves it; without one, a directory that is removed afterwards
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
}

/// The figures of one run, counted from the start of the second process.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryReport {
    mode: &'static str,
    options: RecoveryOptions,
    messages: u64,
    ready_ms: f64,
    first_delivery_ms: f64,
    returned: u64,
}

/// Fills, kills, starts again, and consumes what has come back.
pub fn recovery(mut options: RecoveryOptions) -> Result<RecoveryReport, PerfError> {
    options.load.traffic.persistent = true;
    options.load.traffic.confirm_window.get_or_insert(CONFIRM_WINDOW);
    options.load.check()?;
    if options.load.traffic.consumers == 0 {
        return Err(OptionsError::NobodyDrains.into());
    }
    let data_dir = DataDir::choose(options.data_dir.as_deref())?;
    let topology = Topology::new(&options.load);
    let mut progress = Progress::new(options.output.tells_progress());
    filled(&options, &data_dir, &topology, &mut progress)?;

    let started = Instant::now();
    let broker = Broker::start(&options.broker, &data_dir)?;
    let ready_ms = milliseconds(started);
    let mut control = Client::connect(broker.target())?;
    let returned = topology.depth(&mut control)?;
    // The clock of the consumers begins after this one.
    let before_drain_ms = milliseconds(started);
    let plan = Plan { messages: Some(returned), ..plan(&options, &broker, &topology) };
    let harvest = if returned == 0 { None } else { Some(drain(&plan, &mut progress)?) };
    let first = harvest.and_then(|harvest| harvest.first_arrival);
    #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 nanoseconds, a hundred days")]
    let first_delivery_ms = before_drain_ms + first.unwrap_or(0) as f64 / 1e6;
    let messages = options.messages * topology.copies();
    control.close()?;
    Ok(RecoveryReport { mode: "recovery", messages, ready_ms, first_delivery_ms, returned, options })
}

/// The first life, up to its end.
fn filled(
    options: &RecoveryOptions,
    data_dir: &DataDir,
    topology: &Topology,
    progress: &mut Progress,
) -> Result<(), PerfError> {
    let broker = Broker::start(&options.broker, data_dir)?;
    let mut control = Client::connect(broker.target())?;
    topology.declare(broker.target(), &mut control)?;
    control.close()?;
    fill(&plan(options, &broker, topology), progress)?;
    broker.kill()
}

fn plan<'a>(options: &'a RecoveryOptions, broker: &'a Broker, topology: &'a Topology) -> Plan<'a> {
    Plan {
        load: &options.load,
        target: broker.target(),
        topology,
        rate: 0,
        stamps: false,
        messages: Some(options.messages),
        producers: options.load.traffic.producers,
        consumers: options.load.traffic.consumers,
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "killed with {} messages, {} came back", self.messages, self.returned)?;
        writeln!(to, "ready after      {:>10.1} ms", self.ready_ms)?;
        write!(to, "first delivery   {:>10.1} ms", self.first_delivery_ms)
    }
}
