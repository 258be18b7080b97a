//! The benchmark: leveret, the bare relay and other brokers side by side, and where the broker's time goes.
//!
//! It knows a broker as any program does: by its command line, its port, and what the system says of its process.
#![forbid(unsafe_code)]

mod bench;
mod case;
mod charts;
mod conditions;
mod contender;
mod document;
mod figure;
mod flame;
mod generator;
mod matrix;
mod plot;
mod process;
mod results;
mod server;
mod svg;
mod tables;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::case::Work;
use crate::server::Programs;

/// Why there is no figure: a sentence for whoever runs it.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is asked for. `cargo xtask` fills in the paths.
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    /// The leveret that is measured
    #[arg(long, global = true, value_name = "PATH", default_value = "target/release/leveret")]
    broker: PathBuf,
    /// The leveret whose `perf` measures
    #[arg(long, global = true, value_name = "PATH", default_value = "target/release/leveret")]
    generator: PathBuf,
    /// Where data directories are made: on the disk that is meant
    #[arg(long, global = true, value_name = "DIR", default_value = "target/bench")]
    work: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the matrix, and write docs/performance.md with its plots
    Bench(bench::BenchOptions),
    /// Record the broker under one case's load, as a flame graph
    Flame {
        /// The case, or CASE/RUN where it has more than one run
        case: String,
        /// Where the picture goes
        to: PathBuf,
        /// Another leveret than the present one; built with -C force-frame-pointers=yes
        #[arg(long, value_name = "PATH")]
        binary: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut programs =
        Programs { broker: arguments.broker, generator: arguments.generator, work: arguments.work };
    let done = many_open_files().and_then(|()| match arguments.command {
        Command::Bench(options) => bench::run(&programs, &options),
        Command::Flame { case, to, binary } => {
            programs.broker = binary.unwrap_or(programs.broker);
            flame(&programs, &case, &to)
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// As many as may be had, for the programs that are started too: thousands of connections are thousands of files.
fn many_open_files() -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

fn flame(programs: &Programs, name: &str, to: &Path) -> Outcome<()> {
    let (case, label) = name.split_once('/').unwrap_or((name, ""));
    let case = matrix::find(case)?;
    let run = case.runs.iter().find(|run| label.is_empty() || run.label == label);
    let run = run.ok_or_else(|| format!("case `{}` has no run `{label}`", case.name))?;
    let (Work::Load(words) | Work::Pinned { load: words, .. }) = run.work else {
        return Err(format!("`{name}` is no load that can be recorded by itself").into());
    };
    flame::record(programs, &format!("{}: {}", case.title, run.label), words, to)
}
