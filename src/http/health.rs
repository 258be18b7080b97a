//! Health checks: what probes of containers and load balancers ask.
//!
//! 200 with `{"status":"ok"}`, or 503 with what is wrong. What can only fail in a cluster cannot fail here.

use hyper::StatusCode;
use leveret_core::model::Alarm;
use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::certificates;
use super::contract::Tells;
use super::request::{Object, Request};
use super::route::{Outcome, Row};

pub const ROWS: &[Row] = &[
    Row::get("/healthz", Access::Anyone, lives, "Whether the broker can go on.").tells(Tells::Check),
    Row::get("/readyz", Access::Anyone, serves, "Whether the broker serves.").tells(Tells::Check),
    Row::get("/api/health/checks/alarms", Access::Management, alarms, "Whether publishers are held back.")
        .tells(Tells::Check),
    Row::get("/api/health/checks/local-alarms", Access::Management, local_alarms, "The same, of this node.")
        .tells(Tells::Check),
    Row::get("/api/health/checks/virtual-hosts", Access::Management, fine, "Whether all virtual hosts run.")
        .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/port-listener/:port",
        Access::Management,
        port,
        "Whether something listens at a port.",
    )
    .tells(Tells::Check),
    Row::get(
        "/api/health/checks/protocol-listener/:protocols",
        Access::Management,
        protocols,
        "Whether these protocols are spoken.",
    )
    .tells(Tells::Check),
    Row::get(
        "/api/health/checks/certificate-expiration/:within/:unit",
        Access::Management,
        certificates::expiration,
        "Whether certificates are good for so long.",
    )
    .tells(Tells::Check),
    Row::get(
        "/api/health/checks/node-is-quorum-critical",
        Access::Management,
        alone,
        "Whether queues would stop with this node; a single one is not asked.",
    )
    .tells(Tells::Check),
    Row::get("/api/health/checks/is-in-service", Access::Anyone, serves, "Whether the broker serves.")
        .tells(Tells::Check),
    Row::get(
        "/api/health/checks/below-node-connection-limit",
        Access::Anyone,
        fine,
        "Whether there is room for a connection.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/ready-to-serve-clients",
        Access::Anyone,
        serves,
        "Whether the broker serves.",
    )
    .tells(Tells::Check),
    Row::get(
        "/api/health/checks/reached-target-cluster-size",
        Access::Anyone,
        fine,
        "Whether all nodes are there.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/metadata-store/initialized",
        Access::Management,
        fine,
        "Whether definitions can be kept.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/metadata-store/initialized/with-data",
        Access::Management,
        fine,
        "Whether there are definitions.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/quorum-queues-without-elected-leaders/all-vhosts",
        Access::Management,
        fine,
        "Whether all quorum queues have a leader.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/quorum-queues-without-elected-leaders/all-vhosts/pattern/:pattern",
        Access::Management,
        fine,
        "Whether those with such a name have one.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/quorum-queues-without-elected-leaders/vhost/:name",
        Access::Management,
        fine,
        "Whether those of a virtual host have one.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/health/checks/quorum-queues-without-elected-leaders/vhost/:name/pattern/:pattern",
        Access::Management,
        fine,
        "Whether those of a virtual host with such a name have one.",
    )
    .tells(Tells::Value("Ok")),
    Row::get(
        "/api/aliveness-test/:vhost",
        Access::Vhost,
        aliveness,
        "Whether the caller can use a virtual host.",
    )
    .tells(Tells::Value("Ok")),
    Row::get("/api/healthchecks/node", Access::Management, fine, "Whether the node serves.")
        .tells(Tells::Value("Ok")),
    Row::get("/api/healthchecks/node/:node", Access::Management, node, "Whether a node serves.")
        .tells(Tells::Value("Ok")),
];

fn fine(_: &Request) -> Outcome {
    Ok(Answer::json(&json!({"status": "ok"})))
}

/// 503 with a reason and what belongs to it.
pub fn failed(reason: &str, mut what: Object) -> Outcome {
    what.insert("status".to_owned(), "failed".into());
    what.insert("reason".to_owned(), reason.into());
    Ok(Answer::json_with(StatusCode::SERVICE_UNAVAILABLE, &what))
}

/// A broker whose log has failed confirms nothing any more; only a new start helps.
fn lives(request: &Request) -> Outcome {
    match &request.api.shared.storage {
        Some(storage) if storage.has_failed() => failed("the log has failed", Object::new()),
        _ => fine(request),
    }
}

fn serves(request: &Request) -> Outcome {
    if request.api.shared.controls.is_stopped() {
        return failed("the broker was stopped by an operator", Object::new());
    }
    lives(request)
}

fn alarms(request: &Request) -> Outcome {
    check_alarms(request, "There are alarms in effect in the cluster")
}

fn local_alarms(request: &Request) -> Outcome {
    check_alarms(request, "There are alarms in effect on the node")
}

fn check_alarms(request: &Request, reason: &str) -> Outcome {
    let set = Alarm::ALL.into_iter().filter(|alarm| request.core().has_alarm(*alarm));
    let alarms: Vec<Value> =
        set.map(|alarm| json!({"node": request.api.node(), "resource": alarm.source()})).collect();
    if alarms.is_empty() {
        return fine(request);
    }
    failed(reason, Object::from_iter([("alarms".to_owned(), alarms.into())]))
}

fn alone(_: &Request) -> Outcome {
    Ok(Answer::json(&json!({"status": "ok", "reason": "single node cluster"})))
}

fn port(request: &Request) -> Outcome {
    let wanted: u32 = request.value("port").parse().map_err(|_| Problem::bad_request("Invalid port"))?;
    let mut ports: Vec<u32> =
        request.api.listeners.iter().map(|listener| u32::from(listener.address.port())).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.contains(&wanted) {
        return Ok(Answer::json(&json!({"status": "ok", "port": wanted})));
    }
    let missing = [("missing".to_owned(), wanted.into()), ("ports".to_owned(), ports.into())];
    failed("No active listener", Object::from_iter(missing))
}

fn protocols(request: &Request) -> Outcome {
    let mut spoken: Vec<&str> = request.api.listeners.iter().map(|listener| listener.protocol).collect();
    spoken.sort_unstable();
    spoken.dedup();
    let wanted = request.value("protocols");
    if wanted.is_empty() {
        return Err(Problem::not_found());
    }
    let missing: Vec<&str> =
        wanted.split(',').map(protocol).filter(|wanted| !spoken.contains(wanted)).collect();
    if missing.is_empty() {
        return Ok(Answer::json(&json!({"status": "ok", "protocols": spoken})));
    }
    let what = [("missing".to_owned(), missing.into()), ("protocols".to_owned(), spoken.into())];
    failed("No active listener", Object::from_iter(what))
}

/// A protocol by any of its names. One listener speaks all versions of AMQP at RabbitMQ, where `amqp10` is `amqp`, too;
/// here it speaks 0-9-1 alone.
fn protocol(name: &str) -> &str {
    match name {
        "amqp091" | "amqp0.9.1" | "amqp-0-9-1" => "amqp",
        "amqps" => "amqp/ssl",
        "prometheus" => "http/prometheus",
        other => other,
    }
}

fn aliveness(request: &Request) -> Outcome {
    // Administrators see virtual hosts that they may not enter.
    let may_enter = request.caller.may_enter(request.value("vhost"));
    if may_enter { fine(request) } else { Err(Problem::access_refused()) }
}

fn node(request: &Request) -> Outcome {
    request.check_node()?;
    fine(request)
}
