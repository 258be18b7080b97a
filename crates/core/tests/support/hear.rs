//! What the broker says: frames to one line each, content joined into the line of its method.

use std::collections::HashMap;
use std::io::IoSlice;

use bytes::{Buf as _, BytesMut};
use leveret_codec::frame::{self, FrameKind};
use leveret_codec::method::{
    self, Method, MethodId, basic, channel, confirm, connection, exchange, queue, tx,
};
use leveret_codec::{ContentHeader, Limits, Outgoing, Table};

use super::fields::{shown_properties, shown_table};
use super::words::{quoted, shown, shown_body};

/// Takes all bytes that wait for a socket, as vectored writes would.
pub fn take(frames: &mut Outgoing) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frames.len());
    while !frames.is_empty() {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = frames.io_slices(&mut slices);
        let before = bytes.len();
        slices[..filled].iter().for_each(|slice| bytes.extend_from_slice(slice));
        let taken = bytes.len() - before;
        frames.advance(taken);
    }
    bytes
}

/// One connection's ear.
#[derive(Default)]
pub struct Ear {
    heard: BytesMut,
    contents: HashMap<u16, Content>,
}

/// A delivery that is still arriving.
struct Content {
    /// The line without the body and what follows it.
    front: String,
    back: String,
    properties: String,
    missing: Option<u64>,
    body: Vec<u8>,
    frames: usize,
}

impl Ear {
    /// Takes what was sent; a line a whole method, with the channel it came on.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<(u16, String)> {
        self.heard.extend_from_slice(bytes);
        let mut lines = Vec::new();
        if self.heard.starts_with(b"AMQP") {
            let header = self.heard.split_to(8);
            let [a, b, c, d] = [header[4], header[5], header[6], header[7]];
            lines.push((0, format!("protocol-header {a} {b} {c} {d}")));
        }
        let limits = Limits { frame_max_bytes: u32::MAX, ..Limits::default() };
        while let Some(frame) = frame::cut(&self.heard, &limits).expect("leveret sends whole frames") {
            let (channel, kind, size) = (frame.channel, frame.kind, frame.wire_bytes());
            let payload = frame.payload.to_vec();
            self.heard.advance(size);
            lines.extend(self.frame(channel, kind, &payload, &limits).map(|line| (channel, line)));
        }
        lines
    }

    /// Whether nothing is left in the middle of a frame or a content.
    pub fn is_between_contents(&self) -> bool {
        self.heard.is_empty() && self.contents.is_empty()
    }

    fn frame(&mut self, channel: u16, kind: FrameKind, payload: &[u8], limits: &Limits) -> Option<String> {
        match kind {
            FrameKind::Heartbeat => return Some("heartbeat".to_owned()),
            FrameKind::Method => {
                assert!(!self.contents.contains_key(&channel), "a method amid a content");
                let method = method::decode(payload, limits).expect("leveret sends methods that decode");
                let id = MethodId::of(payload).unwrap();
                match content(&method) {
                    None => return Some(told(&method, id)),
                    Some(content) => drop(self.contents.insert(channel, content)),
                }
            }
            FrameKind::Header => {
                let header = ContentHeader::decode(payload, limits).expect("a content header");
                let content = self.contents.get_mut(&channel).expect("a header after its method");
                content.properties = shown_properties(header.properties.raw());
                content.missing = Some(header.body_bytes);
            }
            FrameKind::Body => {
                let content = self.contents.get_mut(&channel).expect("a body after its header");
                let missing = content.missing.as_mut().expect("a body after its header");
                *missing = missing.checked_sub(payload.len() as u64).expect("a body as announced");
                content.body.extend(payload);
                content.frames += 1;
            }
        }
        let is_whole = self.contents.get(&channel).is_some_and(|content| content.missing == Some(0));
        is_whole.then(|| self.contents.remove(&channel)).flatten().map(Content::line)
    }
}

impl Content {
    fn line(self) -> String {
        let Self { front, back, properties, body, frames, .. } = self;
        let frames = if 1 < frames { format!(" frames={frames}") } else { String::new() };
        format!("{front} {}{back}{frames}{properties}", shown_body(&body))
    }
}

/// The methods that carry content.
fn content(method: &Method) -> Option<Content> {
    let redelivered = |again: bool| if again { " redelivered" } else { "" };
    let (front, back) = match method {
        Method::Basic(basic::AMQPMethod::Deliver(it)) => (
            format!(
                "deliver {} #{} {}",
                word(&it.consumer_tag),
                it.delivery_tag,
                address(&it.exchange, &it.routing_key)
            ),
            redelivered(it.redelivered).to_owned(),
        ),
        Method::Basic(basic::AMQPMethod::GetOk(it)) => (
            format!("get-ok #{} {}", it.delivery_tag, address(&it.exchange, &it.routing_key)),
            format!(" left={}{}", it.message_count, redelivered(it.redelivered)),
        ),
        Method::Basic(basic::AMQPMethod::Return(it)) => (
            format!(
                "return {} {} {}",
                it.reply_code,
                word(&it.reply_text),
                address(&it.exchange, &it.routing_key)
            ),
            String::new(),
        ),
        _ => return None,
    };
    Some(Content { front, back, properties: String::new(), missing: None, body: Vec::new(), frames: 0 })
}

