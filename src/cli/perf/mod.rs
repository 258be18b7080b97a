//! `leveret perf`: what a broker can do, any broker that speaks AMQP 0-9-1.
//!
//! One mode, one module. What is measured is the broker and not the generator: how far that is true on a machine shows the
//! relay, the same load against a listener that passes each message straight on.

mod backlog;
mod churn;
mod count;
mod error;
mod latency;
mod load;
mod options;
mod recovery;
mod relay;
mod report;
mod resident;

use std::fmt;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::thread;

use serde::Serialize;

use super::client::Client;
use super::target::Target;
use backlog::BacklogOptions;
use churn::ChurnOptions;
use count::CountOptions;
pub use error::PerfError;
use load::{Plan, Progress, Topology};
use options::{OutputOptions, TimedOptions};
use recovery::RecoveryOptions;
use relay::{Relay, RelayOptions};
use report::Report;

/// Options of `leveret perf`: those of a mode, or of `throughput`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "MODE",
    subcommand_help_heading = "Modes"
)]
pub struct PerfOptions {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    throughput: TimedOptions,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Mode {
    /// Publish and consume as fast as it goes, or at a rate (what `leveret perf` alone does)
    Throughput(Box<TimedOptions>),
    /// Publish at a rate, and measure how long each message takes from the instant it was due
    Latency(Box<TimedOptions>),
    /// Begin and end connections, channels, queues or bindings, over and over
    Churn(Box<ChurnOptions>),
    /// Hold many idle connections or queues
    Count(Box<CountOptions>),
    /// Fill queues, then drain them
    Backlog(Box<BacklogOptions>),
    /// Kill a broker that has messages, and see how long it takes to be back
    Recovery(Box<RecoveryOptions>),
    /// Be the relay, in a process of its own, until SIGINT or SIGTERM
    Relay(RelayOptions),
}

/// The command: figures on the standard output, or why there are none on the standard error.
pub fn run_and_print(options: &PerfOptions) -> ExitCode {
    let default = || Mode::Throughput(Box::new(options.throughput.clone()));
    match carry_out(options.mode.clone().unwrap_or_else(default)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            load::say(&format!("leveret perf: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(mode: Mode) -> Result<(), PerfError> {
    match mode {
        Mode::Throughput(options) => print(options.base.output, &throughput(*options)?),
        Mode::Latency(options) => print(options.base.output, &latency(*options)?),
        Mode::Churn(options) => print(options.base.output, &churn::churn(*options)?),
        Mode::Count(options) => print(options.base.output, &count::count(*options)?),
        Mode::Backlog(options) => print(options.base.output, &backlog::backlog(*options)?),
        Mode::Recovery(options) => print(options.output, &recovery::recovery(*options)?),
        Mode::Relay(options) => relay::stand(&options),
    }
}

fn print(output: OutputOptions, report: &(impl Serialize + fmt::Display)) -> Result<(), PerfError> {
    let text = if output.json { serde_json::to_string(report)? } else { report.to_string() };
    writeln!(io::stdout(), "{text}").map_err(PerfError::Print)
}

/// Puts the load on the broker, and says what came through.
fn throughput(options: TimedOptions) -> Result<Report, PerfError> {
    timed("throughput", options)
}

/// The same at a rate, and how long it took.
fn latency(options: TimedOptions) -> Result<Report, PerfError> {
    timed("latency", options.for_latency()?)
}

fn timed(mode: &'static str, options: TimedOptions) -> Result<Report, PerfError> {
    options.check()?;
    if !options.timing.relay {
        let target = options.base.url.clone();
        return measured(mode, options, &target);
    }
    let relay = Relay::listen((Ipv4Addr::LOCALHOST, 0)).map_err(PerfError::Relay)?;
    let target = relay.target();
    thread::scope(|scope| {
        let relaying = scope.spawn(|| relay.serve());
        let report = measured(mode, options, &target);
        relay.stop();
        let served = relaying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        report.and_then(|report| served.map(|()| report).map_err(PerfError::Relay))
    })
}

/// Declares what the load needs, measures, and deletes it whatever happened.
fn measured(mode: &'static str, options: TimedOptions, target: &Target) -> Result<Report, PerfError> {
    let topology = Topology::new(&options.load);
    let mut control = Client::connect(target)?;
    topology.declare(target, &mut control)?;
    let plan = Plan {
        load: &options.load,
        target,
        topology: &topology,
        rate: options.timing.rate.unwrap_or(0),
        stamps: options.timing.latency,
        messages: None,
        producers: options.load.traffic.producers,
        consumers: options.load.traffic.consumers,
    };
    let measured =
        load::measure(&plan, &options.timing, &mut Progress::new(options.base.output.tells_progress()));
    let left = topology.delete(&mut control)?;
    control.close()?;
    measured.map(|measured| Report::new(mode, options, &measured, left))
}

#[cfg(test)]
mod tests;
