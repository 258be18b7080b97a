//! What a client can say, a line each: methods, and methods as bytes.

use bytes::BytesMut;
use leveret_codec::frame::{FRAME_END, FrameKind, put_frame_header};
use leveret_codec::method::{self, Method, basic, channel, confirm, connection, exchange, queue};

pub fn close() -> Method {
    Method::Connection(connection::AMQPMethod::Close(connection::Close {
        reply_code: 200,
        reply_text: "bye".into(),
        class_id: 0,
        method_id: 0,
    }))
}

pub fn open_channel() -> Method {
    Method::Channel(channel::AMQPMethod::Open(channel::Open {}))
}

pub fn close_channel() -> Method {
    Method::Channel(channel::AMQPMethod::Close(channel::Close {
        reply_code: 200,
        reply_text: "bye".into(),
        class_id: 0,
        method_id: 0,
    }))
}

pub fn close_channel_ok() -> Method {
    Method::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}

pub fn exchange(declare: exchange::Declare) -> Method {
    Method::Exchange(exchange::AMQPMethod::Declare(declare))
}

pub fn fanout(name: &str) -> Method {
    exchange(exchange::Declare { exchange: name.into(), kind: "fanout".into(), ..Default::default() })
}

pub fn queue(declare: queue::Declare) -> Method {
    Method::Queue(queue::AMQPMethod::Declare(declare))
}

pub fn delete(queue: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Delete(queue::Delete { queue: queue.into(), ..Default::default() }))
}

pub fn bind(queue: &str, exchange: &str, key: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        ..Default::default()
    }))
}

pub fn consume(consume: basic::Consume) -> Method {
    Method::Basic(basic::AMQPMethod::Consume(consume))
}

pub fn get(queue: &str) -> Method {
    Method::Basic(basic::AMQPMethod::Get(basic::Get { queue: queue.into(), no_ack: true }))
}

pub fn qos(prefetch_count: u16) -> Method {
    Method::Basic(basic::AMQPMethod::Qos(basic::Qos { prefetch_count, global: false }))
}

pub fn ack(delivery_tag: u64, multiple: bool) -> Method {
    Method::Basic(basic::AMQPMethod::Ack(basic::Ack { delivery_tag, multiple }))
}

pub fn requeue(delivery_tag: u64) -> Method {
    Method::Basic(basic::AMQPMethod::Nack(basic::Nack { delivery_tag, multiple: false, requeue: true }))
}

/// basic.publish to the default exchange; its content must follow.
pub fn publish(queue: &str) -> Method {
    let publish = basic::Publish { routing_key: queue.into(), ..Default::default() };
    Method::Basic(basic::AMQPMethod::Publish(publish))
}

pub fn confirms() -> Method {
    Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false }))
}

/// A method as the frame it is sent in.
pub fn bytes(channel: u16, method: &Method) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    method::encode(channel, method, &mut bytes);
    bytes.to_vec()
}

/// Any frame, sensible or not.
pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put_frame_header(&mut bytes, FrameKind::Method, channel, u32::try_from(payload.len()).unwrap());
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&[FRAME_END]);
    bytes[0] = kind;
    bytes.to_vec()
}

/// A content header that announces so many bytes and has no properties.
pub fn header(channel: u16, body_bytes: u64) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend(body_bytes.to_be_bytes());
    payload.extend([0, 0]);
    frame(2, channel, &payload)
}

/// A piece of a body.
pub fn body(channel: u16, piece: &[u8]) -> Vec<u8> {
    frame(3, channel, piece)
}

/// A heartbeat.
pub const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, FRAME_END];
