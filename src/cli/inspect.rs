//! `leveret log`: looks into a data directory. It changes nothing, and a broker may run on the directory.

use std::io::{self, BufWriter, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use leveret_storage::inspect::{InspectError, Inspection, Kind, Selection};

use crate::config::{self, Environment};

/// Options of `leveret log`.
#[derive(Args)]
pub struct LogOptions {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Print every record as one line
    Dump {
        #[command(flatten)]
        place: Place,
        /// Only those of the segment of this number
        #[arg(long, value_name = "N")]
        segment: Option<u32>,
        /// Only those of this kind: mark, message, settled, definition, live, closed or lost
        #[arg(long, value_name = "KIND")]
        kind: Option<Kind>,
        /// Only messages to the queue of this id, which its definition says
        #[arg(long, value_name = "ID")]
        queue: Option<u64>,
    },
    /// Check every record, and say what is alive; the exit code is 1 if something is wrong
    Verify {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Args)]
struct Place {
    /// The data directory [default: `$LEVERET_DATA_DIR`, or where `leveret serve` keeps its data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    fn open(&self) -> Result<Inspection, Failure> {
        let environment = Environment::of_process();
        let of_variable = || environment.variable("LEVERET_DATA_DIR").map(PathBuf::from);
        let default = || config::default_data_dir(&environment);
        let directory = self.data_dir.clone().or_else(of_variable).or_else(default);
        let directory = directory.ok_or(Failure::NoDataDir)?;
        Ok(Inspection::open(&directory)?)
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no home directory to look in: give `--data-dir DIR`")]
    NoDataDir,
    #[error(transparent)]
    Inspect(#[from] InspectError),
}

/// The command: what there is on the standard output, or why it cannot be looked at on the standard error.
pub fn run_and_print(options: &LogOptions) -> ExitCode {
    let outcome = match &options.command {
        LogCommand::Dump { place, segment, kind, queue } => {
            dump(place, &Selection { segment: *segment, kind: *kind, queue: *queue })
        }
        LogCommand::Verify { place } => verify(place),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("leveret log: {failure}");
        ExitCode::FAILURE
    })
}

fn dump(place: &Place, selection: &Selection) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match place.open()?.dump(selection, &mut out) {
        // Whoever reads has seen enough.
        Err(InspectError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        outcome => Ok(outcome.map(|()| ExitCode::SUCCESS)?),
    }
}

fn verify(place: &Place) -> Result<ExitCode, Failure> {
    let report = place.open()?.verify()?;
    println!("{report}");
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
