//! The hot path allocates nothing: counted, not assumed.
#![expect(
    unsafe_code,
    reason = "counting needs a GlobalAlloc, whose methods are unsafe; they only forward to System"
)]
#![expect(clippy::unwrap_used, reason = "failing is how a test speaks")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io::IoSlice,
};

use bytes::{Bytes, BytesMut};
use leveret_codec::{
    ContentHeader, Limits, MethodId, Outgoing, PropertiesBuilder, ReplyCode, content, frame, hot,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to System unchanged; the counter is a thread-local that needs no allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// A publish with all that a client might set, as it comes from a socket.
fn publish(properties: &[u8]) -> BytesMut {
    let mut wire = BytesMut::new();
    let arguments = [&[0, 60, 0, 40, 0, 0][..], b"\x06orders\x09eu.de.new", &[1]].concat();
    frame::put_frame_header(&mut wire, frame::FrameKind::Method, 1, u32::try_from(arguments.len()).unwrap());
    wire.extend_from_slice(&arguments);
    wire.extend_from_slice(&[frame::FRAME_END]);
    let mut out = Outgoing::new();
    content::put_content(&mut out, 1, 131_072, properties, &Bytes::from_static(b"sixteen byte msg"));
    wire.extend_from_slice(out.buffer());
    frame::put_heartbeat(&mut wire);
    wire
}

fn full_properties() -> Vec<u8> {
    let mut headers = leveret_codec::TableBuilder::new();
    headers
        .insert("x-retry", leveret_codec::Value::I32(3))
        .insert("kind", leveret_codec::Value::Str(b"order"));
    PropertiesBuilder::new()
        .content_type("application/json")
        .headers(headers.build().as_ref())
        .delivery_mode(2)
        .priority(4)
        .correlation_id("0123456789")
        .expiration("60000")
        .build()
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 1);
}

#[test]
fn reading_a_publish_allocates_nothing() {
    let wire = publish(&full_properties());
    let limits = Limits::default();
    let mut seen = 0;
    let count = allocations(|| {
        let mut rest = &wire[..];
        while let Some(cut) = frame::cut(rest, &limits).unwrap() {
            match cut.kind {
                frame::FrameKind::Method => {
                    assert_eq!(MethodId::of(cut.payload).unwrap(), MethodId::BASIC_PUBLISH);
                    assert_eq!(hot::Publish::decode(cut.payload).unwrap().exchange, b"orders");
                }
                frame::FrameKind::Header => {
                    let header = ContentHeader::decode(cut.payload, &limits).unwrap();
                    assert_eq!(header.properties.expiration(), Some(&b"60000"[..]));
                    assert_eq!(header.properties.priority(), Some(4));
                    let kind = header.properties.headers().unwrap().get(b"kind").unwrap();
                    assert_eq!(kind.as_str(), Some("order"));
                    assert_eq!(header.properties.without_unsigned_long_tags(), None);
                }
                frame::FrameKind::Body => assert_eq!(cut.payload, b"sixteen byte msg"),
                frame::FrameKind::Heartbeat => {}
            }
            seen += 1;
            rest = &rest[cut.wire_bytes()..];
        }
    });
    assert_eq!((seen, count), (4, 0));
}

#[test]
fn reading_acknowledgements_allocates_nothing() {
    let mut wire = BytesMut::new();
    hot::put_ack(&mut wire, 1, 7, true);
    let payload = &wire[7..wire.len() - 1];
    let count = allocations(|| {
        assert_eq!(hot::Ack::decode(payload).unwrap(), hot::Ack { tag: 7, multiple: true });
        assert_eq!(hot::Reject::decode(payload).unwrap().tag, 7);
        assert_eq!(hot::Nack::decode(payload).unwrap().tag, 7);
    });
    assert_eq!(count, 0);
}

#[test]
fn writing_into_a_warm_buffer_allocates_nothing() {
    let properties = full_properties();
    let body = Bytes::from(vec![7; 4000]);
    let mut out = Outgoing::new();
    out.buffer().reserve(64 * 1024);
    let count = allocations(|| {
        for tag in 0..10 {
            hot::put_deliver(out.buffer(), 1, b"consumer", tag, false, b"orders", b"eu.de.new");
            content::put_content(&mut out, 1, 131_072, &properties, &body);
            hot::put_get_ok(out.buffer(), 1, tag, true, b"orders", b"eu.de.new", 3);
            hot::put_return(out.buffer(), 1, ReplyCode::NoRoute, "NO_ROUTE", b"orders", b"eu.de.new");
            hot::put_ack(out.buffer(), 1, tag, true);
            hot::put_nack(out.buffer(), 1, tag, false, true);
            frame::put_heartbeat(out.buffer());
        }
        let mut slices = [IoSlice::new(b""); 4];
        assert_eq!(out.io_slices(&mut slices), 1);
        out.advance(out.len());
    });
    assert!(out.is_empty());
    assert_eq!(count, 0);
}

/// A buffer that is filled and drained forever stays the one it was.
#[test]
fn a_steady_stream_reuses_its_buffer() {
    let mut out = Outgoing::new();
    out.buffer().reserve(4096);
    let count = allocations(|| {
        for tag in 0..10_000 {
            hot::put_ack(out.buffer(), 1, tag, false);
            hot::put_ack(out.buffer(), 1, tag, false);
            out.advance(if tag % 2 == 0 { 21 } else { 63 });
        }
    });
    assert_eq!((out.len(), count), (0, 0));
}

#[test]
fn a_small_body_is_copied_and_a_large_one_shared() {
    let shared_by = |length: usize| {
        let body = Bytes::from(vec![7; length]);
        let mut out = Outgoing::new();
        content::put_content(&mut out, 1, 131_072, &[0, 0], &body);
        !body.is_unique()
    };
    assert!(!shared_by(content::SHARE_FROM_BYTES - 1));
    assert!(shared_by(content::SHARE_FROM_BYTES));
}
