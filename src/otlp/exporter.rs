//! From the place where a span ends to the collector.
//!
//! ```text
//! Spans::offer ──bounded queue──▶ gather, for a second ──▶ post, three times at most ──▶ sent, or lost
//! ```
//! Every span that was offered is counted once, as sent or as lost, but for those that the end of the broker cuts off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use leveret_core::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::encoding;
use super::endpoint::Endpoint;
use super::post::{PostError, Poster};
use super::span::Span;
use crate::clock::Clock;

/// Spans that may wait to be gathered.
pub const WAITING_SPANS: usize = 4096;
/// Spans of one request.
const MOST_SPANS: usize = 512;
/// How long the end of the broker waits for the last of them.
const LAST_SPANS_WAIT: Duration = Duration::from_secs(2);
/// How often it is said that spans are lost.
const COMPLAINTS: Duration = Duration::from_mins(1);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How long a span waits for others.
    gathering: Duration,
    /// How long the collector may take for an answer.
    answer_wait: Duration,
    /// After each time that a batch was posted; there are no more times than these.
    pauses: [Duration; 3],
}

impl Pace {
    const USUAL: Self = Self {
        gathering: Duration::from_secs(1),
        answer_wait: Duration::from_secs(10),
        pauses: [Duration::from_secs(1), Duration::from_secs(2), Duration::ZERO],
    };
}

/// Who speaks, for the collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `service.name`.
    pub service: String,
    /// `service.version`.
    pub version: String,
    /// `service.instance.id`: the broker's name.
    pub instance: String,
}

/// Where spans are left. Clones leave them at the same place.
#[derive(Clone, Debug)]
pub struct Spans {
    queue: Sender<Span>,
    counts: Arc<Counts>,
}

/// What became of spans.
#[derive(Debug, Default)]
pub struct Counts {
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Counts {
    /// The collector has taken so many.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// So many had no place to wait in, or the collector did not take them.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Spans {
    /// Leaves one to be sent; never waits.
    pub fn offer(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of those before.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// The task that sends.
pub struct Exporter {
    task: JoinHandle<()>,
    closing: CancellationToken,
    clock: Clock,
}

impl Exporter {
    /// Starts it. Needs a tokio runtime with I/O and time.
    pub fn start(endpoint: Endpoint, source: Source, clock: Clock) -> (Spans, Self) {
        Self::start_at(Pace::USUAL, endpoint, source, clock)
    }

    fn start_at(pace: Pace, endpoint: Endpoint, source: Source, clock: Clock) -> (Spans, Self) {
        let (queue, waiting) = channel(WAITING_SPANS);
        let (counts, closing) = (Arc::<Counts>::default(), CancellationToken::new());
        let sending = Sending {
            pace,
            waiting,
            poster: Poster::new(endpoint),
            source,
            clock: clock.clone(),
            counts: counts.clone(),
            closing: closing.clone(),
            complained_at: None,
        };
        let exporter = Self { task: tokio::spawn(sending.run()), closing, clock };
        (Spans { queue, counts }, exporter)
    }

    /// Sends what waits, as far as that can be done quickly, and ends.
    pub async fn finish(mut self) {
        self.closing.cancel();
        let deadline = self.clock.now() + LAST_SPANS_WAIT;
        tokio::select! {
            // If it has panicked there is nothing left to wait for.
            _ = &mut self.task => {}
            () = self.clock.sleep_until(deadline) => self.task.abort(),
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task has.
struct Sending {
    pace: Pace,
    waiting: Receiver<Span>,
    poster: Poster,
    source: Source,
    clock: Clock,
    counts: Arc<Counts>,
    closing: CancellationToken,
    complained_at: Option<Timestamp>,
}

impl Sending {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.gather(&mut batch).await {
            let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            let body = encoding::body(&self.source, &batch).into();
            batch.clear();
            match self.send(body).await {
                Ok(()) => _ = self.counts.sent.fetch_add(count, Ordering::Relaxed),
                Err(error) => {
                    self.counts.lost.fetch_add(count, Ordering::Relaxed);
                    self.complain(&error);
                }
            }
        }
    }

    /// Waits for spans; `false`: there will be no more.
    async fn gather(&mut self, batch: &mut Vec<Span>) -> bool {
        tokio::select! {
            count = self.waiting.recv_many(batch, MOST_SPANS) => if count == 0 { return false },
            () = self.closing.cancelled() => {
                self.waiting.close();
                return self.waiting.recv_many(batch, MOST_SPANS).await != 0;
            }
        }
        let due = self.clock.now() + self.pace.gathering;
        while batch.len() < MOST_SPANS {
            tokio::select! {
                count = self.waiting.recv_many(batch, MOST_SPANS - batch.len()) => if count == 0 { break },
                () = self.clock.sleep_until(due) => break,
                () = self.closing.cancelled() => break,
            }
        }
        true
    }

    /// Until it is taken, or there is no sense in it.
    async fn send(&mut self, body: Bytes) -> Result<(), PostError> {
        let mut outcome = Ok(());
        for pause in self.pace.pauses {
            let deadline = self.clock.now() + self.pace.answer_wait;
            outcome = tokio::select! {
                answered = self.poster.post(body.clone()) => answered,
                () = self.clock.sleep_until(deadline) => Err(PostError::Silent),
            };
            match &outcome {
                Err(error) if error.is_passing() && !self.closing.is_cancelled() => {}
                _ => break,
            }
            let again_at = self.clock.now() + pause;
            tokio::select! {
                () = self.clock.sleep_until(again_at) => {}
                () = self.closing.cancelled() => {}
            }
        }
        outcome
    }

    fn complain(&mut self, error: &PostError) {
        let now = self.clock.now();
        if self.complained_at.is_some_and(|at| now < at + COMPLAINTS) {
            return;
        }
        self.complained_at = Some(now);
        let (endpoint, lost) = (self.poster.endpoint(), self.counts.lost());
        tracing::warn!(%endpoint, %error, lost, "spans could not be sent");
    }
}

#[cfg(test)]
mod tests;
