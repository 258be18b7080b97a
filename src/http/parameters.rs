//! Parameters of virtual hosts and of the broker, and the broker's name, which is one of them.
//!
//! Policies of operators and limits are told and taken as parameters, too, and have their effect however they come;
//! who may not set them there may not here.

use leveret_core::model::PolicyKind;
use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::contract::Tells;
use super::listing::{self, Entry};
use super::policies::invalid;
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use crate::definitions::parameters::{self, CLUSTER_NAME, LIMITS, OPERATOR_POLICY};
use crate::limits::LimitsDocument;
use crate::policy::PolicyDocument;

pub const ROWS: &[Row] = &[
    Row::get("/api/parameters", Access::Policymaker, list, "All parameters of virtual hosts.")
        .tells(Tells::Whole("Parameter")),
    Row::get("/api/parameters/:component", Access::Policymaker, list, "The parameters of a component.")
        .tells(Tells::Whole("Parameter")),
    Row::get(
        "/api/parameters/:component/:vhost",
        Access::VhostPolicymaker,
        list,
        "The parameters of a component in a virtual host.",
    )
    .tells(Tells::Whole("Parameter")),
    Row::get(ONE, Access::VhostPolicymaker, one, "A parameter.").tells(Tells::One("Parameter")),
    Row::put(ONE, Access::VhostPolicymaker, put, "Sets a parameter.").takes("ParameterValue"),
    Row::delete(ONE, Access::VhostPolicymaker, delete, "Deletes a parameter."),
    Row::get("/api/global-parameters", Access::Policymaker, global, "The parameters of the broker.")
        .tells(Tells::Whole("GlobalParameter")),
    Row::get(GLOBAL, Access::Policymaker, global_one, "A parameter of the broker.")
        .tells(Tells::One("GlobalParameter")),
    Row::put(GLOBAL, Access::Policymaker, put_global, "Sets a parameter of the broker.")
        .takes("ParameterValue"),
    Row::delete(GLOBAL, Access::Policymaker, delete_global, "Deletes a parameter of the broker."),
    Row::get("/api/cluster-name", Access::Management, cluster_name, "What the broker is called.")
        .tells(Tells::Value("Name")),
    Row::put(
        "/api/cluster-name",
        Access::Administrator,
        put_cluster_name,
        "Calls the broker something else.",
    )
    .takes("Name")
    .answers(&[204]),
];

const ONE: &str = "/api/parameters/:component/:vhost/:name";
const GLOBAL: &str = "/api/global-parameters/:name";

/// The name that all limits of a virtual host have together.
const ALL_LIMITS: &str = "limits";

/// A parameter in a list.
struct Known(Object);

impl Known {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Entry for Known {
    fn vhost(&self) -> &str {
        self.text("vhost")
    }

    fn name(&self) -> &str {
        self.text("name")
    }

