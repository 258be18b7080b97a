//! Housekeeping: what is dead goes, what is alive stays findable, and opening stays quick.
//!
//! Invariants:
//! - The log alone suffices, at every moment: before a segment goes, everything that only its records say is said
//!   again by committed records of later ones. A view is told of it at some later time, or never.
//! - Segments go in rising order, because records speak about earlier segments only.
//! - Nothing in here makes a publisher wait for the disk: under the log's lock are only looks and appends of
//!   bounded size.
//! - A failure of the view costs time at the next opening; a failure of the disk is the log's failure.

mod checkpoint;
mod dead;
mod forward;
mod indexes;
mod share;

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::error::LogFailed;
use crate::index::Index;
use share::Share;

pub use indexes::Indexes;
pub use share::Traffic;

/// What only the thread that keeps house touches.
#[derive(Debug)]
pub struct Keeper {
    /// What the view was told.
    pub catalog: Catalog,
    /// The segment at whose beginning the last checkpoint stands.
    pub at: u32,
    /// The segments in the catalog.
    pub saved: BTreeMap<u32, Saved>,
    /// Indexes of closed segments that the catalog does not have.
    pub indexes: BTreeMap<u32, Index>,
    /// Segments that are not worth copying as long as so many of their pairs are alive.
    unfit: BTreeMap<u32, u32>,
    /// To drop so many dead segments would have taken too much writing.
    too_dear: Option<usize>,
    share: Share,
}

/// What the catalog says of a segment.
#[derive(Clone, Copy, Debug)]
pub struct Saved {
    /// How many pairs were alive. As pairs only die, the same number means the same pairs.
    pub live: u32,
    /// How many of the pairs are not durable.
    pub spilled: u32,
    /// How many of the pairs stand elsewhere in the order of their queues.
    pub moved: u32,
}

impl Keeper {
    /// Of a log that was opened from a checkpoint, or from its beginning.
    pub fn new(catalog: Catalog, at: u32, saved: BTreeMap<u32, Saved>) -> Self {
        Self {
            catalog,
            at,
            saved,
            indexes: BTreeMap::new(),
            unfit: BTreeMap::new(),
            too_dear: None,
            share: Share::default(),
        }
    }
}

impl Engine {
    /// See [`Log::tend`](crate::Log::tend).
    pub fn tend(&self) -> Result<bool, LogFailed> {
        let prepared = self.prepare_segment()?;
        let mut keeper = self.keeper.lock();
        let keeper = &mut *keeper;
        keeper.share.look(self.inner.lock().traffic, self.options.segment_bytes);
        let dropped = self.drop_dead(keeper)?;
        let told = self.checkpoint(keeper)?;
        if told || keeper.share.is_idle() {
            self.watch(keeper);
            keeper.too_dear = None;
        }
        let copied = self.copy_forward(keeper)?;
        let moved = self.pages.tend();
        let busy = prepared || dropped || told || copied;
        keeper.share.rest(busy);
        Ok(busy || moved)
    }
}
