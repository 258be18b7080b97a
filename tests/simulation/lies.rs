//! A disk that breaks its promises, so that it is known that the oracle notices.

use std::io;
use std::sync::Arc;

use leveret_storage::{CrashDisk, Disk};

/// Says of every sync that it was done.
#[derive(Debug)]
struct Liar(Arc<CrashDisk>);

impl Disk for Liar {
    fn create(&self, segment: u32, bytes: u64) -> io::Result<()> {
        self.0.create(segment, bytes)
    }

    fn write(&self, segment: u32, at: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.0.write(segment, at, parts)
    }

    fn read(&self, segment: u32, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read(segment, at, into)
    }

    fn len(&self, segment: u32) -> io::Result<u64> {
        self.0.len(segment)
    }

    fn sync(&self, _segment: u32) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, segment: u32) -> io::Result<()> {
        self.0.remove(segment)
    }

    fn quarantine(&self, segment: u32) -> io::Result<String> {
        self.0.quarantine(segment)
    }

    fn list(&self) -> io::Result<Vec<u32>> {
        self.0.list()
    }

    fn describe(&self, segment: u32) -> String {
        self.0.describe(segment)
    }
}

/// A disk that syncs nothing.
pub fn lying(disk: Arc<CrashDisk>) -> Arc<dyn Disk> {
    Arc::new(Liar(disk))
}
