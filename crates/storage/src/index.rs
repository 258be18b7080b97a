//! The index of a segment: where its message records lie and what the queues need to know of them, without
//! a look at the messages.
//!
//! Invariants:
//! - Entries are in the order of the records, one a message record, and so are their pairs' ordinals.
//! - An entry says only how it differs from the one before: a typical message of 1 KiB takes two to five
//!   bytes. So an index is read from its beginning, which is the only way anybody needs it.
//! - Decoding never panics and never reserves what is only announced: an index may have been on a disk.

use smallvec::SmallVec;

use crate::record::{Origin, StoredHead};
use crate::varint;

/// Bits of an entry's first byte: the two low ones are the record's, the others say what is left out.
const DURABLE: u8 = 1;
const MOVED: u8 = 2;
const EXPIRES: u8 = 4;
/// The record lies right behind the one before.
const ADJACENT: u8 = 8;
const SAME_LEN: u8 = 16;
const SAME_QUEUES: u8 = 32;
/// Pairs are missing before it: their record was spoilt, and the operator had the log go on without.
const SKIPS: u8 = 64;

/// Records begin at multiples of this.
const ALIGN: u64 = 8;

/// A message record of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Ordinal of the first of its pairs; the others follow.
    pub first: u32,
    /// Where the record begins.
    pub offset: u32,
    /// Bytes of the record.
    pub len: u32,
    /// Whether it is to survive a restart.
    pub durable: bool,
    /// Microseconds since 1970.
    pub published_at: u64,
    /// Microseconds since 1970.
    pub expiration: Option<u64>,
    /// One pair each.
    pub queues: SmallVec<[u64; 2]>,
    /// The pairs that this record continues, one a queue; none unless it was copied forward.
    pub origins: Origins,
}

/// Most records that were copied forward have one pair left.
type Origins = SmallVec<[Origin; 1]>;

impl Entry {
    /// Of a record.
    pub fn new(first: u32, offset: u32, len: u32, head: &StoredHead<'_>) -> Self {
        Self {
            first,
            offset,
            len,
            durable: head.durable,
            published_at: head.published_at,
            expiration: head.expiration,
            queues: head.queues().collect(),
            origins: head.origins().collect(),
        }
    }

    /// How many pairs it has.
    pub fn pairs(&self) -> u32 {
        u32::try_from(self.queues.len()).unwrap_or(u32::MAX)
    }
}

/// What an entry is told by its difference from.
#[derive(Clone, Debug, Default)]
struct Before {
    end: u64,
    ordinal: u32,
    len: u32,
    published_at: u64,
    origin: Option<Origin>,
    queues: SmallVec<[u64; 2]>,
}

impl Before {
    fn advance(&mut self, entry: &Entry) -> Option<()> {
        self.end = (u64::from(entry.offset) + u64::from(entry.len)).next_multiple_of(ALIGN);
        self.ordinal = entry.first.checked_add(entry.pairs())?;
        self.len = entry.len;
        self.published_at = entry.published_at;
        self.origin = entry.origins.last().copied().or(self.origin);
        if self.queues != entry.queues {
            self.queues.clone_from(&entry.queues);
        }
        Some(())
    }
}

/// An index that grows with its segment.
#[derive(Clone, Debug, Default)]
pub struct Index {
    bytes: Vec<u8>,
    before: Before,
    spilled: u32,
    moved: u32,
}

