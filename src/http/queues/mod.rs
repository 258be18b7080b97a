//! Queues: `/api/queues` and what hangs below it.
//!
//! What is declared, deleted and purged here is so by AMQP's rules, as the caller ([`direct`](super::direct)).

mod filter;
mod get;
mod peek;
mod redrive;
mod row;
mod rows;
mod waiting;

use std::sync::Arc;

use leveret_codec::method::{FieldTable, Method, queue};
use leveret_core::model::{QueueRef, Vhost};
use serde_json::json;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::consumers::ByQueue;
use super::content;
use super::direct::{Client, refused, short};
use super::listing;
use super::request::Request;
use super::route::{Handler, Later, Outcome, Row, Verb};
use crate::http::contract::Tells;
use row::{Form, Listed};

pub use row::{no_garbage, object};

const STATS: &[&str] = &[
    "disable_stats",
    "enable_queue_totals",
    "lengths_age",
    "lengths_incr",
    "msg_rates_age",
    "msg_rates_incr",
];

pub const ROWS: &[Row] = &[
    Row::get("/api/queues", Access::Management, list, "All queues.").tells(Tells::Paged("Queue")).asks(STATS),
    Row::get(
        "/api/queues/detailed",
        Access::Management,
        detailed,
        "All queues, with everything that is said of one.",
    )
    .tells(Tells::Paged("Queue"))
    .asks(STATS),
    Row::get("/api/queues/:vhost", Access::Vhost, of_vhost, "The queues of a virtual host.")
        .tells(Tells::Paged("Queue"))
        .asks(STATS),
    Row::get("/api/queues/:vhost/:queue", Access::Vhost, one, "A queue, and who consumes from it.")
        .tells(Tells::One("Queue"))
        .asks(STATS),
    Row::new(
        (Verb::Put, "/api/queues/:vhost/:queue"),
        Access::Vhost,
        Handler::Later(put),
        "Declares a queue.",
    )
    .takes("QueueDeclaration"),
    Row::new(
        (Verb::Delete, "/api/queues/:vhost/:queue"),
        Access::Vhost,
        Handler::Later(delete),
        "Deletes a queue; with `if-empty=true` or `if-unused=true` only one that is.",
    )
    .asks(&["if-empty", "if-unused"]),
    Row::new(
        (Verb::Delete, "/api/queues/:vhost/:queue/contents"),
        Access::Vhost,
        Handler::Later(purge),
        "Removes all messages that wait in a queue.",
    ),
    Row::new(
        (Verb::Post, "/api/queues/:vhost/:queue/get"),
        Access::Vhost,
        Handler::Later(get::get),
        "Takes messages from a queue, or puts them back afterwards.",
    )
    .tells(Tells::Values("GotMessage"))
    .takes("Get"),
    Row::new(
        (Verb::Get, "/api/queues/:vhost/:queue/messages"),
        Access::Vhost,
        Handler::Later(peek::messages),
        "Shows messages of a queue without taking them.",
    )
    .tells(Tells::Value("Peeked"))
    .asks(peek::PARAMETERS),
    Row::new(
        (Verb::Get, "/api/queues/:vhost/:queue/unacked"),
        Access::Vhost,
        Handler::Later(peek::unacked),
        "Shows who holds which messages of a queue.",
    )
    .tells(Tells::Value("Held"))
    .asks(&["limit", "payload", "truncate"]),
    Row::new(
        (Verb::Get, "/api/exchanges/:vhost/:exchange/delayed"),
        Access::Vhost,
        Handler::Later(peek::delayed),
        "Shows the messages that an exchange holds back.",
    )
    .tells(Tells::Value("Peeked"))
    .asks(peek::DELAYED_PARAMETERS),
    Row::new(
        (Verb::Post, "/api/queues/:vhost/:queue/redrive"),
        Access::Vhost,
        Handler::Later(redrive::redrive),
        "Sends dead letters back to where they came from, or elsewhere.",
    )
    .tells(Tells::Value("Redriven"))
    .takes("RedriveOrder"),
    Row::post(
        "/api/queues/:vhost/:queue/actions",
        Access::Administrator,
        act,
        "There are no actions on queues any more: always refused.",
    )
    .takes("QueueAction")
    .answers(&[]),
];

