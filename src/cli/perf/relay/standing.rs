//! `leveret perf relay`: the relay as a process of its own, so that a load is measured against it as against a broker.

use std::io::Write as _;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use super::Relay;
use crate::cli::perf::PerfError;

/// Options of `leveret perf relay`.
#[derive(Clone, Debug, clap::Args)]
pub struct RelayOptions {
    /// Where it listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
}

/// Serves until SIGINT or SIGTERM. One line says that it listens, and where.
pub fn stand(options: &RelayOptions) -> Result<(), PerfError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(PerfError::Relay)?;
    let signals =
        runtime.block_on(async { Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) });
    let (mut interrupt, mut terminate) = signals.map_err(PerfError::Relay)?;
    let relay = Relay::listen(&options.listen).map_err(PerfError::Relay)?;
    writeln!(std::io::stdout(), "relay listening on {}", relay.address()).map_err(PerfError::Relay)?;
    thread::scope(|scope| {
        let serving = scope.spawn(|| relay.serve());
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        relay.stop();
        serving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map_err(PerfError::Relay)
    })
}
