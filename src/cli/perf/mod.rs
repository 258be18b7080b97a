//! `leveret perf`: how many messages a second pass through a broker, any broker that speaks AMQP 0-9-1.
//!
//! Producers write ready-made frames, many messages a write; consumers walk the frames that come back and
//! count bodies. Neither allocates for a message, so that what is measured is the broker. How far that
//! is true on a machine shows `--relay`: the same load against a listener that passes each message straight on.
//!
//! A run is bounded: by the window it measures, and by [`DRAIN`] for what is still under way afterwards.

mod arrivals;
mod batch;
mod consumer;
mod counters;
mod options;
mod producer;
mod read_buffer;
mod relay;
mod report;
mod unconfirmed;

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use leveret_codec::Method;
use leveret_codec::method::queue;

use super::client::{Client, ClientError};
use super::target::Target;
use consumer::Consumer;
use counters::{Counters, Snapshot};
pub use options::{OptionsError, PerfOptions};
use producer::Producer;
use relay::Relay;
pub use report::Report;

/// How long messages that were sent may take to arrive after the producers have stopped.
const DRAIN: Duration = Duration::from_secs(5);

/// The command: figures on the standard output, or why there are none on the standard error.
pub fn run_and_print(options: &PerfOptions) -> ExitCode {
    let printed = run(options).and_then(|report| {
        let text = if options.json { serde_json::to_string(&report)? } else { report.to_string() };
        println!("{text}");
        Ok(())
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leveret perf: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the load on the broker, and says what came through.
pub fn run(options: &PerfOptions) -> Result<Report, PerfError> {
    options.check()?;
    if !options.relay {
        return measure(options, &options.url);
    }
    let relay = Relay::listen().map_err(PerfError::Relay)?;
    let target = relay.target();
    thread::scope(|scope| {
        let relaying = scope.spawn(|| relay.serve());
        let report = measure(options, &target);
        relay.stop();
        let served = relaying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        report.and_then(|report| served.map(|()| report).map_err(PerfError::Relay))
    })
}

/// Declares the queue, measures, and deletes the queue whatever happened.
fn measure(options: &PerfOptions, target: &Target) -> Result<Report, PerfError> {
    let mut control = Client::connect(target)?;
    for queue in options.queue_names() {
        declare(options, &queue, &mut control)?;
    }
    let measured = put_load(options, target);
    let mut left = 0;
    for queue in options.queue_names() {
        left += delete(&queue, &mut control)?;
    }
    control.close()?;
    measured.map(|measured| Report::new(options, &measured, left))
}

/// The queue is deleted afterwards, so it must not be somebody's.
fn declare(options: &PerfOptions, name: &str, control: &mut Client) -> Result<(), PerfError> {
    match control.call(&Method::Queue(queue::AMQPMethod::Declare(options.declaration(name))))? {
        Method::Queue(queue::AMQPMethod::DeclareOk(queue))
            if queue.message_count + queue.consumer_count == 0 =>
        {
            Ok(())
        }
        Method::Queue(queue::AMQPMethod::DeclareOk(_)) => Err(PerfError::InUse(name.to_owned())),
        other => Err(ClientError::Unexpected(other).into()),
    }
}

/// How many messages went with it.
fn delete(name: &str, control: &mut Client) -> Result<u32, PerfError> {
    match control.call(&Method::Queue(queue::AMQPMethod::Delete(PerfOptions::deletion(name))))? {
        Method::Queue(queue::AMQPMethod::DeleteOk(deleted)) => Ok(deleted.message_count),
        other => Err(ClientError::Unexpected(other).into()),
    }
}

/// What was counted in the window, and until the end.
pub struct Measured {
    pub start: Snapshot,
    pub end: Snapshot,
    pub total: Snapshot,
}

fn put_load(options: &PerfOptions, target: &Target) -> Result<Measured, PerfError> {
    let counters = Counters::new(options.producers);
    let consumers: Vec<Consumer<'_>> = (0..options.consumers)
        .map(|number| Consumer::subscribe(options, target, number, &counters))
        .collect::<Result<_, _>>()?;
    let producers: Vec<Producer<'_>> = (0..options.producers)
        .map(|number| Producer::open(options, target, number, &counters))
        .collect::<Result<_, _>>()?;
    thread::scope(|scope| {
        let (ended, endings) = channel();
        for consumer in consumers {
            spawn(scope, &ended, move || consumer.run());
        }
        for producer in producers {
            spawn(scope, &ended, move || producer.run());
        }
        drop(ended);
        let measured = watch(options, &counters, &endings);
        counters.give_up();
        measured
    })
}

type Ending = Result<(), PerfError>;

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    ended: &Sender<Ending>,
    work: impl FnOnce() -> Ending + Send + 'scope,
) {
    let ended = ended.clone();
    scope.spawn(move || {
        // Nobody listens any more if the run has failed already.
        let _ = ended.send(work());
    });
}

/// Warm-up, window, drain. The first party that fails ends the run.
fn watch(
    options: &PerfOptions,
    counters: &Counters,
    endings: &Receiver<Ending>,
) -> Result<Measured, PerfError> {
    wait(endings, options.warmup)?;
    let start = counters.snapshot();
    wait(endings, options.window)?;
    let end = counters.snapshot();
    counters.stop_publishing();
    drain(endings)?;
    Ok(Measured { start, end, total: counters.snapshot() })
}

/// Lets the load run on; nobody ends of itself meanwhile.
fn wait(endings: &Receiver<Ending>, time: Duration) -> Result<(), PerfError> {
    match endings.recv_timeout(time) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Ok(ending) => ending.and(Err(PerfError::EndedEarly)),
        Err(RecvTimeoutError::Disconnected) => Err(PerfError::EndedEarly),
    }
}

/// Waits until producers and consumers have ended, or there is no more time.
fn drain(endings: &Receiver<Ending>) -> Result<(), PerfError> {
    let deadline = Instant::now() + DRAIN;
    loop {
        match endings.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(ending) => ending?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Why there is no figure.
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
    /// The relay inside this process.
    #[error("the relay failed: {0}")]
    Relay(#[source] std::io::Error),
}

impl From<std::io::Error> for PerfError {
    fn from(error: std::io::Error) -> Self {
        Self::Client(error.into())
    }
}

#[cfg(test)]
mod tests;
