//! What scripts of the basic class say again and again.

use bytes::BytesMut;
use leveret_codec::content::{ContentHeader, put_header};
use leveret_codec::frame::{FRAME_END, FrameKind, put_frame_header};
use leveret_codec::method::{self, Method, basic, queue};
use leveret_codec::{Limits, PropertiesBuilder};

use super::{Frame, Peer};

/// queue.declare of a plain queue.
pub fn declare(name: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Declare(queue::Declare { queue: name.into(), ..Default::default() }))
}

/// A whole publish to the default exchange as bytes: method, header and bodies.
pub fn publish(channel: u16, queue: &str, body: &[u8]) -> BytesMut {
    const PIECE_BYTES: usize = 131_072 - 8;
    let mut bytes = BytesMut::new();
    let publish = basic::Publish { routing_key: queue.into(), ..Default::default() };
    method::encode(channel, &Method::Basic(basic::AMQPMethod::Publish(publish)), &mut bytes);
    put_header(&mut bytes, channel, body.len() as u64, &PropertiesBuilder::new().build());
    for piece in body.chunks(PIECE_BYTES) {
        put_frame_header(&mut bytes, FrameKind::Body, channel, u32::try_from(piece.len()).unwrap());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(&[FRAME_END]);
    }
    bytes
}

/// A message that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The tag to acknowledge it by.
    pub tag: u64,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Peer {
    /// Declares a queue and waits for the answer.
    pub async fn declare(&mut self, channel: u16, name: &str) {
        self.send(channel, declare(name)).await;
        let ok = self.method(channel).await;
        assert!(matches!(ok, Method::Queue(queue::AMQPMethod::DeclareOk(_))), "{ok:?}");
    }

    /// Publishes to the default exchange, which puts it into `queue`.
    pub async fn publish(&mut self, channel: u16, queue: &str, body: &[u8]) {
        self.send_bytes(&publish(channel, queue, body)).await;
    }

    /// Consumes without acknowledgements and waits for the answer.
    pub async fn consume(&mut self, channel: u16, queue: &str) {
        let consume = basic::Consume { queue: queue.into(), no_ack: true, ..Default::default() };
        self.send(channel, Method::Basic(basic::AMQPMethod::Consume(consume))).await;
        let ok = self.method(channel).await;
        assert!(matches!(ok, Method::Basic(basic::AMQPMethod::ConsumeOk(_))), "{ok:?}");
    }

    /// Expects a delivery with all its parts.
    pub async fn delivery(&mut self, channel: u16) -> Delivery {
        let Method::Basic(basic::AMQPMethod::Deliver(deliver)) = self.method(channel).await else {
            panic!("expected a delivery");
        };
        let Frame::Header(_, header) = self.frame().await else { panic!("expected a content header") };
        let header = ContentHeader::decode(&header, &Limits::default()).unwrap();
        let mut body = Vec::new();
        while (body.len() as u64) < header.body_bytes {
            let Frame::Body(of, piece) = self.frame().await else { panic!("expected a body") };
            assert_eq!(of, channel);
            body.extend_from_slice(&piece);
        }
        Delivery { tag: deliver.delivery_tag, redelivered: deliver.redelivered, body }
    }
}
