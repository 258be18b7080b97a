//! A disk for tests: in memory, and as bad as a disk may be.
//!
//! Invariants:
//! - What was synced is kept whatever happens, unless a test spoils it by hand.
//! - What was not synced is kept, lost, cut short or torn as the test says, when the [power goes](CrashDisk::after_crash).
//! - A sync that fails is as those of real systems: what it was to sync is never written, whatever is synced later.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use parking_lot::Mutex;

use super::Disk;

/// What becomes of writes that were not synced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// None of them was written.
    Lost,
    /// All of them were.
    Kept,
    /// So many of their bytes, in the order in which they were written, and no more.
    Prefix(usize),
    /// Of each 64 bytes some were and some not, chosen by this number.
    Torn(u64),
}

/// What the disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make a segment.
    Create,
    /// Write to one.
    Write,
    /// Sync one.
    Sync,
    /// Remove one.
    Remove,
}

/// The unit in which a torn write is kept or lost. Smaller than any sector, so that headers and records are torn.
const TORN_BYTES: usize = 64;

#[derive(Clone, Debug, Default)]
struct Segment {
    /// As everyone sees it.
    bytes: Vec<u8>,
    /// As it was at the last sync.
    synced: Vec<u8>,
    /// Writes since then.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug, Default)]
struct State {
    segments: BTreeMap<u32, Segment>,
    /// Segments whose creation was under way when the power went.
    half_created: Option<(u32, usize)>,
    asides: Vec<(String, Vec<u8>)>,
    /// Parts of segments that can't be read until they are written to, by segment and number.
    unreadable: BTreeSet<(u32, usize)>,
    /// How many operations there were, of any kind and of each.
    operations: u64,
    counts: BTreeMap<u8, u64>,
    /// The power goes at this operation.
    power_until: Option<u64>,
    fails: Option<(Operation, u64)>,
    capacity: Option<usize>,
    powerless: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct CrashDisk(Mutex<State>);

impl CrashDisk {
    /// An empty disk that works.
    pub fn new() -> Self {
        Self::default()
    }

    /// The power goes at the operation with that number, counted from 0: it and all later ones fail, and it may have
    /// been done, or not, or partly.
    pub fn cut_power_at(&self, operation: u64) {
        self.0.lock().power_until = Some(operation);
    }

    /// The nth operation of a kind fails, counted from 0 as of now. It alone.
    pub fn fail(&self, operation: Operation, nth: u64) {
        let mut state = self.0.lock();
        let at = state.counts.get(&(operation as u8)).copied().unwrap_or_default() + nth;
        state.fails = Some((operation, at));
    }

    /// There is room for so many bytes.
    pub fn set_capacity(&self, bytes: usize) {
        self.0.lock().capacity = Some(bytes);
    }

    /// Changes a bit of what is on the disk.
    pub fn flip(&self, segment: u32, at: usize, bit: u8) {
        let mut state = self.0.lock();
        let Some(segment) = state.segments.get_mut(&segment) else { return };
        for bytes in [&mut segment.bytes, &mut segment.synced] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
    }

    /// Some bytes, and what else is in the same 64, can't be read any more until they are written to.
    pub fn make_unreadable(&self, segment: u32, bytes: Range<usize>) {
        let units = units(bytes.start, bytes.len());
        self.0.lock().unreadable.extend(units.map(|unit| (segment, unit)));
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// How many of one kind there were.
    pub fn count(&self, operation: Operation) -> u64 {
        self.0.lock().counts.get(&(operation as u8)).copied().unwrap_or_default()
    }

    /// How many bytes were written and not synced.
    pub fn unsynced_bytes(&self) -> usize {
        let state = self.0.lock();
        let writes = state.segments.values().flat_map(|segment| &segment.unsynced);
        writes.map(|(_, bytes)| bytes.len()).sum()
    }

    /// The bytes of a segment, as everyone sees them.
    pub fn bytes(&self, segment: u32) -> Vec<u8> {
        self.0.lock().segments.get(&segment).map(|segment| segment.bytes.clone()).unwrap_or_default()
    }

    /// What was set aside, by name.
    pub fn asides(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().asides.clone()
    }

    /// Cuts no power and fails no operation any more.
    pub fn repair(&self) {
        let mut state = self.0.lock();
        (state.power_until, state.fails, state.capacity, state.powerless) = (None, None, None, false);
    }

    /// The disk when the power is back. It works, and everything on it is synced.
    #[must_use]
    pub fn after_crash(&self, fate: Fate) -> Self {
        let state = self.0.lock();
        let mut choice = Choice::new(fate);
        let mut segments: BTreeMap<u32, Segment> = BTreeMap::new();
        for (number, segment) in &state.segments {
            let mut bytes = segment.synced.clone();
            for (at, written) in &segment.unsynced {
                choice.apply(&mut bytes, *at, written);
            }
            segments.insert(*number, Segment { synced: bytes.clone(), bytes, unsynced: Vec::new() });
        }
        if let Some((number, len)) = state.half_created
            && let Some(len) = choice.created(len)
        {
            let bytes = vec![0; len];
            segments.insert(number, Segment { synced: bytes.clone(), bytes, unsynced: Vec::new() });
        }
        let (asides, unreadable) = (state.asides.clone(), state.unreadable.clone());
        Self(Mutex::new(State { segments, asides, unreadable, ..State::default() }))
    }
}

impl State {
    /// Counts an operation, and fails if it is to fail.
    fn begin(&mut self, operation: Operation) -> io::Result<()> {
        if self.powerless {
            return Err(io::Error::other("there is no power"));
        }
        let nth = self.counts.entry(operation as u8).or_default();
        let fails = self.fails == Some((operation, *nth));
        *nth += 1;
        self.powerless = self.power_until == Some(self.operations);
        self.operations += 1;
        if fails { Err(io::Error::other("the disk is broken")) } else { Ok(()) }
    }

