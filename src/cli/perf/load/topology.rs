//! The queues of a load, the exchange before them, and what routes a message to each.
//!
//! Invariant: there is at least one route. Everything declared here is deleted again, so nothing that was there
//! before is taken over.

use leveret_codec::method::types::{AMQPValue, FieldTable};
use leveret_codec::method::{basic, exchange, queue};
use leveret_codec::{Method, PropertiesBuilder, TableBuilder, Value};

use crate::cli::client::{Client, ClientError};
use crate::cli::perf::PerfError;
use crate::cli::perf::options::{ExchangeKind, LoadOptions};
use crate::cli::target::Target;

/// Delivery mode of a message that survives a restart (§3.2.1, basic properties).
const PERSISTENT: u8 = 2;

/// The header by which a headers exchange routes here.
const HEADER: &str = "queue";

/// RabbitMQ's code for what is not there.
const NOT_FOUND: u16 = 404;

/// What a load needs in a broker.
pub struct Topology {
    pub queues: Vec<String>,
    exchange: Option<(String, ExchangeKind)>,
    routes: Vec<Route>,
    bindings: u32,
    durable: bool,
}

/// One way of a message: a key, and for a headers exchange a header.
pub struct Route {
    pub key: String,
    header: Option<String>,
}

impl Route {
    /// The content properties of a message that takes this way.
    pub fn properties(&self, persistent: bool) -> Vec<u8> {
        let mut builder = PropertiesBuilder::new();
        if persistent {
            builder = builder.delivery_mode(PERSISTENT);
        }
        let Some(value) = &self.header else { return builder.build() };
        let headers = TableBuilder::new().insert(HEADER, Value::Str(value.as_bytes())).build();
        builder.headers(headers.as_ref()).build()
    }
}

impl Topology {
    pub fn new(load: &LoadOptions) -> Self {
        let queues = load.queues.names();
        let kind = load.routing.kind();
        let by_header = kind == Some(ExchangeKind::Headers);
        let fixed = load.routing.routing_key.as_ref();
        let route = |queue: &String| Route {
            key: fixed.unwrap_or(queue).clone(),
            header: by_header.then(|| queue.clone()),
        };
        // With one key for all every message takes the same way.
        let one = !by_header && (fixed.is_some() || kind == Some(ExchangeKind::Fanout));
        let routes = queues.iter().take(if one { 1 } else { queues.len() }).map(route).collect();
        let name = load.routing.exchange.clone().unwrap_or_else(|| load.queues.queue.clone());
        let exchange = kind.map(|kind| (name, kind));
        Self { queues, exchange, routes, bindings: load.routing.bindings, durable: load.is_durable() }
    }

    /// Empty is the default exchange.
    pub fn exchange_name(&self) -> &str {
        self.exchange.as_ref().map_or("", |(name, _)| name)
    }

    /// How many queues each message goes to.
    pub fn copies(&self) -> u64 {
        if self.exchange.is_some() && self.routes.len() < self.queues.len() {
            self.queues.len() as u64
        } else {
            1
        }
    }

    /// The routes before the one of this number, and those from it on; the numbers begin again after the last.
    pub fn split_routes(&self, number: usize) -> (&[Route], &[Route]) {
        self.routes.split_at_checked(number % self.routes.len().max(1)).unwrap_or_default()
    }

    /// The queues of one of so many consumers: its share of them, or the one that it shares with others.
    pub fn share(&self, number: u16, consumers: u16) -> impl Iterator<Item = &String> {
        let queues = self.queues.len().max(1);
        let step = usize::from(consumers).clamp(1, queues);
        self.queues.iter().skip(usize::from(number) % queues).step_by(step)
    }
}

/// Declaring and deleting.
impl Topology {
    /// Declares everything; an exchange or queue that is somebody's is an error.
    pub fn declare(&self, target: &Target, control: &mut Client) -> Result<(), PerfError> {
        if let Some((name, kind)) = &self.exchange {
            refuse_existing(name, target)?;
            control
                .call(&Method::Exchange(exchange::AMQPMethod::Declare(self.exchange_declare(name, *kind))))?;
        }
        for queue in &self.queues {
            self.declare_queue(queue, control)?;
            if let Some((name, kind)) = &self.exchange {
                let key = if let [one] = self.routes.as_slice() { &one.key } else { queue };
                let arguments = match kind {
                    ExchangeKind::Headers => matching(HEADER, queue),
                    _ => FieldTable::default(),
                };
                control.call(&bind(queue, name, key, arguments))?;
            }
        }
        self.bind_in_vain(control)
    }

