//! What scripts of the basic class say again and again.

use bytes::BytesMut;
use leveret_codec::content::{ContentHeader, put_header};
use leveret_codec::frame::{FRAME_END, FrameKind, put_frame_header};
use leveret_codec::hot::Ack;
use leveret_codec::method::{self, Method, MethodId, basic, queue};
use leveret_codec::{Limits, PropertiesBuilder};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Peer;

/// queue.declare of a plain queue.
pub fn declare(name: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Declare(queue::Declare { queue: name.into(), ..Default::default() }))
}

/// A whole publish to the default exchange as bytes: method, header and bodies.
pub fn publish(channel: u16, queue: &str, body: &[u8]) -> BytesMut {
    publish_as(channel, basic::Publish { routing_key: queue.into(), ..Default::default() }, body)
}

/// Any publish, without properties.
pub fn publish_as(channel: u16, publish: basic::Publish, body: &[u8]) -> BytesMut {
    publish_with(channel, publish, &PropertiesBuilder::new().build(), body)
}

/// Any publish.
pub fn publish_with(channel: u16, publish: basic::Publish, properties: &[u8], body: &[u8]) -> BytesMut {
    const PIECE_BYTES: usize = 131_072 - 8;
    let mut bytes = BytesMut::new();
    method::encode(channel, &Method::Basic(basic::AMQPMethod::Publish(publish)), &mut bytes);
    put_header(&mut bytes, channel, body.len() as u64, properties);
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

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
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
        match self.event(channel).await {
            Event::Delivery(delivery) => delivery,
            other => panic!("expected a delivery, got {other:?}"),
        }
    }

    /// What happens next on `channel`; made for hundreds of thousands of them.
    pub async fn event(&mut self, channel: u16) -> Event {
        self.try_event(channel).await.expect("the broker closed the socket")
    }

    /// The same of a broker that may end at any moment; `None` is its end. What it has to say of the whole
    /// connection comes, too.
    pub async fn try_event(&mut self, channel: u16) -> Option<Event> {
        let seen = self.look(|frame| {
            assert!([0, channel].contains(&frame.channel), "{frame:?}");
            assert_eq!(frame.kind, FrameKind::Method);
            Begun::of(frame)
        });
        let (tag, redelivered) = match seen.await? {
            Begun::Content { tag, redelivered } => (tag, redelivered),
            Begun::Whole(event) => return Some(event),
        };
        let body = self.try_content(channel).await?;
        Some(Event::Delivery(Delivery { tag, redelivered, body }))
    }

    /// Expects a content header and the body that it announces.
    pub async fn content(&mut self, channel: u16) -> Vec<u8> {
        self.try_content(channel).await.expect("the broker closed the socket within a message")
    }

    async fn try_content(&mut self, channel: u16) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let mut missing = self.look(|frame| body_bytes(frame, channel)).await?;
        while 0 < missing {
            let piece = self.look(|frame| {
                assert_eq!((frame.channel, frame.kind), (channel, FrameKind::Body));
                body.extend_from_slice(frame.payload);
                frame.payload.len() as u64
            });
            missing -= piece.await?;
        }
        Some(body)
    }
}

/// Something that happens on a channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message has come.
    Delivery(Delivery),
    /// Publishes are confirmed.
    Confirm {
        /// The last of them.
        tag: u64,
        /// Whether all before it are, too.
        multiple: bool,
    },
    /// Anything else.
    Method(Box<Method>),
}

/// What a method frame begins.
enum Begun {
    Content { tag: u64, redelivered: bool },
    Whole(Event),
}

impl Begun {
    fn of(frame: leveret_codec::Frame<'_>) -> Self {
        match MethodId::of(frame.payload).unwrap() {
            MethodId::BASIC_DELIVER => {
                let after_consumer_tag = &frame.payload[5 + usize::from(frame.payload[4])..];
                let tag = u64::from_be_bytes(after_consumer_tag[..8].try_into().unwrap());
                Self::Content { tag, redelivered: after_consumer_tag[8] & 1 == 1 }
            }
            MethodId::BASIC_ACK => {
                let Ack { tag, multiple } = Ack::decode(frame.payload).unwrap();
                Self::Whole(Event::Confirm { tag, multiple })
            }
            _ => {
                let method = method::decode(frame.payload, &Limits::default()).unwrap();
                Self::Whole(Event::Method(Box::new(method)))
            }
        }
    }
}

fn body_bytes(frame: leveret_codec::Frame<'_>, channel: u16) -> u64 {
    assert_eq!((frame.channel, frame.kind), (channel, FrameKind::Header));
    ContentHeader::decode(frame.payload, &Limits::default()).unwrap().body_bytes
}
