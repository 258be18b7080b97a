//! Reading records: of bytes that may be anything.
//!
//! Invariants:
//! - A record is only given out if its checksum is right and its body is what its kind has.
//! - No length that was read is believed before it was compared with the bytes that are there.

use super::encode::Origin;
use super::{LONGEST_RECORD, NO_EXPIRATION, RECORD_HEADER_BYTES, Run, SHORTEST_RECORD, Seed, flag, kind};

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Nothing was written here.
    #[error("there is nothing")]
    Empty,
    /// Shorter than any, or longer than what is there.
    #[error("its length is impossible")]
    Length,
    /// Something else was written, or it has been spoilt since.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right, but this build does not know it or what is in it.
    #[error("this version of leveret does not know what it means")]
    Unknown,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// Begins a write.
    Mark {
        /// The position known to be synced then.
        synced: u64,
        /// How many pairs of the segment are before it.
        ordinal: u32,
    },
    /// A message.
    Message(StoredHead<'a>),
    /// Pairs that are done with.
    Settled(Runs<'a>),
    /// A key, and its value if it has one.
    Definition {
        /// The key.
        key: &'a [u8],
        /// Its value, if it has not been removed.
        value: Option<&'a [u8]>,
    },
    /// The pairs of a segment that are alive.
    Live {
        /// The segment.
        segment: u32,
        /// The first ordinals and how many follow.
        runs: Vec<(u32, u32)>,
    },
    /// A clean end.
    Closed(Runs<'a>),
    /// What stands for spoilt records.
    Lost {
        /// How many pairs they had.
        pairs: u32,
    },
}

/// What a Message record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead<'a> {
    /// Restored after a restart.
    pub durable: bool,
    /// When it was published, in microseconds since 1970.
    pub published_at: u64,
    /// When it expires, likewise.
    pub expiration: Option<u64>,
    queues: &'a [[u8; 8]],
    origins: &'a [[u8; 16]],
    /// How many of the bytes are head; the rest is body.
    pub head_len: u32,
    /// Head and body.
    pub bytes: &'a [u8],
}

impl<'a> StoredHead<'a> {
    /// The queues it went to.
    pub fn queues(&self) -> impl ExactSizeIterator<Item = u64> + use<'a> {
        self.queues.iter().map(|queue| u64::from_le_bytes(*queue))
    }

    /// Where its pairs came from; empty if it was not moved.
    pub fn origins(&self) -> impl ExactSizeIterator<Item = Origin> + use<'a> {
        self.origins.iter().map(|origin| {
            let number = |bytes: &[u8]| bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
            let (from, first) = origin.split_at(8);
            Origin { from: number(from), first: number(first) }
        })
    }

    /// How many pairs it has.
    #[expect(clippy::cast_possible_truncation, reason = "their number was read as 16 bits")]
    pub fn pairs(&self) -> u32 {
        self.queues.len() as u32
    }
}

/// Runs of ids, as they lie in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs<'a>(&'a [[u8; 12]]);

impl<'a> Runs<'a> {
    /// In the order written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Run> + use<'a> {
        self.0.iter().map(|bytes| {
            let (first, count) = bytes.split_at(8);
            Run {
                first: first.first_chunk().copied().map_or(0, u64::from_le_bytes),
                count: count.first_chunk().copied().map_or(0, u32::from_le_bytes),
            }
        })
    }
}

/// The length that a record with this header claims, if a record can have it.
pub fn announced_len(header: &[u8; RECORD_HEADER_BYTES]) -> Result<usize, Invalid> {
    if header.iter().all(|byte| *byte == 0) {
        return Err(Invalid::Empty);
    }
    let mut fields = Fields::new(header.get(4..).unwrap_or_default());
    let len = fields.u32().map_or(0, |len| len as usize);
    if (SHORTEST_RECORD..=LONGEST_RECORD).contains(&len) { Ok(len) } else { Err(Invalid::Length) }
}

/// The record at the front of the bytes, and how long it is.
pub fn decode(seed: Seed, bytes: &[u8]) -> Result<(Record<'_>, usize), Invalid> {
    let (record, kind, flags) = checked(seed, bytes)?;
    let body = record.get(RECORD_HEADER_BYTES..).unwrap_or_default();
    let decoded = decode_body(kind, flags, body).ok_or(Invalid::Unknown)?;
    Ok((decoded, record.len()))
}

/// What the Message record at the front of the bytes says.
pub fn stored_head(seed: Seed, bytes: &[u8]) -> Result<StoredHead<'_>, Invalid> {
    let (record, kind, flags) = checked(seed, bytes)?;
    let body = record.get(RECORD_HEADER_BYTES..).unwrap_or_default();
    if kind == kind::MESSAGE { message(flags, body).ok_or(Invalid::Unknown) } else { Err(Invalid::Unknown) }
}

/// The record at the front of bytes that this process has encoded, without a look at its checksum.
pub fn decode_own(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let header = bytes.first_chunk::<RECORD_HEADER_BYTES>()?;
    let record = bytes.get(..announced_len(header).ok()?)?;
    let mut fields = Fields::new(header);
    fields.u64()?;
    let (kind, flags) = (fields.u8()?, fields.u8()?);
    let decoded = decode_body(kind, flags, record.get(RECORD_HEADER_BYTES..)?)?;
    Some((decoded, record.len()))
}

