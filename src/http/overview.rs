//! `/api/overview`: who the broker is, what there is, and how fast it goes.

use leveret_core::model::{Broker, ExchangeKind};
use serde_json::{Value, json};

use super::access::Access;
use super::api::{Api, Listener};
use super::caller::Role;
use super::contract::Tells;
use super::listing;
use super::numbers;
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use crate::rates::{self, Census, Field, Inquiry, Key, Moment, Moves, Rate};

pub const ROWS: &[Row] = &[Row::get(
    "/api/overview",
    Access::Management,
    overview,
    "The broker as a whole: versions, totals, rates, listeners.",
)
.tells(Tells::One("Overview"))
.asks(STATS)];

const STATS: &[&str] = &["disable_stats", "lengths_age", "lengths_incr", "msg_rates_age", "msg_rates_incr"];

/// What tools that parse Erlang's version find; no Erlang runs here.
pub const ERLANG_VERSION: &str = "29.1";

fn overview(request: &Request) -> Outcome {
    let api = &request.api;
    let mut row = identity(api);
    let without_stats = api.settings.disable_stats || request.query.has("disable_stats");
    let census = Census::take(&api.shared);
    row.insert("object_totals".to_owned(), object_totals(request, &census));
    row.insert("node".to_owned(), api.node().into());
    if without_stats {
        return Ok(listing::one(&request.query, row));
    }
    put_stats(&mut row, request, &census)?;
    if request.caller.is(Role::Monitoring) {
        row.insert("listeners".to_owned(), api.listeners.iter().map(|of| listener(api.node(), of)).collect());
        row.insert("contexts".to_owned(), contexts(api, true));
    }
    Ok(listing::one(&request.query, row))
}

fn put_stats(row: &mut Object, request: &Request, census: &Census) -> Result<(), super::answer::Problem> {
    let samples = request.query.samples()?;
    let is_monitor = request.caller.is(Role::Monitoring);
    let counted = census.sum(|vhost| sees(request, vhost));
    let mut reading = counted.reading;
    rates::complete(&request.api.shared, &mut reading);
    let inquiry = numbers::inquiry(request, reading);
    let mut moves = request.api.shared.rates.of_broker(inquiry);
    if !is_monitor {
        // How fast others go is not for them: only what is in their virtual hosts, and nothing of its past.
        moves = Moves { rates: rates_of(request, census), history: Vec::new(), ..moves };
    }
    let mut totals = Object::new();
    if counted.queues != 0 {
        numbers::put_lengths(&mut totals, &moves, samples.lengths);
    }
    row.insert("queue_totals".to_owned(), totals.into());
    row.insert("message_stats".to_owned(), numbers::message_stats(&moves, samples.msg_rates).into());
    row.insert("churn_rates".to_owned(), churn(&moves, samples.msg_rates).into());
    row.insert("statistics_db_event_queue".to_owned(), 0.into());
    Ok(())
}

/// Whether a virtual host is among those whose numbers the caller is told.
fn sees(request: &Request, vhost: &str) -> bool {
    request.caller.is(Role::Monitoring) || request.caller.sees_vhost(vhost)
}

/// How fast it goes in the virtual hosts that the caller sees.
fn rates_of(request: &Request, census: &Census) -> Rate {
    let now = request.api.shared.clock.now();
    let seen = census.vhosts.iter().filter(|(vhost, _)| sees(request, vhost));
    let rates = seen.map(|(vhost, counted)| {
        let inquiry = Inquiry { now: Moment { at: now, reading: counted.reading }, with_history: false };
        request.api.shared.rates.of(&Key::Vhost(vhost.clone()), inquiry).rates
    });
    rates.fold(Rate::default(), |sum, rates| sum + rates)
}

/// Who came and went, in the broker's life.
pub fn churn(moves: &Moves, range: Option<rates::Range>) -> Object {
    let mut object = Object::new();
    for (name, field) in [
        ("connection_created", Field::CONNECTIONS_CREATED),
        ("connection_closed", Field::CONNECTIONS_CLOSED),
        ("channel_created", Field::CHANNELS_CREATED),
        ("channel_closed", Field::CHANNELS_CLOSED),
        ("queue_declared", Field::QUEUES_DECLARED),
        ("queue_created", Field::QUEUES_CREATED),
        ("queue_deleted", Field::QUEUES_DELETED),
    ] {
        numbers::put(&mut object, name, (moves, &[field]), range);
    }
    object
}

