//! Which segments there are: their headers.
//!
//! Invariants:
//! - A segment without a header and with nothing else in it was never begun; only such as are behind all others.
//! - All headers have the same salt and the number of their file.

use std::io;

use super::scan::Scanner;
use super::tail::survey;
use super::window::Window;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::Options;
use crate::record::{FORMAT, HEADER_BYTES, HeaderError, Seed, SegmentHeader, salt_of};

/// What a disk and its cache read and write at once.
const PAGE_BYTES: u64 = 4096;

/// The segments of a log.
#[derive(Debug)]
pub struct Segments {
    /// What all checksums begin with.
    pub salt: u64,
    /// Those that were begun, in order; at least one.
    pub headers: Vec<SegmentHeader>,
    /// The highest number that there is a file of.
    pub created: u32,
}

/// Begins a log on an empty disk.
pub fn first_segment(disk: &dyn Disk, segment_bytes: u32) -> Result<Segments, OpenError> {
    let salt = getrandom::u64().map_err(|source| OpenError::Io {
        what: "getting random bytes for a new log".to_owned(),
        source: io::Error::other(source),
    })?;
    let header = SegmentHeader { segment: 1, salt, previous: 0, previous_end: 0, previous_pairs: 0 };
    let failed = |source| failed("creating", disk, 1, source);
    disk.create(1, u64::from(segment_bytes)).map_err(failed)?;
    disk.write(1, 0, &[&header.encode()]).map_err(failed)?;
    disk.sync(1).map_err(failed)?;
    Ok(Segments { salt, headers: vec![header], created: 1 })
}

/// The segments that are there, or nothing if none has been begun.
pub fn segments(disk: &dyn Disk, options: Options) -> Result<Option<Segments>, OpenError> {
    let mut numbers = disk
        .list()
        .map_err(|source| OpenError::Io { what: "listing the segments of the log".to_owned(), source })?;
    numbers.sort_unstable();
    let mut found = Vec::new();
    for number in numbers {
        found.push((number, header(disk, number, options.accept_loss)?));
    }
    let created = drop_unbegun(disk, &mut found, options)?;
    let Some(salt) = found.iter().find_map(|(_, bytes)| salt_of(bytes)) else {
        if let Some((first, _)) = found.first()
            && !options.accept_loss
        {
            return Err(spoilt(disk, *first, "its header"));
        }
        for (number, _) in found {
            give_up(disk, number)?;
        }
        return Ok(None);
    };
    let mut headers: Vec<SegmentHeader> = Vec::new();
    for (number, bytes) in found {
        let header = match SegmentHeader::decode(&bytes) {
            Err(HeaderError::Newer(found)) => {
                return Err(OpenError::Newer { file: disk.describe(number), found, newest: FORMAT });
            }
            Ok(header) if header.segment == number && header.salt == salt => header,
            Ok(_) => return Err(spoilt(disk, number, "its header is another segment's")),
            Err(HeaderError::Invalid) if options.accept_loss => restore_header(disk, number, salt)?,
            Err(HeaderError::Invalid) => return Err(spoilt(disk, number, "its header")),
        };
        headers.push(header);
    }
    Ok(Some(Segments { salt, headers, created }))
}

/// The bytes of a segment's header; zeros where the file is too short.
fn header(disk: &dyn Disk, segment: u32, accept_loss: bool) -> Result<[u8; HEADER_BYTES], OpenError> {
    let read = || {
        let mut header = [0; HEADER_BYTES];
        let bytes = first_bytes(disk, segment, HEADER_BYTES as u64, accept_loss)?;
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = from;
        }
        Ok(header)
    };
    read().map_err(|source| unreadable(disk, segment, source))
}

/// So many bytes from the beginning of a segment, or all.
fn first_bytes(disk: &dyn Disk, segment: u32, count: u64, accept_loss: bool) -> io::Result<Vec<u8>> {
    let limit = disk.len(segment)?.min(count);
    let mut window = Window::new(disk, segment, limit).tolerant(accept_loss);
    Ok(window.bytes(0, HEADER_BYTES)?.to_vec())
}

