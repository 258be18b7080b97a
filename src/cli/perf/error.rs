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
    /// A rate that is no number.
    #[error("the figures cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The relay.
    #[error("the relay failed: {0}")]
    Relay(#[source] std::io::Error),
}

impl From<std::io::Error> for PerfError {
    fn from(error: std::io::Error) -> Self {
        Self::Client(error.into())
    }
}
