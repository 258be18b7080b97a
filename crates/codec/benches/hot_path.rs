//! The hot path by hand against amq-protocol, the same work side by side: `cargo bench -p leveret-codec`.
#![expect(clippy::unwrap_used, reason = "a bench may fail")]
#![expect(clippy::wildcard_imports, reason = "a group is a module, and sees what its file sees")]

use amq_protocol::{
    frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame, parse_frame},
    protocol::{
        AMQPClass,
        basic::{self, AMQPMethod, AMQPProperties},
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use bytes::{Bytes, BytesMut};
use divan::{Bencher, black_box};
use leveret_codec::{ContentHeader, FrameKind, Limits, MethodId, Outgoing, content, frame, hot};

fn main() {
    divan::main();
}

/// What a message carries: the common case, and a rich one.
#[derive(Clone, Copy, Debug)]
enum Carries {
    DeliveryMode,
    HeadersToo,
}

const CASES: [Carries; 2] = [Carries::DeliveryMode, Carries::HeadersToo];

impl Carries {
    fn properties(self) -> AMQPProperties {
        let plain =
            AMQPProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
        match self {
            Self::DeliveryMode => plain,
            Self::HeadersToo => plain.with_headers(headers()).with_correlation_id("0123456789abcdef".into()),
        }
    }
}

fn headers() -> FieldTable {
    let mut headers = FieldTable::default();
    headers.insert("x-retries".into(), AMQPValue::LongInt(3));
    headers.insert("tenant".into(), AMQPValue::LongString("example".into()));
    headers
        .insert("traceparent".into(), AMQPValue::LongString("00-0af7651916cd43dd8448eb211c80319c-01".into()));
    headers
}

fn theirs(frame: &AMQPFrame, out: Vec<u8>) -> Vec<u8> {
    gen_frame(frame)(WriteContext::from(out)).unwrap().into_inner().0
}

/// Publish, header and a body of 16 bytes: three frames.
fn publish(carries: Carries) -> Vec<u8> {
    let publish =
        basic::Publish { exchange: "orders".into(), routing_key: "eu.de.new".into(), ..Default::default() };
    let header = AMQPContentHeader { class_id: 60, body_size: 16, properties: carries.properties() };
    [
        AMQPFrame::Method(1, AMQPClass::Basic(AMQPMethod::Publish(publish))),
        AMQPFrame::Header(1, header),
        AMQPFrame::Body(1, vec![7; 16]),
    ]
    .iter()
    .fold(Vec::new(), |out, frame| [out, theirs(frame, Vec::new())].concat())
}

#[divan::bench_group(sample_size = 1000)]
mod read_publish {
    use super::*;

    #[divan::bench(args = CASES)]
    fn ours(bencher: Bencher<'_, '_>, carries: Carries) {
        let wire = publish(carries);
        let limits = Limits::default();
        bencher.bench_local(|| {
            let mut rest = black_box(&wire[..]);
            while let Some(cut) = frame::cut(rest, &limits).unwrap() {
                match cut.kind {
                    FrameKind::Method => {
                        assert!(MethodId::of(cut.payload).unwrap() == MethodId::BASIC_PUBLISH);
                        let publish = hot::Publish::decode(cut.payload).unwrap();
                        black_box((publish.exchange.len(), publish.routing_key.len()));
                    }
                    FrameKind::Header => {
                        let header = ContentHeader::decode(cut.payload, &limits).unwrap();
                        black_box(header.body_bytes);
                        black_box(header.properties.delivery_mode());
                        black_box(header.properties.expiration().is_some());
                    }
                    FrameKind::Body | FrameKind::Heartbeat => {
                        black_box(cut.payload);
                    }
                }
                rest = rest.split_at(cut.wire_bytes()).1;
            }
        });
    }

    #[divan::bench(args = CASES)]
    fn amq_protocol(bencher: Bencher<'_, '_>, carries: Carries) {
        let wire = publish(carries);
        bencher.bench_local(|| {
            let mut rest = black_box(&wire[..]);
            while !rest.is_empty() {
                let (after, frame) = parse_frame(rest).unwrap();
                black_box(&frame);
                rest = after;
            }
        });
    }
}

#[divan::bench_group(sample_size = 1000)]
mod write_deliver {
    use super::*;

    #[divan::bench(args = CASES)]
    fn ours(bencher: Bencher<'_, '_>, carries: Carries) {
        let wire = publish(carries);
        let method = frame::cut(&wire, &Limits::default()).unwrap().unwrap();
        let header = frame::cut(wire.split_at(method.wire_bytes()).1, &Limits::default()).unwrap().unwrap();
        let properties = header.payload.split_at(12).1;
        let body = Bytes::from(vec![7; 16]);
        let mut out = Outgoing::new();
        bencher.bench_local(|| {
            out.buffer().clear();
            hot::put_deliver(out.buffer(), 1, b"ctag1.0", black_box(7), false, b"orders", b"eu.de.new");
            content::put_content(&mut out, 1, 131_072, black_box(properties), black_box(&body));
            black_box(out.len())
        });
    }

    #[divan::bench(args = CASES)]
    fn amq_protocol(bencher: Bencher<'_, '_>, carries: Carries) {
        let properties = carries.properties();
        let text = |text: &str| ShortString::from(text);
        let (tag, exchange, key) = (text("ctag1.0"), text("orders"), text("eu.de.new"));
        let body = vec![7; 16];
        let mut out = Vec::new();
        bencher.bench_local(|| {
            out.clear();
            let deliver = basic::Deliver {
                consumer_tag: tag.clone(),
                delivery_tag: black_box(7),
                redelivered: false,
                exchange: exchange.clone(),
                routing_key: key.clone(),
            };
            let header = AMQPContentHeader { class_id: 60, body_size: 16, properties: properties.clone() };
            for frame in [
                AMQPFrame::Method(1, AMQPClass::Basic(AMQPMethod::Deliver(deliver))),
                AMQPFrame::Header(1, header),
                AMQPFrame::Body(1, body.clone()),
            ] {
                out = theirs(&frame, std::mem::take(&mut out));
            }
            black_box(out.len())
        });
    }
}

#[divan::bench_group(sample_size = 1000)]
mod read_ack {
    use super::*;

    fn ack() -> BytesMut {
        let mut wire = BytesMut::new();
        hot::put_ack(&mut wire, 1, 7, true);
        wire
    }

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let (wire, limits) = (ack(), Limits::default());
        bencher.bench_local(|| {
            let cut = frame::cut(black_box(&wire[..]), &limits).unwrap().unwrap();
            assert!(MethodId::of(cut.payload).unwrap() == MethodId::BASIC_ACK);
            hot::Ack::decode(cut.payload).unwrap()
        });
    }

    #[divan::bench]
    fn amq_protocol(bencher: Bencher<'_, '_>) {
        let wire = ack();
        bencher.bench_local(|| parse_frame(black_box(&wire[..])).unwrap().1);
    }
}

#[divan::bench_group(sample_size = 1000)]
mod write_ack {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let mut out = BytesMut::new();
        bencher.bench_local(|| {
            out.clear();
            hot::put_ack(&mut out, 1, black_box(7), false);
            black_box(out.len())
        });
    }

    #[divan::bench]
    fn amq_protocol(bencher: Bencher<'_, '_>) {
        let mut out = Vec::new();
        bencher.bench_local(|| {
            out.clear();
            let ack = basic::Ack { delivery_tag: black_box(7), multiple: false };
            let frame = AMQPFrame::Method(1, AMQPClass::Basic(AMQPMethod::Ack(ack)));
            out = theirs(&frame, std::mem::take(&mut out));
            black_box(out.len())
        });
    }
}
