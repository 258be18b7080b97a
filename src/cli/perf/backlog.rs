//! Fill queues first, drain them then: what messages that wait cost, and how fast they leave.

use std::fmt;

use serde::Serialize;

use super::PerfError;
use super::load::{self, Counters, Harvest, Plan, Progress, Topology, rate, seconds};
use super::options::{BaseOptions, LoadOptions, OptionsError};
use super::resident::resident_bytes;
use crate::cli::client::Client;

/// Options of `leveret perf backlog`.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct BacklogOptions {
    /// The broker and the figures.
    #[command(flatten)]
    #[serde(flatten)]
    pub base: BaseOptions,
    /// The load.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
    /// How many messages wait at the top
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    pub messages: u64,
    /// Leave the queues as they are when they are full
    #[arg(long)]
    pub fill_only: bool,
    /// The broker's process, to say how much memory the full queues take
    #[arg(long, value_name = "PID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_pid: Option<u32>,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct BacklogReport {
    mode: &'static str,
    options: BacklogOptions,
    messages: u64,
    fill_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_before_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_full_bytes: Option<u64>,
}

/// Fills and drains.
pub fn backlog(options: BacklogOptions) -> Result<BacklogReport, PerfError> {
    options.load.check()?;
    if options.load.traffic.consumers == 0 && !options.fill_only {
        return Err(OptionsError::NobodyDrains.into());
    }
    let topology = Topology::new(&options.load);
    let mut control = Client::connect(&options.base.url)?;
    let before = options.broker_pid.map(resident_bytes).transpose()?;
    topology.declare(&options.base.url, &mut control)?;
    let plan = Plan {
        load: &options.load,
        target: &options.base.url,
        topology: &topology,
        rate: 0,
        stamps: false,
        messages: Some(options.messages),
        producers: options.load.traffic.producers,
        consumers: options.load.traffic.consumers,
    };
    let outcome = fill_and_drain(&plan, &options);
    if !(options.fill_only && outcome.is_ok()) {
        topology.delete(&mut control)?;
    }
    control.close()?;
    let (fill_per_second, resident_full_bytes, drain_per_second) = outcome?;
    Ok(BacklogReport {
        mode: "backlog",
        messages: options.messages,
        fill_per_second,
        drain_per_second,
        resident_before_bytes: before,
        resident_full_bytes,
        options,
    })
}

/// Messages a second on the way in, memory at the top, messages a second on the way out.
fn fill_and_drain(
    plan: &Plan<'_>,
    options: &BacklogOptions,
) -> Result<(f64, Option<u64>, Option<f64>), PerfError> {
    let mut progress = Progress::new(options.base.output.tells_progress());
    let filled_per_second = fill(plan, &mut progress)?;
    let full = options.broker_pid.map(resident_bytes).transpose()?;
    if options.fill_only {
        return Ok((filled_per_second, full, None));
    }
    let all = options.messages * plan.topology.copies();
    let harvest = drain(plan, &mut progress)?;
    let seconds = seconds(0, harvest.last_arrival.unwrap_or(0));
    Ok((filled_per_second, full, Some(rate(0, all, seconds))))
}

/// Publishes everything. The end is when the broker has taken in all of it: it has confirmed, or agreed to close.
pub fn fill(plan: &Plan<'_>, progress: &mut Progress) -> Result<f64, PerfError> {
    let plan = Plan { consumers: 0, ..*plan };
    let counters = Counters::new(plan.producers, plan.topology.copies());
    let started = counters.clock().now();
    load::complete(&plan, &counters, progress)?;
    let ended = counters.clock().now();
    Ok(rate(0, counters.snapshot().sent, seconds(started, ended)))
}

/// Consumes everything that was published. The clock of what comes back begins before the consumers connect.
pub fn drain(plan: &Plan<'_>, progress: &mut Progress) -> Result<Harvest, PerfError> {
    let plan = Plan { producers: 0, ..*plan };
    let counters = Counters::new(0, plan.topology.copies());
    counters.sent(plan.messages.unwrap_or(0));
    load::complete(&plan, &counters, progress)
}

impl fmt::Display for BacklogReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} messages\nfilled     {:>12.0} /s", self.messages, self.fill_per_second)?;
        if let Some(drained) = self.drain_per_second {
            write!(to, "\ndrained    {drained:>12.0} /s")?;
        }
        if let (Some(before), Some(full)) = (self.resident_before_bytes, self.resident_full_bytes) {
            write!(to, "\nresident memory {before} bytes before, {full} when full")?;
        }
        Ok(())
    }
}
