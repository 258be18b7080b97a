//! What goes over a connection: requests as the bytes a client sends; what the broker's bytes say is `heard`.

use bytes::BytesMut;
use leveret_codec::content::put_header;
use leveret_codec::frame::{FRAME_END, FrameKind, put_frame_header};
use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{self, Method, basic, channel, confirm, connection, exchange, queue, tx};
use leveret_codec::{PROTOCOL_HEADER, PropertiesBuilder};

pub use crate::heard::{Ear, Message, Reply, Said};
use crate::names::{self, Name};

/// A message: everything about it follows from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// No two are the same.
    pub number: u32,
    pub exchange: Name,
    pub key: Name,
    pub persistent: bool,
    pub expiration_millis: Option<u64>,
    pub priority: Option<u8>,
    pub body_bytes: usize,
}

impl Content {
    /// The body, in which every byte depends on the number.
    pub fn body(&self) -> Vec<u8> {
        let rest = (4_u32..)
            .take(self.body_bytes.saturating_sub(4))
            .map(|at| at.wrapping_mul(self.number | 1).to_le_bytes()[1]);
        self.number.to_be_bytes().into_iter().chain(rest).collect()
    }

    fn properties(&self) -> Vec<u8> {
        let expiration = self.expiration_millis.map(|millis| millis.to_string());
        let mut properties = PropertiesBuilder::new().delivery_mode(if self.persistent { 2 } else { 1 });
        if let Some(expiration) = &expiration {
            properties = properties.expiration(expiration.as_bytes());
        }
        if let Some(priority) = self.priority {
            properties = properties.priority(priority);
        }
        properties.build()
    }
}

/// Where a binding leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Queue(Name),
    Exchange(Name),
}

/// A binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    pub source: Name,
    pub end: End,
    pub key: Name,
}

/// What a client asks on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Open,
    Close,
    CloseOk,
    Confirms,
    Tx,
    Commit,
    Rollback,
    Publish(Content),
    Qos(u16),
    Consume { queue: Name, tag: String, no_ack: bool },
    Cancel(String),
    Get { queue: Name, no_ack: bool },
    Ack { tag: u64, multiple: bool },
    Nack { tag: u64, multiple: bool, requeue: bool },
    Recover,
    DeclareQueue { queue: Name, passive: bool },
    DeleteQueue(Name),
    Purge(Name),
    DeclareExchange(Name),
    DeleteExchange(Name),
    Bind(Binding),
    Unbind(Binding),
}

impl Request {
    /// Whether it changes what is defined.
    pub fn defines(&self) -> bool {
        match self {
            Self::DeclareQueue { passive, .. } => !passive,
            Self::DeleteQueue(_) | Self::Bind(_) | Self::Unbind(_) => true,
            _ => matches!(self, Self::DeclareExchange(_) | Self::DeleteExchange(_)),
        }
    }

    /// Whether it may have to wait for the head of a queue.
    pub fn asks_queue(&self) -> bool {
        matches!(self, Self::DeclareQueue { .. } | Self::DeleteQueue(_) | Self::Purge(_) | Self::Get { .. })
    }

    /// The frames of it.
    pub fn encode(&self, channel: u16) -> BytesMut {
        let mut bytes = BytesMut::new();
        method::encode(channel, &self.method(), &mut bytes);
        if let Self::Publish(content) = self {
            let body = content.body();
            put_header(&mut bytes, channel, body.len() as u64, &content.properties());
            if !body.is_empty() {
                put_frame_header(&mut bytes, FrameKind::Body, channel, u32::try_from(body.len()).unwrap());
                bytes.extend_from_slice(&body);
                bytes.extend_from_slice(&[FRAME_END]);
            }
        }
        bytes
    }

