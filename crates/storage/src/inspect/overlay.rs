//! A disk on top of another that is never written to: what is written stays in memory.
//!
//! Invariant: the disk below is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;

#[derive(Debug, Default)]
struct Above {
    /// Writes, in their order.
    writes: BTreeMap<u32, Vec<(u64, Vec<u8>)>>,
    /// Segments made up here, and how long they are.
    created: BTreeMap<u32, u64>,
    removed: BTreeSet<u32>,
}

/// See the module.
pub struct Overlay {
    below: Arc<dyn Disk>,
    above: Mutex<Above>,
}

impl Overlay {
    /// On top of that disk.
    pub fn new(below: Arc<dyn Disk>) -> Self {
        Self { below, above: Mutex::default() }
    }
}

impl Disk for Overlay {
    fn create(&self, segment: u32, bytes: u64) -> io::Result<()> {
        self.above.lock().created.insert(segment, bytes);
        Ok(())
    }

    fn write(&self, segment: u32, at: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.above.lock().writes.entry(segment).or_default().push((at, parts.concat()));
        Ok(())
    }

    fn read(&self, segment: u32, at: u64, into: &mut [u8]) -> io::Result<()> {
        let above = self.above.lock();
        if above.created.contains_key(&segment) {
            into.fill(0);
        } else {
            // Below it may be shorter than what was written above.
            let there = self.below.len(segment)?.saturating_sub(at);
            let there = usize::try_from(there).unwrap_or(usize::MAX).min(into.len());
            let (from_below, rest) = into.split_at_mut(there);
            self.below.read(segment, at, from_below)?;
            rest.fill(0);
        }
        for (from, bytes) in above.writes.get(&segment).into_iter().flatten() {
            let skip = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX);
            let drop = usize::try_from(at.saturating_sub(*from)).unwrap_or(usize::MAX);
            let (to, from) =
                (into.get_mut(skip..).unwrap_or_default(), bytes.get(drop..).unwrap_or_default());
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
        Ok(())
    }

    fn len(&self, segment: u32) -> io::Result<u64> {
        let above = self.above.lock();
        let len = above.created.get(&segment).map_or_else(|| self.below.len(segment), |len| Ok(*len))?;
        let ends =
            above.writes.get(&segment).into_iter().flatten().map(|(at, bytes)| at + bytes.len() as u64);
        Ok(ends.fold(len, u64::max))
    }

    fn sync(&self, _segment: u32) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, segment: u32) -> io::Result<()> {
        let mut above = self.above.lock();
        above.writes.remove(&segment);
        if above.created.remove(&segment).is_none() {
            above.removed.insert(segment);
        }
        Ok(())
    }

    fn quarantine(&self, segment: u32) -> io::Result<String> {
        Ok(self.below.describe(segment))
    }

    fn list(&self) -> io::Result<Vec<u32>> {
        let above = self.above.lock();
        let below = self.below.list()?.into_iter().filter(|segment| !above.removed.contains(segment));
        Ok(below.chain(above.created.keys().copied()).collect())
    }

    fn written(&self, segment: u32, at: u64) -> io::Result<Range<u64>> {
        let is_below = {
            let above = self.above.lock();
            !above.writes.contains_key(&segment) && !above.created.contains_key(&segment)
        };
        if is_below { self.below.written(segment, at) } else { Ok(at..self.len(segment)?.max(at)) }
    }

    fn describe(&self, segment: u32) -> String {
        self.below.describe(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CrashDisk;

    #[test]
    fn what_is_written_above_is_read_and_not_there_below() {
        let below = Arc::new(CrashDisk::new());
        below.create(1, 8).unwrap();
        below.write(1, 0, &[b"abcdefgh"]).unwrap();
        below.create(2, 8).unwrap();
        let above = Overlay::new(Arc::clone(&below) as _);
        above.write(1, 2, &[b"CD", b"E"]).unwrap();
        above.write(1, 7, &[b"H12"]).unwrap();
        above.create(3, 4).unwrap();
        above.remove(2).unwrap();
        assert_eq!(above.list().unwrap(), [1, 3]);
        assert_eq!((above.len(1).unwrap(), above.len(3).unwrap()), (10, 4));
        let mut bytes = [0; 9];
        above.read(1, 1, &mut bytes).unwrap();
        assert_eq!(&bytes, b"bCDEfgH12");
        let mut bytes = [0; 2];
        above.read(1, 3, &mut bytes).unwrap();
        assert_eq!(&bytes, b"DE");
        assert_eq!(below.bytes(1), b"abcdefgh");
        assert_eq!(below.list().unwrap(), [1, 2]);
    }
}