impl Index {
    /// Adds the record that comes next in the segment.
    pub fn push(&mut self, entry: &Entry) {
        let before = &self.before;
        let adjacent = u64::from(entry.offset) == before.end;
        let same_queues = entry.queues == before.queues;
        let mut head = if entry.durable { DURABLE } else { 0 };
        for (holds, bit) in [
            (!entry.origins.is_empty(), MOVED),
            (entry.expiration.is_some(), EXPIRES),
            (adjacent, ADJACENT),
            (entry.len == before.len, SAME_LEN),
            (same_queues, SAME_QUEUES),
            (entry.first != before.ordinal, SKIPS),
        ] {
            head |= if holds { bit } else { 0 };
        }
        let into = &mut self.bytes;
        into.push(head);
        if !adjacent {
            varint::put_difference(into, before.end / ALIGN, u64::from(entry.offset) / ALIGN);
        }
        if entry.len != before.len {
            varint::put(into, entry.len.into());
        }
        if entry.first != before.ordinal {
            varint::put_difference(into, before.ordinal.into(), entry.first.into());
        }
        varint::put_difference(into, before.published_at, entry.published_at);
        if let Some(expiration) = entry.expiration {
            varint::put_difference(into, entry.published_at, expiration);
        }
        if !same_queues {
            varint::put(into, entry.queues.len() as u64);
            let mut last = 0;
            for &queue in &entry.queues {
                varint::put_difference(into, last, queue);
                last = queue;
            }
        }
        let mut last = before.origin;
        for &origin in &entry.origins {
            put_origin(into, last, origin);
            last = Some(origin);
        }
        // The last ordinal fits, since ordinals are 32 bits as offsets are and every pair takes eight bytes.
        let is_sound = self.before.advance(entry).is_some();
        debug_assert!(is_sound, "more pairs than a segment has room for");
        self.spilled += if entry.durable { 0 } else { entry.pairs() };
        self.moved += if entry.origins.is_empty() { 0 } else { entry.pairs() };
    }

    /// How many of the pairs are dead after a restart.
    pub fn spilled(&self) -> u32 {
        self.spilled
    }

    /// How many of the pairs were copied forward from elsewhere.
    pub fn moved(&self) -> u32 {
        self.moved
    }

    /// What [`Entries::new`] reads.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Ids of moved pairs lie close to those of the one before; one that was moved once is the first itself.
fn put_origin(into: &mut Vec<u8>, before: Option<Origin>, origin: Origin) {
    let before = before.unwrap_or(Origin { from: 0, first: 0 });
    varint::put_difference(into, before.from, origin.from);
    varint::put_difference(into, origin.from, origin.first);
}

fn take_origin(from: &mut &[u8], before: Option<Origin>) -> Option<Origin> {
    let before = before.unwrap_or(Origin { from: 0, first: 0 });
    let from_id = varint::take_difference(from, before.from)?;
    Some(Origin { from: from_id, first: varint::take_difference(from, from_id)? })
}

/// Bytes that no index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index of a segment is damaged behind its entry {entry}")]
pub struct IndexError {
    /// How many entries could be read.
    pub entry: u32,
}

/// The entries of an index, read one by one; after an error nothing comes.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
    before: Before,
    taken: u32,
}

impl<'a> Entries<'a> {
    /// Reads what [`Index::bytes`] gave.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, before: Before::default(), taken: 0 }
    }

    fn take(&mut self) -> Option<Entry> {
        let (&head, rest) = self.rest.split_first()?;
        self.rest = rest;
        let (from, before) = (&mut self.rest, &self.before);
        let offset = if head & ADJACENT == 0 {
            varint::take_difference(from, before.end / ALIGN)?.checked_mul(ALIGN)?
        } else {
            before.end
        };
        let len = if head & SAME_LEN == 0 { varint::take_u32(from)? } else { before.len };
        let first = if head & SKIPS == 0 {
            before.ordinal
        } else {
            varint::take_difference(from, before.ordinal.into())?.try_into().ok()?
        };
        let published_at = varint::take_difference(from, before.published_at)?;
        let expiration =
            if head & EXPIRES == 0 { None } else { Some(varint::take_difference(from, published_at)?) };
        let queues = if head & SAME_QUEUES == 0 { take_queues(from)? } else { before.queues.clone() };
        let mut origins = Origins::new();
        if head & MOVED != 0 {
            let mut last = before.origin;
            for _ in &queues {
                last = Some(take_origin(from, last)?);
                origins.extend(last);
            }
        }
        let durable = head & DURABLE != 0;
        let offset = offset.try_into().ok()?;
        let entry = Entry { first, offset, len, durable, published_at, expiration, queues, origins };
        self.before.advance(&entry)?;
        Some(entry)
    }
}

fn take_queues(from: &mut &[u8]) -> Option<SmallVec<[u64; 2]>> {
    let count = varint::take(from)?;
    // A queue takes a byte at least, so a count beyond the bytes is a lie told before anything is reserved.
    if (from.len() as u64) < count {
        return None;
    }
    let mut last = 0;
    (0..count)
        .map(|_| {
            last = varint::take_difference(from, last)?;
            Some(last)
        })
        .collect()
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.take().ok_or(IndexError { entry: self.taken });
        match entry {
            Ok(_) => self.taken += 1,
            Err(_) => self.rest = &[],
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
