//! Exchanges: `/api/exchanges` and what hangs below it, `publish` among it.
//!
//! The default exchange has no name; in paths it is an empty segment, or `amq.default`.

use std::sync::Arc;

use hyper::StatusCode;
use leveret_codec::field::Table;
use leveret_codec::method::{FieldTable, Method, exchange};
use leveret_core::model::{ExchangeKind, ExchangeSpec, Policies, Vhost};
use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::content;
use super::contract::Tells;
use super::direct::{Client, Publication, Published, refused, refused_publish, short};
use super::listing::{self, Entry};
use super::numbers;
use super::outflow::Outflows;
use super::queues::object;
use super::request::{Object, Request};
use super::route::{Handler, Later, Outcome, Row, Verb};
use super::stats::{Subject, put_stats};
use crate::rates::{Key, Reading};

const STATS: &[&str] = &["disable_stats", "msg_rates_age", "msg_rates_incr"];

pub const ROWS: &[Row] = &[
    Row::get("/api/exchanges", Access::Management, list, "All exchanges.")
        .tells(Tells::Paged("Exchange"))
        .asks(STATS),
    Row::get("/api/exchanges/:vhost", Access::Vhost, of_vhost, "The exchanges of a virtual host.")
        .tells(Tells::Paged("Exchange"))
        .asks(STATS),
    Row::get("/api/exchanges/:vhost/:exchange", Access::Vhost, one, "An exchange.")
        .tells(Tells::One("Exchange"))
        .asks(STATS),
    Row::new(
        (Verb::Put, "/api/exchanges/:vhost/:exchange"),
        Access::Vhost,
        Handler::Later(put),
        "Declares an exchange.",
    )
    .takes("ExchangeDeclaration"),
    Row::new(
        (Verb::Delete, "/api/exchanges/:vhost/:exchange"),
        Access::Vhost,
        Handler::Later(delete),
        "Deletes an exchange; with `if-unused=true` only one without bindings.",
    )
    .asks(&["if-unused"]),
    Row::new(
        (Verb::Post, "/api/exchanges/:vhost/:exchange/publish"),
        Access::Vhost,
        Handler::Later(publish),
        "Publishes a message, and tells whether it is in a queue.",
    )
    .tells(Tells::Value("Routed"))
    .takes("Publication")
    .answers(&[200, 503]),
];

/// The name of the exchange that a segment of a path means.
pub fn plain_name(segment: &str) -> &str {
    if segment == "amq.default" { "" } else { segment }
}

/// An exchange in a list.
struct Listed<'a> {
    request: &'a Request,
    is_static: bool,
    vhost: Arc<Vhost>,
    spec: ExchangeSpec,
    policies: Arc<Policies>,
    outflows: &'a Outflows,
}

impl Entry for Listed<'_> {
    fn vhost(&self) -> &str {
        self.vhost.name()
    }

    fn name(&self) -> &str {
        &self.spec.name
    }

    fn row(&self) -> Object {
        let spec = &self.spec;
        let mut row = object(json!({
            "name": spec.name,
            "vhost": self.vhost.name(),
            "type": spec.kind.as_str(),
            "durable": spec.durable,
            "auto_delete": spec.auto_delete,
            "internal": spec.internal,
            "arguments": content::table_to_json(spec.arguments.as_ref()),
        }));
        if spec.name.is_empty() || spec.name.starts_with("amq.") {
            // Who declared the others is not kept.
            row.insert("user_who_performed_action".to_owned(), "rmq-internal".into());
        }
        if let Some(policy) = self.policies.of_exchange(&spec.name).user {
            row.insert("policy".to_owned(), policy.spec().name.as_str().into());
        }
        if !self.is_static {
            let reading = Reading::of_exchange(self.outflows.of(self.vhost.name(), &spec.name));
            let moves =
                numbers::moves_of(self.request, &Key::of_exchange(self.vhost.name(), &spec.name), reading);
            let range = self.request.query.samples().unwrap_or_default().msg_rates;
            put_stats(&mut row, Subject::Exchange, &moves, range);
        }
        row
    }
}

/// The exchange that nobody declares.
fn default_exchange() -> ExchangeSpec {
    ExchangeSpec {
        name: String::new(),
        kind: ExchangeKind::Direct,
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: Table::default(),
        holder: None,
    }
}

fn list(request: &Request) -> Outcome {
    let vhosts = request.core().vhosts().into_iter();
    listed(request, vhosts.filter(|vhost| request.caller.sees_vhost(vhost.name())).collect())
}

