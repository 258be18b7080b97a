//! One large buffer that a socket is read into, and frames are walked in.
//!
//! Invariant: what has not been walked yet starts at the front, and is less than one frame; so there is always
//! room to read, because the buffer is larger than any frame.

/// What one read may bring.
const READ_BYTES: usize = 1 << 20;

/// Bytes of a socket that are not understood yet.
#[derive(Debug)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl ReadBuffer {
    /// Starts with bytes that were read before.
    pub fn new(early: &[u8]) -> Self {
        let mut bytes = early.to_vec();
        bytes.resize(READ_BYTES.max(early.len()), 0);
        Self { bytes, filled: early.len() }
    }

    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Where to read to; then say how much with [`ReadBuffer::filled`].
    pub fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    pub fn filled(&mut self, read: usize) {
        self.filled = self.bytes.len().min(self.filled + read);
    }

    /// The first bytes have been understood; the rest moves to the front.
    pub fn drop_front(&mut self, walked: usize) {
        let walked = walked.min(self.filled);
        self.bytes.copy_within(walked..self.filled, 0);
        self.filled -= walked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_walked_moves_to_the_front() {
        let mut buffer = ReadBuffer::new(b"ab");
        buffer.room()[..3].copy_from_slice(b"cde");
        buffer.filled(3);
        buffer.drop_front(4);
        assert_eq!(buffer.waiting(), b"e");
        assert_eq!(buffer.room().len(), READ_BYTES - 1);
    }
}
