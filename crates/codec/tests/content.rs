//! How a body reaches the socket: its pieces, and what is shared of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "failing is how a test speaks")]

use std::io::IoSlice;

use bytes::Bytes;
use leveret_codec::{Frame, FrameKind, Limits, Outgoing, content, frame};

fn pieces(frame_max_bytes: u32, body: &Bytes) -> Vec<usize> {
    let mut out = Outgoing::new();
    content::put_content(&mut out, 1, frame_max_bytes, &[0, 0], body);
    let mut slices = [IoSlice::new(b""); 64];
    let filled = out.io_slices(&mut slices);
    let wire = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
    let (mut rest, mut sizes) = (&wire[..], Vec::new());
    while let Some(cut) = frame::cut(rest, &Limits::default()).unwrap() {
        rest = &rest[cut.wire_bytes()..];
        sizes.push(cut.payload.len());
    }
    assert!(rest.is_empty());
    sizes
}

#[test]
fn bodies_are_cut_eight_bytes_below_frame_max() {
    let body = Bytes::from(vec![1; 10_000]);
    assert_eq!(pieces(131_072, &body), [14, 10_000]);
    assert_eq!(pieces(4096, &body), [14, 4088, 4088, 1824]);
    assert_eq!(pieces(4096, &body.slice(..4088)), [14, 4088]);
    assert_eq!(pieces(4096, &body.slice(..4089)), [14, 4088, 1]);
}

#[test]
fn an_empty_body_has_no_body_frame() {
    assert_eq!(pieces(131_072, &Bytes::new()), [14]);
}

#[test]
fn a_frame_max_of_zero_does_not_cut_bodies_into_nothing() {
    assert_eq!(pieces(0, &Bytes::from(vec![1; 5000])), [14, 4088, 912]);
}

#[test]
fn a_range_of_a_message_is_its_body() {
    let message = Bytes::from_static(b"\x10\x00\x02the body|");
    let mut out = Outgoing::new();
    content::put_content(&mut out, 3, 131_072, &message[..3], (&message, 3..11));
    let header = frame::cut(out.buffer(), &Limits::default()).unwrap().unwrap();
    assert_eq!(header.payload, b"\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x10\x00\x02");
    let length = header.wire_bytes();
    let body = frame::cut(&out.buffer()[length..], &Limits::default()).unwrap().unwrap();
    assert_eq!(body, Frame { kind: FrameKind::Body, channel: 3, payload: b"the body" });
}

#[test]
fn a_range_beyond_its_bytes_is_what_there_is() {
    let message = Bytes::from_static(b"abc");
    for (range, length) in [(1..99, 2), (9..99, 0)] {
        let mut out = Outgoing::new();
        content::put_content(&mut out, 3, 131_072, &[0, 0], (&message, range));
        let header = frame::cut(out.buffer(), &Limits::default()).unwrap().unwrap();
        assert_eq!(header.payload[11], length);
    }
}
