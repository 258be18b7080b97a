//! For how long a load runs, and how fast.

use std::time::Duration;

use serde::Serialize;

use super::OptionsError;

/// Messages a second where latency is measured and no rate was given.
pub const LATENCY_RATE: u64 = 5000;

/// One message a nanosecond is more than anyone sends.
const FASTEST: u64 = 1_000_000_000;

const LONGEST_RUN: Duration = Duration::from_hours(24);

/// Options of the modes that run for a time.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct TimingOptions {
    /// How long is measured
    #[arg(long = "seconds", value_name = "S", default_value = "10", value_parser = seconds)]
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub window: Duration,
    /// How long the load runs before that
    #[arg(long, value_name = "S", default_value = "2", value_parser = seconds)]
    #[serde(serialize_with = "as_seconds")]
    pub warmup: Duration,
    /// Messages a second of all producers together, by schedule; 0 is as fast as it goes (`latency`: 5000 if not given)
    #[arg(long, value_name = "MSGS_PER_S", value_parser = clap::value_parser!(u64).range(..=FASTEST))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// Stamp every message, and measure how long it takes (always, in the mode `latency`)
    #[arg(long)]
    pub latency: bool,
    /// Instead of a broker, a relay in this process that keeps nothing: the ceiling of this machine
    #[arg(long, conflicts_with = "url")]
    pub relay: bool,
}

/// A run is bounded, so its parts are.
pub fn seconds(text: &str) -> Result<Duration, OptionsError> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| *time <= LONGEST_RUN).ok_or(OptionsError::Seconds(LONGEST_RUN.as_secs()))
}

/// As it was given.
pub fn as_seconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}
