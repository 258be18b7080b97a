//! The threads that drive a log: without them the log does nothing by itself, which is how tests drive it.
//!
//! Invariants:
//! - What somebody waits for is committed as soon as the commit before it is done: no timer, no delay.
//! - Settlements and spilled messages alone wait for company, [`LAZINESS`] at most.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::inner::Inner;
use crate::log::Log;

/// How long settlements wait for something to be written with.
const LAZINESS: Duration = Duration::from_millis(10);
/// How often somebody looks whether there is house to be kept, besides when it is asked for.
const ROUND: Duration = Duration::from_secs(1);
/// Bytes that are written without waiting any longer: about what one write does best.
const ENOUGH_BYTES: usize = 256 * 1024;
/// Settlements that are written without waiting any longer.
const ENOUGH_SETTLED: usize = 8192;

/// The committer and the thread that keeps house, running. Dropped, they end after what they are doing.
#[derive(Debug)]
pub struct Threads {
    log: Arc<Log>,
    stopping: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts them.
    pub fn spawn(log: Arc<Log>) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut threads = Self { log, stopping, running: Vec::new() };
        threads.start("log-committer", committer)?;
        threads.start("log-keeper", keeper)?;
        Ok(threads)
    }

    fn start(&mut self, name: &str, run: fn(&Engine, &AtomicBool)) -> io::Result<()> {
        let (log, stopping) = (Arc::clone(&self.log.0), Arc::clone(&self.stopping));
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&log, &stopping))?;
        self.running.push(thread);
        Ok(())
    }

    /// Ends them and waits for that. What was not committed by then is not.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // With the lock, so that nobody is between a look at the flag and the wait.
        let Log(engine) = &*self.log;
        drop(engine.inner.lock());
        engine.work.notify_all();
        engine.keep.notify_all();
        for thread in self.running.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.join();
    }
}

fn committer(log: &Engine, stopping: &AtomicBool) {
    while log.wait_for_work(stopping) {
        // The failure has been logged, and those who wait have been told.
        if log.commit().is_err() {
            return;
        }
    }
}

fn keeper(log: &Engine, stopping: &AtomicBool) {
    // A failure has been logged, and those who wait have been told.
    while let Ok(again) = log.tend() {
        if !again && !log.wait_for_keeping(stopping) {
            return;
        }
    }
}

impl Engine {
    /// Returns when there is something to be committed now, or with `false` when it is time to stop.
    fn wait_for_work(&self, stopping: &AtomicBool) -> bool {
        let mut inner = self.inner.lock();
        let mut lazy_until = None;
        loop {
            if stopping.load(Ordering::Acquire) {
                return false;
            }
            if is_urgent(&inner) {
                return true;
            }
            if inner.settled.is_empty() && inner.pending.chunks.is_empty() {
                self.work.wait(&mut inner);
            } else {
                let until = *lazy_until.get_or_insert_with(|| Instant::now() + LAZINESS);
                if self.work.wait_until(&mut inner, until).timed_out() {
                    return true;
                }
            }
        }
    }

    /// Returns when there is house to be kept, or with `false` when it is time to stop.
    fn wait_for_keeping(&self, stopping: &AtomicBool) -> bool {
        let mut inner = self.inner.lock();
        let until = Instant::now() + ROUND;
        while !inner.wants_keeping && !stopping.load(Ordering::Acquire) {
            if self.keep.wait_until(&mut inner, until).timed_out() {
                break;
            }
        }
        inner.wants_keeping = false;
        !stopping.load(Ordering::Acquire)
    }
}

fn is_urgent(inner: &Inner) -> bool {
    inner.pending.sync || ENOUGH_BYTES < inner.pending.bytes || ENOUGH_SETTLED < inner.settled.len()
}
