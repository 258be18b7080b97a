//! Why a command of ours ended without success.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// What went wrong, as a sentence for whoever ran it.
#[derive(Debug)]
pub enum Failure {
    /// A program could not be run at all.
    NotStarted {
        /// What it was to do.
        step: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A program ran and did not succeed.
    Failed {
        /// What it was to do.
        step: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// A file could not be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something does not say what it should say.
    Unreadable {
        /// What.
        what: String,
    },
    /// Something can't be done on this machine, and may not be left out.
    Impossible {
        /// What could not be done.
        step: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The line of instructions does not hold.
    Moved {
        /// The cases.
        cases: Vec<String>,
        /// What to do about it.
        advice: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { step, source } => write!(to, "{step} could not be started: {source}"),
            Self::Failed { step, status } => write!(to, "{step} failed ({status})"),
            Self::File { path, source } => write!(to, "{}: {source}", path.display()),
            Self::Unreadable { what } => write!(to, "can't make sense of {what}"),
            Self::Impossible { step, why } => write!(to, "{step} can't be measured: {why}"),
            Self::Moved { cases, advice } => {
                write!(to, "instructions per message moved: {}\n{advice}", cases.join(", "))
            }
        }
    }
}
