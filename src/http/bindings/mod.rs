//! Bindings: `/api/bindings`, and those of a queue or an exchange.
//!
//! The bindings of the default exchange are nobody's and always there, one a queue; they cannot be made or taken away.

mod properties_key;

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use leveret_codec::field::Table;
use leveret_codec::method::{FieldTable, Method, exchange, queue};
use leveret_core::model::{Binding, Destination, QueueRef, Vhost};
use serde_json::json;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::content;
use super::direct::{Client, refused, short};
use super::exchanges::plain_name;
use super::listing::{self, Entry};
use super::queues::object;
use super::request::{Object, Request};
use super::route::{Handler, Later, Outcome, Row, Verb};
use crate::http::contract::Tells;

pub const ROWS: &[Row] = &[
    Row::get("/api/bindings", Access::Management, list, "All bindings.").tells(Tells::Whole("Binding")),
    Row::get("/api/bindings/:vhost", Access::Vhost, of_vhost, "The bindings of a virtual host.")
        .tells(Tells::Whole("Binding")),
    Row::get(
        "/api/bindings/:vhost/e/:exchange/q/:queue",
        Access::Vhost,
        to_queue,
        "The bindings between an exchange and a queue.",
    )
    .tells(Tells::Whole("Binding")),
    Row::get(
        "/api/bindings/:vhost/e/:exchange/e/:destination",
        Access::Vhost,
        to_exchange,
        "The bindings between two exchanges.",
    )
    .tells(Tells::Whole("Binding")),
    later(Verb::Post, "/api/bindings/:vhost/e/:exchange/q/:queue", bind, "Binds a queue to an exchange.")
        .takes("BindingDeclaration")
        .answers(&[201]),
    later(
        Verb::Post,
        "/api/bindings/:vhost/e/:exchange/e/:destination",
        bind,
        "Binds an exchange to another one.",
    )
    .takes("BindingDeclaration")
    .answers(&[201]),
    Row::get(
        "/api/bindings/:vhost/e/:exchange/q/:queue/:properties",
        Access::Vhost,
        one,
        "A binding to a queue.",
    )
    .tells(Tells::One("Binding")),
    Row::get(
        "/api/bindings/:vhost/e/:exchange/e/:destination/:properties",
        Access::Vhost,
        one,
        "A binding between two exchanges.",
    )
    .tells(Tells::One("Binding")),
    later(
        Verb::Delete,
        "/api/bindings/:vhost/e/:exchange/q/:queue/:properties",
        unbind,
        "Takes a binding to a queue away.",
    ),
    later(
        Verb::Delete,
        "/api/bindings/:vhost/e/:exchange/e/:destination/:properties",
        unbind,
        "Takes a binding between two exchanges away.",
    ),
    Row::get(
        "/api/queues/:vhost/:queue/bindings",
        Access::Vhost,
        of_queue,
        "The bindings that lead to a queue.",
    )
    .tells(Tells::Whole("Binding")),
    Row::get(
        "/api/exchanges/:vhost/:exchange/bindings/source",
        Access::Vhost,
        from_exchange,
        "The bindings that lead away from an exchange.",
    )
    .tells(Tells::Whole("Binding")),
    Row::get(
        "/api/exchanges/:vhost/:exchange/bindings/destination",
        Access::Vhost,
        into_exchange,
        "The bindings that lead to an exchange.",
    )
    .tells(Tells::Whole("Binding")),
];

const fn later(verb: Verb, path: &'static str, handler: fn(Request) -> Later, summary: &'static str) -> Row {
    Row::new((verb, path), Access::Vhost, Handler::Later(handler), summary)
}

/// Where a binding leads, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Queue(String),
    Exchange(String),
}

impl End {
    /// Of the path: one of the two parameters is in it.
    fn of(request: &Request) -> Self {
        if request.values.iter().any(|(name, _)| *name == "queue") {
            Self::Queue(request.value("queue").to_owned())
        } else {
            Self::Exchange(plain_name(request.value("destination")).to_owned())
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Queue(name) | Self::Exchange(name) => name,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Queue(_) => "queue",
            Self::Exchange(_) => "exchange",
        }
    }
}