/// The bytes of the record, its kind and its flags, if its checksum is right.
fn checked(seed: Seed, bytes: &[u8]) -> Result<(&[u8], u8, u8), Invalid> {
    let header = bytes.first_chunk::<RECORD_HEADER_BYTES>().ok_or(Invalid::Length)?;
    let record = bytes.get(..announced_len(header)?).ok_or(Invalid::Length)?;
    let mut fields = Fields::new(header);
    let stored = fields.u32().ok_or(Invalid::Length)?;
    if seed.checksum(record.get(4..).unwrap_or_default()) != stored {
        return Err(Invalid::Checksum);
    }
    let rest = (|| {
        fields.u32()?;
        Some((fields.u8()?, fields.u8()?, fields.u16()?, fields.u32()?))
    })();
    match rest {
        Some((kind, flags, 0, 0)) => Ok((record, kind, flags)),
        _ => Err(Invalid::Unknown),
    }
}

fn decode_body(kind: u8, flags: u8, body: &[u8]) -> Option<Record<'_>> {
    let mut fields = Fields::new(body);
    let record = match (kind, flags) {
        (kind::MARK, 0) => {
            let (synced, ordinal) = (fields.u64()?, fields.u32()?);
            (fields.u32()? == 0 && fields.rest().is_empty()).then_some(Record::Mark { synced, ordinal })?
        }
        (kind::MESSAGE, _) => Record::Message(message(flags, body)?),
        (kind::SETTLED, 0) => Record::Settled(runs(body)?),
        (kind::DEFINITION, 0 | flag::PUT) => {
            let (len, zero) = (fields.u32()?, fields.u32()?);
            let key = fields.bytes(len as usize)?;
            let put = flags == flag::PUT;
            (zero == 0 && (put || fields.rest().is_empty())).then_some(())?;
            Record::Definition { key, value: put.then_some(fields.rest()) }
        }
        (kind::LIVE, 0 | flag::BITS) => {
            let (segment, count) = (fields.u32()?, fields.u32()?);
            let (parts, rest) = fields.rest().as_chunks::<8>();
            (rest.is_empty() && parts.len() == count as usize).then_some(())?;
            let runs = if flags == flag::BITS { runs_of_bits(parts)? } else { runs_of_ordinals(parts)? };
            Record::Live { segment, runs }
        }
        (kind::CLOSED, 0) => {
            let (count, zero) = (fields.u32()?, fields.u32()?);
            let runs = runs(fields.rest())?;
            (zero == 0 && runs.0.len() == count as usize).then_some(Record::Closed(runs))?
        }
        (kind::LOST, 0) => Record::Lost { pairs: fields.u32()? },
        _ => return None,
    };
    Some(record)
}

fn runs_of_ordinals(parts: &[[u8; 8]]) -> Option<Vec<(u32, u32)>> {
    let runs = parts.iter().map(|part| {
        let mut part = Fields::new(part);
        Some((part.u32()?, part.u32()?))
    });
    runs.collect()
}

fn runs_of_bits(parts: &[[u8; 8]]) -> Option<Vec<(u32, u32)>> {
    // Ordinals are 32 bits.
    u32::try_from(parts.len() * 64).ok()?;
    Some(set_runs(parts.iter().map(|part| u64::from_le_bytes(*part))))
}

/// Where bits are set, as runs.
pub fn set_runs(words: impl Iterator<Item = u64>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (begins, mut word) in (0..).step_by(64).zip(words) {
        while word != 0 {
            let skipped = word.trailing_zeros();
            let count = (word >> skipped).trailing_ones();
            match runs.last_mut() {
                Some((first, so_far)) if *first + *so_far == begins + skipped => *so_far += count,
                _ => runs.push((begins + skipped, count)),
            }
            // Those bits are done with; a shift by all 64 would be none.
            word &= !((u64::MAX >> (64 - count)) << skipped);
        }
    }
    runs
}

fn runs(body: &[u8]) -> Option<Runs<'_>> {
    let (runs, rest) = body.as_chunks::<12>();
    rest.is_empty().then_some(Runs(runs))
}

fn message(flags: u8, body: &[u8]) -> Option<StoredHead<'_>> {
    if flags & !(flag::DURABLE | flag::MOVED) != 0 {
        return None;
    }
    let mut fields = Fields::new(body);
    let (published_at, expiration) = (fields.u64()?, fields.u64()?);
    let count = usize::from(fields.u16()?);
    let head_len = fields.u32()?;
    let (queues, _) = fields.bytes(8 * count)?.as_chunks::<8>();
    let moved = if flags & flag::MOVED == 0 { 0 } else { count };
    let (origins, _) = fields.bytes(16 * moved)?.as_chunks::<16>();
    let bytes = fields.rest();
    let expiration = (expiration != NO_EXPIRATION).then_some(expiration);
    let durable = flags & flag::DURABLE != 0;
    let sound = count != 0 && head_len as usize <= bytes.len();
    sound.then_some(StoredHead { durable, published_at, expiration, queues, origins, head_len, bytes })
}

/// Takes fields off the front of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// All of them.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    /// A byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}
