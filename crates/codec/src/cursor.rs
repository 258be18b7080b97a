//! A place in some bytes, moving forward.
//!
//! Invariant: nothing is taken that is not there; a take that fails leaves the cursor where it was.

use bytes::BytesMut;

/// Reads big-endian values off the front of a slice and remembers how far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    /// The offset of the end, so that only `rest` moves.
    end: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::starting_at(bytes, 0)
    }

    /// A cursor whose first byte counts as number `at`, so that errors name a place in the whole.
    pub fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes, end: at + bytes.len() }
    }

    pub fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    #[inline]
    pub fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (slice, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(slice)
    }

    /// §4.2.5.3: one octet of length, then the bytes.
    #[inline]
    pub fn short_string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first()?;
        let (string, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        Some(string)
    }

    /// §4.2.5.3: four octets of length, then the bytes. Tables and arrays are framed the same way.
    #[inline]
    pub fn long_string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(string)
    }
}

/// Appends a short string; what exceeds its 255 bytes is cut.
#[inline]
pub fn put_short_string(out: &mut BytesMut, bytes: &[u8]) {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    let bytes = bytes.get(..usize::from(length)).unwrap_or(bytes);
    out.extend_from_slice(&[length]);
    out.extend_from_slice(bytes);
}

/// Appends a long string; what exceeds its 4 GiB is cut.
pub fn put_long_string(out: &mut BytesMut, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let bytes = bytes.get(..length as usize).unwrap_or(bytes);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}
