//! The command line of `leveret`: what may be said, and who does it.
//!
//! `leveret` alone is `leveret serve`.

mod arguments;
mod client;
mod perf;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Environment;
use arguments::Serve;

/// A message broker that speaks AMQP 0-9-1.
#[derive(Parser)]
#[command(name = "leveret", version, args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(subcommand)]
    subcommand: Option<Subcommands>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Run the broker (what `leveret` alone does)
    Serve(Serve),
    /// Measure how many messages a second pass through a broker
    Perf(Box<perf::PerfOptions>),
}

impl Command {
    /// Does what was asked for.
    pub fn run(self) -> ExitCode {
        match self.subcommand {
            Some(Subcommands::Perf(options)) => perf::run_and_print(&options),
            None | Some(Subcommands::Serve(_)) => ExitCode::SUCCESS,
        }
    }
}
