//! The frames of a delivery up to its body, kept from the last one for the next that differs in tag and body only.
//!
//! Most consumers get one kind of message over and over. From the second on, what stands before its body is copied whole
//! and the delivery tag written into it: at 16 B a third of the instructions that encoding it anew takes.
//!
//! Invariant: `frames` is what `hot::put_deliver` and `content::put_content` have written, for a message that began with
//! the bytes of `head`; nothing is made up here.

use bytes::BytesMut;
use leveret_codec::MethodId;
use leveret_codec::frame::{FRAME_END, FRAME_HEADER_BYTES};

use crate::model::{Layout, Message};

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
    /// there is no body, or it is shared with the socket. Not for a body in several frames.
    pub fn learn(&mut self, written: &[u8], consumer_tag: &[u8], message: &Message) {
        let (head, body) = message.head_and_body();
        self.head.clear();
        self.frames.clear();
        self.body_bytes = body.len();
        // Of a body that is shared the buffer has no byte.
        let Some(before_body) = written.strip_suffix(&[FRAME_END]).and_then(|rest| rest.strip_suffix(body))
        else {
            return;
        };
        if body.is_empty() {
            return;
        }
        self.head.extend_from_slice(head);
        self.frames.extend_from_slice(before_body);
        self.layout = message.layout();
        self.tag_at = FRAME_HEADER_BYTES + MethodId::WIRE_BYTES + 1 + consumer_tag.len();
    }
}
