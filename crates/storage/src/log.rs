//! The log as a broker sees it.
//!
//! Invariant: what is here only passes on; what is promised here is kept by [`Engine`] and its parts.

use std::sync::Arc;

use crate::activity::Activity;
use crate::batch::Batch;
use crate::disk::Disk;
use crate::engine::Engine;
use crate::error::{LogFailed, OpenError, ReadError};
use crate::pages::PageId;
use crate::place::{MessageId, Place, Position};
use crate::read::StoredMessage;
use crate::recovery::Recovery;
use crate::view::View;

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

/// Who waits for a commit. Called without any lock held; must not wait for anything itself.
pub trait Waiter: Send + Sync {
    /// It is done, or the log has failed.
    fn wake(&self);
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

/// The log. One thread calls [`Log::commit`], one [`Log::tend`], all others what they like.
#[derive(Debug)]
pub struct Log(pub(crate) Arc<Engine>);

impl Log {
    /// Opens the log of a disk, or begins one if the disk has none. The view is believed if it belongs to this log,
    /// and told anew otherwise.
    pub fn open(
        disk: Arc<dyn Disk>,
        view: Box<dyn View>,
        options: Options,
    ) -> Result<(Arc<Self>, Recovery), OpenError> {
        let (engine, recovery) = Engine::open(disk, view, options)?;
        Ok((Arc::new(Self(engine)), recovery))
    }

    /// Takes the batch, which is then empty and keeps its room, and pushes the place of every pair in order. Nobody
    /// waits in here: the batch is safe once [`Log::committed`] has reached the position returned.
    pub fn append(&self, batch: &mut Batch, places: &mut Vec<Place>) -> Result<Position, LogFailed> {
        self.0.append(&mut batch.0, places)
    }

    /// These pairs are done with. What was durable is logged, soon, and nobody waits for it.
    pub fn settle(&self, durable: &[MessageId], spilled: &[MessageId]) {
        self.0.settle(durable, spilled);
    }

    /// Everything up to here survives whatever happens to the process and to the power.
    pub fn committed(&self) -> Position {
        self.0.committed()
    }

    /// Whether the disk failed, or the log was closed. Nothing is committed any more.
    pub fn has_failed(&self) -> bool {
        self.0.has_failed()
    }

    /// Why it has failed.
    pub fn failure(&self) -> Option<&LogFailed> {
        self.0.failure()
    }

    /// Whether so many bytes wait to be written that publishers should pause until the next commit.
    pub fn is_behind(&self) -> bool {
        self.0.is_behind()
    }

    /// The waiter is woken once, as soon as everything up to `at` is committed or the log has failed. With
    /// [`Position::NEXT_COMMIT`]: as soon as what waits now has been written.
    pub fn wake_at(&self, at: Position, waiter: Arc<dyn Waiter>) {
        self.0.wake_at(at, waiter);
    }

    /// The messages of these places, in their order.
    pub fn read(&self, places: &[Place]) -> Vec<Result<StoredMessage, ReadError>> {
        self.0.read(places)
    }

    /// Writes everything that waits, and syncs it if there is more than settlements and spilled messages. `false`:
    /// nothing waited. A failure is final.
    pub fn commit(&self) -> Result<bool, LogFailed> {
        self.0.commit()
    }

    /// One step of housekeeping, by one thread: makes the next segment's file, drops dead segments, tells the view
    /// what has been closed, copies what is left of a mostly dead segment forward, moves pages out of memory.
    /// `true`: there may be more to do at once.
    pub fn tend(&self) -> Result<bool, LogFailed> {
        self.0.tend()
    }

    /// The clean end: everything is committed, and then that nothing follows. `redelivered` is what had been
    /// delivered before and must say so when it is delivered again.
    pub fn close(&self, redelivered: &[MessageId]) -> Result<(), LogFailed> {
        self.0.close(redelivered)
    }

    /// Keeps some bytes as long as the process lives, out of memory if there are many.
    pub fn put_page(&self, page: Vec<u8>) -> PageId {
        self.0.put_page(page)
    }

    /// The bytes of a page, unless it was removed, or the view has lost it, which the broker's log tells.
    pub fn page(&self, id: PageId) -> Option<Vec<u8>> {
        self.0.page(id)
    }

    /// The page is not needed any more.
    pub fn remove_page(&self, id: PageId) {
        self.0.remove_page(id);
    }

    /// What has been done since it was opened.
    pub fn activity(&self) -> Activity {
        self.0.counters.get()
    }

    /// What there is.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}
