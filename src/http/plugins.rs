//! Endpoints of RabbitMQ's plugins that are not here: what they would list there is none of.

use serde_json::Value;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::contract::Tells;
use super::request::Request;
use super::route::{Outcome, Row};

pub const ROWS: &[Row] = &[
    Row::get("/api/shovels", Access::Monitoring, none, "Shovels: there are none.")
        .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/shovels/:vhost",
        Access::Monitoring,
        none_there,
        "Shovels of a virtual host: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get("/api/federation-links", Access::Monitoring, none, "Links of federations: there are none.")
        .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/federation-links/:vhost",
        Access::Monitoring,
        none_there,
        "Links of a virtual host: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/federation-links/state/down",
        Access::Monitoring,
        none,
        "Links that are down: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/federation-links/:vhost/state/down",
        Access::Monitoring,
        none_there,
        "Links of a virtual host that are down: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/stream/connections",
        Access::Management,
        none,
        "Connections of the stream protocol: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/stream/connections/:vhost",
        Access::Vhost,
        none,
        "Those of a virtual host: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get("/api/stream/publishers", Access::Management, none, "Publishers to streams: there are none.")
        .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/stream/publishers/:vhost",
        Access::Vhost,
        none,
        "Those of a virtual host: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/stream/publishers/:vhost/:queue",
        Access::Vhost,
        none,
        "Those of a stream: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get("/api/stream/consumers", Access::Management, none, "Consumers of streams: there are none.")
        .tells(Tells::Value("Nothing")),
    Row::get("/api/stream/consumers/:vhost", Access::Vhost, none, "Those of a virtual host: there are none.")
        .tells(Tells::Value("Nothing")),
    Row::get("/api/traces", Access::Administrator, none, "Traces into files: there are none.")
        .tells(Tells::Value("Nothing")),
    Row::get(
        "/api/traces/:vhost",
        Access::Administrator,
        none_there,
        "Traces of a virtual host: there are none.",
    )
    .tells(Tells::Value("Nothing")),
    Row::get("/api/trace-files", Access::Administrator, none, "Files of traces: there are none.")
        .tells(Tells::Value("Nothing")),
];

fn none(_: &Request) -> Outcome {
    Ok(Answer::json(&Vec::<Value>::new()))
}

fn none_there(request: &Request) -> Outcome {
    match request.core().vhost(request.value("vhost")) {
        Some(_) => none(request),
        None => Err(Problem::not_found()),
    }
}