    fn row(&self) -> Object {
        self.0.clone()
    }
}

/// Those that the caller sees and the path asks for.
fn known(request: &Request) -> Vec<Known> {
    let (component, of) = (request.value("component"), request.value("vhost"));
    let is_of = |name: &str| if of.is_empty() { request.caller.sees_vhost(name) } else { name == of };
    let vhosts = request.core().vhosts().into_iter().filter(|vhost| is_of(vhost.name()));
    let rows = vhosts.flat_map(|vhost| parameters::rows(request.core(), &vhost));
    let known = rows.filter_map(|row| match row {
        Value::Object(row) => Some(Known(row)),
        _ => None,
    });
    known.filter(|known| component.is_empty() || known.text("component") == component).collect()
}

fn list(request: &Request) -> Outcome {
    listing::whole(&request.query, known(request))
}

fn one(request: &Request) -> Outcome {
    let found = known(request).into_iter().find(|known| known.name() == request.value("name"));
    Ok(listing::one(&request.query, found.ok_or_else(Problem::not_found)?.0))
}

/// What operators set against users is not for who only makes policies, whatever it is called here.
fn check_component(request: &Request) -> Result<(), Problem> {
    match request.value("component") {
        LIMITS | OPERATOR_POLICY => Access::Administrator.check(&request.caller),
        _ => Ok(()),
    }
}

fn put(request: &Request) -> Outcome {
    check_component(request)?;
    let fields = request.fields()?;
    fields.require(&["value"])?;
    let value = fields.get("value").unwrap_or(&Value::Null);
    let (component, name) = (request.value("component"), request.value("name"));
    let vhost = request.vhost()?;
    let is_new = known(request).iter().all(|known| known.name() != name);
    match component {
        "policy" => return Err(Problem::bad_request("policies may not be set using this method")),
        LIMITS => {
            let document = LimitsDocument::from_value(value).map_err(|error| invalid(&error))?;
            let limits = document.of_vhost().map_err(|error| invalid(&error.to_string()))?;
            vhost.change_details(|details| details.limits = limits);
            request.change(|_, _| ());
        }
        OPERATOR_POLICY => {
            let document: PolicyDocument =
                serde_json::from_value(value.clone()).map_err(|error| invalid(&error.to_string()))?;
            let policy = document.policy(PolicyKind::Operator, name);
            let policy = policy.map_err(|error| invalid(&error.to_string()))?;
            request.change(|now, effects| vhost.put_policy(now, policy, effects));
        }
        other if !parameters::known_component(other) => {
            return Err(invalid(&format!("component {other} not found")));
        }
        _ => {
            let place = (vhost.name(), component, name);
            parameters::keep(request.core(), place, value).ok_or_else(Problem::not_found)?;
            request.change(|_, _| ());
            tracing::warn!("{}", parameters::without_effect(place));
        }
    }
    Ok(Answer::put(is_new))
}

fn delete(request: &Request) -> Outcome {
    check_component(request)?;
    let (component, name) = (request.value("component"), request.value("name"));
    let vhost = request.vhost()?;
    let is_gone = match component {
        LIMITS if name == ALL_LIMITS => {
            let had_some = vhost.details().limits.iter().next().is_some();
            vhost.change_details(|details| details.limits = leveret_core::model::VhostLimits::default());
            had_some
        }
        OPERATOR_POLICY => {
            request.change(|now, effects| vhost.delete_policy(now, PolicyKind::Operator, name, effects))
        }
        _ => request.core().delete_parameter(vhost.name(), component, name),
    };
    request.change(|_, _| ());
    if is_gone { Ok(Answer::done()) } else { Err(Problem::not_found()) }
}

fn global_row(name: &str, value: Value) -> Object {
    Object::from_iter([("name".to_owned(), name.into()), ("value".to_owned(), value)])
}

fn global(request: &Request) -> Outcome {
    let all = request.core().global_parameters().into_iter();
    let rows = all.map(|own| Known(global_row(&own.name, parameters::json(&own.value))));
    listing::whole(&request.query, rows.collect())
}

fn global_one(request: &Request) -> Outcome {
    let name = request.value("name");
    let value = request.core().global_parameter(name).ok_or_else(Problem::not_found)?;
    Ok(listing::one(&request.query, global_row(name, parameters::json(&value))))
}

fn put_global(request: &Request) -> Outcome {
    let fields = request.fields()?;
    fields.require(&["value"])?;
    let value = fields.get("value").unwrap_or(&Value::Null);
    let is_new = parameters::keep_global(request.core(), request.value("name"), value);
    request.change(|_, _| ());
    Ok(Answer::put(is_new))
}

fn delete_global(request: &Request) -> Outcome {
    let is_gone = request.core().delete_global_parameter(request.value("name"));
    request.change(|_, _| ());
    if is_gone { Ok(Answer::done()) } else { Err(Problem::not_found()) }
}

fn cluster_name(request: &Request) -> Outcome {
    Ok(Answer::json(&json!({"name": parameters::cluster_name(request.core())})))
}

fn put_cluster_name(request: &Request) -> Outcome {
    let fields = request.fields()?;
    let name = fields.required_text("name")?;
    parameters::keep_global(request.core(), CLUSTER_NAME, &name.into());
    request.change(|_, _| ());
    Ok(Answer::done())
}
