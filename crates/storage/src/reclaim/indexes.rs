//! Where the index of a segment comes from: whoever wrote it, the view, or a look at the segment itself.
//!
//! Invariant: all three say the same.

use std::collections::BTreeMap;
use std::io;

use super::Keeper;
use crate::engine::Engine;
use crate::index::{Entry, Index};
use crate::pending::Chunk;
use crate::record::{HEADER_BYTES, Invalid, Record, Seed, aligned, decode_own};
use crate::recovery::Window;
use crate::segment::LiveBits;

/// The indexes of what has been written, kept by who writes.
#[derive(Debug, Default)]
pub struct Indexes {
    of: BTreeMap<u32, Index>,
}

impl Indexes {
    /// What was written before: the index of the last segment.
    pub fn resume(&mut self, segment: u32, index: Index) {
        self.of.insert(segment, index);
    }

    /// A chunk was written.
    pub fn extend(&mut self, chunk: &Chunk) {
        let index = self.of.entry(chunk.segment).or_default();
        let (mut offset, mut ordinal) = (chunk.offset(), chunk.ordinal);
        for mut bytes in chunk.parts() {
            while let Some((record, len)) = decode_own(bytes) {
                #[expect(clippy::cast_possible_truncation, reason = "a record has 1 GiB at most")]
                let (len, padded) = (len as u32, aligned(len) as u32);
                if let Record::Message(head) = &record {
                    let entry = Entry::new(ordinal, offset, len, head);
                    index.push(&entry);
                    ordinal += entry.pairs();
                }
                offset += padded;
                bytes = bytes.get(padded as usize..).unwrap_or_default();
            }
        }
    }

    /// Takes those of the segments below that one.
    pub fn take_below(&mut self, segment: u32) -> BTreeMap<u32, Index> {
        let rest = self.of.split_off(&segment);
        std::mem::replace(&mut self.of, rest)
    }

    /// The index of a segment, as far as that was written.
    pub fn get(&self, segment: u32) -> Option<&Index> {
        self.of.get(&segment)
    }
}

/// Reads a segment to make its index, up to `end`.
pub fn index_segment(window: &mut Window<'_>, seed: Seed, end: u64) -> io::Result<Index> {
    let mut index = Index::default();
    let (mut at, mut ordinal) = (HEADER_BYTES as u64, 0);
    while at < end {
        let invalid =
            |invalid: Invalid| io::Error::new(io::ErrorKind::InvalidData, format!("byte {at}: {invalid}"));
        let (record, len) = window.record(seed, at)?.map_err(invalid)?;
        #[expect(clippy::cast_possible_truncation, reason = "offsets of a segment are 32 bits")]
        let (offset, len) = (at as u32, len as u32);
        match &record {
            Record::Message(head) => {
                let entry = Entry::new(ordinal, offset, len, head);
                index.push(&entry);
                ordinal += entry.pairs();
            }
            Record::Mark { ordinal: before, .. } => ordinal = ordinal.max(*before),
            Record::Lost { pairs } => ordinal = ordinal.saturating_add(*pairs),
            _ => {}
        }
        at += aligned(len as usize) as u64;
    }
    Ok(index)
}

impl Engine {
    /// The segments up to `last` that have live pairs.
    pub fn segments_with_live(&self, last: u32) -> Vec<u32> {
        let inner = self.inner.lock();
        let all = inner.closed.iter().map(|(number, segment)| (*number, segment));
        let with_live =
            all.chain([(inner.number, &inner.active)]).filter(|(_, segment)| segment.pairs.live() != 0);
        with_live.map(|(number, _)| number).filter(|number| *number <= last).collect()
    }

    /// Whether pairs of a segment stand elsewhere in the order of their queues. No lock is held.
    pub fn has_moved(&self, segment: u32) -> bool {
        let keeper = self.keeper.lock();
        let in_catalog = keeper.saved.get(&segment).map(|saved| saved.moved);
        let closed = in_catalog.or_else(|| keeper.indexes.get(&segment).map(Index::moved));
        let moved = closed.or_else(|| self.writer.lock().indexes.get(segment).map(Index::moved));
        moved != Some(0)
    }

    /// The index of a segment and which of its pairs are alive. No lock is held.
    pub fn index_at_opening(&self, segment: u32) -> io::Result<(Vec<u8>, LiveBits)> {
        let keeper = self.keeper.lock();
        let index = self.writer.lock().indexes.get(segment).map(|index| index.bytes().to_vec());
        let index = index.map_or_else(|| self.index_of(&keeper, segment), Ok)?;
        let mut inner = self.inner.lock();
        let bits = inner.segment_mut(segment).map(|segment| segment.pairs.clone()).unwrap_or_default();
        Ok((index, bits))
    }

    /// Whether the view was believed when the log was opened, or has been told something since.
    pub fn has_view(&self) -> bool {
        self.keeper.lock().catalog.has_root()
    }

    /// Nothing more is read from the view for a while.
    pub fn rest_view(&self) {
        self.keeper.lock().catalog.rest();
    }

    /// The index of a closed segment.
    pub(super) fn index_of(&self, keeper: &Keeper, segment: u32) -> io::Result<Vec<u8>> {
        if let Some(index) = keeper.indexes.get(&segment) {
            return Ok(index.bytes().to_vec());
        }
        match keeper.catalog.index(segment) {
            Ok(Some(bytes)) => return Ok(bytes),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the segment is read instead"),
        }
        let end = u64::from(self.inner.lock().closed.get(&segment).map_or(0, |segment| segment.end));
        let mut window = Window::new(&*self.disk, segment, end);
        Ok(index_segment(&mut window, self.seed, end)?.bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::batch::Records;
    use crate::{CrashDisk, MemoryView, NewMessage, Options};

    #[test]
    fn who_writes_the_view_and_the_segment_say_the_same() {
        let disk = Arc::new(CrashDisk::new());
        let options = Options { segment_bytes: 4096, ..Options::default() };
        let (log, _) = Engine::open(disk, Box::new(MemoryView::default()), options).unwrap();
        let (mut batch, mut places) = (Records::default(), Vec::new());
        for number in 0..200_u64 {
            batch.message(
                &NewMessage {
                    durable: !number.is_multiple_of(3),
                    published_at: number * number,
                    expiration: number.is_multiple_of(5).then_some(number),
                    queues: &[1, 2, number][..=usize::try_from(number % 3).unwrap()],
                    head: &[b"head"],
                    body: &vec![1; usize::try_from(number % 70).unwrap()],
                },
                &[],
            );
            batch.define(b"key", Some(&number.to_le_bytes()));
            log.append(&mut batch, &mut places).unwrap();
            if number.is_multiple_of(7) {
                log.settle(&[places[places.len() / 2].id], &[]);
                log.commit().unwrap();
            }
        }
        log.commit().unwrap();
        let from_disk = |segment: u32, end: u32| {
            let mut window = Window::new(&*log.disk, segment, end.into());
            index_segment(&mut window, log.seed, end.into()).unwrap().bytes().to_vec()
        };
        let ends: Vec<(u32, u32)> =
            log.inner.lock().closed.iter().map(|(number, segment)| (*number, segment.end)).collect();
        assert!(5 < ends.len());
        for (segment, end) in &ends {
            let written = log.writer.lock().indexes.get(*segment).unwrap().bytes().to_vec();
            assert_eq!(written, from_disk(*segment, *end));
        }
        log.checkpoint(&mut log.keeper.lock()).unwrap();
        for (segment, end) in ends {
            let told = log.keeper.lock().catalog.index(segment).unwrap();
            assert_eq!(told.unwrap(), from_disk(segment, end));
        }
    }
}
