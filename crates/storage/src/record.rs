//! The format of the log, version 1, byte by byte. All integers are little-endian.
//!
//! The log is a sequence of segments, one file each. A segment is a header and then records, each of which begins
//! at a multiple of 8. Behind the last record are zeros up to the end of the file.
//!
//! # Header of a segment, 64 bytes
//! ```text
//!  0  8 magic              b"leveret\n"
//!  8  4 format             1
//! 12  4 segment            its number, from 1, rising, never used again
//! 16  8 salt               random, the same in all segments of a data directory
//! 24  4 previous segment   the one that was written before it; 0: none
//! 28  4 previous end       where the records of that one end
//! 32  4 previous pairs     how many pairs that one has
//! 36  4 crc32c             of bytes 0..36
//! 40  8 salt               once more, so that one spoilt byte does not cost the only copy
//! 48  4 crc32c             of bytes 40..48
//! 52 12 zero
//! ```
//! A header is synced before anything is written behind it, and after everything of the previous segment. Every later
//! format keeps the first 40 bytes as they are here.
//!
//! # Record
//! ```text
//!  0  4 crc32c             of bytes 4..len, begun with the salt's 8 bytes: what a client wrote into a message can
//!                          never pass for a record, since it can't know the salt
//!  4  4 len                of the whole record, 24 at least; the next begins at the next multiple of 8
//!  8  1 kind
//!  9  1 flags              of its kind; all others zero
//! 10  2 group              zero: room for replicated groups
//! 12  4 term               zero: likewise
//! 16  … body
//! ```
//! A *pair* is one message in one queue. The pairs of a segment are counted from 0 in the order written, that is
//! their *ordinal*; a pair's *id* is segment << 32 | ordinal. A *position* is segment << 32 | offset. *Runs* are ids
//! that follow each other, 12 bytes each: the first id u64, how many u32.
//!
//! ## 1 Mark: begins every write
//! ```text
//! 16  8 synced             the position known to be synced when this was written
//! 24  4 ordinal            how many pairs of this segment are before it
//! 28  4 zero
//! ```
//! An invalid record at x in the last segment is taken for the torn end of a write that nobody relies on, unless a
//! Mark behind it says that x had been synced: then it is corruption. In any earlier segment, it is corruption. So
//! of what was committed, only the very last write before an unclean end can rot without being noticed.
//! The ordinal lets the pairs behind a spoilt record keep their ids.
//!
//! ## 2 Message: flags 1 durable (otherwise it is dead after a restart), 2 moved
//! ```text
//! 16  8 published at       microseconds since 1970
//! 24  8 expiration         likewise; u64::MAX: none
//! 32  2 queues             k, 1 at least
//! 34  4 length of the head
//! 38 8k queues             an id each; each is a pair
//! then, if moved, for each queue in turn 16 bytes: the id of the pair that this one replaces, and the id that the
//! pair had when it was first written, which says its place in the order of its queue
//! then the head, and to the end of the record the body
//! ```
//!
//! ## 3 Settled: pairs that are done with
//! ```text
//! 16 12n runs              n is 1 at least
//! ```
//!
//! ## 4 Definition: flags 1 put (otherwise removed, and without a value)
//! ```text
//! 16  4 length of the key
//! 20  4 zero
//! 24  … key, and to the end of the record the value
//! ```
//!
//! ## 5 Live: all other pairs of that segment that were written before this record are settled. Flags 1 bits
//! ```text
//! 16  4 segment
//! 20  4 n
//! 24 8n runs of ordinals   the first u32, how many u32
//! ```
//! or, with bits
//! ```text
//! 16  4 segment
//! 20  4 n
//! 24 8n bits               u64 each, the first pair's is the lowest of the first
//! ```
//!
//! ## 6 Closed: the broker ended cleanly. Means something only as the last record
//! ```text
//! 16  4 n
//! 20  4 zero
//! 24 12n runs              of the pairs that had been delivered before
//! ```
//!
//! ## 7 Lost: stands where an operator had the log go on without records that were spoilt
//! ```text
//! 16  4 pairs              how many pairs they had
//! then zeros
//! ```

mod decode;
mod encode;
mod header;
#[cfg(test)]
mod tests;

pub use decode::{
    Invalid, Record, Runs, StoredHead, announced_len, decode, decode_own, set_runs, stored_head,
};
pub use encode::{Encoded, Encoder, Message, Origin, lost, mark};
pub use header::{HEADER_BYTES, HeaderError, SegmentHeader, salt_of};

/// The version of the format that this build writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// The fixed part of a record.
pub const RECORD_HEADER_BYTES: usize = 16;
/// The shortest record.
pub const SHORTEST_RECORD: usize = 24;
/// Records begin at multiples of this.
pub const ALIGNMENT: usize = 8;
/// How long a Mark is.
pub const MARK_BYTES: usize = 32;
/// The longest record. AMQP's messages end at 512 MiB.
pub const LONGEST_RECORD: usize = 1 << 30;
/// Stands for "never expires".
pub const NO_EXPIRATION: u64 = u64::MAX;

/// What a record is.
pub mod kind {
    /// Begins a write.
    pub const MARK: u8 = 1;
    /// A message and the queues it went to.
    pub const MESSAGE: u8 = 2;
    /// Pairs that are done with.
    pub const SETTLED: u8 = 3;
    /// A key and its value, or that it has none any more.
    pub const DEFINITION: u8 = 4;
    /// The pairs of a segment that are alive.
    pub const LIVE: u8 = 5;
    /// A clean end.
    pub const CLOSED: u8 = 6;
    /// What is in the place of spoilt records.
    pub const LOST: u8 = 7;
}

/// Bits of a record's flags.
pub mod flag {
    /// Message: it is restored after a restart.
    pub const DURABLE: u8 = 1;
    /// Message: a copy of one that was written before.
    pub const MOVED: u8 = 2;
    /// Definition: there is a value.
    pub const PUT: u8 = 1;
    /// Live: bits, not runs.
    pub const BITS: u8 = 1;
}

/// What every record's checksum begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u32);

impl Seed {
    /// Of the log's salt.
    pub fn new(salt: u64) -> Self {
        Self(crc32c::crc32c(&salt.to_le_bytes()))
    }

    /// The checksum of a record whose bytes from 4 on are these.
    pub fn checksum(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }

    /// Writes the checksum of a whole record (without its padding) into it.
    pub fn seal(self, record: &mut [u8]) {
        if let Some((checksum, rest)) = record.split_first_chunk_mut::<4>() {
            *checksum = self.checksum(rest).to_le_bytes();
        }
    }
}

/// Ids that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first id.
    pub first: u64,
    /// How many.
    pub count: u32,
}

/// Where the record after one of `len` bytes begins, if that one begins at 0.
pub fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT)
}
