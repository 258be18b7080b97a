//! Going through a segment record by record, over whatever is spoilt.
//!
//! Invariant: it tells an end, a torn tail and corruption apart as an opening does, and changes nothing.

use std::fmt;
use std::io;

use super::headers::Header;
use super::report::Spoilt;
use crate::disk::Disk;
use crate::record::{ALIGNMENT, HEADER_BYTES, Invalid, Record, SHORTEST_RECORD, Seed, aligned};
use crate::recovery::{End, Window, survey};

/// A record, and where it is.
pub struct Located<'a> {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub len: usize,
    /// How many pairs of the segment are before it.
    pub ordinal: u32,
    /// What it says.
    pub record: Record<'a>,
}

/// What comes next in a segment.
pub enum Step<'a> {
    /// A record.
    Record(Located<'a>),
    /// Bytes that are none.
    Spoilt(Spoilt),
}

/// Where a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Behind its last record.
    pub at: u64,
    /// So many bytes of a write that was never finished follow.
    pub torn: u64,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} end", self.at)?;
        match self.torn {
            0 => Ok(()),
            bytes => write!(f, ", then {bytes} bytes of a write that was never finished"),
        }
    }
}

/// Shows every step.
pub fn walk(
    disk: &dyn Disk,
    seed: Seed,
    header: &Header,
    show: &mut dyn FnMut(Step<'_>),
) -> io::Result<Ended> {
    let len = disk.len(header.segment)?;
    let limit = if let End::Told { end, .. } = header.end { u64::from(end).min(len) } else { len };
    let mut window = Window::new(disk, header.segment, limit);
    let (mut at, mut ordinal) = (HEADER_BYTES as u64, 0);
    while at < limit {
        let invalid = match window.record(seed, at)? {
            Ok((record, len)) => {
                let before = ordinal;
                ordinal = after(&record, before);
                show(Step::Record(Located { offset: at, len, ordinal: before, record }));
                at += aligned(len) as u64;
                continue;
            }
            Err(invalid) => invalid,
        };
        let tail = survey(&mut Window::new(disk, header.segment, len), seed, at)?;
        // A broker that runs may have written it since the window was read.
        let mut fresh = Window::new(disk, header.segment, limit);
        if fresh.record(seed, at)?.is_ok() {
            window = fresh;
            continue;
        }
        let position = u64::from(header.segment) << 32 | at;
        let is_end = match header.end {
            End::Told { .. } => false,
            End::Untold => tail.nonzero_end.is_none(),
            End::Open => tail.synced <= position,
        };
        if is_end {
            return Ok(Ended { at, torn: tail.nonzero_end.map_or(0, |end| end - at) });
        }
        let next = next_valid(&mut window, seed, at)?;
        show(Step::Spoilt(Spoilt { offset: at, bytes: next - at, what: what(header.end, invalid) }));
        at = next;
    }
    Ok(Ended { at: at.min(limit), torn: 0 })
}

/// How many pairs there are after a record.
fn after(record: &Record<'_>, before: u32) -> u32 {
    match record {
        Record::Message(head) => before.saturating_add(head.pairs()),
        Record::Mark { ordinal, .. } => before.max(*ordinal),
        Record::Lost { pairs } => before.saturating_add(*pairs),
        _ => before,
    }
}

/// Where the next valid record behind `at` begins, or where the segment ends.
fn next_valid(window: &mut Window<'_>, seed: Seed, at: u64) -> io::Result<u64> {
    let mut next = at + aligned(SHORTEST_RECORD) as u64;
    while next < window.limit {
        if window.record(seed, next)?.is_ok() {
            return Ok(next);
        }
        next += ALIGNMENT as u64;
    }
    Ok(window.limit)
}

fn what(end: End, invalid: Invalid) -> String {
    match end {
        End::Open => format!("{invalid}, but what follows says that it had been safe"),
        End::Told { .. } | End::Untold => invalid.to_string(),
    }
}