/// The queue that the path names, if there is one.
pub fn named(request: &Request) -> Option<QueueRef> {
    let vhost = request.core().vhost(request.value("vhost"))?;
    vhost.queue(request.value("queue")).ok()
}

fn list(request: &Request) -> Outcome {
    // Columns may name what only the long form has (RabbitMQ).
    let form = if request.query.columns().is_some() { Form::Detailed } else { Form::Reduced };
    every(request, form)
}

fn detailed(request: &Request) -> Outcome {
    every(request, Form::Detailed)
}

fn every(request: &Request, form: Form) -> Outcome {
    let vhosts = request.core().vhosts().into_iter();
    let seen: Vec<_> = vhosts.filter(|vhost| request.caller.sees_vhost(vhost.name())).collect();
    listed(request, form, &seen)
}

fn of_vhost(request: &Request) -> Outcome {
    let form = if request.query.columns().is_some() { Form::Detailed } else { Form::Reduced };
    listed(request, form, &[request.vhost()?])
}

fn listed(request: &Request, form: Form, vhosts: &[Arc<Vhost>]) -> Outcome {
    let form = form.of_query(&request.query);
    let consumers = if form.tells_consumers() { Some(Arc::new(ByQueue::all(request.core()))) } else { None };
    let mut queues = Vec::new();
    for vhost in vhosts {
        let policies = vhost.policies();
        let routes = vhost.routes();
        queues.extend(routes.queues().map(|queue| Listed {
            request,
            form,
            queue: queue.clone(),
            policies: policies.clone(),
            consumers: consumers.clone(),
        }));
    }
    listing::paged(&request.query, queues)
}

fn one(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let queue = vhost.queue(request.value("queue")).map_err(|_| Problem::not_found())?;
    let consumers = Some(Arc::new(ByQueue::of(request.core(), &queue)));
    let form = Form::Single.of_query(&request.query);
    let listed = Listed { request, form, queue, policies: vhost.policies(), consumers };
    Ok(listing::one(&request.query, listing::Entry::row(&listed)))
}

fn put(request: Request) -> Later {
    Box::pin(async move {
        let fields = request.fields()?;
        if let Some(node) = fields.text("node")?.filter(|node| *node != request.api.node()) {
            return Err(Problem::bad_request(format!("Node {node} is not a cluster member")));
        }
        let declare = queue::Declare {
            queue: short(request.value("queue"))?,
            passive: false,
            durable: fields.flag("durable")?.unwrap_or(false),
            exclusive: false,
            auto_delete: fields.flag("auto_delete")?.unwrap_or(false),
            nowait: false,
            arguments: FieldTable::from(&content::arguments(fields.get("arguments"))?),
        };
        let is_new = named(&request).is_none();
        let mut client = Client::open(&request)?;
        client.ask(&Method::Queue(queue::AMQPMethod::Declare(declare))).await.map_err(|why| refused(&why))?;
        Ok(Answer::put(is_new))
    })
}

fn delete(request: Request) -> Later {
    Box::pin(async move {
        named(&request).ok_or_else(Problem::not_found)?;
        let delete = queue::Delete {
            queue: short(request.value("queue"))?,
            if_unused: request.query.has("if-unused"),
            if_empty: request.query.has("if-empty"),
            nowait: false,
        };
        let mut client = Client::open(&request)?;
        client.ask(&Method::Queue(queue::AMQPMethod::Delete(delete))).await.map_err(|why| refused(&why))?;
        Ok(Answer::done())
    })
}

fn purge(request: Request) -> Later {
    Box::pin(async move {
        named(&request).ok_or_else(Problem::not_found)?;
        let purge = queue::Purge { queue: short(request.value("queue"))?, nowait: false };
        let mut client = Client::open(&request)?;
        client.ask(&Method::Queue(queue::AMQPMethod::Purge(purge))).await.map_err(|why| refused(&why))?;
        Ok(Answer::done())
    })
}

fn act(request: &Request) -> Outcome {
    named(request).ok_or_else(|| Problem::nothing_there("queue_not_found"))?;
    let fields = request.fields()?;
    fields.require(&["action"])?;
    Err(Problem::bad_request(json!(["unknown", fields.get("action")])))
}
