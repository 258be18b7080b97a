//! Why there is no figure, as a sentence for who started the run.

use super::options::OptionsError;
use crate::cli::client::ClientError;

/// What ends a run.
#[derive(Debug, thiserror::Error)]
pub enum PerfError {
    /// Options that contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The broker refused, or broke off.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Measuring ends with the deletion of the queue.
    #[error("queue `{0}` has messages or consumers, and would be deleted: choose another name")]
    InUse(String),
    /// Measuring ends with the deletion of the exchange.
    #[error("exchange `{0}` exists already, and would be deleted: choose another name")]
    ExchangeExists(String),
    /// Content that is not what was published.
    #[error("a consumer received bodies of another size than were published")]
    Garbled,
    /// The broker said no to a publish.
    #[error("the broker did not take a message (basic.nack)")]
    Nacked,
    /// Cannot happen unless a thread is gone.
    #[error("a producer or a consumer ended before the window was over")]
    EndedEarly,
    /// Messages that are lost, or a broker that has stopped.
    #[error("nothing has moved for {0} s, and there are messages left")]
    Standstill(u64),
    /// Its memory was asked for.
    #[error("no process {0} whose memory could be read")]
    NoProcess(u32),
    /// It cannot be started, or ended before it was ready.
    #[error("{path} cannot be measured: {why}")]
    Broker {
        /// The program.
        path: String,
        /// What happened.
        why: String,
    },
    /// Its messages would be counted.
    #[error("the data directory {0} is not empty")]
    DataDirInUse(std::path::PathBuf),
    /// A connection is a file.
    #[error("{needed} files would be open, {limit} is the limit (ulimit -n)")]
    TooFewFiles {
        /// Of this process.
        needed: u64,
        /// What the operating system allows.
        limit: u64,
    },
    /// A rate that is no number.
    #[error("the figures cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Nobody reads them.
    #[error("the figures cannot be printed: {0}")]
    Print(#[source] std::io::Error),
    /// The relay.
    #[error("the relay failed: {0}")]
    Relay(#[source] std::io::Error),
}

impl From<std::io::Error> for PerfError {
    fn from(error: std::io::Error) -> Self {
        Self::Client(error.into())
    }
}
