//! Counts the messages in a stream of frames, at the price of one look at each frame's header.

use leveret_codec::{DecodeError, Frame, FrameKind, Limits, MethodId, frame};

/// What a consumer has received so far.
#[derive(Debug)]
pub struct Arrivals {
    limits: Limits,
    message_bytes: u64,
    deliveries: u64,
    headers: u64,
    body_bytes: u64,
}

/// Why the walk did not reach the end of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop<'a> {
    /// The frame after what was walked is not whole yet.
    Partial,
    /// A method that is no delivery: what the broker has to say.
    Said(&'a [u8]),
}

impl Arrivals {
    /// Expects messages of `message_bytes`.
    pub fn new(message_bytes: u32, limits: Limits) -> Self {
        Self { limits, message_bytes: message_bytes.into(), deliveries: 0, headers: 0, body_bytes: 0 }
    }

    /// Walks over whole frames, and returns how many bytes they took. `begins` sees the first piece of each body.
    pub fn walk<'a>(
        &mut self,
        bytes: &'a [u8],
        mut begins: impl FnMut(&'a [u8]),
    ) -> Result<(usize, Stop<'a>), DecodeError> {
        let mut at = 0;
        while let Some(frame) = frame::cut(bytes.get(at..).unwrap_or_default(), &self.limits)? {
            at += frame.wire_bytes();
            if frame.kind == FrameKind::Body && self.is_at_start() {
                begins(frame.payload);
            }
            if !self.count(&frame)? {
                return Ok((at, Stop::Said(frame.payload)));
            }
        }
        Ok((at, Stop::Partial))
    }

    /// Whether the frame is part of a delivery.
    fn count(&mut self, frame: &Frame<'_>) -> Result<bool, DecodeError> {
        match frame.kind {
            FrameKind::Body => self.body_bytes += frame.payload.len() as u64,
            FrameKind::Header => self.headers += 1,
            FrameKind::Heartbeat => {}
            FrameKind::Method if MethodId::of(frame.payload)? == MethodId::BASIC_DELIVER => {
                self.deliveries += 1;
            }
            FrameKind::Method => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the next body is the first piece of a message, reckoned from the counts: a mark would have to be set and
    /// cleared for every message, whether anyone asks or not.
    fn is_at_start(&self) -> bool {
        self.body_bytes == self.headers.wrapping_sub(1).wrapping_mul(self.message_bytes)
    }

    /// How many messages have arrived whole, so also the delivery tag of the last of them.
    pub fn whole(&self) -> u64 {
        self.body_bytes.checked_div(self.message_bytes).unwrap_or(self.headers)
    }

    /// Whether methods, headers and bodies agree, but for the message under way.
    pub fn agree(&self) -> bool {
        let whole = self.whole();
        [self.deliveries, self.headers].iter().all(|count| *count == whole || *count == whole + 1)
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut as _, BytesMut};
    use leveret_codec::{content, hot};

    use super::*;

    fn put_delivery(out: &mut BytesMut, tag: u64, bodies: &[&[u8]]) {
        hot::put_deliver(out, 1, b"c", tag, false, b"", b"q");
        let size = bodies.iter().map(|body| body.len() as u64).sum();
        content::put_header(out, 1, size, &[0, 0]);
        for body in bodies {
            frame::put_frame_header(out, FrameKind::Body, 1, u32::try_from(body.len()).unwrap());
            out.put_slice(body);
            out.put_u8(frame::FRAME_END);
        }
    }

    fn walked(arrivals: &mut Arrivals, bytes: &[u8]) -> usize {
        let (walked, stop) = arrivals.walk(bytes, |_| {}).unwrap();
        assert_eq!(stop, Stop::Partial);
        walked
    }

    #[test]
    fn messages_are_counted_however_their_frames_are_cut() {
        let mut bytes = BytesMut::new();
        for tag in 1..=3 {
            put_delivery(&mut bytes, tag, &[b"ab", b"cd"]);
        }
        for cut in 0..=bytes.len() {
            let mut arrivals = Arrivals::new(4, Limits::default());
            let first = walked(&mut arrivals, &bytes[..cut]);
            assert!(arrivals.agree(), "after {cut} bytes");
            assert_eq!(walked(&mut arrivals, &bytes[first..]), bytes.len() - first);
            assert_eq!((arrivals.whole(), arrivals.agree()), (3, true));
        }
    }

    #[test]
    fn messages_without_a_body_are_counted_too() {
        let mut bytes = BytesMut::new();
        put_delivery(&mut bytes, 1, &[]);
        let mut arrivals = Arrivals::new(0, Limits::default());
        walked(&mut arrivals, &bytes);
        assert_eq!((arrivals.whole(), arrivals.agree()), (1, true));
    }

    #[test]
    fn a_body_of_another_size_is_noticed() {
        let mut bytes = BytesMut::new();
        for tag in 1..=4 {
            put_delivery(&mut bytes, tag, &[b"abcdefgh"]);
        }
        let mut arrivals = Arrivals::new(4, Limits::default());
        walked(&mut arrivals, &bytes);
        assert!(!arrivals.agree());
    }

    #[test]
    fn what_is_no_delivery_is_handed_out() {
        let mut bytes = BytesMut::new();
        put_delivery(&mut bytes, 1, &[b"abcd"]);
        let delivery = bytes.len();
        hot::put_ack(&mut bytes, 1, 7, false);
        let end = bytes.len();
        put_delivery(&mut bytes, 2, &[b"abcd"]);
        let mut arrivals = Arrivals::new(4, Limits::default());
        let (walked, stop) = arrivals.walk(&bytes, |_| {}).unwrap();
        assert_eq!((walked, arrivals.whole()), (end, 1));
        assert_eq!(stop, Stop::Said(&bytes[delivery + 7..end - 1]));
    }

    #[test]
    fn the_first_piece_of_each_body_is_shown_once() {
        let mut bytes = BytesMut::new();
        for tag in 1..=2 {
            put_delivery(&mut bytes, tag, &[b"ab", b"cd", b"ef"]);
        }
        for cut in 0..=bytes.len() {
            let mut arrivals = Arrivals::new(6, Limits::default());
            let mut shown = Vec::new();
            let (first, _) = arrivals.walk(&bytes[..cut], |body| shown.push(body)).unwrap();
            arrivals.walk(&bytes[first..], |body| shown.push(body)).unwrap();
            assert_eq!(shown, [b"ab", b"ab"], "after {cut} bytes");
        }
    }
}