    fn exchange_declare(&self, name: &str, kind: ExchangeKind) -> exchange::Declare {
        exchange::Declare {
            exchange: name.into(),
            kind: kind.name().into(),
            passive: false,
            durable: self.durable,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments: FieldTable::default(),
        }
    }

    fn queue_declare(&self, name: &str) -> Method {
        Method::Queue(queue::AMQPMethod::Declare(queue::Declare {
            queue: name.into(),
            passive: false,
            durable: self.durable,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::default(),
        }))
    }

    /// The queue is deleted afterwards, so it must not be somebody's.
    fn declare_queue(&self, name: &str, control: &mut Client) -> Result<(), PerfError> {
        match control.call(&self.queue_declare(name))? {
            Method::Queue(queue::AMQPMethod::DeclareOk(queue))
                if queue.message_count + queue.consumer_count == 0 =>
            {
                Ok(())
            }
            Method::Queue(queue::AMQPMethod::DeclareOk(_)) => Err(PerfError::InUse(name.to_owned())),
            other => Err(ClientError::Unexpected(other).into()),
        }
    }

    /// Bindings that no message matches, to the queues in turn.
    fn bind_in_vain(&self, control: &mut Client) -> Result<(), PerfError> {
        let Some((exchange, kind)) = &self.exchange else { return Ok(()) };
        for (number, queue) in (0..self.bindings).zip(self.queues.iter().cycle()) {
            let (key, arguments) = match kind {
                ExchangeKind::Topic => (format!("never.{number}.*.#"), FieldTable::default()),
                ExchangeKind::Headers => (String::new(), matching("never", &number.to_string())),
                ExchangeKind::Direct | ExchangeKind::Fanout => {
                    (format!("never.{number}"), FieldTable::default())
                }
            };
            control.call(&bind(queue, exchange, &key, arguments))?;
        }
        Ok(())
    }

    /// How many messages are in the queues.
    pub fn depth(&self, control: &mut Client) -> Result<u64, PerfError> {
        let mut depth = 0;
        for queue in &self.queues {
            match control.call(&self.queue_declare(queue))? {
                Method::Queue(queue::AMQPMethod::DeclareOk(queue)) => depth += u64::from(queue.message_count),
                other => return Err(ClientError::Unexpected(other).into()),
            }
        }
        Ok(depth)
    }

    /// Deletes everything, and says how many messages went with it.
    pub fn delete(&self, control: &mut Client) -> Result<u64, PerfError> {
        let mut left = 0;
        for queue in &self.queues {
            let delete = queue::Delete {
                queue: queue.as_str().into(),
                if_unused: false,
                if_empty: false,
                nowait: false,
            };
            match control.call(&Method::Queue(queue::AMQPMethod::Delete(delete)))? {
                Method::Queue(queue::AMQPMethod::DeleteOk(deleted)) => {
                    left += u64::from(deleted.message_count);
                }
                other => return Err(ClientError::Unexpected(other).into()),
            }
        }
        if let Some((name, _)) = &self.exchange {
            let delete = exchange::Delete { exchange: name.as_str().into(), if_unused: false, nowait: false };
            control.call(&Method::Exchange(exchange::AMQPMethod::Delete(delete)))?;
        }
        Ok(left)
    }
}

/// Whether there is such an exchange is asked on a connection of its own: a no closes the channel.
fn refuse_existing(name: &str, target: &Target) -> Result<(), PerfError> {
    let mut asking = Client::connect(target)?;
    let ask = exchange::Declare {
        exchange: name.into(),
        kind: "direct".into(),
        passive: true,
        durable: false,
        auto_delete: false,
        internal: false,
        nowait: false,
        arguments: FieldTable::default(),
    };
    match asking.call(&Method::Exchange(exchange::AMQPMethod::Declare(ask))) {
        Err(ClientError::Refused { code: NOT_FOUND, .. }) => Ok(()),
        Ok(_) => Err(PerfError::ExchangeExists(name.to_owned())),
        Err(other) => Err(other.into()),
    }
}

fn bind(queue: &str, exchange: &str, key: &str, arguments: FieldTable) -> Method {
    Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        nowait: false,
        arguments,
    }))
}

/// The arguments of a headers binding for one header.
fn matching(header: &str, value: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-match".into(), AMQPValue::LongString("all".into()));
    arguments.insert(header.into(), AMQPValue::LongString(value.into()));
    arguments
}

/// The subscription of a consumer to one queue.
pub fn subscription(queue: &str, consumer_tag: &str, auto_ack: bool) -> basic::Consume {
    basic::Consume {
        queue: queue.into(),
        consumer_tag: consumer_tag.into(),
        no_local: false,
        no_ack: auto_ack,
        exclusive: false,
        nowait: false,
        arguments: FieldTable::default(),
    }
}
