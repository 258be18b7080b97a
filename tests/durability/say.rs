//! What these tests say to the broker, a line each.

use bytes::BytesMut;
use leveret_codec::PropertiesBuilder;
use leveret_codec::method::types::FieldTable;
use leveret_codec::method::{self, Method, basic, channel, confirm, connection, exchange, queue, tx};

use crate::support::publish_with;

pub fn open_channel() -> Method {
    Method::Channel(channel::AMQPMethod::Open(channel::Open {}))
}

pub fn close_channel_ok() -> Method {
    Method::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}

pub fn close() -> Method {
    Method::Connection(connection::AMQPMethod::Close(connection::Close {
        reply_code: 200,
        reply_text: "bye".into(),
        class_id: 0,
        method_id: 0,
    }))
}

pub fn durable_queue(name: &str) -> Method {
    durable_queue_with(name, FieldTable::default())
}

pub fn durable_queue_with(name: &str, arguments: FieldTable) -> Method {
    let declare = queue::Declare { queue: name.into(), durable: true, arguments, ..Default::default() };
    Method::Queue(queue::AMQPMethod::Declare(declare))
}

/// Asks whether there is such a queue, and what is in it.
pub fn look_at_queue(name: &str) -> Method {
    let declare = queue::Declare { queue: name.into(), passive: true, ..Default::default() };
    Method::Queue(queue::AMQPMethod::Declare(declare))
}

pub fn delete_queue(name: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Delete(queue::Delete { queue: name.into(), ..Default::default() }))
}

pub fn purge(name: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Purge(queue::Purge { queue: name.into(), nowait: false }))
}

pub fn durable_exchange(name: &str, kind: &str) -> Method {
    let declare =
        exchange::Declare { exchange: name.into(), kind: kind.into(), durable: true, ..Default::default() };
    Method::Exchange(exchange::AMQPMethod::Declare(declare))
}

/// Asks whether there is such an exchange.
pub fn look_at_exchange(name: &str) -> Method {
    let declare = exchange::Declare { exchange: name.into(), passive: true, ..Default::default() };
    Method::Exchange(exchange::AMQPMethod::Declare(declare))
}

pub fn delete_exchange(name: &str) -> Method {
    let delete = exchange::Delete { exchange: name.into(), ..Default::default() };
    Method::Exchange(exchange::AMQPMethod::Delete(delete))
}

pub fn bind(queue: &str, exchange: &str, key: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        ..Default::default()
    }))
}

pub fn unbind(queue: &str, exchange: &str, key: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Unbind(queue::Unbind {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        ..Default::default()
    }))
}

pub fn confirms() -> Method {
    Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false }))
}

pub fn transactions() -> Method {
    Method::Tx(tx::AMQPMethod::Select(tx::Select {}))
}

pub fn commit() -> Method {
    Method::Tx(tx::AMQPMethod::Commit(tx::Commit {}))
}

/// Consumes with acknowledgements, as many messages at a time as there are.
pub fn consume(queue: &str) -> Method {
    Method::Basic(basic::AMQPMethod::Consume(basic::Consume { queue: queue.into(), ..Default::default() }))
}

/// Gets a message that is to be acknowledged.
pub fn get(queue: &str) -> Method {
    Method::Basic(basic::AMQPMethod::Get(basic::Get { queue: queue.into(), no_ack: false }))
}

pub fn ack(delivery_tag: u64, multiple: bool) -> Method {
    Method::Basic(basic::AMQPMethod::Ack(basic::Ack { delivery_tag, multiple }))
}

/// A method as the frame it is sent in.
pub fn bytes(channel: u16, method: &Method) -> BytesMut {
    let mut bytes = BytesMut::new();
    method::encode(channel, method, &mut bytes);
    bytes
}

/// A publish on channel 1 that survives a restart, or one that does not.
pub fn publish((exchange, key): (&str, &str), is_persistent: bool, body: &[u8]) -> BytesMut {
    let publish = basic::Publish { exchange: exchange.into(), routing_key: key.into(), ..Default::default() };
    let mode = if is_persistent { 2 } else { 1 };
    publish_with(1, publish, &PropertiesBuilder::new().delivery_mode(mode).build(), body)
}

/// A persistent publish to a queue, on any channel.
pub fn publish_on(channel: u16, queue: &str, body: &[u8]) -> BytesMut {
    let publish = basic::Publish { routing_key: queue.into(), ..Default::default() };
    publish_with(channel, publish, &PropertiesBuilder::new().delivery_mode(2).build(), body)
}

/// A publish on channel 1 that comes back if it reaches no queue.
pub fn publish_mandatory((exchange, key): (&str, &str)) -> BytesMut {
    let publish = basic::Publish {
        exchange: exchange.into(),
        routing_key: key.into(),
        mandatory: true,
        ..Default::default()
    };
    publish_with(1, publish, &PropertiesBuilder::new().build(), b"does anybody hear me?")
}
