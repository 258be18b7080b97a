//! The command line of `leveret`: what may be said, and who does it.
//!
//! `leveret` alone is `leveret serve`.

mod arguments;

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
}
