//! One entity as one object of an export, with RabbitMQ's keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leveret_core::model::{
    Access, GlobalParameter, Policy, PolicyKind, QueueKind, User, Vhost, VhostDetails,
};
use serde_json::{Map, Value, json};

use crate::limits::LimitsDocument;
use crate::policy::PolicyDocument;

/// Nothing in here that JSON can't say.
fn value(what: impl serde::Serialize) -> Value {
    serde_json::to_value(what).unwrap_or_default()
}

/// A user, without what it may do.
pub fn user(user: &User) -> Value {
    json!({
        "name": user.name,
        "password_hash": STANDARD.encode(user.password.salted()),
        "hashing_algorithm": user.password.algorithm().name(),
        "tags": user.tags,
        "limits": value(LimitsDocument::of(user.limits.iter())),
    })
}

/// What a user may do, by virtual host.
pub fn permissions(user: &User) -> impl Iterator<Item = Value> {
    user.all_permissions().map(|(vhost, own)| {
        json!({
            "user": user.name,
            "vhost": vhost,
            "configure": own.pattern(Access::Configure),
            "write": own.pattern(Access::Write),
            "read": own.pattern(Access::Read),
        })
    })
}

/// Which keys a user may use, by virtual host and exchange.
pub fn topic_permissions(user: &User) -> impl Iterator<Item = Value> {
    user.all_topic_permissions().map(|row| {
        json!({
            "user": user.name,
            "vhost": row.vhost,
            "exchange": row.exchange,
            "write": row.permissions.pattern(Access::Write),
            "read": row.permissions.pattern(Access::Read),
        })
    })
}

/// A virtual host, without what is in it.
pub fn vhost(vhost: &Vhost) -> Value {
    let details = vhost.details();
    json!({
        "name": vhost.name(),
        "metadata": metadata(&details),
        "limits": limits(&details),
    })
}

/// What is said of a virtual host.
pub fn metadata(details: &VhostDetails) -> Value {
    let mut metadata = json!({
        "description": details.description,
        "tags": details.tags,
        "default_queue_type": details.default_queue_type.unwrap_or(QueueKind::Classic).as_str(),
    });
    if let (true, Value::Object(metadata)) = (details.protected_from_deletion, &mut metadata) {
        metadata.insert("protected_from_deletion".to_owned(), true.into());
    }
    metadata
}

/// The limits of a virtual host.
pub fn limits(details: &VhostDetails) -> Value {
    value(LimitsDocument::of(details.limits.iter()))
}

/// The policies that users have set, by name.
pub fn policies(vhost: &Vhost) -> Vec<Value> {
    let policies = vhost.policies();
    let of_users = policies.iter().filter(|policy| policy.spec().kind == PolicyKind::User);
    of_users.map(|own| policy(vhost.name(), own)).collect()
}

fn policy(vhost: &str, policy: &Policy) -> Value {
    let mut row = value(PolicyDocument::of(policy));
    if let Value::Object(row) = &mut row {
        row.insert("name".to_owned(), policy.spec().name.as_str().into());
        row.insert("vhost".to_owned(), vhost.into());
    }
    row
}

/// A parameter of a virtual host.
pub fn parameter((vhost, component, name): (&str, &str, &str), value: &Value) -> Value {
    json!({"vhost": vhost, "component": component, "name": name, "value": value})
}

/// A parameter of the broker.
pub fn global_parameter(own: &GlobalParameter) -> Value {
    let row = [("name", own.name.as_str().into()), ("value", super::parameters::json(&own.value))];
    Value::Object(row.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<Map<_, _>>())
}
