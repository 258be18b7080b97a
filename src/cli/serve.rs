//! `leveret serve`: the broker as a process, from its settings to its exit code.
//!
//! The log goes to standard output, as containers expect; why a start was refused goes to standard error,
//! and the exit code is 1. SIGTERM and SIGINT end it cleanly, with exit code 0. SIGHUP reads the files of TLS again.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use leveret::{Broker, HttpSettings, LocalSocket, MetricsSettings, Settings, StartError};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::allocator;
use super::arguments::Serve;
use super::foreign_data;
use super::log::Log;
use super::service_manager;
use crate::config::{self, Environment, Plan};

/// Runs until a signal comes.
pub fn serve(arguments: &Serve) -> ExitCode {
    let environment = Environment::of_process();
    let outcome = config::resolve(&arguments.given, &environment)
        .map_err(Failure::from)
        .and_then(|plan| with_data_dir(plan, &environment))
        .and_then(|plan| {
            let log = Log::to_stdout(&plan);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(until_signal(plan, &log))
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
    #[error(
        "there is no home directory to keep messages in: give `--data-dir DIR`, or `--ephemeral` to keep nothing"
    )]
    NoDataDir,
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the operating system refuses what every process needs (threads, signals): {0}")]
    System(#[from] io::Error),
}

/// A broker that was not told where to keep its data keeps it where such data is kept.
fn with_data_dir(mut plan: Plan, environment: &Environment) -> Result<Plan, Failure> {
    let named = plan.settings.data_dir.clone();
    if let (Some(directory), true) = (&named, plan.ephemeral) {
        plan.inform(format!(
            "nothing is kept, since `--ephemeral` was asked for: the data directory {} is not used",
            directory.display()
        ));
        return Ok(plan);
    }
    if named.is_none() && !plan.ephemeral {
        plan.settings.data_dir = Some(config::default_data_dir(environment).ok_or(Failure::NoDataDir)?);
    }
    if let Some(foreign) = plan.settings.data_dir.as_deref().and_then(foreign_data::of_rabbitmq) {
        plan.warn(format!(
            "{} has the data of a RabbitMQ node, which is not read: take its definitions and messages along as \
             docs/moving-from-rabbitmq.md says",
            foreign.display()
        ));
    }
    Ok(plan)
}

async fn until_signal(plan: Plan, log: &Log) -> Result<(), Failure> {
    // Before the start, so that a signal during it is not lost.
    let mut signals = Signals::listen()?;
    tracing::info!("Starting leveret {}", env!("CARGO_PKG_VERSION"));
    for path in &plan.config_files {
        tracing::info!("config file(s) : {}", path.display());
    }
    plan.notes.iter().for_each(config::Note::log);
    let broker = build(plan).hooks(Arc::new(log.switch.clone())).start().await?;
    log.say(READY_LINE);
    service_manager::tell(service_manager::READY);
    let name = loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            () = broker.asked_to_end() => Asked::End("a request"),
        };
        match asked {
            Asked::Reload => reload(&broker),
            Asked::End(name) => break name,
        }
    };
    tracing::info!("{name} received: shutting down");
    service_manager::tell(service_manager::STOPPING);
    broker.shutdown().await;
    tracing::info!("Stopped");
    Ok(())
}

/// The line that container tools wait for: exactly once, after the listeners accept, whatever is logged.
const READY_LINE: &str = "Server startup complete; 0 plugins started.";

fn build(plan: Plan) -> leveret::Builder {
    let settings = Settings {
        http: http(plan.http),
        metrics: metrics(plan.metrics),
        config_files: plan.config_files,
        // As RabbitMQ calls it.
        log_files: vec!["<stdout>".to_owned()],
        ..plan.settings
    };
    let builder = Broker::builder().settings(settings).memory_measure(allocator::resident_bytes);
    let builder = if plan.ephemeral { builder.ephemeral() } else { builder };
    plan.definitions.into_iter().fold(builder, leveret::Builder::definitions)
}

/// The HTTP API as it is asked for, and a socket for the tools of this machine.
fn http(asked: config::Http) -> HttpSettings {
    HttpSettings {
        listen: asked.listeners.listen,
        listen_tls: asked.listeners.listen_tls,
        tls: asked.listeners.tls,
        local_socket: LocalSocket::Usual,
        path_prefix: asked.path_prefix,
        cors_origins: asked.cors_origins,
        cors_max_age_secs: asked.cors_max_age_secs,
        max_body_bytes: asked.max_body_bytes,
        rates_mode: asked.rates_mode,
        disable_stats: asked.disable_stats,
        enable_queue_totals: asked.enable_queue_totals,
    }
}

/// Metrics as they are asked for.
fn metrics(asked: config::Metrics) -> MetricsSettings {
    MetricsSettings {
        listen: asked.listeners.listen,
        listen_tls: asked.listeners.listen_tls,
        tls: asked.listeners.tls,
        path: asked.path,
        per_object: asked.per_object,
        asks_for_login: asked.asks_for_login,
    }
}

/// Takes what can be taken anew while clients are connected.
fn reload(broker: &Broker) {
    tracing::info!("SIGHUP received: reading the TLS files again");
    // Where it fails the broker has said why, and goes on as before.
    let _ = broker.reload_tls();
}

/// What a signal asks for.
enum Asked {
    Reload,
    End(&'static str),
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End("SIGTERM"),
            _ = self.interrupt.recv() => Asked::End("SIGINT"),
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}