/// A segment can't be read, and where, if the disk knows.
fn unreadable(disk: &dyn Disk, segment: u32, source: io::Error) -> OpenError {
    Scanner { disk, seed: Seed::new(0), accept_loss: false }.failed("reading", segment, source)
}

/// Takes those off the end that were made ahead of their time and never begun. Keeps the file of the one that comes
/// next, if it is as it should be. The highest number that there is a file of then.
fn drop_unbegun(
    disk: &dyn Disk,
    found: &mut Vec<(u32, [u8; HEADER_BYTES])>,
    options: Options,
) -> Result<u32, OpenError> {
    let mut unbegun = Vec::new();
    while let Some((number, bytes)) = found.last() {
        let is_begun = SegmentHeader::decode(bytes) != Err(HeaderError::Invalid);
        if is_begun || !is_empty(disk, *number, options.accept_loss)? {
            break;
        }
        unbegun.push(*number);
        found.pop();
    }
    let mut created = found.last().map_or(0, |(number, _)| *number);
    for number in unbegun.into_iter().rev() {
        let is_whole = disk.len(number).is_ok_and(|len| u64::from(options.segment_bytes) <= len);
        if created != 0 && number == created + 1 && is_whole {
            created = number;
        } else {
            disk.remove(number).map_err(|source| failed("removing", disk, number, source))?;
        }
    }
    Ok(created)
}

/// Whether there is nothing behind the segment's header.
fn is_empty(disk: &dyn Disk, segment: u32, accept_loss: bool) -> Result<bool, OpenError> {
    let look = || {
        let mut window = Window::new(disk, segment, disk.len(segment)?).tolerant(accept_loss);
        // Marks are of no interest: any byte will do.
        Ok(survey(&mut window, Seed::new(0), HEADER_BYTES as u64)?.nonzero_end.is_none())
    };
    look().map_err(|source| unreadable(disk, segment, source))
}

/// Writes a segment's header anew. It tells nothing of the segment before: that one ends where zeros follow.
fn restore_header(disk: &dyn Disk, segment: u32, salt: u64) -> Result<SegmentHeader, OpenError> {
    let header = SegmentHeader { segment, salt, previous: 0, previous_end: 0, previous_pairs: 0 };
    let write = || {
        let copy = disk.quarantine(segment)?;
        // If it can't be read, a part of it can't be written either.
        let page = first_bytes(disk, segment, PAGE_BYTES, true)?;
        disk.write(segment, 0, &[&header.encode(), page.get(HEADER_BYTES..).unwrap_or_default()])?;
        disk.sync(segment)?;
        Ok(copy)
    };
    let copy = write().map_err(|source| failed("restoring the header of", disk, segment, source))?;
    let file = disk.describe(segment);
    tracing::warn!(%file, %copy, "the segment's header was spoilt; it has been restored, after a copy was made");
    Ok(header)
}

/// A segment of which nothing can be read, since no header tells the salt.
fn give_up(disk: &dyn Disk, segment: u32) -> Result<(), OpenError> {
    let remove = || {
        let copy = disk.quarantine(segment)?;
        disk.remove(segment)?;
        Ok(copy)
    };
    let copy = remove().map_err(|source| failed("setting aside", disk, segment, source))?;
    let file = disk.describe(segment);
    tracing::warn!(%file, %copy, "nothing in the segment could be read; it has been set aside");
    Ok(())
}

fn spoilt(disk: &dyn Disk, segment: u32, what: &str) -> OpenError {
    OpenError::Corrupt { file: disk.describe(segment), offset: 0, what: what.to_owned() }
}

fn failed(doing: &str, disk: &dyn Disk, segment: u32, source: io::Error) -> OpenError {
    OpenError::Io { what: format!("{doing} {}", disk.describe(segment)), source }
}