fn identity(api: &Api) -> Object {
    let core = &api.shared.core;
    let version = leveret_core::amqp::RABBITMQ_VERSION;
    let row = json!({
        "management_version": version,
        "rates_mode": api.settings.rates_mode.as_str(),
        "sample_retention_policies":
            {"global": [600, 3600, 28800, 86400], "basic": [600, 3600], "detailed": [600]},
        "exchange_types": exchange_types(),
        "product_version": env!("CARGO_PKG_VERSION"),
        "product_name": "leveret",
        "rabbitmq_version": version,
        "cluster_name": cluster_name(core),
        "cluster_tags": cluster_tags(core),
        "node_tags": {},
        "erlang_version": ERLANG_VERSION,
        "erlang_full_version": erlang_full_version(),
        "crypto_lib_version": "ring",
        "disable_stats": api.settings.disable_stats,
        "default_queue_type": "classic",
        "is_op_policy_updating_enabled": true,
        "enable_queue_totals": api.settings.enable_queue_totals,
        "require_definition_json_extension": false,
    });
    match row {
        Value::Object(row) => row,
        _ => Object::new(),
    }
}

/// In the form that tools expect.
pub fn erlang_full_version() -> String {
    format!("Erlang/OTP {ERLANG_VERSION} [no Erlang: leveret {}]", env!("CARGO_PKG_VERSION"))
}

/// What the whole is called: the node's name, unless somebody has called it otherwise.
pub fn cluster_name(core: &Broker) -> String {
    let said = core.global_parameter("cluster_name");
    let said = said.and_then(|value| serde_json::from_slice(&value).ok());
    said.unwrap_or_else(|| core.settings().node.clone())
}

fn cluster_tags(core: &Broker) -> Value {
    let said = core.global_parameter("cluster_tags");
    let said = said.and_then(|value| serde_json::from_slice(&value).ok());
    said.filter(Value::is_object).unwrap_or_else(|| json!({}))
}

/// The types of exchanges, with RabbitMQ's words for them.
pub fn exchange_types() -> Value {
    let describe = |kind: ExchangeKind| match kind {
        ExchangeKind::ConsistentHash => "Consistent Hashing Exchange".to_owned(),
        ExchangeKind::ModulusHash => "Modulus Hashing Exchange".to_owned(),
        ExchangeKind::Random => "Picks one random binding (queue) to route via (to).".to_owned(),
        ExchangeKind::LocalRandom => "Picks one random local binding (queue) to route via (to).".to_owned(),
        ExchangeKind::RecentHistory => "Recent History Exchange.".to_owned(),
        ExchangeKind::Delayed => "Delayed Message Exchange.".to_owned(),
        amqp => format!("AMQP {amqp} exchange, as per the AMQP specification"),
    };
    ExchangeKind::all()
        .map(|kind| json!({"name": kind.as_str(), "description": describe(kind), "enabled": true}))
        .collect()
}

fn object_totals(request: &Request, census: &Census) -> Value {
    let counted = census.sum(|vhost| sees(request, vhost));
    let vhosts = request.core().vhosts().into_iter().filter(|vhost| sees(request, vhost.name()));
    // The default exchange is one, too.
    let exchanges: usize = vhosts.map(|vhost| vhost.exchanges().len() + 1).sum();
    json!({
        "connections": counted.connections,
        "channels": counted.channels,
        "exchanges": exchanges,
        "queues": counted.queues,
        "consumers": counted.consumers,
    })
}

fn listener(node: &str, of: &Listener) -> Value {
    let port = of.address.port();
    let options = if of.protocol.starts_with("amqp") {
        json!({"backlog": 1024, "nodelay": true})
    } else {
        json!({"port": port})
    };
    json!({
        "node": node,
        "protocol": of.protocol,
        "ip_address": of.address.ip().to_string(),
        "port": port,
        "socket_opts": options,
        "tls": speaks_tls(of),
    })
}

fn speaks_tls(of: &Listener) -> bool {
    of.protocol.ends_with("/ssl") || of.protocol.starts_with("https")
}

/// What is served over HTTP.
pub fn contexts(api: &Api, with_node: bool) -> Value {
    let served = api.listeners.iter().filter(|of| of.protocol.starts_with("http"));
    served
        .map(|of| {
            let is_metrics = of.protocol.ends_with("/prometheus");
            let mut context = json!({
                "description": if is_metrics { "RabbitMQ Prometheus" } else { "RabbitMQ Management" },
                "path": if is_metrics || api.settings.path_prefix.is_empty() { "/" } else { &api.settings.path_prefix },
                "ip": of.address.ip().to_string(),
                "port": of.address.port().to_string(),
            });
            if let (true, Value::Object(context)) = (with_node, &mut context) {
                context.insert("ssl_opts".to_owned(), json!([]));
                context.insert("node".to_owned(), api.node().into());
            }
            context
        })
        .collect()
}