fn word(name: &impl ToString) -> String {
    shown(name.to_string().as_bytes())
}

/// A reply text, in one line.
fn text(reply: &impl ToString) -> String {
    reply.to_string().replace('\r', "\\r").replace('\n', "\\n")
}

fn address(exchange: &impl ToString, key: &impl ToString) -> String {
    format!("{} {}", word(exchange), word(key))
}

fn told(method: &Method, id: MethodId) -> String {
    let name = id.to_string();
    let name = name.strip_prefix("basic.").unwrap_or(&name);
    let bit = |set: bool, text: &str| if set { format!(" {text}") } else { String::new() };
    let arguments = match method {
        Method::Connection(it) => connection_arguments(it),
        Method::Channel(channel::AMQPMethod::Close(it)) => {
            format!(" {} {}.{} {}", it.reply_code, it.class_id, it.method_id, text(&it.reply_text))
        }
        Method::Channel(channel::AMQPMethod::FlowOk(it)) => bit(it.active, "active"),
        Method::Queue(queue::AMQPMethod::DeclareOk(it)) => {
            format!(" {} messages={} consumers={}", word(&it.queue), it.message_count, it.consumer_count)
        }
        Method::Queue(queue::AMQPMethod::PurgeOk(it)) => format!(" {}", it.message_count),
        Method::Queue(queue::AMQPMethod::DeleteOk(it)) => format!(" {}", it.message_count),
        Method::Basic(basic::AMQPMethod::ConsumeOk(it)) => format!(" {}", word(&it.consumer_tag)),
        Method::Basic(basic::AMQPMethod::CancelOk(it)) => format!(" {}", word(&it.consumer_tag)),
        Method::Basic(basic::AMQPMethod::Cancel(it)) => {
            format!(" {}{}", word(&it.consumer_tag), bit(it.nowait, "nowait"))
        }
        Method::Basic(basic::AMQPMethod::Ack(it)) => {
            format!(" {}{}", it.delivery_tag, bit(it.multiple, "multiple"))
        }
        Method::Basic(basic::AMQPMethod::Nack(it)) => {
            format!(" {}{}{}", it.delivery_tag, bit(it.multiple, "multiple"), bit(it.requeue, "requeue"))
        }
        Method::Channel(channel::AMQPMethod::OpenOk(_) | channel::AMQPMethod::CloseOk(_))
        | Method::Exchange(
            exchange::AMQPMethod::DeclareOk(_)
            | exchange::AMQPMethod::DeleteOk(_)
            | exchange::AMQPMethod::BindOk(_)
            | exchange::AMQPMethod::UnbindOk(_),
        )
        | Method::Queue(queue::AMQPMethod::BindOk(_) | queue::AMQPMethod::UnbindOk(_))
        | Method::Basic(
            basic::AMQPMethod::QosOk(_) | basic::AMQPMethod::GetEmpty(_) | basic::AMQPMethod::RecoverOk(_),
        )
        | Method::Confirm(confirm::AMQPMethod::SelectOk(_))
        | Method::Tx(
            tx::AMQPMethod::SelectOk(_) | tx::AMQPMethod::CommitOk(_) | tx::AMQPMethod::RollbackOk(_),
        )
        | Method::Access(_) => String::new(),
        other => panic!("a broker does not send this: {other:?}"),
    };
    format!("{name}{arguments}")
}

fn connection_arguments(method: &connection::AMQPMethod) -> String {
    use connection::AMQPMethod as M;
    match method {
        M::Start(it) => format!(
            " {}-{} mechanisms={} locales={} {}",
            it.version_major,
            it.version_minor,
            quoted(it.mechanisms.as_bytes()),
            shown(it.locales.as_bytes()),
            shown_table(Table::from(&it.server_properties).as_ref().raw()),
        ),
        M::Tune(it) => {
            format!(" channel-max={} frame-max={} heartbeat={}", it.channel_max, it.frame_max, it.heartbeat)
        }
        M::Close(it) => {
            format!(" {} {}.{} {}", it.reply_code, it.class_id, it.method_id, text(&it.reply_text))
        }
        M::Blocked(it) => format!(" {}", quoted(it.reason.as_str().as_bytes())),
        M::OpenOk(_) | M::CloseOk(_) | M::Unblocked(_) | M::UpdateSecretOk(_) => String::new(),
        other => panic!("a broker does not send this: {other:?}"),
    }
}
