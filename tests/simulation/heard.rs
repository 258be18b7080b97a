//! What a broker's bytes say.

use bytes::{Buf as _, Bytes, BytesMut};
use leveret_codec::frame::{self, FrameKind};
use leveret_codec::method::{self, Method, MethodId, basic, channel, connection, queue};
use leveret_codec::{ContentHeader, Limits, Outgoing};

use crate::names;
use crate::wire::Content;

/// Something the broker said on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub channel: u16,
    pub said: Said,
}

/// What it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// An answer that says nothing but "done".
    Done(MethodId),
    /// An answer that says how many messages.
    Count(MethodId, usize),
    Deliver {
        consumer: String,
        tag: u64,
        redelivered: bool,
        message: Message,
    },
    GetOk {
        tag: u64,
        redelivered: bool,
        message: Message,
    },
    GetEmpty,
    Confirm {
        tag: u64,
        multiple: bool,
        ok: bool,
    },
    /// The consumer's queue is gone.
    Cancelled(String),
    ChannelClosed(u16, String),
    ConnectionClosed(u16, String),
    /// Of no interest.
    Other(MethodId),
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub exchange: String,
    pub key: String,
    pub persistent: bool,
    pub expiration: Option<String>,
    pub priority: Option<u8>,
    /// The queue that it has died in, and why.
    pub death: Option<(String, String)>,
    pub body: Bytes,
}

impl Message {
    /// The number that is in its body.
    pub fn number(&self) -> Option<u32> {
        self.body.first_chunk().copied().map(u32::from_be_bytes)
    }

    /// Whether it is just as it was published.
    pub fn is(&self, content: &Content) -> bool {
        let expiration = content.expiration_millis.map(|millis| millis.to_string());
        (self.exchange.as_str(), self.key.as_str()) == (content.exchange, content.key)
            && self.expiration == expiration
            && self.is_at_heart(content)
    }

    /// Whether it is that, dead.
    pub fn is_ghost_of(&self, content: &Content) -> bool {
        (self.exchange.as_str(), self.key.as_str()) == ("", names::MORGUE)
            && self.expiration.is_none()
            && self.is_at_heart(content)
    }

    fn is_at_heart(&self, content: &Content) -> bool {
        (self.persistent, self.priority) == (content.persistent, content.priority)
            && self.body == content.body()
    }
}

/// Understands what a broker says on one connection.
#[derive(Debug, Default)]
pub struct Ear {
    heard: BytesMut,
    /// A message that has not come whole.
    partial: Option<(Reply, u64)>,
}

impl Ear {
    /// Takes everything that waits for the socket.
    pub fn hear(&mut self, frames: &mut Outgoing) -> Vec<Reply> {
        while !frames.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 16];
            let filled = frames.io_slices(&mut slices);
            let before = self.heard.len();
            slices[..filled].iter().for_each(|slice| self.heard.extend_from_slice(slice));
            frames.advance(self.heard.len() - before);
        }
        let limits = Limits { frame_max_bytes: u32::MAX, ..Limits::default() };
        let mut heard = std::mem::take(&mut self.heard);
        let mut replies = Vec::new();
        while let Some(frame) = frame::cut(&heard, &limits).expect("the broker sends frames") {
            let size = frame.wire_bytes();
            replies.extend(self.hear_frame(&frame, &limits));
            heard.advance(size);
        }
        assert!(heard.is_empty(), "the broker sends whole frames");
        replies
    }

    fn hear_frame(&mut self, frame: &frame::Frame<'_>, limits: &Limits) -> Option<Reply> {
        match frame.kind {
            FrameKind::Method => {
                assert!(self.partial.is_none(), "a method amid a message");
                let reply = Reply { channel: frame.channel, said: understand(frame.payload, limits) };
                if matches!(reply.said, Said::Deliver { .. } | Said::GetOk { .. }) {
                    self.partial = Some((reply, 0));
                    return None;
                }
                return Some(reply);
            }
            FrameKind::Header => {
                let header = ContentHeader::decode(frame.payload, limits).expect("a header");
                let (_, message, missing) = self.partial();
                *missing = header.body_bytes;
                message.persistent = header.properties.delivery_mode() == Some(2);
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                message.expiration = header.properties.expiration().map(text);
                message.priority = header.properties.priority();
                let headers = header.properties.headers();
                let header =
                    |name: &[u8]| headers.and_then(|headers| headers.get(name)?.as_bytes().map(text));
                message.death = header(b"x-first-death-queue").zip(header(b"x-first-death-reason"));
            }
            FrameKind::Body => {
                let (_, message, missing) = self.partial();
                message.body = [&message.body[..], frame.payload].concat().into();
                *missing = missing.checked_sub(frame.payload.len() as u64).expect("a body as announced");
            }
            FrameKind::Heartbeat => return None,
        }
        let is_whole = self.partial.as_ref().is_some_and(|(_, missing)| *missing == 0);
        is_whole.then(|| self.partial.take()).flatten().map(|(reply, _)| reply)
    }

    fn partial(&mut self) -> (u16, &mut Message, &mut u64) {
        let (reply, missing) = self.partial.as_mut().expect("a message that began");
        match &mut reply.said {
            Said::Deliver { message, .. } | Said::GetOk { message, .. } => (reply.channel, message, missing),
            other => unreachable!("it has no content: {other:?}"),
        }
    }
}

fn understand(payload: &[u8], limits: &Limits) -> Said {
    let id = MethodId::of(payload).expect("a method");
    match method::decode(payload, limits).expect("the broker sends methods that decode") {
        Method::Basic(basic::AMQPMethod::Deliver(it)) => Said::Deliver {
            consumer: it.consumer_tag.to_string(),
            tag: it.delivery_tag,
            redelivered: it.redelivered,
            message: message(&it.exchange, &it.routing_key),
        },
        Method::Basic(basic::AMQPMethod::GetOk(it)) => Said::GetOk {
            tag: it.delivery_tag,
            redelivered: it.redelivered,
            message: message(&it.exchange, &it.routing_key),
        },
        Method::Basic(basic::AMQPMethod::GetEmpty(_)) => Said::GetEmpty,
        Method::Basic(basic::AMQPMethod::Ack(it)) => {
            Said::Confirm { tag: it.delivery_tag, multiple: it.multiple, ok: true }
        }
        Method::Basic(basic::AMQPMethod::Nack(it)) => {
            Said::Confirm { tag: it.delivery_tag, multiple: it.multiple, ok: false }
        }
        Method::Basic(basic::AMQPMethod::Cancel(it)) => Said::Cancelled(it.consumer_tag.to_string()),
        Method::Queue(queue::AMQPMethod::DeclareOk(it)) => Said::Count(id, it.message_count as usize),
        Method::Queue(queue::AMQPMethod::PurgeOk(it)) => Said::Count(id, it.message_count as usize),
        Method::Queue(queue::AMQPMethod::DeleteOk(it)) => Said::Count(id, it.message_count as usize),
        Method::Channel(channel::AMQPMethod::Close(it)) => {
            Said::ChannelClosed(it.reply_code, it.reply_text.to_string())
        }
        Method::Connection(connection::AMQPMethod::Close(it)) => {
            Said::ConnectionClosed(it.reply_code, it.reply_text.to_string())
        }
        Method::Connection(_) => Said::Other(id),
        _ => Said::Done(id),
    }
}

fn message(exchange: &impl ToString, key: &impl ToString) -> Message {
    Message {
        exchange: exchange.to_string(),
        key: key.to_string(),
        persistent: false,
        expiration: None,
        priority: None,
        death: None,
        body: Bytes::new(),
    }
}
