//! Opening a log: what its records say.
//!
//! Invariants:
//! - The log alone suffices. Everything that was committed is found, or the log is not opened.
//! - When `open` returns, everything that was found is synced, whether the last process had done so or not.

mod begin;
mod replay;
mod restore;
mod scan;
mod tail;
mod window;

pub use restore::{Definition, Recovery, Restored};

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Condvar, Mutex};

use crate::commit::Writer;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::inner::Inner;
use crate::log::{Log, Options};
use crate::place::Position;
use crate::record::{HEADER_BYTES, Seed};
use begin::{Segments, first_segment, segments};
use replay::Replay;
use scan::{End, Scanner};

impl Log {
    /// Opens the log of a disk, or begins one if the disk has none.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Arc<Self>, Recovery), OpenError> {
        let options = Options { segment_bytes: options.segment_bytes.clamp(1 << 12, 1 << 30), ..options };
        let begun = match segments(&*disk, options)? {
            Some(begun) => begun,
            None => first_segment(&*disk, options.segment_bytes)?,
        };
        let replay = replay(&*disk, &begun, options)?;
        let (log, recovery) = assemble(disk, options, &begun, replay);
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

/// Reads all segments.
fn replay(disk: &dyn Disk, begun: &Segments, options: Options) -> Result<Replay, OpenError> {
    let scanner = Scanner { disk, seed: Seed::new(begun.salt), accept_loss: options.accept_loss };
    let mut replay = Replay::default();
    let mut headers = begun.headers.iter().peekable();
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
    Ok(replay)
}

fn assemble(
    disk: Arc<dyn Disk>,
    options: Options,
    begun: &Segments,
    mut replay: Replay,
) -> (Arc<Log>, Recovery) {
    let last = replay.segments.pop_last().unwrap_or_else(|| (1, crate::segment::Segment::new()));
    let committed = Position::at(last.0, last.1.end);
    let segments = std::mem::take(&mut replay.segments);
    let log = Arc::new(Log {
        pages: crate::pages::Pages::new(Arc::new(crate::NoView)),
        disk,
        options,
        seed: Seed::new(begun.salt),
        inner: Mutex::new(Inner::new(segments, last, begun.salt, options.segment_bytes)),
        work: Condvar::new(),
        keep: Condvar::new(),
        writer: Mutex::new(Writer::default()),
        created: Mutex::new(begun.created),
        committed: AtomicU64::new(committed.0),
        behind: AtomicBool::new(false),
        failure: OnceLock::new(),
    });
    let recovery = Recovery::new(Arc::clone(&log), replay);
    (log, recovery)
}
