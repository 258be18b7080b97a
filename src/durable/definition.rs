//! Definitions as the log keeps them: a key that names the entity, a value that says what it is, both JSON.
//!
//! ```text
//! ["vhost","/"]                                    {"description":"…","tags":[…],"default_queue_type":"quorum","limits":{"max-queues":5}}
//! ["user","guest"]                                 {"password_hash":"…","hashing_algorithm":"…","tags":[…],"permissions":{"/":{…}},
//!                                                   "topic_permissions":{"/":{"amq.topic":{"write":"…","read":"…"}}},"limits":{"max-channels":9}}
//! ["exchange","/","orders"]                        {"type":"topic","auto_delete":false,"internal":false,"arguments":"…"}
//!     and for one that delays messages "holder":8, under which the log has those that wait
//! ["queue","/","orders.eu"]                        {"id":7,"auto_delete":false,"arguments":"…"}
//! ["policy","/","p1"]                              {"pattern":"^q","apply-to":"queues","priority":1,"definition":{"max-length":100}}
//! ["operator_policy","/","op1"]                    the same
//! ["parameter","/","shovel","s1"]                  the JSON that it was given as
//! ["global_parameter","cluster_tags"]              the same
//! ["binding","/","orders","queue","orders.eu","eu.#","…"]     {}
//! ```
//! What says nothing is left out: a plain virtual host is `{}`. The last part of a binding's key is its arguments. Arguments are the bytes of the field table in base64,
//! so that no type of a value is lost; a routing key that is not UTF-8 is in base64 behind `\0base64:`.
//!
//! Invariants: equal entities have equal keys; only durable entities come here. A later version may add
//! fields to a value; this one ignores what it does not know.

mod user;
mod vhost;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use leveret_codec::{Limits, Table};
use leveret_core::QueueId;
use leveret_core::model::{
    BindingEnd, Definition, DurableBinding, ExchangeKind, ExchangeSpec, GlobalParameter, Parameter,
    PolicyKind,
};
use serde::{Deserialize, Serialize};

use crate::policy::PolicyDocument;
use user::StoredUser;
use vhost::StoredVhost;

/// What a routing key that is no text begins with; no client can mean it by accident.
const BINARY: &str = "\0base64:";

/// A definition in the log that makes no sense to this version.
#[derive(Debug, thiserror::Error)]
#[error("the log holds a definition that this version does not understand: {key} = {value} ({why})")]
pub struct Unreadable {
    key: String,
    value: String,
    why: String,
}

