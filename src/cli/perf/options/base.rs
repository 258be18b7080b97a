//! What every mode may be told: which broker, and how the figures are told.

use serde::Serialize;

use crate::cli::target::Target;

/// Options of every mode that needs a broker.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct BaseOptions {
    /// The broker: amqp://user:password@host:port/vhost
    #[arg(long, value_name = "URL", default_value = "amqp://guest:guest@127.0.0.1:5672")]
    #[serde(serialize_with = "host_and_port")]
    pub url: Target,
    /// The figures.
    #[command(flatten)]
    #[serde(flatten)]
    pub output: OutputOptions,
}

/// How the figures are told.
#[derive(Clone, Copy, Debug, clap::Args, Serialize)]
pub struct OutputOptions {
    /// Print the figures as one JSON document, and nothing else
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
    /// No lines on the standard error while it runs
    #[arg(long)]
    #[serde(skip)]
    pub quiet: bool,
    /// A line a second on the standard error, with --json too
    #[arg(long, conflicts_with = "quiet")]
    #[serde(skip)]
    pub progress: bool,
}

impl OutputOptions {
    /// Whether to say each second how it goes.
    pub fn tells_progress(&self) -> bool {
        self.progress || !(self.quiet || self.json)
    }
}

/// Never the password.
fn host_and_port<S: serde::Serializer>(target: &Target, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(target)
}
