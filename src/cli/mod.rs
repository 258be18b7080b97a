//! The command line of `leveret`: what may be said, and who does it.
//!
//! `leveret` alone is `leveret serve`.

mod allocator;
mod arguments;
mod check;
mod client;
mod ctl;
mod inspect;
mod log;
mod perf;
mod serve;
mod service_manager;
mod target;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use arguments::Serve;
use ctl::{Role, Tool};

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
    /// Say what this broker would make of a rabbitmq.conf or a definitions.json
    Check(check::CheckOptions),
    /// Look into a data directory
    Log(inspect::LogOptions),
    /// Ask and change a running broker, with RabbitMQ's commands
    #[command(disable_help_flag = true)]
    Ctl(CtlWords),
    /// Succeed if the broker answers
    #[command(disable_help_flag = true)]
    Ping(CtlWords),
    /// Measure a broker: throughput, latency, churn, idle cost, backlog, recovery
    Perf(Box<perf::PerfOptions>),
}

/// What `leveret ctl` reads itself: its grammar is RabbitMQ's.
#[derive(Args)]
struct CtlWords {
    /// A command with its arguments; `help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    words: Vec<String>,
}

/// Does what the command line says, or what one of RabbitMQ's tools would if it is called by its name.
pub fn run() -> ExitCode {
    let mut words = std::env::args_os();
    let role = words.next().and_then(|program| ctl::role(Path::new(&program)));
    if let Some(Role::Tool(tool)) = role {
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        return ctl::run(tool, &words);
    }
    let line = CommandLine::parse();
    match line.command.unwrap_or(Command::Serve(line.serve)) {
        Command::Serve(serve) => serve::serve(&serve),
        Command::Check(options) => check::run_and_print(&options),
        Command::Log(options) => inspect::run_and_print(&options),
        Command::Ctl(given) => ctl::run(Tool::Own, &given.words),
        Command::Ping(given) => ctl::ping(&given.words),
        Command::Perf(options) => perf::run_and_print(&options),
    }
}
