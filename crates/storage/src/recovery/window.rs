//! A segment's bytes, read in large parts.
//!
//! Invariant: nothing at or behind `limit` is looked at.

use std::io;

use crate::disk::Disk;
use crate::record::{Invalid, RECORD_HEADER_BYTES, Record, Seed, announced_len, decode};

/// How much is read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// A part of a segment.
pub struct Window<'a> {
    disk: &'a dyn Disk,
    /// The segment.
    pub segment: u32,
    /// Its end, as far as it is looked at.
    pub limit: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    /// Of a segment that is looked at up to `limit`.
    pub fn new(disk: &'a dyn Disk, segment: u32, limit: u64) -> Self {
        Self { disk, segment, limit, start: 0, bytes: Vec::new() }
    }

    /// What is there from `at` on: at least so many bytes, if there are.
    pub fn bytes(&mut self, at: u64, wanted: usize) -> io::Result<&[u8]> {
        let there = usize::try_from(self.limit.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = wanted.min(there);
        let has = at
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok())
            .and_then(|from| self.bytes.len().checked_sub(from));
        if has.is_none_or(|has| has < wanted) {
            self.bytes.resize(WINDOW_BYTES.max(wanted).min(there), 0);
            self.start = at;
            self.disk.read(self.segment, at, &mut self.bytes)?;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..).unwrap_or_default())
    }

    /// The record that begins at `at`, and how long it is.
    pub fn record(&mut self, seed: Seed, at: u64) -> io::Result<Result<(Record<'_>, usize), Invalid>> {
        let Some(header) = self.bytes(at, RECORD_HEADER_BYTES)?.first_chunk() else {
            return Ok(Err(Invalid::Length));
        };
        let len = match announced_len(header) {
            Ok(len) if at + len as u64 <= self.limit => len,
            Ok(_) => return Ok(Err(Invalid::Length)),
            Err(invalid) => return Ok(Err(invalid)),
        };
        Ok(decode(seed, self.bytes(at, len)?))
    }

    /// Where the first byte at or after `at` is that may be other than zero.
    pub fn skip_unwritten(&self, at: u64) -> io::Result<u64> {
        Ok(self.disk.skip_unwritten(self.segment, at)?.clamp(at, self.limit.max(at)))
    }
}
