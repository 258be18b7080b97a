//! The whole frames of one read, and the publishes that lie in them whole.
//!
//! Invariant: a chunk is one shared slice and holds whole frames only. A message whose frames all lie in one
//! chunk stays where it is: it shares the slice, nothing is copied.

use bytes::{Buf as _, Bytes, BytesMut};
use leveret_codec::content::ContentHeader;
use leveret_codec::frame::{self, FRAME_END, FRAME_OVERHEAD_BYTES, Frame, FrameKind};
use leveret_codec::hot::{Ack, Publish};
use leveret_codec::{DecodeError, Limits};

use crate::amqp::alike::{MOST_BYTES, Pattern};
use crate::amqp::assembly::{Assembled, PublishBits};
use crate::model::{Layout, Message};

/// Chunks up to this size are copied out of a read buffer that is much larger.
const COPY_UP_TO_BYTES: usize = 4 * 1024;

/// What comes before a frame's payload: kind, channel, size.
const FRAME_HEAD_BYTES: usize = 7;

/// Class, method and ticket before the exchange's name.
const BEFORE_EXCHANGE: usize = 6;

/// The largest frame that a peer may send, with everything around its payload.
pub fn largest_frame_bytes(limits: &Limits) -> usize {
    (limits.frame_max_bytes as usize).saturating_add(FRAME_OVERHEAD_BYTES as usize)
}

/// The size of the frame at the front, with everything around its payload; `None` if not even that is there.
pub fn frame_size(input: &[u8]) -> Option<usize> {
    let [_, _, _, size @ ..] = input.first_chunk::<FRAME_HEAD_BYTES>()?;
    Some((u32::from_be_bytes(*size) as usize).saturating_add(FRAME_OVERHEAD_BYTES as usize))
}

/// Whole frames of one read.
#[derive(Debug)]
pub struct Chunk {
    /// The frames.
    pub bytes: Bytes,
    /// What stays in memory as long as any of them does: they may be a small part of the buffer of a large read.
    pub pinned_bytes: usize,
}

impl From<Bytes> for Chunk {
    /// Frames that have been held back: nobody knows any more how much they are a part of.
    fn from(bytes: Bytes) -> Self {
        Self { bytes, pinned_bytes: usize::MAX }
    }
}

/// Takes every whole frame off the front of `input`; `None` if there is none that may be looked at.
pub fn take_chunk(input: &mut BytesMut, limits: &Limits) -> Option<Chunk> {
    let whole = whole_frames(input, limits);
    let pinned_bytes = input.capacity();
    match input.get(..whole)? {
        [] => None,
        // Messages share the chunk they came in for as long as somebody holds them unacknowledged. A small one
        // gets bytes of its own, so that 100 bytes do not keep a read buffer of 8 KiB; to copy it costs less
        // than the read did.
        frames if whole <= COPY_UP_TO_BYTES && whole * 2 <= input.capacity() => {
            let bytes = Bytes::copy_from_slice(frames);
            input.advance(whole);
            Some(Chunk { bytes, pinned_bytes: whole })
        }
        // A count of references of its own: consumers let go of the last chunk's messages while this one's
        // are being counted (5 % fewer cycles a message at 16 B, two runs each).
        _ => {
            let bytes = Bytes::from_owner(Owned(input.split_to(whole).freeze()));
            Some(Chunk { bytes, pinned_bytes })
        }
    }
}

/// Bytes that nothing else shares a cache line with, so that neither does the count of references that stands before them:
/// it is changed for every message, by two threads.
#[repr(align(128))]
struct Owned(Bytes);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How many bytes at the front are whole frames of a size that is allowed.
fn whole_frames(input: &[u8], limits: &Limits) -> usize {
    let largest = largest_frame_bytes(limits);
    let mut at = 0;
    while let Some(rest) = input.get(at..) {
        match frame_size(rest) {
            Some(size) if size <= rest.len() && size <= largest => at += size,
            _ => break,
        }
    }
    at
}

/// The frames of a chunk, taken one after the other.
#[derive(Debug)]
pub struct Frames<'a> {
    chunk: &'a Bytes,
    pinned_bytes: usize,
    limits: &'a Limits,
    /// Where the frame begins that was taken last.
    begin: usize,
    /// Where the next one begins.
    at: usize,
}

impl<'a> Frames<'a> {
    /// All frames of a chunk.
    pub fn new(chunk: &'a Chunk, limits: &'a Limits) -> Self {
        let Chunk { bytes: chunk, pinned_bytes } = chunk;
        Self { chunk, pinned_bytes: *pinned_bytes, limits, begin: 0, at: 0 }
    }

    /// What frames and tables may be.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Whether all have been taken.
    pub fn is_empty(&self) -> bool {
        self.chunk.len() <= self.at
    }

    /// Those that have not been taken, sharing the chunk.
    pub fn rest(&self) -> Bytes {
        self.chunk.slice(self.at.min(self.chunk.len())..)
    }