/// A binding in a list.
struct Listed {
    vhost: Arc<Vhost>,
    source: String,
    end: End,
    routing_key: Box<[u8]>,
    arguments: Table,
    /// What lists are ordered by.
    order: String,
}

impl Listed {
    fn new(vhost: &Arc<Vhost>, binding: &Binding<QueueRef>) -> Self {
        let end = match binding.destination() {
            Destination::Queue(queue) => End::Queue(queue.facts().name.to_string()),
            Destination::Exchange(name) => End::Exchange(name.as_str().to_owned()),
        };
        let routing_key = binding.routing_key().to_vec().into_boxed_slice();
        Self::ordered(vhost, binding.source().as_str(), end, (routing_key, binding.arguments().clone()))
    }

    /// The one that a queue has with the default exchange.
    fn implied(vhost: &Arc<Vhost>, queue: &str) -> Self {
        let key = queue.as_bytes().to_vec().into_boxed_slice();
        Self::ordered(vhost, "", End::Queue(queue.to_owned()), (key, Table::default()))
    }

    fn ordered(
        vhost: &Arc<Vhost>,
        source: &str,
        end: End,
        (routing_key, arguments): (Box<[u8]>, Table),
    ) -> Self {
        let mut order = format!("{source}\0{}\0{}", end.name(), String::from_utf8_lossy(&routing_key));
        if !arguments.as_ref().is_empty() {
            order.push_str(&properties_key::of(&routing_key, arguments.as_ref()));
        }
        Self { vhost: vhost.clone(), source: source.to_owned(), end, routing_key, arguments, order }
    }

    fn properties_key(&self) -> String {
        properties_key::of(&self.routing_key, self.arguments.as_ref())
    }
}

impl Entry for Listed {
    fn vhost(&self) -> &str {
        self.vhost.name()
    }

    fn name(&self) -> &str {
        &self.order
    }

    fn row(&self) -> Object {
        object(json!({
            "source": self.source,
            "vhost": self.vhost.name(),
            "destination": self.end.name(),
            "destination_type": self.end.kind(),
            "routing_key": String::from_utf8_lossy(&self.routing_key),
            "arguments": content::table_to_json(self.arguments.as_ref()),
            "properties_key": self.properties_key(),
        }))
    }
}

fn list(request: &Request) -> Outcome {
    let vhosts = request.core().vhosts().into_iter();
    let seen = vhosts.filter(|vhost| request.caller.sees_vhost(vhost.name()));
    listing::whole(&request.query, seen.flat_map(|vhost| all_of(&vhost)).collect())
}

fn of_vhost(request: &Request) -> Outcome {
    listing::whole(&request.query, all_of(&request.vhost()?))
}

fn all_of(vhost: &Arc<Vhost>) -> Vec<Listed> {
    let routes = vhost.routes();
    let implied = routes.queues().map(|queue| Listed::implied(vhost, &queue.facts().name));
    implied.chain(routes.bindings().map(|binding| Listed::new(vhost, binding))).collect()
}

fn of_queue(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    listing::whole(&request.query, to(&vhost, &End::of(request)))
}

/// All that lead there. A queue that is not there has the binding that it would have (RabbitMQ).
fn to(vhost: &Arc<Vhost>, end: &End) -> Vec<Listed> {
    let routes = vhost.routes();
    let (destination, implied) = match end {
        End::Exchange(name) => {
            (routes.exchange(name.as_bytes()).map(|view| Destination::Exchange(view.name().clone())), None)
        }
        End::Queue(name) => {
            let queue = routes.queue(name.as_bytes()).cloned();
            (queue.map(Destination::Queue), Some(Listed::implied(vhost, name)))
        }
    };
    let bindings = destination.iter().flat_map(|destination| routes.bindings_to(destination));
    implied.into_iter().chain(bindings.map(|binding| Listed::new(vhost, binding))).collect()
}

