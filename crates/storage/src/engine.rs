//! What drives a log: what is appended to it, what is settled, and who waits for what.
//!
//! Invariants:
//! - Everything that changes is behind one short lock, `Inner`; encoding, checksums and the disk are outside it.
//! - `committed` rises, and only to what a sync that has returned without an error covers.
//! - After a failure nothing more is taken and nothing more is committed, but what is there can be read.
//! - Lock order: `keeper` → `writer` → `created` → `inner`. Waiters are woken without any.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::activity::Counters;
use crate::batch::Records;
use crate::commit::Writer;
use crate::disk::Disk;
use crate::error::LogFailed;
use crate::inner::{Inner, Part};
use crate::log::{Options, Stats, Waiter};
use crate::pages::{PageId, Pages};
use crate::place::{MessageId, Place, Position};
use crate::reclaim::Keeper;
use crate::record::Seed;

/// How many pairs are settled before others have the lock in between.
const SETTLED_AT_ONCE: usize = 4096;

/// The log as its parts see it; everybody else has a [`Log`](crate::Log). What the parts do is with each of them.
pub struct Engine {
    /// Where the segments are.
    pub disk: Arc<dyn Disk>,
    /// How the log is kept.
    pub options: Options,
    /// What all checksums begin with.
    pub seed: Seed,
    /// What changes.
    pub inner: Mutex<Inner>,
    /// There may be something to be committed. Goes with `inner`.
    pub work: Condvar,
    /// There may be something for the thread that keeps house. Goes with `inner`.
    pub keep: Condvar,
    /// Held by the one commit that runs.
    pub writer: Mutex<Writer>,
    /// What is kept up to date behind the log's back.
    pub keeper: Mutex<Keeper>,
    /// Bytes that live as long as the process.
    pub pages: Pages,
    /// The highest segment whose file is there.
    pub created: Mutex<u32>,
    /// See [`Engine::committed`].
    pub committed: AtomicU64,
    /// See [`Engine::is_behind`].
    pub behind: AtomicBool,
    /// What has been done.
    pub counters: Counters,
    /// Why nothing is taken any more.
    pub failure: OnceLock<LogFailed>,
}

impl Engine {
    /// See [`Log::append`](crate::Log::append).
    pub fn append(&self, batch: &mut Records, places: &mut Vec<Place>) -> Result<Position, LogFailed> {
        if batch.is_refused {
            return Err(LogFailed::TooLong);
        }
        batch.seal(self.seed);
        let mut parts: SmallVec<[Part; 1]> = SmallVec::new();
        let position = {
            let mut inner = self.inner.lock();
            self.check(&inner)?;
            if inner.is_closed {
                return Err(LogFailed::Closed);
            }
            inner.traffic.appended += batch.encoder.bytes.len() as u64;
            let position = inner.append(batch, &mut parts);
            if self.options.waiting_bytes < inner.waiting_bytes() {
                self.behind.store(true, Ordering::Release);
            }
            position
        };
        self.work.notify_one();
        let known = places.len();
        for part in &parts {
            part.places(&batch.all, places);
        }
        self.counters.note_appended(places.len() - known);
        batch.clear();
        Ok(position)
    }

    /// See [`Log::settle`](crate::Log::settle).
    pub fn settle(&self, durable: &[MessageId], spilled: &[MessageId]) {
        for ids in durable.chunks(SETTLED_AT_ONCE) {
            self.settle_some(ids, &[]);
        }
        for ids in spilled.chunks(SETTLED_AT_ONCE) {
            self.settle_some(&[], ids);
        }
    }

    fn settle_some(&self, durable: &[MessageId], spilled: &[MessageId]) {
        let begins = {
            let mut inner = self.inner.lock();
            let before = inner.settled.len();
            inner.traffic.settled += (durable.len() + spilled.len()) as u64;
            inner.settle(durable, spilled);
            before == 0 && !inner.settled.is_empty()
        };
        if begins {
            self.work.notify_one();
        }
    }

    /// See [`Log::committed`](crate::Log::committed).
    pub fn committed(&self) -> Position {
        Position(self.committed.load(Ordering::Acquire))
    }

    /// See [`Log::has_failed`](crate::Log::has_failed).
    pub fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// See [`Log::failure`](crate::Log::failure).
    pub fn failure(&self) -> Option<&LogFailed> {
        self.failure.get()
    }

    /// See [`Log::is_behind`](crate::Log::is_behind).
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    /// See [`Log::wake_at`](crate::Log::wake_at).
    pub fn wake_at(&self, at: Position, waiter: Arc<dyn Waiter>) {
        let mut inner = self.inner.lock();
        let idle = at == Position::NEXT_COMMIT && inner.waiting_bytes() == 0;
        if idle || at <= self.committed() || self.has_failed() {
            drop(inner);
            waiter.wake();
        } else {
            inner.wait(at, waiter);
            drop(inner);
            self.work.notify_one();
        }
    }

    /// See [`Log::put_page`](crate::Log::put_page).
    pub fn put_page(&self, page: Vec<u8>) -> PageId {
        let (id, is_much) = self.pages.put(page);
        if is_much {
            self.inner.lock().wants_keeping = true;
            self.keep.notify_one();
        }
        id
    }

    /// See [`Log::page`](crate::Log::page).
    pub fn page(&self, id: PageId) -> Option<Vec<u8>> {
        self.pages.get(id)
    }

    /// See [`Log::remove_page`](crate::Log::remove_page).
    pub fn remove_page(&self, id: PageId) {
        self.pages.remove(id);
    }

    /// See [`Log::stats`](crate::Log::stats).
    pub fn stats(&self) -> Stats {
        self.inner.lock().stats()
    }

    /// Fails if the log takes nothing any more. The lock shows that nothing can fail meanwhile.
    pub fn check(&self, _inner: &Inner) -> Result<(), LogFailed> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("committed", &self.committed()).finish_non_exhaustive()
    }
}
