//! Frames waiting for one socket, in order: small things in one buffer, large bodies shared.
//!
//! Invariant: the stream is the buffer with every shared piece inserted where it was put, and `pieces` are
//! ordered by that place. Owner: the connection's task. Bound: the caller's; ask [`Outgoing::len`] before adding.
//!
//! ```text
//! buffer   [method header | 7 bytes] [0xCE, 7 bytes] [0xCE, method ...]
//! pieces                            ^ body          ^ body
//! ```

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes to be written to one peer.
#[derive(Debug, Default)]
pub struct Outgoing {
    buffer: BytesMut,
    /// How much has left the buffer so far; places of pieces count from the very first byte ever put.
    taken: u64,
    pieces: VecDeque<Piece>,
    /// Sum of the lengths of all pieces.
    shared_bytes: usize,
}

/// A shared body and how many buffered bytes go before it.
#[derive(Debug)]
struct Piece {
    place: u64,
    bytes: Bytes,
}

impl Outgoing {
    /// Holds nothing, not even memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where small things are appended. Nothing else may be done to it.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Appends bytes without copying them. Worth it from a few KiB on: a piece costs its own entry in
    /// the vectored write, and the buffer another.
    pub fn put_shared(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.shared_bytes += bytes.len();
        self.pieces.push_back(Piece { place: self.taken + self.buffer.len() as u64, bytes });
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.buffer.len() + self.shared_bytes
    }

    /// Whether everything has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `into` with what waits, front first, and says how many slices that are.
    pub fn io_slices<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let mut slots = into.iter_mut();
        let mut filled = 0;
        let mut fill = |bytes: &'a [u8]| {
            if bytes.is_empty() {
                return true;
            }
            let Some(slot) = slots.next() else { return false };
            *slot = IoSlice::new(bytes);
            filled += 1;
            true
        };
        let mut rest: &[u8] = &self.buffer;
        let mut place = self.taken;
        for piece in &self.pieces {
            let (before, after) = rest.split_at_checked(gap(place, piece.place)).unwrap_or((rest, &[]));
            if !fill(before) || !fill(&piece.bytes) {
                return filled;
            }
            (rest, place) = (after, piece.place);
        }
        fill(rest);
        filled
    }

    /// Forgets the first `count` bytes: they were written.
    pub fn advance(&mut self, mut count: usize) {
        while count != 0 {
            let Some(piece) = self.pieces.front_mut() else {
                self.take_buffered(count);
                return;
            };
            let before = gap(self.taken, piece.place);
            if before != 0 {
                let step = before.min(count);
                self.take_buffered(step);
                count -= step;
                continue;
            }
            let step = piece.bytes.len().min(count);
            piece.bytes.advance(step);
            let is_done = piece.bytes.is_empty();
            self.shared_bytes -= step;
            count -= step;
            if is_done {
                self.pieces.pop_front();
            }
        }
    }

    fn take_buffered(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.buffer.advance(count);
        self.taken += count as u64;
    }

    /// Gives all memory back if nothing waits: an idle connection must hold nothing.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }
}

/// How many buffered bytes lie between two places; both are within one buffer, so this always fits.
fn gap(from: u64, to: u64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Outgoing {
        let mut out = Outgoing::new();
        out.buffer().extend_from_slice(b"head");
        out.put_shared(Bytes::from_static(b"BODY"));
        out.put_shared(Bytes::from_static(b"MORE"));
        out.buffer().extend_from_slice(b"tail");
        out.put_shared(Bytes::new());
        out
    }

    fn collect(out: &Outgoing, slots: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(b""); slots];
        let filled = out.io_slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    #[test]
    fn slices_come_in_the_order_things_were_put() {
        let out = sample();
        assert_eq!(out.len(), 16);
        assert_eq!(collect(&out, 8), b"headBODYMOREtail");
        assert_eq!(collect(&out, 2), b"headBODY");
        assert_eq!(collect(&out, 0), b"");
    }

    #[test]
    fn any_split_into_writes_gives_the_same_stream() {
        for step in 1..=17 {
            let mut out = sample();
            let mut written = Vec::new();
            while !out.is_empty() {
                let mut part = collect(&out, 2);
                part.truncate(step);
                out.advance(part.len());
                written.extend(part);
            }
            assert_eq!(written, b"headBODYMOREtail", "in steps of {step}");
        }
    }

    #[test]
    fn appending_while_half_written_keeps_the_order() {
        let mut out = sample();
        out.advance(6);
        out.buffer().extend_from_slice(b"new");
        out.put_shared(Bytes::from_static(b"LAST"));
        assert_eq!(collect(&out, 8), b"DYMOREtailnewLAST");
        out.advance(usize::MAX);
        assert!(out.is_empty());
    }

    #[test]
    fn a_drained_outgoing_gives_its_memory_back() {
        let mut out = sample();
        out.shrink();
        assert_eq!(out.len(), 16, "shrinking drops nothing");
        out.advance(16);
        out.shrink();
        assert_eq!(out.buffer().capacity(), 0);
    }
}
