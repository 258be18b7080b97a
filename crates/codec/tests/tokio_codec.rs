//! The codec for tools: what it encodes it decodes, in whatever pieces it arrives.
#![expect(clippy::unwrap_used, reason = "failing is how a test speaks")]

use bytes::{Bytes, BytesMut};
use leveret_codec::{CodecError, FrameCodec, FrameKind, OwnedFrame, ReplyCode};
use tokio_util::codec::{Decoder as _, Encoder as _};

fn frames() -> [OwnedFrame; 3] {
    [
        (FrameKind::Method, 1, &b"\x00\x3c\x00\x0b"[..]),
        (FrameKind::Body, 9, b"hello"),
        (FrameKind::Heartbeat, 0, b""),
    ]
    .map(|(kind, channel, payload)| OwnedFrame { kind, channel, payload: Bytes::from_static(payload) })
}

fn wire() -> BytesMut {
    let mut wire = BytesMut::new();
    for frame in frames() {
        FrameCodec::default().encode(frame, &mut wire).unwrap();
    }
    wire
}

#[test]
fn frames_survive_the_way_in_any_pieces() {
    for piece in 1..=wire().len() {
        let mut codec = FrameCodec::default();
        let (mut buffer, mut decoded) = (BytesMut::new(), Vec::new());
        for bytes in wire().chunks(piece) {
            buffer.extend_from_slice(bytes);
            while let Some(frame) = codec.decode(&mut buffer).unwrap() {
                decoded.push(frame);
            }
        }
        assert_eq!(decoded, frames(), "in pieces of {piece}");
        assert!(buffer.is_empty());
    }
}

#[test]
fn what_is_no_frame_ends_the_stream_with_its_reason() {
    let mut buffer = BytesMut::from(&b"\x04\x00\x00\x00\x00\x00\x00\xce"[..]);
    let error = FrameCodec::default().decode(&mut buffer).unwrap_err();
    let CodecError::Decode(error) = error else { panic!("{error}") };
    assert_eq!(error.code, ReplyCode::FrameError);
}
