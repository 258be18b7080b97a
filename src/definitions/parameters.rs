//! Parameters, which RabbitMQ has for what has no place of its own, and those of them that have one here.
//!
//! Policies of operators and limits of virtual hosts are told and taken as parameters, but belong to their virtual host
//! and have an effect. Everything else is kept as it was given and told again: nothing here reads it, save the names of
//! the broker below.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use leveret_core::model::{Broker, GlobalParameter, Parameter, PolicyKind, Vhost};
use serde_json::{Map, Value};

use super::report::ApplyReport;
use super::rows;
use crate::policy::PolicyDocument;

/// The component whose parameters are the policies of operators.
pub const OPERATOR_POLICY: &str = "operator_policy";

/// The component whose parameters are the limits of virtual hosts.
pub const LIMITS: &str = "vhost-limits";

/// The one parameter of that component.
const LIMITS_NAME: &str = "limits";

/// Components of plugins that RabbitMQ comes with: their parameters are kept, and nothing acts on them.
const OF_PLUGINS: &[&str] = &["federation-upstream", "federation-upstream-set", "shovel"];

/// What the whole is called; the node's name unless somebody says otherwise.
pub const CLUSTER_NAME: &str = "cluster_name";

/// Words for people and programs.
pub const CLUSTER_TAGS: &str = "cluster_tags";

/// Tells this broker from all others, for as long as its data lives.
pub const CLUSTER_ID: &str = "internal_cluster_id";

/// Whether somebody may set parameters of this component one by one; an import may bring any.
pub fn known_component(name: &str) -> bool {
    [OPERATOR_POLICY, LIMITS].contains(&name) || OF_PLUGINS.contains(&name)
}

/// What to say of a parameter that was kept and that nothing here acts on.
pub fn without_effect((vhost, component, name): (&str, &str, &str)) -> String {
    let what = if known_component(component) {
        format!("the {component} '{name}' in vhost '{vhost}'")
    } else {
        format!("the parameter '{name}' of '{component}' in vhost '{vhost}', which nobody knows,")
    };
    format!("{what} is kept and listed, but nothing here acts on it")
}

/// The parameters of a virtual host as objects of an export: its limits, the policies of operators, the rest.
pub fn rows(core: &Broker, vhost: &Vhost) -> Vec<Value> {
    let mut rows = Vec::new();
    let details = vhost.details();
    if details.limits.iter().next().is_some() {
        rows.push(rows::parameter((vhost.name(), LIMITS, LIMITS_NAME), &rows::limits(&details)));
    }
    let policies = vhost.policies();
    for policy in policies.iter().filter(|policy| policy.spec().kind == PolicyKind::Operator) {
        let value = serde_json::to_value(PolicyDocument::of(policy)).unwrap_or_default();
        rows.push(rows::parameter((vhost.name(), OPERATOR_POLICY, &policy.spec().name), &value));
    }
    for own in core.parameters_of(vhost.name()) {
        rows.push(rows::parameter((&own.vhost, &own.component, &own.name), &json(&own.value)));
    }
    rows
}

/// What the broker is called.
pub fn cluster_name(core: &Broker) -> String {
    let given = core.global_parameter(CLUSTER_NAME).map(|value| json(&value));
    let given = given.and_then(|value| value.as_str().map(str::to_owned));
    let settings = core.settings();
    given.or_else(|| settings.cluster_name.clone()).unwrap_or_else(|| settings.node.clone())
}

/// The JSON that a parameter was given as.
pub fn json(value: &Bytes) -> Value {
    // It was JSON when it was put there.
    serde_json::from_slice(value).unwrap_or_default()
}

/// A value as parameters are kept.
pub fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

/// Keeps a parameter of a component that nothing here acts on. `None`: there is no such virtual host; `true`: it is new.
pub fn keep(core: &Broker, (vhost, component, name): (&str, &str, &str), value: &Value) -> Option<bool> {
    core.put_parameter(Parameter {
        vhost: vhost.to_owned(),
        component: component.to_owned(),
        name: name.to_owned(),
        value: bytes(value),
    })
}

/// Takes a parameter of the broker from a file. What tells this broker from others is not another's to say.
pub fn import_global(core: &Broker, name: &str, value: &Value, report: &mut ApplyReport) {
    if name == CLUSTER_ID {
        report.skip(format!("skipped the global parameter '{CLUSTER_ID}': this broker has its own"));
    } else {
        keep_global(core, name, value);
    }
}

/// What every broker has among its global parameters from its first start on, and what its settings say of it.
pub fn seed(core: &Broker, tags: &BTreeMap<String, String>) -> Result<(), getrandom::Error> {
    if core.global_parameter(CLUSTER_ID).is_none() {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let id = format!("leveret-cluster-id-{}", URL_SAFE_NO_PAD.encode(random));
        keep_global(core, CLUSTER_ID, &id.into());
    }
    if !tags.is_empty() {
        let tags: Map<String, Value> =
            tags.iter().map(|(key, tag)| (key.clone(), tag.as_str().into())).collect();
        keep_global(core, CLUSTER_TAGS, &tags.into());
    } else if core.global_parameter(CLUSTER_TAGS).is_none() {
        keep_global(core, CLUSTER_TAGS, &Value::Array(Vec::new()));
    }
    Ok(())
}

/// Keeps a parameter of the broker. `true`: it is new.
pub fn keep_global(core: &Broker, name: &str, value: &Value) -> bool {
    core.put_global_parameter(GlobalParameter { name: name.to_owned(), value: bytes(value) })
}