fn of_vhost(request: &Request) -> Outcome {
    listed(request, vec![request.vhost()?])
}

fn listed(request: &Request, vhosts: Vec<Arc<Vhost>>) -> Outcome {
    let outflows = Outflows::of_all(request.core());
    let is_static = request.query.has("disable_stats");
    let mut rows = Vec::new();
    for vhost in vhosts {
        let policies = vhost.policies();
        for spec in vhost.exchanges().into_iter().chain([default_exchange()]) {
            let (vhost, policies) = (vhost.clone(), policies.clone());
            rows.push(Listed { request, is_static, vhost, spec, policies, outflows: &outflows });
        }
    }
    listing::paged(&request.query, rows)
}

fn found(request: &Request, vhost: &Vhost) -> Option<ExchangeSpec> {
    match plain_name(request.value("exchange")) {
        "" => Some(default_exchange()),
        name => vhost.exchange(name),
    }
}

fn one(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let spec = found(request, &vhost).ok_or_else(Problem::not_found)?;
    let outflows = Outflows::of_all(request.core());
    let is_static = request.query.has("disable_stats");
    let policies = vhost.policies();
    let mut row = Listed { request, is_static, vhost, spec, policies, outflows: &outflows }.row();
    if !is_static {
        row.insert("incoming".to_owned(), json!([]));
        row.insert("outgoing".to_owned(), json!([]));
    }
    Ok(listing::one(&request.query, row))
}

fn put(request: Request) -> Later {
    Box::pin(async move {
        let fields = request.fields()?;
        let kind = match fields.said("type") {
            None => "direct".to_owned(),
            Some(Value::String(kind)) => kind.clone(),
            Some(other) => other.to_string(),
        };
        if ExchangeKind::parse(&kind).is_none() {
            return Err(Problem::bad_request(format!("invalid exchange type '{kind}'")));
        }
        let name = plain_name(request.value("exchange"));
        let declare = exchange::Declare {
            exchange: short(name)?,
            kind: kind.as_str().into(),
            passive: false,
            durable: fields.flag("durable")?.unwrap_or(false),
            auto_delete: fields.flag("auto_delete")?.unwrap_or(false),
            internal: fields.flag("internal")?.unwrap_or(false),
            nowait: false,
            arguments: FieldTable::from(&content::arguments(fields.get("arguments"))?),
        };
        let is_new = found(&request, &*request.vhost()?).is_none();
        let mut client = Client::open(&request)?;
        let declare = Method::Exchange(exchange::AMQPMethod::Declare(declare));
        client.ask(&declare).await.map_err(|why| refused(&why))?;
        Ok(Answer::put(is_new))
    })
}

fn delete(request: Request) -> Later {
    Box::pin(async move {
        found(&request, &*request.vhost()?).ok_or_else(Problem::not_found)?;
        let delete = exchange::Delete {
            exchange: short(plain_name(request.value("exchange")))?,
            if_unused: request.query.has("if-unused"),
            nowait: false,
        };
        let mut client = Client::open(&request)?;
        let delete = Method::Exchange(exchange::AMQPMethod::Delete(delete));
        client.ask(&delete).await.map_err(|why| refused(&why))?;
        Ok(Answer::done())
    })
}

fn publish(request: Request) -> Later {
    Box::pin(async move {
        found(&request, &*request.vhost()?).ok_or_else(|| Problem::nothing_there("exchange_not_found"))?;
        let fields = request.fields()?;
        fields.require(&["routing_key", "properties", "payload", "payload_encoding"])?;
        let routing_key = fields.required_text("routing_key")?;
        if usize::from(u8::MAX) < routing_key.len() {
            return Err(Problem::bad_request(json!(["too_long", "routing_key"])));
        }
        let properties = content::properties(fields.get("properties").unwrap_or(&Value::Null))?;
        let publication = Publication {
            exchange: plain_name(request.value("exchange")),
            routing_key,
            properties: &properties,
            body: content::payload(&fields)?,
        };
        let mut client = Client::open(&request)?;
        match client.publish(publication).await.map_err(|why| refused_publish(&why))? {
            Published::Routed => Ok(Answer::json(&json!({"routed": true}))),
            Published::Unroutable => Ok(Answer::json(&json!({"routed": false}))),
            Published::Refused => {
                Err(Problem::bad_request("rejected Unable to publish message. Check queue limits."))
            }
            Published::Silence => Err(Problem::bad_request("timeout")),
            Published::Blocked(why) => {
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "blocked", why.to_string()))
            }
        }
    })
}
