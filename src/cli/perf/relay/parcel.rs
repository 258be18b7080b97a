//! Messages of one publisher for one consumer, between a read of the one and a write to the other.
//!
//! Invariant: the buffer starts with a delivery, whose tag is `first_tag`, and the tags after it rise by one. They
//! are a guess: as long as nobody else publishes to the consumer it is right, and nothing has to be changed. The
//! end of the buffer may be a message that is not whole yet; it stays until it is, so that messages of several
//! publishers never mix.

use bytes::{Buf as _, BytesMut};
use leveret_codec::frame::{FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES};
use leveret_codec::hot;

use crate::cli::client::CHANNEL;

/// The octet of a method frame (§4.2.3).
const METHOD: u8 = 1;

/// §1.8.3.13: class and method; the consumer's tag is a short string, and the delivery's follows it.
const BEFORE_CONSUMER_TAG: usize = FRAME_HEADER_BYTES + 4;

/// A delivery to one consumer, ready-made but for its tag.
#[derive(Debug, Default)]
pub struct Opening {
    frame: BytesMut,
    tag_at: usize,
}

impl Opening {
    pub fn new(consumer_tag: &[u8], routing_key: &[u8]) -> Self {
        let mut frame = BytesMut::new();
        hot::put_deliver(&mut frame, CHANNEL, consumer_tag, 0, false, b"", routing_key);
        Self { frame, tag_at: BEFORE_CONSUMER_TAG + 1 + consumer_tag.len() }
    }
}

/// Deliveries that wait to be handed on.
#[derive(Debug)]
pub struct Parcel {
    frames: BytesMut,
    whole_bytes: usize,
    whole_messages: u64,
    first_tag: u64,
    next_tag: u64,
}

impl Default for Parcel {
    fn default() -> Self {
        Self { frames: BytesMut::new(), whole_bytes: 0, whole_messages: 0, first_tag: 1, next_tag: 1 }
    }
}

impl Parcel {
    /// Begins a message.
    pub fn begin(&mut self, opening: &Opening) {
        let tag_at = self.frames.len() + opening.tag_at;
        self.frames.extend_from_slice(&opening.frame);
        if let Some(slot) = self.frames.get_mut(tag_at..).and_then(|rest| rest.first_chunk_mut()) {
            *slot = self.next_tag.to_be_bytes();
        }
        self.next_tag += 1;
    }

    /// Content is delivered as it came; the consumer's channel has the same number.
    pub fn put(&mut self, frame: &[u8]) {
        self.frames.extend_from_slice(frame);
    }

    /// The message begun is whole.
    pub fn end(&mut self) {
        self.whole_bytes = self.frames.len();
        self.whole_messages += 1;
    }

    pub fn whole_messages(&self) -> u64 {
        self.whole_messages
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The whole messages, whose tags shall count from `tag`.
    pub fn whole(&mut self, tag: u64) -> &[u8] {
        let whole = self.frames.get_mut(..self.whole_bytes).unwrap_or_default();
        if tag != self.first_tag {
            renumber(whole, tag);
        }
        whole
    }

    /// They are gone; the consumer's next message will have this tag.
    pub fn delivered(&mut self, next_tag: u64) {
        self.frames.advance(self.whole_bytes);
        self.first_tag += self.whole_messages;
        (self.whole_bytes, self.whole_messages) = (0, 0);
        if self.frames.is_empty() {
            (self.first_tag, self.next_tag) = (next_tag, next_tag);
        }
    }
}

/// Every method among the frames is a delivery, and has its tag after the consumer's.
fn renumber(mut frames: &mut [u8], mut tag: u64) {
    while let Some(&[octet, _, _, s0, s1, s2, s3]) = frames.first_chunk::<FRAME_HEADER_BYTES>() {
        let bytes = u32::from_be_bytes([s0, s1, s2, s3]) as usize + FRAME_OVERHEAD_BYTES as usize;
        let Some((frame, rest)) = std::mem::take(&mut frames).split_at_mut_checked(bytes) else { return };
        if octet == METHOD {
            if let Some(slot) = tag_of(frame) {
                *slot = tag.to_be_bytes();
            }
            tag += 1;
        }
        frames = rest;
    }
}

fn tag_of(deliver: &mut [u8]) -> Option<&mut [u8; 8]> {
    let (consumer_tag_bytes, rest) = deliver.get_mut(BEFORE_CONSUMER_TAG..)?.split_first_mut()?;
    rest.get_mut(usize::from(*consumer_tag_bytes)..)?.first_chunk_mut()
}

#[cfg(test)]
mod tests {
    use leveret_codec::{FrameKind, Limits, Method, MethodId, content, frame, method};

    use super::*;

    fn put_message(parcel: &mut Parcel, consumer_tag: &[u8]) {
        parcel.begin(&Opening::new(consumer_tag, b"q"));
        let mut header = BytesMut::new();
        content::put_header(&mut header, CHANNEL, 0, &[0, 0]);
        parcel.put(&header);
        parcel.end();
    }

    fn tags(mut frames: &[u8]) -> Vec<u64> {
        let limits = Limits::default();
        let mut tags = Vec::new();
        while let Some(frame) = frame::cut(frames, &limits).unwrap() {
            if frame.kind == FrameKind::Method {
                assert_eq!(MethodId::of(frame.payload).unwrap(), MethodId::BASIC_DELIVER);
                let Method::Basic(method::basic::AMQPMethod::Deliver(deliver)) =
                    method::decode(frame.payload, &limits).unwrap()
                else {
                    unreachable!()
                };
                tags.push(deliver.delivery_tag);
            }
            frames = &frames[frame.wire_bytes()..];
        }
        tags
    }

    #[test]
    fn tags_go_on_where_the_consumer_is_whoever_published_before() {
        let mut parcel = Parcel::default();
        put_message(&mut parcel, b"c");
        put_message(&mut parcel, b"consumer");
        assert_eq!(tags(parcel.whole(1)), [1, 2]);
        assert_eq!(tags(parcel.whole(7)), [7, 8]);
        parcel.delivered(9);
        put_message(&mut parcel, b"c");
        assert_eq!(tags(parcel.whole(9)), [9]);
    }

    #[test]
    fn a_message_that_is_not_whole_stays_and_gets_its_tag_when_it_is() {
        let mut parcel = Parcel::default();
        put_message(&mut parcel, b"c");
        parcel.begin(&Opening::new(b"c", b"q"));
        assert_eq!((parcel.whole_messages(), tags(parcel.whole(5))), (1, vec![5]));
        parcel.delivered(6);
        assert!(!parcel.is_empty());
        parcel.put(b"");
        parcel.end();
        // Somebody else has published two.
        assert_eq!(tags(parcel.whole(8)), [8]);
        parcel.delivered(9);
        assert!(parcel.is_empty());
    }
}