fn from_exchange(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let routes = vhost.routes();
    let from = match plain_name(request.value("exchange")) {
        "" => routes.queues().map(|queue| Listed::implied(&vhost, &queue.facts().name)).collect(),
        name => routes.bindings_from(name.as_bytes()).map(|binding| Listed::new(&vhost, binding)).collect(),
    };
    listing::whole(&request.query, from)
}

fn into_exchange(request: &Request) -> Outcome {
    let end = End::Exchange(plain_name(request.value("exchange")).to_owned());
    listing::whole(&request.query, to(&request.vhost()?, &end))
}

/// Those between the two ends of the path.
fn between(request: &Request) -> Result<Vec<Listed>, Problem> {
    let source = plain_name(request.value("exchange"));
    let mut found = to(&request.vhost()?, &End::of(request));
    found.retain(|binding| binding.source == source);
    Ok(found)
}

fn to_queue(request: &Request) -> Outcome {
    listing::whole(&request.query, between(request)?)
}

fn to_exchange(request: &Request) -> Outcome {
    listing::whole(&request.query, between(request)?)
}

/// The one that the path names.
fn named(request: &Request) -> Result<Listed, Problem> {
    let name = request.value("properties");
    let mut found = between(request)?.into_iter();
    let found = found.find(|binding| properties_key::is_meant(&binding.properties_key(), name));
    found.ok_or_else(Problem::not_found)
}

fn one(request: &Request) -> Outcome {
    Ok(listing::one(&request.query, named(request)?.row()))
}

fn bind(request: Request) -> Later {
    Box::pin(async move {
        let fields = request.fields()?;
        let routing_key = fields.text("routing_key")?.unwrap_or_default();
        let arguments = content::arguments(fields.get("arguments"))?;
        let (source, key) = (short(plain_name(request.value("exchange")))?, short(routing_key)?);
        let end = End::of(&request);
        let (nowait, fields) = (false, FieldTable::from(&arguments));
        let method = match &end {
            End::Queue(name) => Method::Queue(queue::AMQPMethod::Bind(queue::Bind {
                queue: short(name)?,
                exchange: source,
                routing_key: key,
                nowait,
                arguments: fields,
            })),
            End::Exchange(name) => Method::Exchange(exchange::AMQPMethod::Bind(exchange::Bind {
                destination: short(name)?,
                source,
                routing_key: key,
                nowait,
                arguments: fields,
            })),
        };
        let mut client = Client::open(&request)?;
        client.ask(&method).await.map_err(|why| refused(&why))?;
        let name = properties_key::of(routing_key.as_bytes(), arguments.as_ref());
        let place = format!("{}/{}", properties_key::escaped(end.name().as_bytes()), in_path(&name));
        // Nothing but letters, digits and signs that headers may have.
        let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static(""));
        Ok(Answer::empty(StatusCode::CREATED).with(LOCATION, place))
    })
}

/// A name once more escaped, as it must stand in a path; `~` alone may stay what it is.
fn in_path(name: &str) -> String {
    name.split('~').map(|part| properties_key::escaped(part.as_bytes())).collect::<Vec<_>>().join("~")
}

fn unbind(request: Request) -> Later {
    Box::pin(async move {
        let binding = named(&request)?;
        let key = String::from_utf8_lossy(&binding.routing_key).into_owned();
        let (source, routing_key) = (short(&binding.source)?, short(&key)?);
        let arguments = FieldTable::from(&binding.arguments);
        let method = match &binding.end {
            End::Queue(name) => Method::Queue(queue::AMQPMethod::Unbind(queue::Unbind {
                queue: short(name)?,
                exchange: source,
                routing_key,
                arguments,
            })),
            End::Exchange(name) => Method::Exchange(exchange::AMQPMethod::Unbind(exchange::Unbind {
                destination: short(name)?,
                source,
                routing_key,
                nowait: false,
                arguments,
            })),
        };
        let mut client = Client::open(&request)?;
        client.ask(&method).await.map_err(|why| refused(&why))?;
        Ok(Answer::done())
    })
}
