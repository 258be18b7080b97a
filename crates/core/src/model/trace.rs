//! The firehose: copies of what is published in a virtual host, and of what is delivered from its queues, on the
//! exchange `amq.rabbitmq.trace`.
//!
//! Invariants:
//! - It is off unless somebody has said otherwise, and then costs one relaxed load a message: the flag lies in the
//!   virtual host, beside what a publisher reads anyway.
//! - A copy is made before its message is brought to a queue, so that whoever reads both finds them in this order.
//! - Copies are not copied again.
//!
//! Keys and headers are RabbitMQ's. A timestamp that is too large for a signed int is a long here, where RabbitMQ
//! cuts it off.

use leveret_codec::field::{ArrayBuilder, Table, TableBuilder};
use leveret_codec::{Properties, Value};

use crate::id::ChannelNumber;
use crate::model::{Message, QueueRef, published_keys};

/// The exchange that copies go to; every virtual host has one.
pub const TRACE_EXCHANGE: &str = "amq.rabbitmq.trace";

/// Whose doing it was.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// The broker's name.
    pub node: &'a str,
    /// The virtual host.
    pub vhost: &'a str,
    /// The connection, by its addresses.
    pub connection: &'a str,
    /// The channel.
    pub channel: ChannelNumber,
    /// The user.
    pub user: &'a str,
}

/// What has happened to a message.
#[derive(Clone, Copy, Debug)]
pub enum Traced<'a> {
    /// It was published and goes to these queues.
    Published(&'a [QueueRef]),
    /// It was published and goes to who waits for a direct reply.
    Replied,
    /// It was delivered, or got, from a queue of this name.
    Delivered {
        /// The queue, or the address of a direct reply.
        queue: &'a str,
        /// Not for the first time.
        redelivered: bool,
    },
}

impl Witness<'_> {
    /// The copy of a message; nothing if it is a copy itself.
    pub fn copy(&self, message: &Message, traced: Traced<'_>) -> Option<Message> {
        if message.exchange() == TRACE_EXCHANGE.as_bytes() {
            return None;
        }
        let key = match traced {
            Traced::Published(_) | Traced::Replied => [b"publish.".as_slice(), message.exchange()].concat(),
            Traced::Delivered { queue, .. } => [b"deliver.".as_slice(), queue.as_bytes()].concat(),
        };
        let headers = self.headers(message, traced);
        let properties = leveret_codec::PropertiesBuilder::new().headers(headers.as_ref()).build();
        Some(Message::compose(TRACE_EXCHANGE.as_bytes(), &key, &properties, message.body()))
    }

    /// In RabbitMQ's order, which is that of the names.
    fn headers(&self, message: &Message, traced: Traced<'_>) -> Table {
        let keys = published_keys(message);
        let properties = properties_table(Properties::from_checked(&message.shown_properties()));
        let mut headers = TableBuilder::new();
        headers
            .insert("channel", Value::I32(self.channel.into()))
            .insert("connection", Value::Str(self.connection.as_bytes()))
            .insert("exchange_name", Value::Str(message.exchange()))
            .insert("node", Value::Str(self.node.as_bytes()))
            .insert("properties", Value::Table(properties.as_ref()));
        match traced {
            Traced::Published(queues) if !message.exchange().is_empty() => {
                insert_texts(
                    &mut headers,
                    "routed_queues",
                    queues.iter().map(|queue| queue.facts().name.as_bytes()),
                );
            }
            // The default exchange leads to the queues that the keys name, whether they are there or not.
            Traced::Published(_) | Traced::Replied => {
                let mut named: Vec<&[u8]> = Vec::new();
                for key in &keys {
                    if !named.contains(&key.as_slice()) {
                        named.push(key);
                    }
                }
                insert_texts(&mut headers, "routed_queues", named);
            }
            Traced::Delivered { redelivered, .. } => {
                headers.insert("redelivered", Value::I32(redelivered.into()));
            }
        }
        insert_texts(&mut headers, "routing_keys", keys.iter().map(Vec::as_slice));
        headers
            .insert("user", Value::Str(self.user.as_bytes()))
            .insert("vhost", Value::Str(self.vhost.as_bytes()));
        headers.build()
    }
}

fn insert_texts<'a>(headers: &mut TableBuilder, key: &str, texts: impl IntoIterator<Item = &'a [u8]>) {
    let mut array = ArrayBuilder::new();
    for text in texts {
        array.push(Value::Str(text));
    }
    headers.insert(key, Value::Array(array.as_ref()));
}

/// Properties as a table, the last one first, as RabbitMQ has it.
fn properties_table(properties: Properties<'_>) -> Table {
    let text = |value: Option<_>| value.map(Value::Str);
    let number = |value: u8| Value::I32(value.into());
    let seconds = |value: u64| i32::try_from(value).map_or(Value::I64(value.cast_signed()), Value::I32);
    let mut table = TableBuilder::new();
    for (name, value) in [
        ("cluster_id", text(properties.cluster_id())),
        ("app_id", text(properties.app_id())),
        ("user_id", text(properties.user_id())),
        ("type", text(properties.type_())),
        ("timestamp", properties.timestamp().map(seconds)),
        ("message_id", text(properties.message_id())),
        ("expiration", text(properties.expiration())),
        ("reply_to", text(properties.reply_to())),
        ("correlation_id", text(properties.correlation_id())),
        ("priority", properties.priority().map(number)),
        ("delivery_mode", properties.delivery_mode().map(number)),
        ("headers", properties.headers().map(Value::Table)),
        ("content_encoding", text(properties.content_encoding())),
        ("content_type", text(properties.content_type())),
    ] {
        if let Some(value) = value {
            table.insert(name, value);
        }
    }
    table.build()
}
