//! The command line of `leveret`: what may be said, and who does it.
//!
//! `leveret` alone is `leveret serve`.

mod allocator;
mod arguments;
mod client;
mod inspect;
mod log;
mod perf;
mod serve;
mod service_manager;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use arguments::Serve;

/// A message broker that speaks AMQP 0-9-1: a drop-in replacement for RabbitMQ.
#[derive(Parser)]
#[command(name = "leveret", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker (what `leveret` alone does)
    Serve(Serve),
    /// Look into a data directory
    Log(inspect::LogOptions),
    /// Measure a broker: throughput, latency, churn, idle cost, backlog, recovery
    Perf(Box<perf::PerfOptions>),
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let line = CommandLine::parse();
    match line.command.unwrap_or(Command::Serve(line.serve)) {
        Command::Serve(serve) => serve::serve(&serve),
        Command::Log(options) => inspect::run_and_print(&options),
        Command::Perf(options) => perf::run_and_print(&options),
    }
}
