//! Writing records.
//!
//! Invariants:
//! - What an [`Encoder`] holds is whole records, each begun at a multiple of 8 and filled up with zeros.
//! - Their checksums are zero until [`Seed::seal`] is called on each: encoding needs no salt.

use super::{
    ALIGNMENT, LONGEST_RECORD, MARK_BYTES, NO_EXPIRATION, RECORD_HEADER_BYTES, Run, Seed, aligned, flag, kind,
};

/// Where a moved pair came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The id that the new one replaces.
    pub from: u64,
    /// The id that it had at first.
    pub first: u64,
}

/// A message to be written.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Restored after a restart.
    pub durable: bool,
    /// When it was published, in microseconds since 1970.
    pub published_at: u64,
    /// When it expires, likewise.
    pub expiration: Option<u64>,
    /// Where it went: at least one.
    pub queues: &'a [u64],
    /// If it was moved, one for each queue; otherwise empty.
    pub origins: &'a [Origin],
    /// The parts of the head.
    pub head: &'a [&'a [u8]],
    /// The body.
    pub body: &'a [u8],
}

/// A record in an encoder's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Where it begins.
    pub start: usize,
    /// How long it is, without the zeros that follow.
    pub len: u32,
    /// How many pairs it has.
    pub pairs: u32,
    /// Whether somebody may wait for it.
    pub durable: bool,
    /// Whether it is a definition.
    pub is_definition: bool,
}

/// Appends records to bytes.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The records.
    pub bytes: Vec<u8>,
}

impl Encoder {
    /// A message. Nothing if it would be longer than [`LONGEST_RECORD`], or went to no queue, or to more than fit.
    pub fn message(&mut self, message: &Message<'_>) -> Option<Encoded> {
        let head_len: usize = message.head.iter().map(|part| part.len()).sum();
        let queues = u16::try_from(message.queues.len()).ok().filter(|queues| *queues != 0)?;
        let fixed = 22 + 8 * message.queues.len() + 16 * message.origins.len();
        let mut flags = if message.durable { flag::DURABLE } else { 0 };
        if !message.origins.is_empty() {
            flags |= flag::MOVED;
        }
        let (start, len) = self.begin(kind::MESSAGE, flags, fixed + head_len + message.body.len())?;
        let mut fields = [0; 22];
        let parts: [&[u8]; 4] = [
            &message.published_at.to_le_bytes(),
            &message.expiration.unwrap_or(NO_EXPIRATION).to_le_bytes(),
            &queues.to_le_bytes(),
            &u32::try_from(head_len).ok()?.to_le_bytes(),
        ];
        for (to, from) in fields.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        self.bytes.extend_from_slice(&fields);
        for queue in message.queues {
            self.bytes.extend_from_slice(&queue.to_le_bytes());
        }
        for origin in message.origins {
            self.bytes.extend_from_slice(&origin.from.to_le_bytes());
            self.bytes.extend_from_slice(&origin.first.to_le_bytes());
        }
        for part in message.head {
            self.bytes.extend_from_slice(part);
        }
        self.bytes.extend_from_slice(message.body);
        self.pad();
        Some(Encoded { start, len, pairs: u32::from(queues), durable: message.durable, is_definition: false })
    }