#[derive(Serialize, Deserialize)]
struct StoredExchange {
    #[serde(rename = "type")]
    kind: String,
    auto_delete: bool,
    internal: bool,
    #[serde(default)]
    arguments: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct StoredQueue {
    id: u64,
    auto_delete: bool,
    #[serde(default)]
    arguments: String,
}

/// The key and the value of a definition; no value: there is no such entity any more.
pub fn encode(definition: &Definition) -> (String, Option<String>) {
    use Definition as D;
    match definition {
        D::Vhost { name, details } => (key(&["vhost", name]), Some(json(&StoredVhost::of(details)))),
        D::NoVhost(name) => (key(&["vhost", name]), None),
        D::User(user) => (key(&["user", &user.name]), Some(json(&StoredUser::of(user)))),
        D::NoUser(name) => (key(&["user", name]), None),
        D::Exchange { vhost, spec } => {
            let stored = StoredExchange {
                kind: spec.kind.as_str().to_owned(),
                auto_delete: spec.auto_delete,
                internal: spec.internal,
                arguments: table(&spec.arguments),
                holder: spec.holder.map(|QueueId(id)| id),
            };
            (key(&["exchange", vhost, &spec.name]), Some(json(&stored)))
        }
        D::NoExchange { vhost, name } => (key(&["exchange", vhost, name]), None),
        D::Queue { vhost, id, name, auto_delete, arguments } => {
            let stored = StoredQueue { id: id.0, auto_delete: *auto_delete, arguments: table(arguments) };
            (key(&["queue", vhost, name]), Some(json(&stored)))
        }
        D::NoQueue { vhost, name } => (key(&["queue", vhost, name]), None),
        D::Policy { vhost, policy } => {
            let spec = policy.spec();
            let key = key(&[policy_word(spec.kind), vhost, &spec.name]);
            (key, Some(json(&PolicyDocument::of(policy))))
        }
        D::NoPolicy { vhost, kind, name } => (key(&[policy_word(*kind), vhost, name]), None),
        D::Parameter(Parameter { vhost, component, name, value }) => {
            (key(&["parameter", vhost, component, name]), Some(text(value)))
        }
        D::NoParameter { vhost, component, name } => (key(&["parameter", vhost, component, name]), None),
        D::GlobalParameter(own) => (key(&["global_parameter", &own.name]), Some(text(&own.value))),
        D::NoGlobalParameter(name) => (key(&["global_parameter", name]), None),
        D::Binding(binding) => (binding_key(binding), Some("{}".to_owned())),
        D::NoBinding(binding) => (binding_key(binding), None),
    }
}

/// The definition that stands under a key.
pub fn decode(key: &[u8], value: &[u8]) -> Result<Definition, Unreadable> {
    parse(key, value).map_err(|why| Unreadable {
        key: String::from_utf8_lossy(key).into_owned(),
        value: String::from_utf8_lossy(value).into_owned(),
        why,
    })
}

fn parse(key: &[u8], value: &[u8]) -> Result<Definition, String> {
    let parts: Vec<String> = read(key)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(match *parts.as_slice() {
        ["vhost", name] => {
            let stored: StoredVhost = read(value)?;
            Definition::Vhost { name: name.to_owned(), details: Arc::new(stored.details()?) }
        }
        ["user", name] => Definition::User(read::<StoredUser>(value)?.user(name)?),
        ["exchange", vhost, name] => {
            Definition::Exchange { vhost: vhost.to_owned(), spec: exchange(name, &read(value)?)? }
        }
        ["queue", vhost, name] => {
            let stored: StoredQueue = read(value)?;
            Definition::Queue {
                vhost: vhost.to_owned(),
                id: QueueId(stored.id),
                name: name.to_owned(),
                auto_delete: stored.auto_delete,
                arguments: from_base64(&stored.arguments)?,
            }
        }
        ["policy", vhost, name] => policy(PolicyKind::User, vhost, name, value)?,
        ["operator_policy", vhost, name] => policy(PolicyKind::Operator, vhost, name, value)?,
        ["parameter", vhost, component, name] => Definition::Parameter(Parameter {
            vhost: vhost.to_owned(),
            component: component.to_owned(),
            name: name.to_owned(),
            value: json_text(value)?,
        }),
        ["global_parameter", name] => {
            Definition::GlobalParameter(GlobalParameter { name: name.to_owned(), value: json_text(value)? })
        }
        ["binding", vhost, source, kind, destination, routing_key, arguments] => {
            Definition::Binding(DurableBinding {
                vhost: vhost.to_owned(),
                source: source.to_owned(),
                destination: end(kind, destination)?,
                routing_key: from_routing_key(routing_key)?,
                arguments: from_base64(arguments)?,
            })
        }
        _ => return Err("a kind of entity that it does not know".to_owned()),
    })
}

fn exchange(name: &str, stored: &StoredExchange) -> Result<ExchangeSpec, String> {
    Ok(ExchangeSpec {
        name: name.to_owned(),
        kind: ExchangeKind::parse(&stored.kind).ok_or("unknown type of exchange")?,
        durable: true,
        auto_delete: stored.auto_delete,
        internal: stored.internal,
        arguments: from_base64(&stored.arguments)?,
        holder: stored.holder.map(QueueId),
    })
}

/// RabbitMQ's words for the two kinds.
fn policy_word(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::User => "policy",
        PolicyKind::Operator => "operator_policy",
    }
}

fn policy(kind: PolicyKind, vhost: &str, name: &str, value: &[u8]) -> Result<Definition, String> {
    let document: PolicyDocument = read(value)?;
    let policy = document.policy(kind, name).map_err(|error| error.to_string())?;
    Ok(Definition::Policy { vhost: vhost.to_owned(), policy: Arc::new(policy) })
}

fn end(kind: &str, name: &str) -> Result<BindingEnd, String> {
    match kind {
        "queue" => Ok(BindingEnd::Queue(name.to_owned())),
        "exchange" => Ok(BindingEnd::Exchange(name.to_owned())),
        _ => Err("a binding leads to a queue or an exchange".to_owned()),
    }
}

fn binding_key(binding: &DurableBinding) -> String {
    let (kind, destination) = match &binding.destination {
        BindingEnd::Queue(name) => ("queue", name),
        BindingEnd::Exchange(name) => ("exchange", name),
    };
    let routing_key = routing_key(&binding.routing_key);
    let arguments = table(&binding.arguments);
    key(&["binding", &binding.vhost, &binding.source, kind, destination, &routing_key, &arguments])
}

fn routing_key(bytes: &Bytes) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with(BINARY) => text.to_owned(),
        _ => format!("{BINARY}{}", STANDARD.encode(bytes)),
    }
}

fn from_routing_key(text: &str) -> Result<Bytes, String> {
    match text.strip_prefix(BINARY) {
        Some(encoded) => STANDARD.decode(encoded).map(Bytes::from).map_err(|error| error.to_string()),
        None => Ok(Bytes::copy_from_slice(text.as_bytes())),
    }
}

fn table(arguments: &Table) -> String {
    STANDARD.encode(arguments.as_ref().raw())
}

fn from_base64(text: &str) -> Result<Table, String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    Table::decode(bytes.into(), &Limits::default()).map_err(|error| error.to_string())
}

/// A parameter's value is JSON already.
fn text(value: &Bytes) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn json_text(value: &[u8]) -> Result<Bytes, String> {
    read::<serde::de::IgnoredAny>(value)?;
    Ok(Bytes::copy_from_slice(value))
}

fn key(parts: &[&str]) -> String {
    json(parts)
}

/// Strings, numbers and maps with names for keys: nothing in here that JSON can't say.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
