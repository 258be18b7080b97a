//! Reading a segment record by record, and deciding what it means where there is none.
//!
//! Invariants:
//! - A segment whose end is told (by its successor's header) is whole up to there, or spoilt.
//! - The last segment ends at its first invalid record, unless a Mark behind that says that it had been synced.
//! - A segment whose successor has gone ends where there is nothing but zeros.
//! - What is spoilt is replaced only if the operator accepted the loss, and after a copy was made.

use std::fmt::Display;
use std::io;

use super::replay::Replay;
use super::tail::{Tail, survey};
use super::window::{Unreadable, Window};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::record::{Record, SHORTEST_RECORD, Seed, aligned, lost};

/// What is known of a segment's end before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its successor says where it is, and how many pairs there are before it.
    Told {
        /// Where.
        end: u32,
        /// How many.
        pairs: u32,
    },
    /// It has a successor, but not the one that was begun when it ended.
    Untold,
    /// It is the last.
    Open,
}

/// Reads segments into a [`Replay`].
pub struct Scanner<'a> {
    /// Where they are.
    pub disk: &'a dyn Disk,
    /// What their checksums begin with.
    pub seed: Seed,
    /// Whether to go on where something is spoilt.
    pub accept_loss: bool,
}

impl Scanner<'_> {
    /// Reads a segment's records from `from` on. Afterwards the segment's end is where the next record goes.
    pub fn scan(&self, replay: &mut Replay, segment: u32, from: u64, end: End) -> Result<(), OpenError> {
        let len = self.disk.len(segment).map_err(|source| self.failed("reading", segment, source))?;
        let limit = if let End::Told { end, .. } = end { u64::from(end) } else { len };
        let mut window = Window::new(self.disk, segment, limit.min(len)).tolerant(self.accept_loss);
        let mut at = from;
        let mut copied = false;
        while at < limit {
            let record =
                window.record(self.seed, at).map_err(|source| self.failed("reading", segment, source))?;
            let invalid = match record {
                Ok(record) => {
                    let next = at + aligned(record.1) as u64;
                    replay.apply(segment, at, record);
                    at = next;
                    continue;
                }
                Err(invalid) => invalid,
            };
            if self.is_end(segment, at, len, end)? {
                break;
            }
            if !self.accept_loss {
                return Err(self.corrupt(segment, at, &invalid));
            }
            if !std::mem::replace(&mut copied, true) {
                self.keep_copy(segment, at, &invalid)?;
            }
            at = self.replace_spoilt(&mut window, replay, at, end)?;
        }
        Ok(())
    }

    /// Whether the segment ends where there is no valid record; if so, there are zeros from there on.
    fn is_end(&self, segment: u32, at: u64, len: u64, end: End) -> Result<bool, OpenError> {
        if matches!(end, End::Told { .. }) {
            return Ok(false);
        }
        let mut window = Window::new(self.disk, segment, len).tolerant(self.accept_loss);
        let tail =
            survey(&mut window, self.seed, at).map_err(|source| self.failed("reading", segment, source))?;
        let position = u64::from(segment) << 32 | at;
        if end == End::Untold || position < tail.synced {
            return Ok(tail.nonzero_end.is_none());
        }
        if window.has_unreadable {
            self.keep_copy(segment, at, &"some of it can't be read")?;
        }
        self.cut(segment, at, tail)?;
        Ok(true)
    }

    /// Throws away what was written behind `at` and never relied upon.
    fn cut(&self, segment: u32, at: u64, tail: Tail) -> Result<(), OpenError> {
        let Some(end) = tail.nonzero_end else { return Ok(()) };
        tracing::warn!(
            file = %self.disk.describe(segment),
            offset = at,
            bytes = end - at,
            "the log ended in the middle of a write, which nobody had been told was safe: cut it off"
        );
        let zeros = vec![0; 1 << 20];
        let mut from = at;
        while from < end {
            let part = zeros.get(..usize::try_from(end - from).unwrap_or(usize::MAX)).unwrap_or(&zeros);
            self.write(segment, from, part)?;
            from += part.len() as u64;
        }
        self.sync(segment)
    }

    fn keep_copy(&self, segment: u32, at: u64, why: &dyn Display) -> Result<(), OpenError> {
        let copy = self.disk.quarantine(segment).map_err(|source| self.failed("copying", segment, source))?;
        tracing::warn!(
            file = %self.disk.describe(segment),
            offset = at,
            %copy,
            "the log is spoilt ({why}); going on without, as told. A copy of the file as it was has been kept"
        );
        Ok(())
    }

    /// Puts a Lost record in the place of what is spoilt from `at` on; where the next record begins.
    fn replace_spoilt(
        &self,
        window: &mut Window<'_>,
        replay: &mut Replay,
        at: u64,
        end: End,
    ) -> Result<u64, OpenError> {
        let segment = window.segment;
        let reading = |source| self.failed("reading", segment, source);
        let told = if let End::Told { end, pairs } = end { Some((u64::from(end), pairs)) } else { None };
        let before = replay.pairs(segment);
        let next = self.next_valid(window, at).map_err(reading)?;
        let to = next.or(told.map(|(end, _)| end)).unwrap_or(window.limit);
        let pairs = match self.pairs_up_to_mark(window, to, told).map_err(reading)? {
            Some(known) => known.saturating_sub(before),
            None => guess_pairs(window, at).map_err(reading)?,
        };
        tracing::warn!(
            file = %self.disk.describe(segment), offset = at, bytes = to - at, messages = pairs,
            "lost what was spoilt in the log"
        );
        let bytes = u32::try_from(to - at).unwrap_or(u32::MAX);
        let record = lost(self.seed, bytes, pairs);
        self.write(segment, at, &record)?;
        self.sync(segment)?;
        replay.apply(segment, at, (Record::Lost { pairs }, record.len()));
        Ok(to)
    }

    /// Where the first valid record behind `at` begins.
    fn next_valid(&self, window: &mut Window<'_>, at: u64) -> io::Result<Option<u64>> {
        let mut next = at + aligned(SHORTEST_RECORD) as u64;
        while next < window.limit {
            if window.record(self.seed, next)?.is_ok() {
                return Ok(Some(next));
            }
            next += 8;
        }
        Ok(None)
    }

    /// How many pairs of the segment are before `at`, if the Mark that follows, or the segment's end, tells.
    fn pairs_up_to_mark(
        &self,
        window: &mut Window<'_>,
        at: u64,
        told: Option<(u64, u32)>,
    ) -> io::Result<Option<u32>> {
        let (mut at, mut pairs) = (at, 0);
        loop {
            if let Some((end, all)) = told
                && end <= at
            {
                return Ok(all.checked_sub(pairs));
            }
            match window.record(self.seed, at)? {
                Ok((Record::Mark { ordinal, .. }, _)) => return Ok(ordinal.checked_sub(pairs)),
                Ok((record, len)) => {
                    pairs += match record {
                        Record::Message(head) => head.pairs(),
                        Record::Lost { pairs } => pairs,
                        _ => 0,
                    };
                    at += aligned(len) as u64;
                }
                Err(_) => return Ok(None),
            }
        }
    }

    fn write(&self, segment: u32, at: u64, bytes: &[u8]) -> Result<(), OpenError> {
        self.disk.write(segment, at, &[bytes]).map_err(|source| self.failed("writing", segment, source))
    }

    /// Makes what is in the segment safe.
    pub fn sync(&self, segment: u32) -> Result<(), OpenError> {
        self.disk.sync(segment).map_err(|source| self.failed("syncing", segment, source))
    }

    /// The disk failed, as a whole or in one place.
    pub fn failed(&self, doing: &str, segment: u32, source: io::Error) -> OpenError {
        if let Some(unreadable) = source.get_ref().and_then(|source| source.downcast_ref::<Unreadable>()) {
            return self.corrupt(segment, unreadable.at, unreadable);
        }
        OpenError::Io { what: format!("{doing} {}", self.disk.describe(segment)), source }
    }

    fn corrupt(&self, segment: u32, offset: u64, why: &dyn Display) -> OpenError {
        OpenError::Corrupt { file: self.disk.describe(segment), offset, what: why.to_string() }
    }
}

/// How many pairs the spoilt record at `at` has by its own account, which may be spoilt as well.
fn guess_pairs(window: &mut Window<'_>, at: u64) -> io::Result<u32> {
    let bytes = window.bytes(at, 34)?;
    let queues = bytes.get(32..34).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_le_bytes);
    let is_message = bytes.get(8) == Some(&crate::record::kind::MESSAGE);
    Ok(if is_message { u32::from(queues).max(1) } else { 0 })
}
