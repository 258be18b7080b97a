//! One run: everybody connects, then all begin, and whoever fails first ends it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use super::consumer::Consumer;
use super::producer::Producer;
use super::{Counters, DRAIN, Harvest, Plan, Progress, Snapshot};
use crate::cli::perf::PerfError;
use crate::cli::perf::options::TimingOptions;

/// How often it is said how far a run is.
const SECOND: Duration = Duration::from_secs(1);

/// How long nothing may move before a run that has messages left is given up.
const STANDSTILL: Duration = Duration::from_mins(1);

/// What was counted in the window, and until the end.
#[derive(Default)]
pub struct Measured {
    pub start: Snapshot,
    pub end: Snapshot,
    pub total: Snapshot,
    pub unsent: u64,
    pub harvest: Harvest,
}

/// Puts the load on the broker for a time. Latencies are those of messages that were due within the window.
pub fn measure(
    plan: &Plan<'_>,
    timing: &TimingOptions,
    progress: &mut Progress,
) -> Result<Measured, PerfError> {
    let counters = Counters::new(plan.producers, plan.topology.copies());
    let party = Party::gather(plan, &counters)?;
    thread::scope(|scope| {
        let mut running = party.begin(scope);
        let outcome = running.watch(timing, progress);
        counters.give_up();
        let harvest = running.bring_in();
        outcome.map(|measured| Measured { unsent: counters.unsent(), harvest, ..measured })
    })
}

/// Moves all messages of a plan, and ends when they are published or have arrived: whoever is in the plan. The counters
/// may know of messages that were sent before.
pub fn complete(plan: &Plan<'_>, counters: &Counters, progress: &mut Progress) -> Result<Harvest, PerfError> {
    let party = Party::gather(plan, counters)?;
    thread::scope(|scope| {
        let mut running = party.begin(scope);
        let outcome = running.see_through(progress);
        counters.give_up();
        let harvest = running.bring_in();
        outcome.map(|()| harvest)
    })
}

/// Everybody, connected.
struct Party<'a> {
    counters: &'a Counters,
    consumers: Vec<Consumer<'a>>,
    producers: Vec<Producer<'a>>,
}

impl<'a> Party<'a> {
    /// Consumers subscribe before anyone publishes.
    fn gather(plan: &Plan<'_>, counters: &'a Counters) -> Result<Self, PerfError> {
        let consumers = (0..plan.consumers).map(|number| Consumer::subscribe(plan, number, counters));
        let consumers = consumers.collect::<Result<_, _>>()?;
        let producers = (0..plan.producers).map(|number| Producer::open(plan, number, counters));
        Ok(Self { counters, consumers, producers: producers.collect::<Result<_, _>>()? })
    }

    /// Each on its thread.
    fn begin<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Running<'a>
    where
        'a: 'scope,
    {
        let (ended, endings) = channel();
        for consumer in self.consumers {
            spawn(scope, &ended, move || consumer.run());
        }
        let start = self.counters.clock().now();
        for producer in self.producers {
            spawn(scope, &ended, move || producer.run(start));
        }
        Running { counters: self.counters, endings, harvest: Harvest::default() }
    }
}

type Ending = Result<Harvest, PerfError>;

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

/// Everybody, at work.
struct Running<'a> {
    counters: &'a Counters,
    endings: Receiver<Ending>,
    harvest: Harvest,
}

impl Running<'_> {
    /// Warm-up, window, drain. The first party that fails ends the run.
    fn watch(&mut self, timing: &TimingOptions, progress: &mut Progress) -> Result<Measured, PerfError> {
        let counters = self.counters;
        self.wait(timing.warmup, progress)?;
        let start = counters.snapshot();
        counters.window().open(start.at);
        self.wait(timing.window, progress)?;
        let end = counters.snapshot();
        counters.window().close(end.at);
        counters.stop_publishing();
        self.drain()?;
        Ok(Measured { start, end, total: counters.snapshot(), ..Measured::default() })
    }

    /// Lets the load run on; nobody ends of itself meanwhile.
    fn wait(&mut self, time: Duration, progress: &mut Progress) -> Result<(), PerfError> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.endings.recv_timeout(left.min(SECOND)) {
                Err(RecvTimeoutError::Timeout) if left <= SECOND => return Ok(()),
                Err(RecvTimeoutError::Timeout) => progress.tell(&self.counters.snapshot()),
                Ok(ending) => return ending.and(Err(PerfError::EndedEarly)),
                Err(RecvTimeoutError::Disconnected) => return Err(PerfError::EndedEarly),
            }
        }
    }

    /// Waits until all have ended, however long it takes, as long as messages move.
    fn see_through(&mut self, progress: &mut Progress) -> Result<(), PerfError> {
        let mut last = self.counters.snapshot();
        let mut moved = Instant::now();
        loop {
            match self.endings.recv_timeout(SECOND) {
                Ok(ending) => self.harvest.merge(ending?),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    let now = self.counters.snapshot();
                    progress.tell(&now);
                    if !now.counts_as(&last) {
                        (last, moved) = (now, Instant::now());
                    } else if STANDSTILL < moved.elapsed() {
                        return Err(PerfError::Standstill(STANDSTILL.as_secs()));
                    }
                }
            }
        }
    }

    /// Waits until producers and consumers have ended, or there is no more time.
    fn drain(&mut self) -> Result<(), PerfError> {
        let deadline = Instant::now() + DRAIN;
        loop {
            match self.endings.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(ending) => self.harvest.merge(ending?),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// What everybody has measured, when all have ended. Whoever had to be interrupted may well complain.
    fn bring_in(mut self) -> Harvest {
        while let Ok(ending) = self.endings.recv() {
            if let Ok(harvest) = ending {
                self.harvest.merge(harvest);
            }
        }
        self.harvest
    }
}
