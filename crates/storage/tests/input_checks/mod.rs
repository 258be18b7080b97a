//! What holds for every input, whoever made it: shared by the fuzz targets and the test that replays their corpora.
//!
//! Checksums would turn almost every input away at the door, so inputs are given right ones.
#![allow(dead_code, reason = "each target uses its own part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "failing is how a check speaks")]

use std::sync::Arc;

use leveret_storage::record::{
    Encoder, HEADER_BYTES, Invalid, Message, Origin, RECORD_HEADER_BYTES, Record, Run, SHORTEST_RECORD, Seed,
    SegmentHeader, aligned, decode, mark,
};
use leveret_storage::{CrashDisk, Disk, Log, NoView, OpenError, Options, Place};

const SALT: u64 = 7;

/// A record, of which the fuzzer chooses everything but the length and the checksum.
pub fn log_record(bytes: &[u8]) {
    let seed = Seed::new(SALT);
    if let Ok((_, len)) = decode(seed, bytes) {
        assert!(len <= bytes.len());
    }
    if bytes.len() < SHORTEST_RECORD {
        return;
    }
    let mut sealed = bytes.to_vec();
    sealed[4..8].copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
    seed.seal(&mut sealed);
    match decode(seed, &sealed) {
        Ok((record, len)) => {
            assert_eq!(len, sealed.len());
            if let Some(mut again) = encoded(&record) {
                again.truncate(len);
                seed.seal(&mut again);
                assert_eq!(again, sealed, "{record:?}");
            }
        }
        Err(invalid) => assert_eq!(invalid, Invalid::Unknown),
    }
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    assert_eq!(decode(seed, &sealed), Err(Invalid::Checksum));
}

/// The record's bytes, made anew; nothing for one that says less than its bytes.
fn encoded(record: &Record<'_>) -> Option<Vec<u8>> {
    let mut encoder = Encoder::default();
    match record {
        Record::Mark { synced, ordinal } => return Some(mark(Seed::new(SALT), *synced, *ordinal).to_vec()),
        Record::Message(head) => {
            let queues: Vec<u64> = head.queues().collect();
            let origins: Vec<Origin> = head.origins().collect();
            let (before, body) = head.bytes.split_at(head.head_len as usize);
            encoder.message(&Message {
                durable: head.durable,
                published_at: head.published_at,
                expiration: head.expiration,
                queues: &queues,
                origins: &origins,
                head: &[before],
                body,
            })
        }
        Record::Settled(runs) => encoder.settled(&runs.iter().collect::<Vec<Run>>()),
        Record::Definition { key, value } => encoder.definition(key, *value),
        Record::Live { segment, runs } => encoder.live(*segment, runs),
        Record::Closed(runs) => encoder.closed(&runs.iter().collect::<Vec<Run>>()),
        Record::Lost { .. } => return None,
    }?;
    Some(encoder.bytes)
}

/// A segment: pieces of it are records with right checksums, others anything. The input says which, a length and
/// the bytes for each.
pub fn log_segment(input: &[u8]) {
    let header = SegmentHeader { segment: 1, salt: SALT, previous: 0, previous_end: 0, previous_pairs: 0 };
    let mut bytes = header.encode().to_vec();
    let mut rest = input;
    while let [is_record, len, tail @ ..] = rest {
        let (piece, after) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = after;
        if is_record % 4 == 0 {
            bytes.extend_from_slice(piece);
        } else {
            let mut record = vec![0; RECORD_HEADER_BYTES];
            record[8] = is_record / 4 % 8;
            record[9] = is_record / 32;
            record.extend_from_slice(piece);
            record.resize(record.len().max(SHORTEST_RECORD), 0);
            let len = u32::try_from(record.len()).unwrap();
            record[4..8].copy_from_slice(&len.to_le_bytes());
            Seed::new(SALT).seal(&mut record);
            bytes.extend_from_slice(&record);
        }
        bytes.resize(aligned(bytes.len()), 0);
    }
    let disk = CrashDisk::new();
    disk.create(1, 4096.max(bytes.len() as u64 + HEADER_BYTES as u64)).unwrap();
    disk.write(1, 0, &[&bytes]).unwrap();
    disk.sync(1).unwrap();
    opens(disk);
}

/// Opens, or says why not; what it gives back the first time it gives back again.
fn opens(disk: CrashDisk) {
    let disk = Arc::new(disk);
    let strict = Options { segment_bytes: 4096, ..Options::default() };
    let found = match everything(&disk, strict) {
        Ok(found) => found,
        Err(OpenError::Corrupt { .. }) => everything(&disk, Options { accept_loss: true, ..strict }).unwrap(),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(everything(&disk, strict).unwrap(), found);
}

type Everything = (Vec<(Vec<u8>, Vec<u8>)>, Vec<(u64, Place, usize)>);

fn everything(disk: &Arc<CrashDisk>, options: Options) -> Result<Everything, OpenError> {
    let (log, mut recovery) = Log::open(Arc::clone(disk) as _, Box::new(NoView), options)?;
    let definitions = recovery.definitions()?;
    let mut pairs = Vec::new();
    recovery.messages(&mut |restored| {
        pairs.push((restored.queue, restored.place));
        true
    })?;
    let read = |(queue, place): (u64, Place)| {
        let message = log.read(&[place]).remove(0).unwrap();
        (queue, place, message.bytes.len())
    };
    Ok((definitions, pairs.into_iter().map(read).collect()))
}
