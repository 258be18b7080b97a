//! `leveret serve`: the broker as a process, from its settings to its exit code.
//!
//! The log goes to standard output, as containers expect; why a start was refused goes to standard error,
//! and the exit code is 1. SIGTERM and SIGINT end it cleanly, with exit code 0.

use std::io;
use std::process::ExitCode;

use leveret::{Broker, StartError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use super::allocator;
use super::arguments::Serve;
use crate::config::{self, Environment, LogLevel, Plan};

/// Runs until a signal comes.
pub fn serve(arguments: &Serve) -> ExitCode {
    let outcome = config::resolve(&arguments.given, &Environment::of_process())
        .map_err(Failure::from)
        .and_then(|plan| {
            let _log = log_to_stdout(plan.log);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(until_signal(plan))
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("leveret cannot start:\n{failure}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the operating system refuses what every process needs (threads, signals): {0}")]
    System(#[from] io::Error),
}

async fn until_signal(plan: Plan) -> Result<(), Failure> {
    // Before the start, so that a signal during it is not lost.
    let mut signals = Signals::listen()?;
    tracing::info!("Starting leveret {}", env!("CARGO_PKG_VERSION"));
    if let Some(path) = &plan.config_file {
        tracing::info!("config file(s) : {}", path.display());
    }
    if !plan.unused_variables.is_empty() {
        tracing::warn!("these environment variables have no effect: {}", plan.unused_variables.join(", "));
    }
    let broker = build(plan).start().await?;
    tell_ready();
    let name = signals.next().await;
    tracing::info!("{name} received: shutting down");
    broker.shutdown().await;
    tracing::info!("Stopped");
    Ok(())
}

/// The line that container tools wait for: exactly once, after the listeners accept, whatever is logged.
fn tell_ready() {
    const READY: &str = "Server startup complete; 0 plugins started.";
    if tracing::enabled!(tracing::Level::INFO) {
        tracing::info!("{READY}");
    } else {
        println!("{READY}");
    }
}

fn build(plan: Plan) -> leveret::Builder {
    let builder = Broker::builder().settings(plan.settings).memory_measure(allocator::resident_bytes);
    let builder = if plan.ephemeral { builder.ephemeral() } else { builder };
    plan.definitions.into_iter().fold(builder, leveret::Builder::definitions)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Lines that may wait for a standard output that nobody reads. Beyond it lines are lost, counted by nobody: a
/// broker that stands still because its log does would be the greater loss.
const LINES_WAIT: usize = 4096;

/// Logs from now on, until what is returned is dropped, which writes what still waits.
fn log_to_stdout(LogLevel(level): LogLevel) -> WorkerGuard {
    let is_terminal = io::IsTerminal::is_terminal(&io::stdout());
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_WAIT)
        .lossy(true)
        .thread_name("log")
        .finish(io::stdout());
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(writer);
    // Only one process-wide subscriber can be set; this is the first.
    let _ = tracing::subscriber::set_global_default(
        subscriber.with_ansi(is_terminal).with_target(false).finish(),
    );
    guard
}
