//! What survives: the log in a data directory, joined with the rules.
//!
//! ```text
//! rules ──Store (append, define, page)──▶ LogStore ──▶ Log ──commit thread──▶ disk
//!   ▲   ──Effects (settle, fetch, drop)─▶ Storage ───▶ Log, pager thread
//!   └──────── committed, pages ◀──────────────────────────────┘
//! ```
//! Invariants:
//! - The rules never wait for the disk: what they need to hear comes by a bell, or as a page.
//! - A data directory belongs to one process, from opening to the last drop.

mod definition;
mod page;
mod pager;
mod refill;
mod restore;
mod store;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use leveret_core::model::{Broker, Entry};
use leveret_core::{Effects, PageId, Position, Timestamp};
use leveret_storage::{
    Activity, DataDir, DataDirError, Log, LogFailed, MessageId, OpenError, Options, Recovery, SledView,
    Stats, Waiter,
};
use parking_lot::Mutex;

pub use definition::Unreadable;
pub use page::Stub;
use pager::Jobs;
pub use pager::{Job, Pager};
pub use restore::{Counts, RestoreError};
use store::LogStore;

/// Most that a queue may hold in memory, whatever the machine has.
const QUEUE_BUDGET_BYTES: u64 = 64 * 1024 * 1024;
/// Least that a queue may hold in memory, whatever is asked for.
const LEAST_QUEUE_BUDGET_BYTES: u64 = 256 * 1024;
/// A queue may hold this part of the memory that the broker may have.
const QUEUE_PART: u64 = 16;
/// Above half of the memory that the broker may have a queue may hold this part of what it may otherwise.
const PRESSED_PART: u64 = 16;

/// A place that no log comes to; what waits for it hears of a failure only.
const BEYOND: leveret_storage::Position = leveret_storage::Position(u64::MAX - 1);

