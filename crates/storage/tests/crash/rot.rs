//! Bits change on the disk: the log says where and is not opened, or goes on with everything else as it is told.

use std::sync::Arc;

use leveret_storage::record::{self, HEADER_BYTES, Record, Seed, SegmentHeader, kind};
use leveret_storage::{CrashDisk, Disk, Fate, OpenError, Options, Position};

use crate::world::{OPTIONS, Oracle, Random, Spoilt, World, open};

const ACCEPTING: Options = Options { accept_loss: true, ..OPTIONS };

/// A record on the disk.
#[derive(Clone, Copy, Debug)]
struct Stored {
    segment: u32,
    start: usize,
    len: usize,
    kind: u8,
}

/// All records of a sound log.
fn records(disk: &CrashDisk) -> Vec<Stored> {
    let mut records = Vec::new();
    for segment in disk.list().unwrap() {
        let bytes = disk.bytes(segment);
        let header = SegmentHeader::decode(bytes.first_chunk().unwrap()).unwrap();
        let mut start = HEADER_BYTES;
        while let Ok((_, len)) = record::decode(Seed::new(header.salt), &bytes[start..]) {
            records.push(Stored { segment, start, len, kind: bytes[start + 8] });
            start += record::aligned(len);
        }
    }
    records
}

/// The highest position that the last segment itself says was synced: nobody can tell what is spoilt behind it from
/// a write that was cut off.
fn proven(disk: &CrashDisk, records: &[Stored]) -> Position {
    let last = records.iter().map(|record| record.segment).max().unwrap();
    let bytes = disk.bytes(last);
    let seed = Seed::new(record::salt_of(bytes.first_chunk().unwrap()).unwrap());
    let synced = records.iter().filter(|record| record.segment == last).filter_map(|stored| {
        match record::decode(seed, &bytes[stored.start..]) {
            Ok((Record::Mark { synced, .. }, _)) => Some(Position(synced)),
            _ => None,
        }
    });
    synced.max().unwrap()
}

/// What a changed byte means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Nothing.
    Nowhere,
    /// A segment's header.
    Header,
    /// A record.
    In(u8, usize),
}

fn place(records: &[Stored], segment: u32, at: usize) -> Place {
    if at < HEADER_BYTES {
        // Behind byte 40 is the second copy of the salt, which only counts if the first is spoilt.
        return if at < 40 { Place::Header } else { Place::Nowhere };
    }
    let hit = |record: &&Stored| {
        record.segment == segment && (record.start..record.start + record.len).contains(&at)
    };
    records.iter().find(hit).map_or(Place::Nowhere, |record| Place::In(record.kind, record.start))
}

/// A log of several segments, everything in it synced.
fn sound(seed: u64) -> (Arc<CrashDisk>, Oracle) {
    let (disk, world) = World::begin(seed, None);
    let mut world = world.unwrap();
    world.steps(120).unwrap();
    for _ in 0..3 {
        world.sync_all();
    }
    (disk, world.oracle)
}

/// Opens a log with one changed bit.
fn check_flip(sound: &(Arc<CrashDisk>, Oracle), flip: (u32, usize, u8), records: &[Stored]) {
    let (disk, oracle) = sound;
    let (segment, at, bit) = flip;
    let proven = proven(disk, records);
    let hit = place(records, segment, at);
    let unproven = proven <= Position::at(segment, u32::try_from(at).unwrap()) && hit != Place::Header;
    let spoilt = Spoilt {
        place: if let Place::In(_, start) = hit {
            Some((segment, u32::try_from(start).unwrap()))
        } else {
            None
        },
        settlements: matches!(hit, Place::In(kind::SETTLED, _)),
        definitions: matches!(hit, Place::In(kind::DEFINITION, _)),
        from: unproven.then_some(proven),
    };
    let copy = || {
        let copy = Arc::new(disk.after_crash(Fate::Kept));
        copy.flip(segment, at, bit);
        copy
    };
    let refused = match open(&copy(), OPTIONS) {
        Ok((_, found)) => {
            assert!(unproven || hit == Place::Nowhere, "{flip:?} in {hit:?} went unnoticed");
            oracle.check(&found, if unproven { spoilt } else { Spoilt::default() });
            false
        }
        Err(error) => {
            let OpenError::Corrupt { file, offset, .. } = &error else { panic!("{error}") };
            assert_eq!(*file, disk.describe(segment));
            let start = if let Place::In(_, start) = hit { start } else { 0 };
            assert_eq!(*offset, start as u64, "{flip:?} in {hit:?}");
            let text = error.to_string();
            assert!(text.contains(file) && text.contains("leveret serve --accept-loss"), "{text}");
            true
        }
    };
    let accepting = copy();
    let before = accepting.bytes(segment);
    let (_, found) = open(&accepting, ACCEPTING).unwrap();
    oracle.check(&found, spoilt);
    let asides: Vec<Vec<u8>> = accepting.asides().into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(asides, if refused { vec![before] } else { Vec::new() }, "a copy is kept of what is changed");
    let (_, again) = open(&accepting, OPTIONS).unwrap();
    assert_eq!(again.pairs, found.pairs, "the loss is accepted once");
}

