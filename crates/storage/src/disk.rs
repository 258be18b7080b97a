//! The seam to the disk: files by number, and a promise that is as strong as the disk's own.
//!
//! Invariants of every disk:
//! - What was written may be lost, in whole or in part and in any order, until [`Disk::sync`] of its segment has
//!   returned; then it is there, whatever happens.
//! - A segment that was created is there after a crash, one that was removed is not.

#[cfg(any(test, feature = "testing"))]
mod crash;
mod data_dir;
mod file;

#[cfg(any(test, feature = "testing"))]
pub use crash::{CrashDisk, Fate, Operation};
pub use data_dir::{DataDir, DataDirError};
pub use file::FileDisk;

use std::io;
use std::ops::Range;

/// Segments of a log.
pub trait Disk: Send + Sync {
    /// A new segment of so many zeros, for which there is room on the disk from now on.
    fn create(&self, segment: u32, bytes: u64) -> io::Result<()>;
    /// Writes the parts one after the other; beyond its end a segment grows.
    fn write(&self, segment: u32, at: u64, parts: &[&[u8]]) -> io::Result<()>;
    /// Reads as many bytes as asked for, or fails.
    fn read(&self, segment: u32, at: u64, into: &mut [u8]) -> io::Result<()>;
    /// How long the segment is.
    fn len(&self, segment: u32) -> io::Result<u64>;
    /// Everything written to the segment survives from now on.
    fn sync(&self, segment: u32) -> io::Result<()>;
    /// The segment goes.
    fn remove(&self, segment: u32) -> io::Result<()>;
    /// Keeps a copy of the segment, as it is and with zeros for what can't be read, where [`Disk::list`] does not see it; says where.
    fn quarantine(&self, segment: u32) -> io::Result<String>;
    /// The segments that are there, in any order.
    fn list(&self) -> io::Result<Vec<u32>>;
    /// What an operator calls the segment.
    fn describe(&self, segment: u32) -> String;

    /// The first stretch from `at` on that was ever written, as far as the disk can tell, or none at the segment's end:
    /// up to where it begins there are zeros.
    fn written(&self, segment: u32, at: u64) -> io::Result<Range<u64>> {
        Ok(at..self.len(segment)?.max(at))
    }
}
