//! Content framing, §4.2.6: a header, then bodies of exactly the announced size.
//!
//! ```text
//! 0       2        4                 12               14
//! +-------+--------+-----------------+----------------+---------------
//! | class | weight |    body size    | property flags | properties ...
//! +-------+--------+-----------------+----------------+---------------
//! ```

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::{
    cursor::Cursor,
    error::DecodeError,
    frame::{FRAME_END, FRAME_OVERHEAD_BYTES, FrameKind, describe, put_frame_header},
    limits::Limits,
    outgoing::Outgoing,
    properties::Properties,
};

/// The only class with content.
const BASIC: u16 = 60;

/// How every header starts; a weight other than zero has never had a meaning.
const CLASS_AND_WEIGHT: [u8; 4] = [0, 60, 0, 0];

/// Class, weight and size before the property flags.
const FIXED_BYTES: usize = 12;

/// The smallest frame-max that two peers can agree on (§4.2.3, `frame-min-size`).
const FRAME_MIN_BYTES: u32 = 4096;

/// Bodies from here on are shared with the socket's write instead of copied into its buffer.
pub const SHARE_FROM_BYTES: usize = 4 * 1024;

/// A content header, its properties checked in the same walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHeader<'a> {
    /// How many bytes of body follow.
    pub body_bytes: u64,
    /// The properties, still the bytes of the frame.
    pub properties: Properties<'a>,
}

impl<'a> ContentHeader<'a> {
    /// Understands a header frame's payload. A class without content or a weight is 505 as in RabbitMQ;
    /// malformed properties, where RabbitMQ crashes with 541, are 502.
    pub fn decode(payload: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(payload);
        let (Some(class), Some(weight), Some(body_bytes)) = (cursor.u16(), cursor.u16(), cursor.u64()) else {
            let what = describe(FrameKind::Header, payload);
            return Err(DecodeError::frame(cursor.at(), format!("{what}: unknown_frame")));
        };
        if weight != 0 {
            let text = "expected content header for class 60, got non content header frame instead";
            return Err(DecodeError::unexpected(2, text));
        }
        if class != BASIC {
            let text = format!("expected content header for class 60, got one for class {class} instead");
            return Err(DecodeError::unexpected(0, text));
        }
        let properties = Properties::decode_at(cursor.rest(), cursor.at(), limits)?;
        Ok(Self { body_bytes, properties })
    }
}

/// Appends a header frame around raw properties (flags first), which are not touched.
pub fn put_header(out: &mut BytesMut, channel: u16, body_bytes: u64, properties: &[u8]) {
    let size = u32::try_from(FIXED_BYTES + properties.len()).unwrap_or(u32::MAX);
    out.reserve(size as usize + FRAME_OVERHEAD_BYTES as usize);
    put_frame_header(out, FrameKind::Header, channel, size);
    out.extend_from_slice(&CLASS_AND_WEIGHT);
    out.extend_from_slice(&body_bytes.to_be_bytes());
    out.extend_from_slice(properties);
    out.extend_from_slice(&[FRAME_END]);
}

/// A body to be sent: a part of shared bytes.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    shared: &'a Bytes,
    start: usize,
    bytes: &'a [u8],
}

impl<'a> From<&'a Bytes> for Body<'a> {
    fn from(shared: &'a Bytes) -> Self {
        Self { shared, start: 0, bytes: shared }
    }
}

impl<'a> From<(&'a Bytes, Range<usize>)> for Body<'a> {
    /// The part in `range`; what lies outside of the bytes is not part of the body.
    fn from((shared, range): (&'a Bytes, Range<usize>)) -> Self {
        let end = range.end.min(shared.len());
        let start = range.start.min(end);
        Self { shared, start, bytes: shared.get(start..end).unwrap_or_default() }
    }
}

/// Appends a header frame and the body, cut into frames of at most `frame_max_bytes` in all (§4.2.3).
///
/// Pieces under [`SHARE_FROM_BYTES`] are copied and touch no reference count; larger ones are shared.
pub fn put_content<'a>(
    out: &mut Outgoing,
    channel: u16,
    frame_max_bytes: u32,
    properties: &[u8],
    body: impl Into<Body<'a>>,
) {
    let body = body.into();
    put_header(out.buffer(), channel, body.bytes.len() as u64, properties);
    let piece_max = frame_max_bytes.max(FRAME_MIN_BYTES) - FRAME_OVERHEAD_BYTES;
    let mut start = body.start;
    for piece in body.bytes.chunks(piece_max as usize) {
        let size = u32::try_from(piece.len()).unwrap_or(piece_max);
        put_frame_header(out.buffer(), FrameKind::Body, channel, size);
        if piece.len() < SHARE_FROM_BYTES {
            out.buffer().extend_from_slice(piece);
        } else {
            out.put_shared(body.shared.slice(start..start + piece.len()));
        }
        out.buffer().extend_from_slice(&[FRAME_END]);
        start += piece.len();
    }
}
