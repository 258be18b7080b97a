//! General frame format, §4.2.3.
//!
//! ```text
//! 0      1         3           7                size+7   size+8
//! +------+---------+-----------+----------------+--------+
//! | type | channel |   size    | payload        |  0xCE  |
//! +------+---------+-----------+----------------+--------+
//! ```
//!
//! Invariant: a frame that [`cut`] returns has a known type, a payload within the limits and its end byte, and its
//! type may occur on its channel. A heartbeat is empty and on channel 0; methods and headers are long enough
//! for their fixed part.

use bytes::BytesMut;

use crate::{erlang_term, error::DecodeError, limits::Limits};

/// Type, channel and size before the payload.
pub const FRAME_HEADER_BYTES: usize = 7;

/// What a frame costs beside its payload.
pub const FRAME_OVERHEAD_BYTES: u32 = 8;

/// The last byte of every frame.
pub const FRAME_END: u8 = 0xCE;

/// A heartbeat frame, whole (§4.2.7).
const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, FRAME_END];

/// A payload up to this length is shown whole in error texts.
const SNIPPET_BYTES: usize = 16;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// A method with its arguments.
    Method = 1,
    /// A content header: size of the body and properties.
    Header = 2,
    /// A piece of a body.
    Body = 3,
    /// A sign of life.
    Heartbeat = 8,
}

impl FrameKind {
    const fn from_wire(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Method),
            2 => Some(Self::Header),
            3 => Some(Self::Body),
            8 => Some(Self::Heartbeat),
            _ => None,
        }
    }

    /// Payloads shorter than this carry nothing that could be named.
    const fn fixed_bytes(self) -> usize {
        match self {
            Self::Method => 4,
            Self::Header => 12,
            Self::Body | Self::Heartbeat => 0,
        }
    }
}

/// One frame, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the payload is.
    pub kind: FrameKind,
    /// Zero is the connection itself.
    pub channel: u16,
    /// What lies between the header and the end byte.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// How many bytes of the input this frame took.
    pub fn wire_bytes(&self) -> usize {
        self.payload.len() + FRAME_OVERHEAD_BYTES as usize
    }
}

/// Looks at the frame at the front of `bytes`; `None` is "more bytes please".
///
/// The size is judged before anything is waited for, so nobody buffers for a frame that would be refused.
pub fn cut<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Frame<'a>>, DecodeError> {
    let Some((&[octet, c0, c1, s0, s1, s2, s3], rest)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>()
    else {
        return Ok(None);
    };
    let size = u32::from_be_bytes([s0, s1, s2, s3]);
    if limits.frame_max_bytes < size {
        return Err(too_large(octet, size, *limits));
    }
    let Some((payload, after)) = rest.split_at_checked(size as usize) else { return Ok(None) };
    let Some(end) = after.first() else { return Ok(None) };
    if *end != FRAME_END {
        return Err(wrong_end(octet, payload, *end));
    }
    let channel = u16::from_be_bytes([c0, c1]);
    match FrameKind::from_wire(octet) {
        Some(kind) if is_plausible(kind, channel, payload) => Ok(Some(Frame { kind, channel, payload })),
        kind => Err(implausible(octet, kind, payload)),
    }
}

/// Whether this type of frame can occur on this channel with a payload of this length.
fn is_plausible(kind: FrameKind, channel: u16, payload: &[u8]) -> bool {
    match kind {
        FrameKind::Method => kind.fixed_bytes() <= payload.len(),
        FrameKind::Header => channel != 0 && kind.fixed_bytes() <= payload.len(),
        FrameKind::Body => channel != 0,
        FrameKind::Heartbeat => channel == 0 && payload.is_empty(),
    }
}

#[cold]
fn too_large(octet: u8, size: u32, limits: Limits) -> DecodeError {
    // RabbitMQ names the strict limit, though it tolerates eight bytes more.
    let limit = limits.frame_max_bytes.saturating_sub(FRAME_OVERHEAD_BYTES);
    DecodeError::frame(3, format!("{}: {{frame_too_large,{size},{limit}}}", describe_octet(octet, b"")))
}

#[cold]
fn wrong_end(octet: u8, payload: &[u8], end: u8) -> DecodeError {
    let at = FRAME_HEADER_BYTES + payload.len();
    DecodeError::frame(at, format!("{}: {{invalid_frame_end_marker,{end}}}", describe_octet(octet, payload)))
}

/// RabbitMQ: a type without meaning or a payload that cannot be its type's is `unknown_frame`, 501; the rest
/// are frames where they must not be, 505.
#[cold]
fn implausible(octet: u8, kind: Option<FrameKind>, payload: &[u8]) -> DecodeError {
    let what = describe_octet(octet, payload);
    match kind {
        None => DecodeError::frame(0, format!("{what}: unknown_frame")),
        Some(FrameKind::Heartbeat) if !payload.is_empty() => {
            DecodeError::frame(FRAME_HEADER_BYTES, format!("{what}: unknown_frame"))
        }
        Some(kind) if payload.len() < kind.fixed_bytes() => {
            DecodeError::frame(FRAME_HEADER_BYTES, format!("{what}: unknown_frame"))
        }
        Some(_) => DecodeError::unexpected(1, what),
    }
}

/// A frame in RabbitMQ's words, for refusals: `type 3, all octets = <<"abc">>`.
pub fn describe(kind: FrameKind, payload: &[u8]) -> String {
    describe_octet(kind as u8, payload)
}

fn describe_octet(octet: u8, payload: &[u8]) -> String {
    match payload.get(..SNIPPET_BYTES) {
        Some(snippet) if SNIPPET_BYTES < payload.len() => {
            format!("type {octet}, first 16 octets = {}", erlang_term::pretty(snippet))
        }
        _ => format!("type {octet}, all octets = {}", erlang_term::pretty(payload)),
    }
}

