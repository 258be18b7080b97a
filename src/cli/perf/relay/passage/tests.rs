//! Reads cut anywhere, and content that belongs to no publish.

use std::net::{TcpListener, TcpStream};

use bytes::{BufMut as _, BytesMut};
use leveret_codec::frame::{FRAME_END, put_frame_header, put_heartbeat};
use leveret_codec::method::{basic, encode};
use leveret_codec::{Method, content};

use super::*;
use crate::cli::perf::relay::subscriptions::Subscription;

fn subscribed(queues: &[&str]) -> Subscriptions {
    let subscriptions = Subscriptions::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for queue in queues {
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let consumer_tag = format!("tag of {queue}").into_bytes();
        subscriptions.declare(queue.as_bytes());
        let outlet = Arc::new(Outlet::new(stream));
        assert!(subscriptions.add(queue.as_bytes(), Subscription { consumer_tag, outlet }));
    }
    subscriptions
}

fn put_body(out: &mut BytesMut, body: &[u8]) {
    put_frame_header(out, FrameKind::Body, CHANNEL, u32::try_from(body.len()).unwrap());
    out.put_slice(body);
    out.put_u8(FRAME_END);
}

/// A publish of two bodies, with a heartbeat between them.
fn put_publish(out: &mut BytesMut, queue: &str) {
    let publish =
        basic::Publish { exchange: "".into(), routing_key: queue.into(), mandatory: false, immediate: false };
    encode(CHANNEL, &Method::Basic(basic::AMQPMethod::Publish(publish)), out);
    content::put_header(out, CHANNEL, 6, &[0, 0]);
    put_body(out, b"four");
    put_heartbeat(out);
    put_body(out, b"ok");
}

/// The same as it must be delivered.
fn put_delivery(out: &mut BytesMut, queue: &str, tag: u64) {
    hot::put_deliver(out, CHANNEL, format!("tag of {queue}").as_bytes(), tag, false, b"", queue.as_bytes());
    content::put_header(out, CHANNEL, 6, &[0, 0]);
    put_body(out, b"four");
    put_body(out, b"ok");
}

#[test]
fn what_is_delivered_does_not_depend_on_where_reads_are_cut() {
    let subscriptions = subscribed(&["a", "b"]);
    let mut published = BytesMut::new();
    for queue in ["a", "b", "nowhere", "a", "b", "b", "a"] {
        put_publish(&mut published, queue);
    }
    let expected = ["a", "b"].map(|queue| {
        let mut frames = BytesMut::new();
        (1..=3).for_each(|tag| put_delivery(&mut frames, queue, tag));
        frames
    });
    for cut in 0..=published.len() {
        let mut passage = Passage::new(&subscriptions);
        let (walked, _) = passage.pass(&published[..cut]).unwrap();
        passage.pass(&published[walked..]).unwrap();
        assert_eq!(passage.published(), 7);
        let parcels: Vec<&[u8]> = passage.parcels.iter_mut().map(|(_, parcel)| parcel.whole(1)).collect();
        assert_eq!(parcels, expected, "cut at {cut}");
    }
}

#[test]
fn content_that_does_not_belong_is_refused() {
    let subscriptions = subscribed(&["a"]);
    let mut whole = BytesMut::new();
    put_publish(&mut whole, "a");
    let mut too_much = whole.clone();
    put_body(&mut too_much, b"x");
    let mut twice = BytesMut::from(&whole[..whole.len() - 10]);
    twice.put_slice(&whole);
    let mut no_publish = BytesMut::new();
    content::put_header(&mut no_publish, CHANNEL, 6, &[0, 0]);
    for bytes in [too_much, twice, no_publish] {
        let refused = Passage::new(&subscriptions).pass(&bytes).err();
        assert_eq!(refused, Some(Refusal::unexpected_frame()));
    }
}
