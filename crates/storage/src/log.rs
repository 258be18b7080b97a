//! The log: what is appended to it, what is settled, and who waits for what.
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

use crate::batch::Batch;
use crate::commit::Writer;
use crate::disk::Disk;
use crate::error::LogFailed;
use crate::inner::{Inner, Part};
use crate::pages::{PageId, Pages};
use crate::place::{MessageId, Place, Position};
use crate::reclaim::Keeper;
use crate::record::Seed;

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a segment is, unless one record is longer: 4 KiB to 1 GiB.
    pub segment_bytes: u32,
    /// Go on without what is spoilt, after keeping a copy of its file.
    pub accept_loss: bool,
    /// While more bytes than these wait to be written, [`Log::is_behind`].
    pub waiting_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, accept_loss: false, waiting_bytes: 16 << 20 }
    }
}

/// How many pairs are settled before others have the lock in between.
const SETTLED_AT_ONCE: usize = 4096;

/// Who waits for a commit. Called without any lock held; must not wait for anything itself.
pub trait Waiter: Send + Sync {
    /// It is done, or the log has failed.
    fn wake(&self);
}

/// The log. One thread calls [`Log::commit`], all others what they like.
pub struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) seed: Seed,
    pub(crate) inner: Mutex<Inner>,
    /// There may be something to be committed. Goes with `inner`.
    pub(crate) work: Condvar,
    /// There may be something for the thread that keeps house. Goes with `inner`.
    pub(crate) keep: Condvar,
    pub(crate) writer: Mutex<Writer>,
    /// What is kept up to date behind the log's back.
    pub(crate) keeper: Mutex<Keeper>,
    /// See [`Log::put_page`].
    pub(crate) pages: Pages,
    /// The highest segment whose file is there.
    pub(crate) created: Mutex<u32>,
    pub(crate) committed: AtomicU64,
    pub(crate) behind: AtomicBool,
    pub(crate) failure: OnceLock<LogFailed>,
}

impl Log {
    /// Takes the batch, which is then empty and keeps its room, and pushes the place of every pair in order. Nobody
    /// waits in here: the batch is safe once [`Log::committed`] has reached the position returned.
    pub fn append(&self, batch: &mut Batch, places: &mut Vec<Place>) -> Result<Position, LogFailed> {
        if batch.refused {
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
        for part in &parts {
            part.places(&batch.records, places);
        }
        batch.clear();
        Ok(position)
    }

    /// These pairs are done with. What was durable is logged, soon, and nobody waits for it.
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

    /// Everything up to here survives whatever happens to the process and to the power.
    pub fn committed(&self) -> Position {
        Position(self.committed.load(Ordering::Acquire))
    }

    /// Whether the disk failed, or the log was closed. Nothing is committed any more.
    pub fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Why it has failed.
    pub fn failure(&self) -> Option<&LogFailed> {
        self.failure.get()
    }

    /// Whether so many bytes wait to be written that publishers should pause until the next commit.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    /// The waiter is woken once, as soon as everything up to `at` is committed or the log has failed. With
    /// [`Position::NEXT_COMMIT`]: as soon as what waits now has been written.
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

    /// Keeps some bytes as long as the process lives, out of memory if there are many.
    pub fn put_page(&self, page: Vec<u8>) -> PageId {
        let (id, is_much) = self.pages.put(page);
        if is_much {
            self.inner.lock().wants_keeping = true;
            self.keep.notify_one();
        }
        id
    }

    /// The bytes of a page, unless it was removed, or the view has lost it, which the broker's log tells.
    pub fn page(&self, id: PageId) -> Option<Vec<u8>> {
        self.pages.get(id)
    }

    /// The page is not needed any more.
    pub fn remove_page(&self, id: PageId) {
        self.pages.remove(id);
    }

    /// What there is.
    pub fn stats(&self) -> Stats {
        self.inner.lock().stats()
    }

    /// Fails if the log takes nothing any more. The lock shows that nothing can fail meanwhile.
    pub(crate) fn check(&self, _inner: &Inner) -> Result<(), LogFailed> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("committed", &self.committed()).finish_non_exhaustive()
    }
}

/// How much is in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Segments with records.
    pub segments: usize,
    /// The bytes of their records, dead ones as well.
    pub bytes: u64,
    /// Pairs that are not settled.
    pub live_pairs: u64,
    /// About how many bytes their messages are.
    pub live_bytes: u64,
    /// What waits to be written.
    pub waiting_bytes: usize,
}
