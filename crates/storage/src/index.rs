//! The index of a segment: where its message records lie and what the queues need to know of them, without
//! a look at the messages.
//!
//! Invariants:
//! - Entries are in the order of the records, one a message record; the pairs of a segment are numbered by
//!   the queues of its entries, in that order.
//! - An entry says only how it differs from the one before: a typical message of 1 KiB takes two to five
//!   bytes. So an index is read from its beginning, which is the only way anybody needs it.
//! - Decoding never panics and never reserves what is only announced: an index may have been on a disk.

use smallvec::SmallVec;

use crate::varint;

/// Bits of an entry's first byte: the two low ones are the record's, the others say what is left out.
const DURABLE: u8 = 1;
const MOVED: u8 = 2;
const EXPIRES: u8 = 4;
/// The record lies right behind the one before.
const ADJACENT: u8 = 8;
const SAME_LEN: u8 = 16;
const SAME_QUEUES: u8 = 32;

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
    pub origins: SmallVec<[u64; 2]>,
}

/// What an entry is told by its difference from.
#[derive(Clone, Debug, Default)]
struct Before {
    end: u64,
    ordinal: u32,
    len: u32,
    published_at: u64,
    origin: u64,
    queues: SmallVec<[u64; 2]>,
}

impl Before {
    fn advance(&mut self, entry: &Entry) -> Option<()> {
        let pairs = u32::try_from(entry.queues.len()).ok()?;
        self.end = (u64::from(entry.offset) + u64::from(entry.len)).next_multiple_of(ALIGN);
        self.ordinal = entry.first.checked_add(pairs)?;
        self.len = entry.len;
        self.published_at = entry.published_at;
        self.origin = entry.origins.last().copied().unwrap_or(self.origin);
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
    records: u32,
}

impl Index {
    /// Adds the record that comes next in the segment. Its `first` is not looked at: it follows from the others.
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
        varint::put_difference(into, before.published_at, entry.published_at);
        if let Some(expiration) = entry.expiration {
            varint::put_difference(into, entry.published_at, expiration);
        }
        if !same_queues {
            varint::put(into, entry.queues.len() as u64);
            put_all(into, 0, &entry.queues);
        }
        put_all(into, before.origin, &entry.origins);
        let first = before.ordinal;
        // Ordinals are 32 bits as offsets are, and no record is smaller than its pairs are many.
        _ = self.before.advance(&Entry { first, ..entry.clone() });
        self.records += 1;
    }

    /// The pairs so far.
    pub fn pairs(&self) -> u32 {
        self.before.ordinal
    }

    /// The entries so far.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// What [`Entries::new`] reads.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The entries so far.
    pub fn entries(&self) -> Entries<'_> {
        Entries::new(&self.bytes)
    }
}

fn put_all(into: &mut Vec<u8>, mut before: u64, numbers: &[u64]) {
    for &number in numbers {
        varint::put_difference(into, before, number);
        before = number;
    }
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
        let published_at = varint::take_difference(from, before.published_at)?;
        let expiration =
            if head & EXPIRES == 0 { None } else { Some(varint::take_difference(from, published_at)?) };
        let queues = if head & SAME_QUEUES == 0 {
            let count = varint::take(from)?;
            take_all(from, 0, count)?
        } else {
            before.queues.clone()
        };
        let origins = if head & MOVED == 0 {
            SmallVec::new()
        } else {
            take_all(from, before.origin, queues.len() as u64)?
        };
        let durable = head & DURABLE != 0;
        let (first, offset) = (before.ordinal, offset.try_into().ok()?);
        let entry = Entry { first, offset, len, durable, published_at, expiration, queues, origins };
        self.before.advance(&entry)?;
        Some(entry)
    }
}

fn take_all(from: &mut &[u8], mut before: u64, count: u64) -> Option<SmallVec<[u64; 2]>> {
    // A number takes a byte at least, so a count beyond the bytes is a lie told before anything is reserved.
    if (from.len() as u64) < count {
        return None;
    }
    (0..count)
        .map(|_| {
            before = varint::take_difference(from, before)?;
            Some(before)
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
