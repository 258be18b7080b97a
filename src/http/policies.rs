//! Policies of users and of operators.

use std::sync::Arc;

use leveret_core::model::{Policy, PolicyKind, Vhost};
use serde_json::{Number, Value};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::body::Fields;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use crate::policy::{self, PolicyDocument};

pub const ROWS: &[Row] = &[
    Row::get("/api/policies", Access::Management, users, "All policies.").tells(Tells::Whole("Policy")),
    Row::get("/api/policies/:vhost", Access::Vhost, users, "The policies of a virtual host.")
        .tells(Tells::Whole("Policy")),
    Row::get(USERS, Access::VhostPolicymaker, users_one, "A policy.").tells(Tells::One("Policy")),
    Row::put(USERS, Access::VhostPolicymaker, put_users, "Adds a policy, or replaces it.")
        .takes("PolicyDeclaration"),
    Row::delete(USERS, Access::VhostPolicymaker, delete_users, "Deletes a policy."),
    Row::get("/api/operator-policies", Access::Management, operators, "All policies of operators.")
        .tells(Tells::Whole("Policy")),
    Row::get(
        "/api/operator-policies/:vhost",
        Access::Vhost,
        operators,
        "The policies of operators for a virtual host.",
    )
    .tells(Tells::Whole("Policy")),
    Row::get(OPERATORS, Access::Administrator, operators_one, "A policy of operators.")
        .tells(Tells::One("Policy")),
    Row::put(OPERATORS, Access::Administrator, put_operators, "Adds a policy of operators, or replaces it.")
        .takes("PolicyDeclaration")
        .json_only(),
    Row::delete(OPERATORS, Access::Administrator, delete_operators, "Deletes a policy of operators."),
];

const USERS: &str = "/api/policies/:vhost/:name";
const OPERATORS: &str = "/api/operator-policies/:vhost/:name";

/// A policy in a list.
struct Known {
    vhost: Arc<Vhost>,
    policy: Arc<Policy>,
}

impl Entry for Known {
    fn vhost(&self) -> &str {
        self.vhost.name()
    }

    fn name(&self) -> &str {
        &self.policy.spec().name
    }

    fn row(&self) -> Object {
        let mut row = match serde_json::to_value(PolicyDocument::of(&self.policy)) {
            Ok(Value::Object(row)) => row,
            Ok(_) | Err(_) => Object::new(),
        };
        row.insert("vhost".to_owned(), self.vhost.name().into());
        row.insert("name".to_owned(), self.name().into());
        row
    }
}

fn users(request: &Request) -> Outcome {
    list(request, PolicyKind::User)
}

fn operators(request: &Request) -> Outcome {
    list(request, PolicyKind::Operator)
}

/// Of the virtual host in the path, or of all that the caller sees.
fn list(request: &Request, kind: PolicyKind) -> Outcome {
    let of = request.value("vhost");
    let vhosts = request.core().vhosts().into_iter();
    let seen = vhosts.filter(|vhost| {
        if of.is_empty() { request.caller.sees_vhost(vhost.name()) } else { vhost.name() == of }
    });
    let known = seen.flat_map(|vhost| {
        let policies = vhost.policies();
        let of_kind = policies.iter().filter(|policy| policy.spec().kind == kind);
        let known = of_kind.map(|policy| Known { vhost: vhost.clone(), policy: policy.clone() });
        known.collect::<Vec<_>>()
    });
    listing::whole(&request.query, known.collect())
}

fn users_one(request: &Request) -> Outcome {
    one(request, PolicyKind::User)
}

fn operators_one(request: &Request) -> Outcome {
    one(request, PolicyKind::Operator)
}

fn one(request: &Request, kind: PolicyKind) -> Outcome {
    let vhost = request.vhost()?;
    let policy = vhost.policies().get(kind, request.value("name")).cloned().ok_or_else(Problem::not_found)?;
    Ok(listing::one(&request.query, Known { vhost, policy }.row()))
}

fn put_users(request: &Request) -> Outcome {
    put(request, PolicyKind::User)
}

fn put_operators(request: &Request) -> Outcome {
    put(request, PolicyKind::Operator)
}

fn put(request: &Request, kind: PolicyKind) -> Outcome {
    let vhost = request.core().vhost(request.value("vhost"));
    let vhost = vhost.ok_or_else(|| Problem::nothing_there("vhost_not_found"))?;
    let fields = request.fields()?;
    fields.require(&["pattern", "definition"])?;
    let document = document(&fields)?;
    let policy = document.policy(kind, request.value("name")).map_err(|error| invalid(&error.to_string()))?;
    let is_new = request.change(|now, effects| {
        let is_new = vhost.policies().get(kind, request.value("name")).is_none();
        vhost.put_policy(now, policy, effects);
        is_new
    });
    Ok(Answer::put(is_new))
}

/// RabbitMQ's form of what a validation has found.
pub fn invalid(reason: &str) -> Problem {
    Problem::bad_request(format!("Validation failed\n\n{reason}\n"))
}

fn document(fields: &Fields) -> Result<PolicyDocument, Problem> {
    let pattern = match fields.get("pattern") {
        Some(Value::String(pattern)) => pattern.clone(),
        other => {
            let found = policy::term(other.unwrap_or(&Value::Null));
            return Err(invalid(&format!("pattern should be a binary but was {found}")));
        }
    };
    let priority = match fields.get("priority") {
        None => Number::from(0),
        Some(Value::Number(number)) => number.clone(),
        Some(other) => {
            let found = policy::term(other);
            return Err(invalid(&format!("priority should be a number, actually was {found}")));
        }
    };
    let definition = match fields.get("definition") {
        Some(Value::Object(definition)) => definition.clone(),
        other => {
            let found = policy::term(other.unwrap_or(&Value::Null));
            return Err(invalid(&format!("definition should be an object, actually was {found}")));
        }
    };
    let apply_to = match fields.get("apply-to") {
        None => "all".to_owned(),
        Some(Value::String(word)) => word.clone(),
        Some(other) => {
            let found = policy::term(other);
            return Err(invalid(&format!("apply-to should be a binary but was {found}")));
        }
    };
    Ok(PolicyDocument { pattern, apply_to, priority, definition })
}

fn delete_users(request: &Request) -> Outcome {
    delete(request, PolicyKind::User)
}

fn delete_operators(request: &Request) -> Outcome {
    delete(request, PolicyKind::Operator)
}

fn delete(request: &Request, kind: PolicyKind) -> Outcome {
    let vhost = request.vhost()?;
    let is_gone =
        request.change(|now, effects| vhost.delete_policy(now, kind, request.value("name"), effects));
    if is_gone { Ok(Answer::done()) } else { Err(Problem::not_found()) }
}