    fn method(&self) -> Method {
        match self {
            Self::Open => Method::Channel(channel::AMQPMethod::Open(channel::Open {})),
            Self::Close => Method::Channel(channel::AMQPMethod::Close(channel::Close {
                reply_code: 200,
                reply_text: "bye".into(),
                class_id: 0,
                method_id: 0,
            })),
            Self::CloseOk => Method::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {})),
            Self::Confirms => Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false })),
            Self::Tx => Method::Tx(tx::AMQPMethod::Select(tx::Select {})),
            Self::Commit => Method::Tx(tx::AMQPMethod::Commit(tx::Commit {})),
            Self::Rollback => Method::Tx(tx::AMQPMethod::Rollback(tx::Rollback {})),
            Self::DeclareQueue { .. } | Self::DeleteQueue(_) | Self::Purge(_) => self.queue_method(),
            Self::DeclareExchange(_) | Self::DeleteExchange(_) => self.exchange_method(),
            Self::Bind(binding) => bind(binding),
            Self::Unbind(binding) => unbind(binding),
            _ => self.basic_method(),
        }
    }

    fn queue_method(&self) -> Method {
        use queue::AMQPMethod as Q;
        Method::Queue(match self {
            Self::DeclareQueue { queue, passive } => {
                let kind = names::queue(queue);
                let arguments = arguments(&kind);
                let (queue, durable) = ((*queue).into(), kind.durable);
                let declare =
                    queue::Declare { queue, passive: *passive, durable, arguments, ..Default::default() };
                Q::Declare(declare)
            }
            Self::DeleteQueue(queue) => {
                Q::Delete(queue::Delete { queue: (*queue).into(), ..Default::default() })
            }
            Self::Purge(queue) => Q::Purge(queue::Purge { queue: (*queue).into(), ..Default::default() }),
            other => unreachable!("not of this class: {other:?}"),
        })
    }

    fn exchange_method(&self) -> Method {
        use exchange::AMQPMethod as E;
        Method::Exchange(match self {
            Self::DeclareExchange(name) => {
                let kind = names::exchange(name);
                let exchange = (*name).into();
                let (durable, kind) = (kind.durable, kind.routing.name().into());
                E::Declare(exchange::Declare { exchange, durable, kind, ..Default::default() })
            }
            Self::DeleteExchange(name) => {
                E::Delete(exchange::Delete { exchange: (*name).into(), ..Default::default() })
            }
            other => unreachable!("not of this class: {other:?}"),
        })
    }

    fn basic_method(&self) -> Method {
        use basic::AMQPMethod as B;
        Method::Basic(match self {
            Self::Publish(Content { exchange, key, .. }) => {
                let (exchange, routing_key) = ((*exchange).into(), (*key).into());
                B::Publish(basic::Publish { exchange, routing_key, ..Default::default() })
            }
            Self::Qos(prefetch_count) => {
                B::Qos(basic::Qos { prefetch_count: *prefetch_count, global: false })
            }
            Self::Consume { queue, tag, no_ack } => {
                let (queue, consumer_tag) = ((*queue).into(), tag.as_str().into());
                B::Consume(basic::Consume { queue, consumer_tag, no_ack: *no_ack, ..Default::default() })
            }
            Self::Cancel(tag) => {
                B::Cancel(basic::Cancel { consumer_tag: tag.as_str().into(), nowait: false })
            }
            Self::Get { queue, no_ack } => B::Get(basic::Get { queue: (*queue).into(), no_ack: *no_ack }),
            Self::Ack { tag, multiple } => B::Ack(basic::Ack { delivery_tag: *tag, multiple: *multiple }),
            Self::Nack { tag, multiple, requeue } => {
                B::Nack(basic::Nack { delivery_tag: *tag, multiple: *multiple, requeue: *requeue })
            }
            Self::Recover => B::Recover(basic::Recover { requeue: true }),
            other => unreachable!("not of this class: {other:?}"),
        })
    }
}

/// What makes a queue what its kind says.
fn arguments(kind: &names::QueueKind) -> FieldTable {
    let mut arguments = FieldTable::default();
    let is_ranked = 0 < kind.max_priority && !kind.is_quorum();
    for (name, number) in [
        ("x-message-ttl", kind.ttl_millis),
        ("x-expires", kind.expires_millis),
        ("x-max-length", kind.max_length),
        ("x-delivery-limit", kind.delivery_limit),
        ("x-max-priority", is_ranked.then_some(kind.max_priority.into())),
    ] {
        if let Some(number) = number {
            arguments.insert(name.into(), AMQPValue::LongLongInt(i64::try_from(number).unwrap()));
        }
    }
    let mut word = |name: &str, word: &str| {
        arguments.insert(name.into(), AMQPValue::LongString(word.into()));
    };
    if kind.is_quorum() {
        word("x-queue-type", "quorum");
    }
    if kind.buries {
        word("x-dead-letter-exchange", "");
        word("x-dead-letter-routing-key", names::MORGUE);
    }
    arguments
}

fn bind(Binding { source, end, key }: &Binding) -> Method {
    let routing_key = (*key).into();
    match end {
        End::Queue(name) => Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
            queue: (*name).into(),
            exchange: (*source).into(),
            routing_key,
            ..Default::default()
        })),
        End::Exchange(name) => Method::Exchange(exchange::AMQPMethod::Bind(exchange::Bind {
            destination: (*name).into(),
            source: (*source).into(),
            routing_key,
            ..Default::default()
        })),
    }
}

fn unbind(Binding { source, end, key }: &Binding) -> Method {
    let routing_key = (*key).into();
    match end {
        End::Queue(name) => Method::Queue(queue::AMQPMethod::Unbind(queue::Unbind {
            queue: (*name).into(),
            exchange: (*source).into(),
            routing_key,
            ..Default::default()
        })),
        End::Exchange(name) => Method::Exchange(exchange::AMQPMethod::Unbind(exchange::Unbind {
            destination: (*name).into(),
            source: (*source).into(),
            routing_key,
            ..Default::default()
        })),
    }
}

/// Everything a client says until its connection is open.
pub fn handshake() -> BytesMut {
    use connection::AMQPMethod as C;
    let mut capabilities = FieldTable::default();
    capabilities.insert("consumer_cancel_notify".into(), AMQPValue::Boolean(true));
    let mut client_properties = FieldTable::default();
    client_properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    let start_ok = C::StartOk(connection::StartOk {
        client_properties,
        mechanism: "PLAIN".into(),
        response: "\0guest\0guest".into(),
        locale: "en_US".into(),
    });
    let tune_ok = C::TuneOk(connection::TuneOk { channel_max: 8, frame_max: 131_072, heartbeat: 0 });
    let open = C::Open(connection::Open { virtual_host: "/".into() });
    let mut bytes = BytesMut::from(&PROTOCOL_HEADER[..]);
    for method in [start_ok, tune_ok, open] {
        method::encode(0, &Method::Connection(method), &mut bytes);
    }
    bytes
}