#[test]
fn a_changed_bit_is_refused_with_its_place_or_costs_its_record_alone() {
    for seed in 0..2 {
        let sound = sound(seed);
        let records = records(&sound.0);
        let mut random = Random(seed);
        for segment in sound.0.list().unwrap() {
            for at in (0..sound.0.bytes(segment).len()).step_by(17) {
                let at = at + random.below(17);
                check_flip(&sound, (segment, at, u8::try_from(random.below(8)).unwrap()), &records);
            }
        }
    }
}

#[test]
fn a_changed_bit_in_a_header_is_refused_or_restored() {
    let sound = sound(7);
    let records = records(&sound.0);
    for segment in sound.0.list().unwrap() {
        for at in 0..HEADER_BYTES {
            check_flip(&sound, (segment, at, u8::try_from(at % 8).unwrap()), &records);
        }
    }
}

#[test]
fn whatever_is_spoilt_the_rest_is_kept_if_the_loss_is_accepted() {
    for seed in 0..150 {
        let (disk, oracle) = sound(seed % 5);
        let mut random = Random(seed);
        let records = records(&disk);
        let first =
            *records.iter().filter(|record| record.kind == kind::MESSAGE).nth(random.below(20)).unwrap();
        // A stretch that begins in the middle of a message, as when sectors can't be read.
        let copy = Arc::new(disk.after_crash(Fate::Kept));
        let end = (first.start + 20 + random.below(600)).min(copy.bytes(first.segment).len());
        for at in first.start + 20..end {
            copy.flip(first.segment, at, u8::try_from(random.below(8)).unwrap());
        }
        let (_, found) = open(&copy, ACCEPTING).unwrap();
        let hit = |pair: &&crate::world::Pair| {
            let start = pair.place.offset as usize;
            pair.place.id.segment() == first.segment
                && start < end
                && first.start < start + pair.place.len as usize
        };
        let untouched: Vec<u64> =
            oracle.pairs.iter().filter(|pair| !hit(pair)).map(|pair| pair.number).collect();
        assert!(
            found.pairs.iter().all(|(_, number, _)| oracle.pairs.iter().any(|pair| pair.number == *number))
        );
        let mut intact = oracle.clone();
        intact.pairs.retain(|pair| !hit(&pair));
        let mut kept = found;
        kept.pairs.retain(|(_, number, _)| untouched.contains(number));
        intact.check(&kept, Spoilt { settlements: true, definitions: true, ..Spoilt::default() });
        let (_, again) = open(&copy, OPTIONS).unwrap();
        assert!(again.pairs.len() >= kept.pairs.len());
    }
}

#[test]
fn what_the_disk_cannot_read_is_refused_with_its_place_or_costs_what_is_there() {
    /// What the log reads at once where a disk can't be read.
    const BLOCK: usize = 512;
    for seed in 0..200 {
        let (disk, oracle) = sound(seed % 7);
        let mut random = Random(seed);
        let segments = disk.list().unwrap();
        let segment = segments[random.below(segments.len())];
        let first = random.below(disk.bytes(segment).len());
        let bytes = first..first + 1 + random.below(700);
        let copy = || {
            let copy = Arc::new(disk.after_crash(Fate::Kept));
            copy.make_unreadable(segment, bytes.clone());
            copy
        };
        let error = open(&copy(), OPTIONS).map(drop);
        // The header is read by itself.
        let begin = if first < HEADER_BYTES { 0 } else { (first / BLOCK * BLOCK).max(HEADER_BYTES) };
        let lost = begin..(bytes.end.div_ceil(64) * 64).next_multiple_of(BLOCK);
        match error {
            Err(OpenError::Corrupt { file, offset, what }) => {
                assert_eq!((file, usize::try_from(offset).unwrap()), (disk.describe(segment), lost.start));
                assert!(what.contains("a part of the disk is broken"), "{what}");
            }
            other => {
                // Behind the end of a segment nobody looks, except in the last.
                let all = records(&disk);
                let written = all.iter().rfind(|record| record.segment == segment).unwrap();
                assert!(other.is_ok() && written.start + written.len <= first, "{other:?}");
                continue;
            }
        }
        let accepting = copy();
        let (_, found) = open(&accepting, ACCEPTING).unwrap();
        assert!(!accepting.asides().is_empty());
        let is_lost = |pair: &crate::world::Pair| {
            let start = pair.place.offset as usize;
            pair.place.id.segment() == segment
                && start < lost.end
                && lost.start < start + pair.place.len as usize
        };
        let mut intact = oracle.clone();
        intact.pairs.retain(|pair| !is_lost(pair));
        let tail = segments.last() == Some(&segment);
        let spoilt = Spoilt {
            settlements: true,
            definitions: true,
            from: tail.then(|| proven(&disk, &records(&disk))),
            ..Spoilt::default()
        };
        intact.check(&found, spoilt);
        let (_, again) = open(&accepting, OPTIONS).unwrap();
        assert_eq!(again.pairs, found.pairs, "the loss is accepted once");
    }
}
