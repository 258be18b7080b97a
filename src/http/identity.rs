//! Who the broker is and who asks: version, cluster name, whoami, and where old addresses lead.

use serde_json::{Value, json};

use super::access::Access;
use super::answer::Answer;
use super::caller::Caller;
use super::contract::Tells;
use super::request::Request;
use super::route::{Outcome, Row};

pub const ROWS: &[Row] = &[
    Row::get("/api", Access::Anyone, to_reference, "Leads to the reference.").answers(&[301]),
    Row::get("/stats", Access::Anyone, to_reference, "Leads to the reference.").answers(&[301]),
    Row::get("/doc/stats.html", Access::Anyone, to_reference, "Leads to the reference.").answers(&[301]),
    Row::get("/api/version", Access::Anyone, version, "The version of RabbitMQ whose behaviour this is.")
        .tells(Tells::Value("Version")),
    Row::get("/api/extensions", Access::Management, extensions, "Scripts of the management interface.")
        .tells(Tells::Values("Extension")),
    Row::delete("/api/reset", Access::Administrator, reset, "Lets rates and their samples begin anew."),
    Row::delete(
        "/api/reset/:node",
        Access::Administrator,
        reset_node,
        "Lets rates and their samples begin anew.",
    ),
    Row::post(
        "/api/rebalance/queues",
        Access::Administrator,
        nothing,
        "Does nothing: all queues are on the one node.",
    ),
    Row::get("/api/whoami", Access::Management, whoami, "The user who asks.").tells(Tells::Value("Whoami")),
];

fn to_reference(request: &Request) -> Outcome {
    Ok(Answer::moved_to(&format!("{}/api/index.html", request.api.settings.path_prefix)))
}

fn version(_: &Request) -> Outcome {
    Ok(Answer::json(&leveret_core::amqp::RABBITMQ_VERSION))
}

/// Tools that wait for the interface look here (RabbitMQ's has a script); there is none, and its name does no harm.
fn extensions(_: &Request) -> Outcome {
    Ok(Answer::json(&json!([{"javascript": "dispatcher.js"}])))
}

fn nothing(_: &Request) -> Outcome {
    Ok(Answer::done())
}

fn reset(request: &Request) -> Outcome {
    request.api.shared.rates.reset();
    Ok(Answer::done())
}

fn reset_node(request: &Request) -> Outcome {
    request.check_node()?;
    reset(request)
}

fn whoami(request: &Request) -> Outcome {
    Ok(Answer::json(&who(&request.caller)))
}

/// A user as it is told to itself.
pub fn who(caller: &Caller) -> Value {
    let tags: Value = match caller {
        Caller::User(user) => user.tags.as_slice().into(),
        Caller::Nobody => Value::Array(Vec::new()),
        Caller::Local => json!(["administrator"]),
    };
    json!({"name": caller.name(), "tags": tags, "is_internal_user": true})
}
