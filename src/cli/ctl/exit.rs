//! How a command ends: RabbitMQ's exit codes (those of sysexits) and what it says on standard error.
//!
//! Scripts look at the code, people at the text; both are the reference's.

use super::client::ClientError;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A command, an option or a number of arguments that does not exist; a column that is not known.
    Usage = 64,
    /// An argument that says nothing sensible, or names what is not there.
    Data = 65,
    /// A user that is not known.
    NoUser = 67,
    /// No broker, or one that says no: most refusals.
    Unavailable = 69,
    /// What exists already.
    Software = 70,
    /// It took longer than was allowed.
    Timeout = 75,
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// What the process ends with.
    pub exit: Exit,
    /// What it says.
    pub said: Said,
}

/// The forms that the reference's refusals have.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Followed by the arguments and the command's usage.
    Arguments(String),
    /// Below a line `Error:`.
    Error(String),
    /// As it is.
    Plain(String),
}

impl Failure {
    /// A wrong number of arguments, an unknown option or column.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, said: Said::Arguments(text.into()) }
    }

    /// An argument that can't be meant.
    pub fn bad_argument(text: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Data, said: Said::Arguments(format!("Bad argument: {text}")) }
    }

    /// A refusal below `Error:`.
    pub fn error(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, said: Said::Error(text.into()) }
    }

    /// A refusal that is a sentence alone.
    pub fn plain(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, said: Said::Plain(text.into()) }
    }

    /// No such virtual host, as most commands say it.
    pub fn no_vhost(name: &str) -> Self {
        Self::plain(Exit::Data, format!("Virtual host '{name}' does not exist"))
    }

    /// The text without its frame, for answers in JSON.
    pub fn text(&self) -> &str {
        let (Said::Arguments(text) | Said::Error(text) | Said::Plain(text)) = &self.said;
        text
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Status { reason, .. } => Self::error(Exit::Unavailable, reason),
            ClientError::TimedOut(_) => Self::plain(Exit::Timeout, format!("Error: {error}")),
            other => Self::plain(
                Exit::Unavailable,
                format!("Error: unable to perform an operation on the node: {other}"),
            ),
        }
    }
}
