//! Opening a log: what its records say.
//!
//! Invariants:
//! - The log alone suffices. Everything that was committed is found, or the log is not opened.
//! - When `open` returns, everything that was found is synced, whether the last process had done so or not.

mod begin;
mod replay;
mod restore;
mod resume;
mod scan;
mod tail;
mod window;

pub use restore::{Definition, Recovery, Restored};
pub use scan::End;
pub use tail::survey;
pub use window::Window;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Condvar, Mutex};

use crate::activity::Counters;
use crate::catalog::Catalog;
use crate::commit::Writer;
use crate::disk::Disk;
use crate::engine::Engine;
use crate::error::OpenError;
use crate::inner::Inner;
use crate::log::Options;
use crate::pages::Pages;
use crate::place::Position;
use crate::reclaim::Keeper;
use crate::record::{HEADER_BYTES, Seed};
use crate::view::View;
use begin::{Segments, first_segment, segments};
use replay::Replay;
use restore::Known;
use resume::{Resumed, resume};
use scan::Scanner;

impl Engine {
    /// See [`Log::open`](crate::Log::open).
    pub fn open(
        disk: Arc<dyn Disk>,
        view: Box<dyn View>,
        options: Options,
    ) -> Result<(Arc<Self>, Recovery), OpenError> {
        let options = Options { segment_bytes: options.segment_bytes.clamp(1 << 12, 1 << 30), ..options };
        let begun = match segments(&*disk, options)? {
            Some(begun) => begun,
            None => first_segment(&*disk, options.segment_bytes)?,
        };
        let view: Arc<dyn View> = view.into();
        let mut catalog = Catalog::new(Arc::clone(&view), begun.salt);
        let is_short = begun.headers.len() < 2;
        let resumed = if options.accept_loss || is_short {
            // Everything is to be looked at, since what is spoilt may lie anywhere; or it is quicker to read
            // one segment than to open a view.
            catalog.clear();
            None
        } else {
            resume(&mut catalog, &begun)
        };
        let Resumed { replay, at, saved } = resumed.unwrap_or_default();
        let replay = read_on(&*disk, &begun, options, (replay, at))?;
        // Of a single segment, which is not closed, there is nothing that the view could be told.
        let told = if is_short { begun.headers.last().map_or(at, |last| last.segment) } else { at };
        let keeper = Keeper::new(catalog, told, saved);
        let (log, recovery) = assemble(Opening { disk, view, options, keeper }, &begun, replay);
        // The first Mark: from now on a clean end is not the last record any more.
        {
            let mut inner = log.inner.lock();
            inner.begin_chunk();
            inner.pending.sync = true;
        }
        log.commit()?;
        Ok((log, recovery))
    }
}

/// What a log is made of.
struct Opening {
    disk: Arc<dyn Disk>,
    view: Arc<dyn View>,
    options: Options,
    keeper: Keeper,
}

/// Reads all segments from a number on.
fn read_on(
    disk: &dyn Disk,
    begun: &Segments,
    options: Options,
    (mut replay, at): (Replay, u32),
) -> Result<Replay, OpenError> {
    let scanner = Scanner { disk, seed: Seed::new(begun.salt), accept_loss: options.accept_loss };
    let mut headers = begun.headers.iter().skip_while(|header| header.segment < at).peekable();
    while let Some(header) = headers.next() {
        let end = match headers.peek() {
            Some(next) if next.previous == header.segment => {
                End::Told { end: next.previous_end, pairs: next.previous_pairs }
            }
            Some(_) => End::Untold,
            None => End::Open,
        };
        replay.begin(header.segment);
        scanner.scan(&mut replay, header.segment, HEADER_BYTES as u64, end)?;
        if end == End::Open {
            // It may have been read from memory that the last process never synced.
            scanner.sync(header.segment)?;
        }
    }
    replay.forget_buried_definitions();
    Ok(replay)
}

fn assemble(opening: Opening, begun: &Segments, mut replay: Replay) -> (Arc<Engine>, Recovery) {
    let Opening { disk, view, options, mut keeper } = opening;
    let last = replay.segments.pop_last().unwrap_or_else(|| (1, crate::segment::Segment::new()));
    let committed = Position::at(last.0, last.1.end);
    let segments = std::mem::take(&mut replay.segments);
    let mut writer = Writer::default();
    writer.indexes.resume(last.0, replay.indexes.remove(&last.0).unwrap_or_default());
    keeper.indexes = std::mem::take(&mut replay.indexes);
    let known = Known { last: last.0, pairs: last.1.pairs.pairs() };
    let mut inner = Inner::new(segments, last, begun.salt, options.segment_bytes);
    inner.definitions = std::mem::take(&mut replay.newest);
    let log = Arc::new(Engine {
        disk,
        options,
        seed: Seed::new(begun.salt),
        inner: Mutex::new(inner),
        work: Condvar::new(),
        keep: Condvar::new(),
        writer: Mutex::new(writer),
        keeper: Mutex::new(keeper),
        pages: Pages::new(view),
        created: Mutex::new(begun.created),
        committed: AtomicU64::new(committed.0),
        behind: AtomicBool::new(false),
        counters: Counters::default(),
        failure: OnceLock::new(),
    });
    let recovery = Recovery::new(Arc::clone(&log), replay, known);
    (log, recovery)
}