/// Appends a heartbeat.
pub fn put_heartbeat(out: &mut BytesMut) {
    out.extend_from_slice(&HEARTBEAT);
}

/// Appends what stands before a payload of `size` bytes. [`FRAME_END`] must follow the payload.
#[inline]
pub fn put_frame_header(out: &mut BytesMut, kind: FrameKind, channel: u16, size: u32) {
    let [c0, c1] = channel.to_be_bytes();
    let [s0, s1, s2, s3] = size.to_be_bytes();
    out.extend_from_slice(&[kind as u8, c0, c1, s0, s1, s2, s3]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply_code::ReplyCode;

    fn wire(octet: u8, channel: u16, payload: &[u8], end: u8) -> Vec<u8> {
        let mut bytes = vec![octet];
        bytes.extend(channel.to_be_bytes());
        bytes.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend(payload);
        bytes.push(end);
        bytes
    }

    fn refusal(bytes: &[u8]) -> (ReplyCode, usize, String) {
        let error = cut(bytes, &Limits::default()).unwrap_err();
        (error.code, error.at, error.text.into_owned())
    }

    #[test]
    fn every_prefix_of_a_frame_asks_for_more() {
        let bytes = wire(1, 7, &[0, 20, 0, 10, 0], FRAME_END);
        for length in 0..bytes.len() {
            assert_eq!(cut(&bytes[..length], &Limits::default()), Ok(None), "{length} bytes");
        }
        let frame = cut(&bytes, &Limits::default()).unwrap().unwrap();
        assert_eq!(frame, Frame { kind: FrameKind::Method, channel: 7, payload: &[0, 20, 0, 10, 0] });
        assert_eq!(frame.wire_bytes(), bytes.len());
    }

    #[test]
    fn what_follows_a_frame_is_left_alone() {
        let mut bytes = wire(3, 1, b"body", FRAME_END);
        let length = bytes.len();
        bytes.extend(b"garbage");
        assert_eq!(cut(&bytes, &Limits::default()).unwrap().unwrap().wire_bytes(), length);
    }

    #[test]
    fn a_wrong_end_byte_is_named() {
        assert_eq!(
            refusal(&wire(1, 1, &[0, 20, 0, 10, 0], 0)),
            (
                ReplyCode::FrameError,
                12,
                "type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,0}".into()
            )
        );
    }

    #[test]
    fn a_size_beyond_frame_max_is_refused_before_its_payload_arrives() {
        let announced = [3, 0, 1, 0, 2, 0, 1];
        let text = "type 3, all octets = <<>>: {frame_too_large,131073,131064}";
        assert_eq!(refusal(&announced), (ReplyCode::FrameError, 3, text.into()));
    }

    #[test]
    fn a_frame_that_announces_four_gigabytes_is_refused_at_once() {
        let text = "type 1, all octets = <<>>: {frame_too_large,4294967295,131064}";
        assert_eq!(refusal(&[1, 0, 0, 255, 255, 255, 255]), (ReplyCode::FrameError, 3, text.into()));
    }

    #[test]
    fn a_payload_of_exactly_frame_max_is_taken() {
        let limits = Limits { frame_max_bytes: 4096, ..Limits::default() };
        assert!(cut(&wire(3, 1, &[7; 4096], FRAME_END), &limits).unwrap().is_some());
        assert!(cut(&wire(3, 1, &[7; 4097], FRAME_END), &limits).is_err());
    }

    #[test]
    fn unknown_types_and_impossible_payloads_are_frame_errors() {
        for (bytes, at, text) in [
            (wire(4, 1, b"abc", FRAME_END), 0, "type 4, all octets = <<\"abc\">>: unknown_frame"),
            (wire(8, 0, b"x", FRAME_END), 7, "type 8, all octets = <<\"x\">>: unknown_frame"),
            (wire(1, 0, &[0, 10], FRAME_END), 7, "type 1, all octets = <<0,10>>: unknown_frame"),
            (wire(2, 1, &[0, 60], FRAME_END), 7, "type 2, all octets = <<0,60>>: unknown_frame"),
        ] {
            assert_eq!(refusal(&bytes), (ReplyCode::FrameError, at, text.into()));
        }
    }

    #[test]
    fn content_and_heartbeats_on_the_wrong_channel_are_unexpected_frames() {
        for (bytes, text) in [
            (wire(8, 1, b"", FRAME_END), "type 8, all octets = <<>>"),
            (wire(3, 0, b"abc", FRAME_END), "type 3, all octets = <<\"abc\">>"),
            (wire(2, 0, &[0; 14], FRAME_END), "type 2, all octets = <<0,0,0,0,0,0,0,0,0,0,0,0,0,0>>"),
        ] {
            assert_eq!(refusal(&bytes), (ReplyCode::UnexpectedFrame, 1, text.into()));
        }
    }

    #[test]
    fn long_payloads_are_described_by_their_first_sixteen_octets() {
        assert_eq!(
            describe(FrameKind::Body, b"0123456789abcdef"),
            "type 3, all octets = <<\"0123456789abcdef\">>"
        );
        assert_eq!(
            describe(FrameKind::Body, b"0123456789abcdefg"),
            "type 3, first 16 octets = <<\"0123456789abcdef\">>"
        );
    }

    #[test]
    fn a_heartbeat_is_cut_as_it_was_put() {
        let mut out = BytesMut::new();
        put_heartbeat(&mut out);
        let frame = cut(&out, &Limits::default()).unwrap().unwrap();
        assert_eq!(frame, Frame { kind: FrameKind::Heartbeat, channel: 0, payload: b"" });
    }
}
