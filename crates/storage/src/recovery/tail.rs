//! What lies behind the last record of a segment.
//!
//! Invariant: bytes that are taken for zeros without a look were never written, as the disk says.

use std::io;

use super::window::Window;
use crate::record::{MARK_BYTES, Record, Seed, decode, kind};

/// What a look behind the last record found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Behind the last byte that is not zero.
    pub nonzero_end: Option<u64>,
    /// The highest position that any Mark says was synced.
    pub synced: u64,
}

const STEP_BYTES: usize = 1 << 18;
/// What nearly all of it is, so that it is compared in large pieces first.
static NOTHING: [u8; 4096] = [0; 4096];

/// Looks at everything from `from` on, a multiple of 8.
pub fn survey(window: &mut Window<'_>, seed: Seed, from: u64) -> io::Result<Tail> {
    let mut tail = Tail { nonzero_end: None, synced: 0 };
    let mut at = from;
    loop {
        // Down to a multiple of 8: where a Mark can begin.
        at = window.skip_unwritten(at)? & !7;
        if window.limit <= at {
            return Ok(tail);
        }
        // Besides the step itself what a Mark that begins in it needs.
        let bytes = window.bytes(at, STEP_BYTES + MARK_BYTES)?;
        if bytes.chunks(NOTHING.len()).all(|piece| NOTHING.starts_with(piece)) {
            at += STEP_BYTES as u64;
            continue;
        }
        for (place, word) in (at..).step_by(8).zip(bytes.chunks(8).take(STEP_BYTES / 8)) {
            let Some(used) = word.iter().rposition(|byte| *byte != 0) else { continue };
            tail.nonzero_end = Some(place + used as u64 + 1);
            let from = usize::try_from(place - at).unwrap_or(usize::MAX);
            if let Some(synced) = mark(seed, bytes.get(from..).unwrap_or_default()) {
                tail.synced = tail.synced.max(synced);
            }
        }
        at += STEP_BYTES as u64;
    }
}

/// What the Mark at the front of the bytes says was synced, if there is one.
fn mark(seed: Seed, bytes: &[u8]) -> Option<u64> {
    // Almost all words are none: a look at the length and the kind is enough for those.
    let is_likely =
        bytes.get(4).is_some_and(|len| usize::from(*len) == MARK_BYTES) && bytes.get(8) == Some(&kind::MARK);
    match is_likely.then(|| decode(seed, bytes))?.ok()? {
        (Record::Mark { synced, .. }, _) => Some(synced),
        _ => None,
    }
}
