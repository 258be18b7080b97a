//! The command line of `leveret`: what may be said, and who does it.
//!
//! `leveret` alone is `leveret serve`.

mod allocator;
mod arguments;
mod check;
mod client;
mod ctl;
mod foreign_data;
mod inspect;
mod log;
mod perf;
mod serve;
mod service_manager;
mod shell;
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
    /// Ask and change a running broker, with rabbitmqadmin's words
    #[command(disable_help_flag = true)]
    Admin(CtlWords),
    /// Print the completions of a shell
    #[command(hide = true)]
    Completions {
        /// bash, zsh or fish
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
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
    if let Some(role) = role {
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        return match role {
            Role::Tool(tool) => ctl::run(tool, &words),
            Role::Admin => ctl::admin::run(&words),
            Role::Server => serve::serve(&server(&words)),
        };
    }
    let line = CommandLine::parse();
    match line.command.unwrap_or(Command::Serve(line.serve)) {
        Command::Serve(serve) => serve::serve(&serve),
        Command::Check(options) => check::run_and_print(&options),
        Command::Log(options) => inspect::run_and_print(&options),
        Command::Ctl(given) => ctl::run(Tool::Own, &given.words),
        Command::Admin(given) => ctl::admin::run(&given.words),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man => shell::man(),
        Command::Ping(given) => ctl::ping(&given.words),
        Command::Perf(options) => perf::run_and_print(&options),
    }
}

/// `rabbitmq-server` takes leveret's own options; `-detached` is no business of a process that a supervisor runs.
fn server(words: &[String]) -> Serve {
    let own = words.iter().filter(|word| *word != "-detached").cloned();
    ServeLine::parse_from(std::iter::once("rabbitmq-server".to_owned()).chain(own)).serve
}

/// The broker's options alone.
#[derive(Parser)]
#[command(name = "rabbitmq-server", version)]
struct ServeLine {
    #[command(flatten)]
    serve: Serve,
}