/// Why a data directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process has it, or it cannot be made.
    #[error(transparent)]
    Directory(#[from] DataDirError),
    /// There is no room for its view.
    #[error("cannot make the view of the log: {0}")]
    View(#[source] io::Error),
    /// Its log cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What its log says cannot be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// No thread can be started.
    #[error("cannot start a thread for the log: {0}")]
    Thread(#[from] io::Error),
    /// It failed at once.
    #[error(transparent)]
    Failed(#[from] LogFailed),
}

/// How a data directory is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageSettings {
    /// The directory; made if it is not there.
    pub data_dir: PathBuf,
    /// Go on without what is damaged, instead of refusing to start.
    pub accept_loss: bool,
    /// How much memory the broker may have; what queues hold is a part of it.
    pub memory_bytes: Option<u64>,
}

/// The log of a broker, and who works for it.
pub struct Storage {
    log: Arc<Log>,
    store: Arc<LogStore>,
    jobs: Arc<Jobs>,
    memory_bytes: Option<u64>,
    threads: Mutex<Option<leveret_storage::Threads>>,
    pager: Mutex<Option<JoinHandle<()>>>,
    /// The lock on the directory; given back at the end, whoever still holds this.
    data_dir: Mutex<Option<DataDir>>,
}

impl Storage {
    /// Opens a data directory. The broker that is made with [`Storage::store`] is then to be given to
    /// [`Storage::restore`].
    pub fn open(settings: &StorageSettings) -> Result<(Self, Recovery), StorageError> {
        let data_dir = DataDir::lock(&settings.data_dir)?;
        let options = Options { accept_loss: settings.accept_loss, ..Options::default() };
        let view = SledView::open(&data_dir.view_path()).map_err(StorageError::View)?;
        let (log, recovery) = Log::open(Arc::new(data_dir.disk()?), Box::new(view), options)?;
        let storage = Self::over(log, settings.memory_bytes);
        *storage.data_dir.lock() = Some(data_dir);
        Ok((storage, recovery))
    }

    /// Over a log that is open already.
    pub fn over(log: Arc<Log>, memory_bytes: Option<u64>) -> Self {
        let budget = queue_budget_bytes(memory_bytes, 0);
        Self {
            store: Arc::new(LogStore::new(log.clone(), budget)),
            log,
            jobs: Arc::default(),
            memory_bytes,
            threads: Mutex::new(None),
            pager: Mutex::new(None),
            data_dir: Mutex::new(None),
        }
    }

    /// The seam that the rules are given.
    pub fn store(&self) -> Arc<LogStore> {
        self.store.clone()
    }

    /// Brings definitions and messages back into a broker that has none.
    pub fn restore(&self, broker: &Broker, recovery: &mut Recovery) -> Result<Counts, RestoreError> {
        restore::restore(broker, &self.log, recovery)
    }

    /// Everything that was said to the log so far is on the disk when this returns. Before the threads run.
    pub fn commit(&self) -> Result<(), LogFailed> {
        while self.log.commit()? {}
        Ok(())
    }

    /// Starts the threads. `work` is called for every job of the pager, on its own thread.
    pub fn start(&self, mut work: impl FnMut(&Pager, Job) + Send + 'static) -> io::Result<()> {
        *self.threads.lock() = Some(leveret_storage::Threads::spawn(self.log.clone())?);
        let (jobs, pager) = (self.jobs.clone(), Pager::new(self.log.clone()));
        let thread = std::thread::Builder::new().name("leveret-pager".to_owned()).spawn(move || {
            while let Some(job) = jobs.wait() {
                work(&pager, job);
            }
        })?;
        *self.pager.lock() = Some(thread);
        Ok(())
    }

    /// Carries out what the rules ask of the log.
    pub fn carry_out(&self, effects: &mut Effects) {
        if !effects.settles.is_empty() {
            let (mut durable, mut spilled) = (Vec::with_capacity(effects.settles.len()), Vec::new());
            for settle in effects.settles.drain(..) {
                let ids = if settle.durable { &mut durable } else { &mut spilled };
                ids.push(MessageId(settle.id));
            }
            self.log.settle(&durable, &spilled);
        }
        self.jobs.take_from(effects);
    }

    /// Does one thing that pages need; `false`: nothing was to be done. For who has no threads.
    pub fn turn_page(&self, now: Timestamp, effects: &mut Effects) -> bool {
        let job = self.jobs.next();
        let found = job.is_some();
        if let Some(job) = job {
            Pager::new(self.log.clone()).work(now, job, effects);
        }
        found
    }

    /// What is in a page, for who only looks: it stays what it is. `None`: it is in memory again, or gone.
    pub fn stubs(&self, page: PageId) -> Option<Vec<Stub>> {
        Pager::new(self.log.clone()).stubs(page)
    }

    /// The messages of these entries; those that are settled meanwhile are left out.
    pub fn peek(&self, stubs: &[Stub]) -> Vec<Entry> {
        Pager::new(self.log.clone()).peek(stubs)
    }

    /// How far the log is on the disk.
    pub fn committed(&self) -> Position {
        Position(self.log.committed().0)
    }

    /// Whether the log takes nothing any more.
    pub fn has_failed(&self) -> bool {
        self.log.has_failed()
    }

    /// Whether so much waits to be written that publishers must pause. What waits in a log that has failed waits
    /// for ever; publishers are held back by an alarm then.
    pub fn is_behind(&self) -> bool {
        self.log.is_behind() && !self.log.has_failed()
    }

    /// Wakes when the log has come so far, or has failed.
    pub fn wake_at(&self, at: Position, waiter: Arc<dyn Waiter>) {
        self.log.wake_at(leveret_storage::Position(at.0), waiter);
    }

    /// Wakes at the next commit, whatever it is of.
    pub fn wake_at_next(&self, waiter: Arc<dyn Waiter>) {
        self.log.wake_at(leveret_storage::Position::NEXT_COMMIT, waiter);
    }

    /// Wakes when the log has failed.
    pub fn wake_at_failure(&self, waiter: Arc<dyn Waiter>) {
        self.log.wake_at(BEYOND, waiter);
    }

    /// The broker holds so many bytes: queues may hold less when it is much.
    pub fn note_memory(&self, used_bytes: u64) {
        self.store.set_queue_budget_bytes(queue_budget_bytes(self.memory_bytes, used_bytes));
    }

    /// A queue may hold so much, however little it is. For tests that want queues to leave memory early.
    #[doc(hidden)]
    pub fn set_queue_budget_bytes(&self, bytes: usize) {
        self.store.set_queue_budget_bytes(bytes);
    }

    /// Where the log is.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.data_dir.lock().as_ref().map(|data_dir| data_dir.path().to_owned())
    }

    /// How much is in the log, and what it has done.
    pub fn figures(&self) -> (Stats, Activity) {
        (self.log.stats(), self.log.activity())
    }

    /// A clean end, when nobody is connected any more: the next start knows what had been delivered.
    pub fn close(&self, broker: &Broker) -> Result<(), LogFailed> {
        self.stop_threads();
        let delivered = Pager::new(self.log.clone()).delivered_before(broker);
        let result = self.log.close(&delivered);
        drop(self.data_dir.lock().take());
        result
    }

    /// An end without a word: what was confirmed is on the disk, the rest may be.
    pub fn abandon(&self) {
        self.stop_threads();
        drop(self.data_dir.lock().take());
    }

    fn stop_threads(&self) {
        self.jobs.finish();
        let pager = self.pager.lock().take();
        // The pager may be the last to let go of all this; it need not wait for itself.
        let others = pager.filter(|pager| pager.thread().id() != std::thread::current().id());
        if others.is_some_and(|pager| pager.join().is_err()) {
            tracing::error!("the pager thread had panicked");
        }
        drop(self.threads.lock().take());
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.stop_threads();
    }
}

/// What a queue may hold, of a broker that may have `memory_bytes` and has `used_bytes`.
fn queue_budget_bytes(memory_bytes: Option<u64>, used_bytes: u64) -> usize {
    let memory = memory_bytes.unwrap_or(u64::MAX);
    let usual = (memory / QUEUE_PART).min(QUEUE_BUDGET_BYTES);
    let budget = if memory / 2 < used_bytes { usual / PRESSED_PART } else { usual };
    usize::try_from(budget.max(LEAST_QUEUE_BUDGET_BYTES)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_holds_less_on_a_small_machine_and_under_pressure() {
        const GIB: u64 = 1 << 30;
        let table = [
            (None, 0, QUEUE_BUDGET_BYTES),
            (Some(16 * GIB), 0, QUEUE_BUDGET_BYTES),
            (Some(16 * GIB), 9 * GIB, QUEUE_BUDGET_BYTES / PRESSED_PART),
            (Some(GIB / 2), 0, 32 << 20),
            (Some(GIB / 2), GIB / 2, 2 << 20),
            (Some(1 << 20), 1 << 20, LEAST_QUEUE_BUDGET_BYTES),
        ];
        for (memory, used, expected) in table {
            assert_eq!(queue_budget_bytes(memory, used) as u64, expected, "{memory:?} {used}");
        }
    }
}