    /// Fails if the power went at this operation.
    fn end(&self) -> io::Result<()> {
        if self.powerless { Err(io::Error::other("the power went")) } else { Ok(()) }
    }

    fn segment(&mut self, segment: u32) -> io::Result<&mut Segment> {
        self.segments.get_mut(&segment).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn find_room(&self, bytes: usize) -> io::Result<()> {
        let used: usize = self.segments.values().map(|segment| segment.bytes.len()).sum();
        match self.capacity {
            Some(capacity) if capacity < used + bytes => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for CrashDisk {
    fn create(&self, segment: u32, bytes: u64) -> io::Result<()> {
        let mut state = self.0.lock();
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        state.begin(Operation::Create)?;
        state.find_room(bytes)?;
        if state.segments.contains_key(&segment) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.powerless {
            state.half_created = Some((segment, bytes));
        } else {
            let bytes = vec![0; bytes];
            let segment_of = Segment { synced: bytes.clone(), bytes, unsynced: Vec::new() };
            state.segments.insert(segment, segment_of);
        }
        state.end()
    }

    fn write(&self, segment: u32, at: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Operation::Write)?;
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let written = parts.concat();
        let grows = (at + written.len()).saturating_sub(state.segment(segment)?.bytes.len());
        state.find_room(grows)?;
        for unit in units(at, written.len()) {
            state.unreadable.remove(&(segment, unit));
        }
        let of = state.segment(segment)?;
        overwrite(&mut of.bytes, at, &written);
        of.unsynced.push((at, written));
        state.end()
    }

    fn read(&self, segment: u32, at: u64, into: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        let at = usize::try_from(at).map_err(io::Error::other)?;
        if units(at, into.len()).any(|unit| state.unreadable.contains(&(segment, unit))) {
            return Err(io::Error::other("a part of the disk is broken"));
        }
        let there = state.segment(segment)?.bytes.get(at..at + into.len());
        into.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self, segment: u32) -> io::Result<u64> {
        Ok(self.0.lock().segment(segment)?.bytes.len() as u64)
    }

    fn sync(&self, segment: u32) -> io::Result<()> {
        let mut state = self.0.lock();
        if let Err(error) = state.begin(Operation::Sync) {
            state.segment(segment)?.unsynced.clear();
            return Err(error);
        }
        // When the power goes now, the writes may have got to the disk or not.
        state.end()?;
        let of = state.segment(segment)?;
        for (at, written) in std::mem::take(&mut of.unsynced) {
            overwrite(&mut of.synced, at, &written);
        }
        Ok(())
    }

    fn remove(&self, segment: u32) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Operation::Remove)?;
        // When the power goes now, it may be there still: that is the harder case.
        state.end()?;
        state.segments.remove(&segment).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn quarantine(&self, segment: u32) -> io::Result<String> {
        let mut state = self.0.lock();
        let bytes = state.segment(segment)?.bytes.clone();
        let name = format!("{}.damaged-{}", self.describe(segment), state.asides.len());
        state.asides.push((name.clone(), bytes));
        Ok(name)
    }

    fn list(&self) -> io::Result<Vec<u32>> {
        Ok(self.0.lock().segments.keys().copied().collect())
    }

    fn describe(&self, segment: u32) -> String {
        format!("segment {segment}")
    }
}

/// The numbers of the 64 bytes that these bytes are in.
fn units(at: usize, len: usize) -> Range<usize> {
    if len == 0 { 0..0 } else { at / TORN_BYTES..(at + len).div_ceil(TORN_BYTES) }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    let end = at + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(room) = bytes.get_mut(at..end) {
        room.copy_from_slice(written);
    }
}

/// Decides what was written when the power went.
struct Choice {
    fate: Fate,
    random: u64,
}

impl Choice {
    fn new(fate: Fate) -> Self {
        Self { fate, random: if let Fate::Torn(seed) = fate { seed } else { 0 } }
    }

    fn apply(&mut self, bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
        match &mut self.fate {
            Fate::Lost => {}
            Fate::Kept => overwrite(bytes, at, written),
            Fate::Prefix(left) => {
                let kept = written.len().min(*left);
                *left -= kept;
                overwrite(bytes, at, written.get(..kept).unwrap_or_default());
            }
            Fate::Torn(_) => {
                for (number, part) in written.chunks(TORN_BYTES).enumerate() {
                    if self.toss() {
                        overwrite(bytes, at + number * TORN_BYTES, part);
                    }
                }
            }
        }
    }

    /// How long a segment is whose creation was under way, if it is there.
    fn created(&mut self, len: usize) -> Option<usize> {
        match self.fate {
            Fate::Lost => None,
            Fate::Kept => Some(len),
            Fate::Prefix(_) => Some(0),
            Fate::Torn(_) => self.toss().then(|| if self.toss() { len } else { len / 2 }),
        }
    }

    fn toss(&mut self) -> bool {
        // `SplitMix64`.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> CrashDisk {
        let disk = CrashDisk::new();
        disk.create(1, 200).unwrap();
        disk.write(1, 0, &[&[1; 100]]).unwrap();
        disk.sync(1).unwrap();
        disk.write(1, 50, &[&[2; 70], &[2; 30]]).unwrap();
        disk.write(1, 150, &[&[3; 100]]).unwrap();
        disk
    }

    fn read(disk: &CrashDisk, at: u64) -> u8 {
        let mut byte = [0];
        disk.read(1, at, &mut byte).unwrap();
        byte[0]
    }

    #[test]
    fn what_was_not_synced_fares_as_it_is_told() {
        let disk = written();
        assert_eq!(disk.unsynced_bytes(), 200);
        assert_eq!(disk.bytes(1), [vec![1; 50], vec![2; 100], vec![3; 100]].concat());
        assert_eq!(disk.after_crash(Fate::Kept).bytes(1), disk.bytes(1));
        assert_eq!(disk.after_crash(Fate::Lost).bytes(1), [vec![1; 100], vec![0; 100]].concat());
        let cut = [vec![1; 50], vec![2; 100], vec![3; 5], vec![0; 45]].concat();
        assert_eq!(disk.after_crash(Fate::Prefix(105)).bytes(1), cut);
        let torn: Vec<CrashDisk> = (0..64).map(|seed| disk.after_crash(Fate::Torn(seed))).collect();
        let later_alone = |disk: &&CrashDisk| read(disk, 60) == 1 && read(disk, 160) == 3;
        assert!(torn.iter().any(|disk| later_alone(&disk)), "writes are reordered");
        assert!(torn.iter().all(|disk| read(disk, 10) == 1), "what was synced is kept");
    }

    #[test]
    fn the_power_goes_when_it_is_told_to() {
        let disk = CrashDisk::new();
        disk.cut_power_at(2);
        disk.create(1, 8).unwrap();
        disk.write(1, 0, &[b"a"]).unwrap();
        disk.sync(1).unwrap_err();
        disk.write(1, 0, &[b"b"]).unwrap_err();
        assert_eq!(disk.after_crash(Fate::Kept).bytes(1), b"a\0\0\0\0\0\0\0");
        assert_eq!(disk.after_crash(Fate::Lost).bytes(1), [0; 8]);
    }

    #[test]
    fn a_sync_that_failed_is_not_made_up_for() {
        let disk = written();
        disk.fail(Operation::Sync, 0);
        disk.sync(1).unwrap_err();
        disk.sync(1).unwrap();
        assert_eq!(disk.after_crash(Fate::Kept).bytes(1), [vec![1; 100], vec![0; 100]].concat());
    }

    #[test]
    fn a_full_disk_takes_no_more() {
        let disk = CrashDisk::new();
        disk.set_capacity(100);
        disk.create(1, 90).unwrap();
        disk.write(1, 0, &[&[1; 90]]).unwrap();
        assert_eq!(disk.create(2, 11).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.write(1, 91, &[&[1; 10]]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
