//! The frames of a delivery up to its body, kept from the last one for the next that differs in tag and body only.
//!
//! Most consumers get one kind of message over and over. From the second on, what stands before its body is copied whole
//! and the delivery tag written into it: at 16 B a third of the instructions that encoding it anew takes.
//!
//! Invariant: `frames` is what `hot::put_deliver` and `content::put_content` have written, for a message that began with
//! the bytes of `head`; nothing is made up here.

use bytes::BytesMut;
use leveret_codec::MethodId;
use leveret_codec::content::SHARE_FROM_BYTES;
use leveret_codec::frame::{FRAME_END, FRAME_HEADER_BYTES};

use crate::model::{Layout, Message};

/// A consumer keeps no more than about twice so many bytes.
const MOST_BYTES: usize = 1024;

/// The last delivery of a consumer, without its body.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// What the message began with, up to its body; nothing, if the next one can't be like it.
    head: Vec<u8>,
    layout: Layout,
    body_bytes: usize,
    frames: Vec<u8>,
    /// Where in `frames` the delivery tag is.
    tag_at: usize,
}

impl Template {
    /// Writes a delivery if it is like the last one. `false`: it is not, and nothing was written.
    #[inline]
    pub fn put(&self, out: &mut BytesMut, tag: u64, message: &Message) -> bool {
        let (head, body) = message.head_and_body();
        if body.len() != self.body_bytes || message.layout() != self.layout || head != self.head {
            return false;
        }
        let start = out.len();
        out.reserve(self.frames.len() + body.len() + 1);
        out.extend_from_slice(&self.frames);
        let tag_at = start + self.tag_at;
        if let Some(place) = out.get_mut(tag_at..tag_at + 8) {
            place.copy_from_slice(&tag.to_be_bytes());
        }
        out.extend_from_slice(body);
        out.extend_from_slice(&[FRAME_END]);
        true
    }

    /// Keeps what stands before the body in `written`: all frames of this message to a consumer with this tag. Nothing, if
    /// it has no body, or one that is shared with the socket and not in there, or so much before it that it is not worth
    /// its room. Not for a body in several frames.
    pub fn learn(&mut self, written: &[u8], consumer_tag: &[u8], message: &Message) {
        let (head, body) = message.head_and_body();
        self.head.clear();
        self.frames.clear();
        self.body_bytes = body.len();
        if body.is_empty() || SHARE_FROM_BYTES <= body.len() || MOST_BYTES < head.len() {
            return;
        }
        let Some(before_body) = written.strip_suffix(&[FRAME_END]).and_then(|rest| rest.strip_suffix(body))
        else {
            return;
        };
        self.head.extend_from_slice(head);
        self.frames.extend_from_slice(before_body);
        self.layout = message.layout();
        self.tag_at = FRAME_HEADER_BYTES + MethodId::WIRE_BYTES + 1 + consumer_tag.len();
    }
}

#[cfg(test)]
mod tests {
    use leveret_codec::content::put_content;
    use leveret_codec::{Outgoing, PropertiesBuilder, TableBuilder, Value, hot};

    use super::*;

    const FRAME_MAX_BYTES: u32 = 131_072;

    fn message(header: &[u8], body: &[u8]) -> Message {
        let headers = TableBuilder::new().insert(b"h", Value::Str(header)).build();
        let properties = PropertiesBuilder::new().headers(headers.as_ref()).build();
        Message::compose(b"", b"q", &properties, body)
    }

    fn written(message: &Message, tag: u64) -> Outgoing {
        let mut out = Outgoing::new();
        hot::put_deliver(out.buffer(), 1, b"c", tag, false, message.exchange(), message.routing_key());
        put_content(&mut out, 1, FRAME_MAX_BYTES, message.properties().raw(), message.body_in_place());
        out
    }

    fn learned(message: &Message) -> Template {
        let mut template = Template::default();
        template.learn(written(message, 1).buffer(), b"c", message);
        template
    }

    #[test]
    fn what_it_writes_is_what_would_have_been_encoded() {
        let template = learned(&message(b"x", b"hello"));
        let next = message(b"x", b"there");
        let mut out = BytesMut::from(&b"before"[..]);
        assert!(template.put(&mut out, 77, &next));
        assert_eq!(out[6..], written(&next, 77).buffer()[..]);
        for other in [message(b"y", b"there"), message(b"x", b"longer"), message(b"x", b"")] {
            assert!(!template.put(&mut BytesMut::new(), 78, &other));
        }
    }

    /// The bytes of a body that is shared with the socket are not in the buffer: what stands before it must not be taken
    /// for it, whatever a publisher has put there.
    #[test]
    fn a_body_that_repeats_what_stands_before_it_teaches_nothing() {
        let header = [b'm'; 5000];
        let before = written(&message(&header, &[0; 4096]), 1);
        let before = before_body(before);
        let end = before.len() - 1;
        let body = &before[end - 4096..end];
        let template = learned(&message(&header, body));
        assert!(!template.put(&mut BytesMut::new(), 2, &message(&header, &[b'z'; 4096])));
    }

    fn before_body(mut written: Outgoing) -> Vec<u8> {
        written.buffer().to_vec()
    }
}