    /// A key's value, or that it has none any more. Nothing if it is too long.
    pub fn definition(&mut self, key: &[u8], value: Option<&[u8]>) -> Option<Encoded> {
        let flags = if value.is_some() { flag::PUT } else { 0 };
        let value = value.unwrap_or_default();
        let (start, len) = self.begin(kind::DEFINITION, flags, 8 + key.len() + value.len())?;
        self.bytes.extend_from_slice(&u32::try_from(key.len()).ok()?.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.pad();
        Some(Encoded { start, len, pairs: 0, durable: true, is_definition: true })
    }

    /// Pairs that are done with; at least one run.
    pub fn settled(&mut self, runs: &[Run]) -> Option<Encoded> {
        let (start, len) = self.begin(kind::SETTLED, 0, 12 * runs.len())?;
        self.runs(runs);
        Some(Encoded { start, len, pairs: 0, durable: false, is_definition: false })
    }

    /// The pairs of a segment that are alive, as runs of ordinals.
    pub fn live(&mut self, segment: u32, runs: &[(u32, u32)]) -> Option<Encoded> {
        let (start, len) = self.begin(kind::LIVE, 0, 8 + 8 * runs.len())?;
        self.bytes.extend_from_slice(&segment.to_le_bytes());
        self.bytes.extend_from_slice(&u32::try_from(runs.len()).ok()?.to_le_bytes());
        for (first, count) in runs {
            self.bytes.extend_from_slice(&first.to_le_bytes());
            self.bytes.extend_from_slice(&count.to_le_bytes());
        }
        self.pad();
        Some(Encoded { start, len, pairs: 0, durable: true, is_definition: false })
    }

    /// The pairs of a segment that are alive, one bit each.
    pub fn live_bits(&mut self, segment: u32, words: &[u64]) -> Option<Encoded> {
        let (start, len) = self.begin(kind::LIVE, flag::BITS, 8 + 8 * words.len())?;
        self.bytes.extend_from_slice(&segment.to_le_bytes());
        self.bytes.extend_from_slice(&u32::try_from(words.len()).ok()?.to_le_bytes());
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self.pad();
        Some(Encoded { start, len, pairs: 0, durable: true, is_definition: false })
    }

    /// A clean end, with the pairs that had been delivered before.
    pub fn closed(&mut self, redelivered: &[Run]) -> Option<Encoded> {
        let (start, len) = self.begin(kind::CLOSED, 0, 8 + 12 * redelivered.len())?;
        self.bytes.extend_from_slice(&u32::try_from(redelivered.len()).ok()?.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.runs(redelivered);
        Some(Encoded { start, len, pairs: 0, durable: true, is_definition: false })
    }

    fn runs(&mut self, runs: &[Run]) {
        for run in runs {
            self.bytes.extend_from_slice(&run.first.to_le_bytes());
            self.bytes.extend_from_slice(&run.count.to_le_bytes());
        }
        self.pad();
    }

    /// The header of a record with a body of so many bytes: where it begins and how long it will be.
    fn begin(&mut self, kind: u8, flags: u8, body: usize) -> Option<(usize, u32)> {
        let len = RECORD_HEADER_BYTES + body;
        if LONGEST_RECORD < len {
            return None;
        }
        let start = self.bytes.len();
        debug_assert!(start.is_multiple_of(ALIGNMENT), "records begin at multiples of {ALIGNMENT}");
        self.bytes.reserve(aligned(len));
        let len = u32::try_from(len).ok()?;
        self.bytes.extend_from_slice(&header(len, kind, flags));
        Some((start, len))
    }

    fn pad(&mut self) {
        self.bytes.resize(aligned(self.bytes.len()), 0);
    }
}

/// The fixed part of a record, its checksum still zero.
fn header(len: u32, kind: u8, flags: u8) -> [u8; RECORD_HEADER_BYTES] {
    let [a, b, c, d] = len.to_le_bytes();
    [0, 0, 0, 0, a, b, c, d, kind, flags, 0, 0, 0, 0, 0, 0]
}

/// A whole Mark, sealed.
pub fn mark(seed: Seed, synced: u64, ordinal: u32) -> [u8; MARK_BYTES] {
    let mut record = [0; MARK_BYTES];
    #[expect(clippy::cast_possible_truncation, reason = "a constant of 32")]
    let head = header(MARK_BYTES as u32, kind::MARK, 0);
    let parts = head.into_iter().chain(synced.to_le_bytes()).chain(ordinal.to_le_bytes());
    for (to, from) in record.iter_mut().zip(parts) {
        *to = from;
    }
    seed.seal(&mut record);
    record
}

/// What stands in the place of spoilt records over so many bytes (a multiple of 8, at least the shortest record).
pub fn lost(seed: Seed, bytes: u32, pairs: u32) -> Vec<u8> {
    let mut record = Vec::from(header(bytes, kind::LOST, 0));
    record.extend_from_slice(&pairs.to_le_bytes());
    record.resize(bytes as usize, 0);
    seed.seal(&mut record);
    record
}
