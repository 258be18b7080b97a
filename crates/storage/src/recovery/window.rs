//! A segment's bytes, read in large parts.
//!
//! Invariants:
//! - Nothing at or behind `limit` is looked at.
//! - What was never written is not read: a look at it would make the system keep pages of zeros, and take them for
//!   written from then on.
//! - What the disk can't read is an [`Unreadable`] error that says where, or, if that is tolerated, bytes that are no
//!   record and not zero either: so it is never taken for a place where nothing was written.

use std::io;

use crate::disk::Disk;
use crate::record::{Invalid, RECORD_HEADER_BYTES, Record, Seed, announced_len, decode};

/// How much is read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// In what parts it is tried to read around what can't be read. A disk and its cache may lose more at once.
const BLOCK_BYTES: u64 = 512;
/// Stands for what can't be read.
const UNREADABLE: u8 = 0xFF;

/// Where a segment can't be read.
#[derive(Debug, thiserror::Error)]
#[error("it can't be read: {source}")]
pub struct Unreadable {
    /// The first byte.
    pub at: u64,
    source: io::Error,
}

/// A part of a segment.
pub struct Window<'a> {
    disk: &'a dyn Disk,
    /// The segment.
    pub segment: u32,
    /// Its end, as far as it is looked at.
    pub limit: u64,
    /// Whether to go on where it can't be read.
    pub is_tolerant: bool,
    /// Whether that was so anywhere.
    pub has_unreadable: bool,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    /// Of a segment that is looked at up to `limit`.
    pub fn new(disk: &'a dyn Disk, segment: u32, limit: u64) -> Self {
        Self { disk, segment, limit, is_tolerant: false, has_unreadable: false, start: 0, bytes: Vec::new() }
    }

    /// The same, going on where it can't be read.
    #[must_use]
    pub fn tolerant(self, is_tolerant: bool) -> Self {
        Self { is_tolerant, ..self }
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
            self.start = at;
            self.fill(WINDOW_BYTES.max(wanted).min(there), wanted)?;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..).unwrap_or_default())
    }

    /// Looks at up to `most` bytes from `start` on: at `wanted` in any case, at more as far as they were written.
    fn fill(&mut self, most: usize, wanted: usize) -> io::Result<()> {
        self.bytes.clear();
        while self.bytes.len() < wanted {
            let at = self.start + self.bytes.len() as u64;
            let written = self.disk.written(self.segment, at)?;
            let until =
                |to: u64| usize::try_from(to.saturating_sub(self.start)).unwrap_or(usize::MAX).min(most);
            let (from, to) = (until(written.start), until(written.end));
            if to <= from {
                break;
            }
            self.bytes.resize(to, 0);
            let part = self.bytes.get_mut(from..).unwrap_or_default();
            if self.disk.read(self.segment, self.start + from as u64, part).is_err() {
                self.read_around(from)?;
            }
        }
        self.bytes.resize(self.bytes.len().max(wanted), 0);
        Ok(())
    }

    /// Reads what can be read, from a place among the bytes on.
    fn read_around(&mut self, from: usize) -> io::Result<()> {
        let mut at = self.start + from as u64;
        let mut rest = self.bytes.get_mut(from..).unwrap_or_default();
        while !rest.is_empty() {
            let block = usize::try_from(BLOCK_BYTES - at % BLOCK_BYTES).unwrap_or(1).min(rest.len());
            let (block, later) = rest.split_at_mut(block);
            if let Err(source) = self.disk.read(self.segment, at, block) {
                if !self.is_tolerant {
                    return Err(io::Error::new(source.kind(), Unreadable { at, source }));
                }
                self.has_unreadable = true;
                block.fill(UNREADABLE);
            }
            at += block.len() as u64;
            rest = later;
        }
        Ok(())
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
        Ok(self.disk.written(self.segment, at)?.start.clamp(at, self.limit.max(at)))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::recovery::survey;

    const LEN: u64 = 8 << 20;

    /// A segment that knows where it was written, and minds being read anywhere else.
    struct Sparse(Vec<Range<u64>>);

    impl Disk for Sparse {
        fn create(&self, _: u32, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn write(&self, _: u32, _: u64, _: &[&[u8]]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn read(&self, _: u32, at: u64, into: &mut [u8]) -> io::Result<()> {
            let end = at + into.len() as u64;
            let within = |written: &Range<u64>| written.start <= at && end <= written.end;
            assert!(self.0.iter().any(within), "{at}..{end} was read");
            into.fill(7);
            Ok(())
        }
        fn len(&self, _: u32) -> io::Result<u64> {
            Ok(LEN)
        }
        fn sync(&self, _: u32) -> io::Result<()> {
            Ok(())
        }
        fn remove(&self, _: u32) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn quarantine(&self, _: u32) -> io::Result<String> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn list(&self) -> io::Result<Vec<u32>> {
            Ok(vec![1])
        }
        fn describe(&self, _: u32) -> String {
            "sparse".to_owned()
        }
        fn written(&self, _: u32, at: u64) -> io::Result<Range<u64>> {
            let next = self.0.iter().find(|written| at < written.end);
            Ok(next.map_or(LEN..LEN, |written| written.start.max(at)..written.end))
        }
    }

    #[test]
    fn only_what_was_written_is_read_and_all_of_it_is_shown() {
        let disk = Sparse(vec![0..4096, 8192..12_288, 3 << 20..5 << 20, LEN - 100..LEN]);
        let mut window = Window::new(&disk, 1, LEN);
        let mut at = 0;
        while at < LEN {
            let bytes = window.bytes(at, 5000).unwrap();
            assert_eq!(bytes.len().min(5000) as u64, (LEN - at).min(5000));
            for (place, byte) in (at..).zip(bytes) {
                let is_written = disk.0.iter().any(|written| written.contains(&place));
                assert_eq!(*byte, if is_written { 7 } else { 0 }, "at {place}");
            }
            at += bytes.len() as u64;
        }
    }

    #[test]
    fn the_end_is_found_without_reading_what_was_never_written() {
        let disk = Sparse(vec![0..4096, 2 << 20..(2 << 20) + 10]);
        let tail = survey(&mut Window::new(&disk, 1, LEN), Seed::new(0), 64).unwrap();
        assert_eq!(tail.nonzero_end, Some((2 << 20) + 10));
    }
}