    /// Those that have not been taken, and the one that was taken last.
    pub fn again(&self) -> Bytes {
        self.chunk.slice(self.begin.min(self.chunk.len())..)
    }

    /// Takes the next frame.
    pub fn take(&mut self) -> Result<Option<Frame<'a>>, DecodeError> {
        let frame = frame::cut(self.chunk.get(self.at..).unwrap_or_default(), self.limits)?;
        self.begin = self.at;
        // Nothing but whole frames is in a chunk, so no frame means the end.
        self.at = frame.map_or(self.chunk.len(), |frame| self.at + frame.wire_bytes());
        Ok(frame)
    }

    /// Takes the content of a publish if its header and whole body come next: the common case. `method` is the
    /// frame that was taken last. `None`: something else follows (or something wrong), which `Assembly` deals
    /// with frame by frame.
    pub fn take_publish(&mut self, method: Frame<'a>) -> Option<Assembled> {
        let publish = Publish::decode(method.payload).ok()?;
        let header_at = self.at;
        let frame = self.content_at(header_at, method.channel, FrameKind::Header)?;
        let header = ContentHeader::decode(frame.payload, self.limits).ok()?;
        let properties = header.properties.raw();
        let after_header = header_at + frame.wire_bytes();
        // Properties end the header's payload, which one byte ends.
        let properties_at = after_header - 1 - properties.len();
        let (body_at, end, next) = if header.body_bytes == 0 {
            (after_header - 1, after_header - 1, after_header)
        } else {
            let body = self.content_at(after_header, method.channel, FrameKind::Body)?;
            if body.payload.len() as u64 != header.body_bytes {
                return None;
            }
            let next = after_header + body.wire_bytes();
            (next - 1 - body.payload.len(), next - 1, next)
        };
        let start = self.begin + FRAME_HEAD_BYTES + BEFORE_EXCHANGE;
        let layout = Layout {
            properties: (u32::try_from(properties_at - start).ok()?, u32::try_from(properties.len()).ok()?),
            body_at: u32::try_from(body_at - start).ok()?,
        };
        let persistent = header.properties.delivery_mode() == Some(2);
        self.at = next;
        Some(Assembled {
            bits: PublishBits { mandatory: publish.mandatory, immediate: publish.immediate },
            body_bytes: header.body_bytes,
            message: Message::in_place(self.chunk.slice(start..end), layout, persistent, self.pinned_bytes),
        })
    }

    /// Takes the next frame if it is an acknowledgement on this channel: they come in rows.
    #[inline]
    pub fn take_ack(&mut self, channel: u16) -> Option<Ack> {
        let frame = self.chunk.get(self.at..)?.first_chunk()?;
        let ack = Ack::of_frame(frame, channel)?;
        self.begin = self.at;
        self.at += frame.len();
        Some(ack)
    }

    /// Makes `pattern` what the publish that was taken last looks like: nothing, if its body is empty or what stands before it
    /// is not worth its room.
    pub fn learn(&self, channel: u16, taken: &Assembled, pattern: &mut Pattern) {
        pattern.forget();
        let (bytes, body) = taken.message.body_in_place();
        let body_bytes = body.len();
        // The body, its frame's end, and nothing else ends what was taken.
        let body_at = self.at.saturating_sub(body_bytes + 1);
        let head = self.chunk.get(self.begin..body_at).filter(|head| head.len() <= MOST_BYTES);
        let Some(head) = head.filter(|_| 0 < body_bytes) else { return };
        pattern.head.extend_from_slice(head);
        pattern.message_at = head.len() - body.start;
        pattern.body_bytes = body_bytes;
        pattern.layout = taken.message.layout();
        pattern.persistent = taken.message.is_persistent();
        pattern.channel = channel;
        debug_assert_eq!(bytes.len(), body.end, "a body ends its message");
    }

    /// Takes the next publish if it begins as the pattern does.
    #[inline]
    pub fn take_alike(&mut self, pattern: &Pattern) -> Option<Message> {
        let rest = self.chunk.get(self.at..)?;
        let body = rest.strip_prefix(pattern.head.as_slice())?;
        if *body.get(pattern.body_bytes)? != FRAME_END {
            return None;
        }
        let (start, end) = (self.at + pattern.message_at, self.at + pattern.head.len() + pattern.body_bytes);
        self.begin = self.at;
        self.at = end + 1;
        let bytes = self.chunk.slice(start..end);
        Some(Message::in_place(bytes, pattern.layout, pattern.persistent, self.pinned_bytes))
    }

    fn content_at(&self, at: usize, channel: u16, kind: FrameKind) -> Option<Frame<'a>> {
        let frame = frame::cut(self.chunk.get(at..)?, self.limits).ok()??;
        (frame.channel == channel && frame.kind == kind).then_some(frame)
    }
}
