//! The header of a segment.
//!
//! Invariant: a [`SegmentHeader`] that was decoded had a valid checksum and a format that this build knows.

use super::FORMAT;
use super::decode::Fields;

/// How long a header is: records begin here.
pub const HEADER_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"leveret\n";
const CHECKED: usize = 36;
const SALT_AGAIN: usize = 40;

/// What a segment says about itself and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its number.
    pub segment: u32,
    /// The salt of the whole log.
    pub salt: u64,
    /// The segment written before it, 0 for none.
    pub previous: u32,
    /// Where that one's records end.
    pub previous_end: u32,
    /// How many pairs that one has.
    pub previous_pairs: u32,
}

/// Why 64 bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Not ours, or spoilt.
    Invalid,
    /// Written by a later version.
    Newer(u32),
}

impl SegmentHeader {
    /// The bytes of it.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&self.previous.to_le_bytes());
        bytes.extend_from_slice(&self.previous_end.to_le_bytes());
        bytes.extend_from_slice(&self.previous_pairs.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&self.salt.to_le_bytes()).to_le_bytes());
        let mut header = [0; HEADER_BYTES];
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = from;
        }
        header
    }

    /// Reads it back.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, HeaderError> {
        let checked = bytes.get(..CHECKED).map(crc32c::crc32c);
        let mut fields = Fields::new(bytes);
        let header = (|| {
            let magic = fields.bytes(8)?;
            let format = fields.u32()?;
            let header = Self {
                segment: fields.u32()?,
                salt: fields.u64()?,
                previous: fields.u32()?,
                previous_end: fields.u32()?,
                previous_pairs: fields.u32()?,
            };
            let valid = magic == MAGIC && fields.u32() == checked && header.segment != 0;
            Some((valid, format, header))
        })();
        match header {
            Some((true, format, _)) if format != FORMAT => Err(HeaderError::Newer(format)),
            Some((true, _, header)) => Ok(header),
            _ => Err(HeaderError::Invalid),
        }
    }
}

/// The salt, from whichever of its two copies is whole.
pub fn salt_of(bytes: &[u8; HEADER_BYTES]) -> Option<u64> {
    if let Ok(header) = SegmentHeader::decode(bytes) {
        return Some(header.salt);
    }
    let mut fields = Fields::new(bytes.get(SALT_AGAIN..)?);
    let salt = fields.u64()?;
    (fields.u32()? == crc32c::crc32c(&salt.to_le_bytes())).then_some(salt)
}
