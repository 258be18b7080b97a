//! The segments of a directory, by their headers.
//!
//! Invariant: a header that can't be read does not keep the others from being read.

use std::fmt;
use std::io;

use super::InspectError;
use crate::disk::Disk;
use crate::record::{HEADER_BYTES, HeaderError, Seed, SegmentHeader, salt_of};
use crate::recovery::{End, Window, survey};

/// All segments that there are.
pub struct Found {
    /// In rising order.
    pub segments: Vec<Header>,
    /// What all checksums begin with, if any header tells.
    pub seed: Option<Seed>,
}

/// A segment.
pub struct Header {
    /// Its number.
    pub segment: u32,
    /// What its header says, if that can be read.
    pub says: Option<SegmentHeader>,
    /// It was made ahead of its time: nothing is in it.
    pub is_unbegun: bool,
    /// What its successor tells of its end.
    pub end: End,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.says {
            Some(says) if says.previous == 0 => write!(f, "header: segment {}, the first", says.segment),
            Some(SegmentHeader { segment, previous, previous_end, previous_pairs, .. }) => write!(
                f,
                "header: segment {segment}, after segment {previous} with {previous_end} bytes and \
                 {previous_pairs} pairs"
            ),
            None if self.is_unbegun => f.write_str("prepared: nothing is in it yet"),
            None => f.write_str("SPOILT header"),
        }
    }
}

/// Reads all headers.
pub fn headers(disk: &dyn Disk) -> Result<Found, InspectError> {
    let failed = |what: String| move |source| InspectError::Io { what, source };
    let mut numbers = disk.list().map_err(failed("listing the segments".to_owned()))?;
    numbers.sort_unstable();
    let mut found = Found { segments: Vec::new(), seed: None };
    for segment in numbers {
        let (bytes, is_unbegun) = match read(disk, segment) {
            Ok(read) => read,
            // Dropped since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(format!("reading {}", disk.describe(segment)))(error)),
        };
        let says = match SegmentHeader::decode(&bytes) {
            Ok(says) => Some(says).filter(|says| says.segment == segment),
            Err(HeaderError::Invalid) => None,
            Err(HeaderError::Newer(found)) => {
                return Err(InspectError::Newer { file: disk.describe(segment), found });
            }
        };
        found.seed = found.seed.or_else(|| salt_of(&bytes).map(Seed::new));
        found.segments.push(Header { segment, says, is_unbegun, end: End::Open });
    }
    tell_ends(&mut found.segments);
    Ok(found)
}

/// The header's bytes, and whether nothing was ever written to the segment.
fn read(disk: &dyn Disk, segment: u32) -> io::Result<([u8; HEADER_BYTES], bool)> {
    let len = disk.len(segment)?;
    let mut bytes = [0; HEADER_BYTES];
    let there = usize::try_from(len).unwrap_or(usize::MAX).min(HEADER_BYTES);
    disk.read(segment, 0, bytes.get_mut(..there).unwrap_or_default())?;
    let mut window = Window::new(disk, segment, len);
    let is_blank = bytes.iter().all(|byte| *byte == 0);
    let is_unbegun = is_blank && survey(&mut window, Seed::new(0), 0)?.nonzero_end.is_none();
    Ok((bytes, is_unbegun))
}

/// A segment's end is told by the next one, if that was begun right after it.
fn tell_ends(segments: &mut [Header]) {
    let mut after: Option<SegmentHeader> = None;
    let mut is_last = true;
    for header in segments.iter_mut().rev().filter(|header| !header.is_unbegun) {
        header.end = match after {
            Some(next) if next.previous == header.segment => {
                End::Told { end: next.previous_end, pairs: next.previous_pairs }
            }
            _ if is_last => End::Open,
            _ => End::Untold,
        };
        after = header.says;
        is_last = false;
    }
}
