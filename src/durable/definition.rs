//! Definitions as the log keeps them: a key that names the entity, a value that says what it is, both JSON.
//!
//! ```text
//! ["vhost","/"]                                    {}
//! ["user","guest"]                                 {"password_hash":"…","hashing_algorithm":"…","tags":[…],"permissions":{"/":{…}}}
//! ["exchange","/","orders"]                        {"type":"topic","auto_delete":false,"internal":false,"arguments":"…"}
//!     and for one that delays messages "holder":8, under which the log has those that wait
//! ["queue","/","orders.eu"]                        {"id":7,"auto_delete":false,"arguments":"…"}
//! ["binding","/","orders","queue","orders.eu","eu.#","…"]     {}
//! ```
//! The last part of a binding's key is its arguments. Arguments are the bytes of the field table in base64,
//! so that no type of a value is lost; a routing key that is not UTF-8 is in base64 behind `\0base64:`.
//!
//! Invariants: equal entities have equal keys; only durable entities come here. A later version may add
//! fields to a value; this one ignores what it does not know.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use leveret_codec::{Limits, Table};
use leveret_core::QueueId;
use leveret_core::model::{
    Access, BindingEnd, Definition, DurableBinding, ExchangeKind, ExchangeSpec, HashingAlgorithm,
    PasswordHash, Permissions, User,
};
use serde::{Deserialize, Serialize};

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
struct StoredUser {
    password_hash: String,
    hashing_algorithm: String,
    tags: Vec<String>,
    permissions: BTreeMap<String, StoredPermissions>,
}

#[derive(Serialize, Deserialize)]
struct StoredPermissions {
    configure: String,
    write: String,
    read: String,
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
        D::Vhost(name) => (key(&["vhost", name]), Some("{}".to_owned())),
        D::NoVhost(name) => (key(&["vhost", name]), None),
        D::User(user) => (key(&["user", &user.name]), Some(json(&stored_user(user)))),
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
        ["vhost", name] => Definition::Vhost(name.to_owned()),
        ["user", name] => Definition::User(user(name, read(value)?)?),
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

fn stored_user(user: &User) -> StoredUser {
    let stored = |permissions: &Permissions| {
        let pattern = |access| permissions.pattern(access).to_owned();
        StoredPermissions {
            configure: pattern(Access::Configure),
            write: pattern(Access::Write),
            read: pattern(Access::Read),
        }
    };
    StoredUser {
        password_hash: STANDARD.encode(user.password.salted()),
        hashing_algorithm: user.password.algorithm().name().to_owned(),
        tags: user.tags.clone(),
        permissions: user.all_permissions().map(|(vhost, own)| (vhost.to_owned(), stored(own))).collect(),
    }
}

fn user(name: &str, stored: StoredUser) -> Result<User, String> {
    let algorithm = HashingAlgorithm::parse(&stored.hashing_algorithm)
        .ok_or_else(|| format!("unknown hashing algorithm {}", stored.hashing_algorithm))?;
    let password = PasswordHash::from_base64(&stored.password_hash, algorithm)
        .ok_or("the password hash is not in base64")?;
    let mut user = User::new(name, password, stored.tags);
    for (vhost, StoredPermissions { configure, write, read }) in stored.permissions {
        user.set_permissions(&vhost, Permissions::new(&configure, &write, &read));
    }
    Ok(user)
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
mod tests {
    use leveret_codec::{TableBuilder, Value};

    use super::*;

    fn arguments() -> Table {
        TableBuilder::new()
            .insert("x-message-ttl", Value::I32(5))
            .insert("raw", Value::Bytes(&[0xFF]))
            .build()
    }

    fn binding(routing_key: &'static [u8]) -> DurableBinding {
        DurableBinding {
            vhost: "/".to_owned(),
            source: "orders".to_owned(),
            destination: BindingEnd::Queue("orders.eu".to_owned()),
            routing_key: Bytes::from_static(routing_key),
            arguments: arguments(),
        }
    }

    /// The definition after a way through the log, shown as text: some of its parts compare by text alone.
    fn there_and_back(definition: &Definition) -> String {
        let (key, value) = encode(definition);
        format!("{:?}", decode(key.as_bytes(), value.unwrap().as_bytes()).unwrap())
    }

    #[test]
    fn every_type_of_exchange_comes_back_with_its_arguments() {
        for kind in ExchangeKind::all() {
            let spec = ExchangeSpec {
                name: "x".to_owned(),
                kind,
                durable: true,
                auto_delete: false,
                internal: false,
                arguments: arguments(),
                holder: (kind == ExchangeKind::Delayed).then_some(QueueId(3)),
            };
            let definition = Definition::Exchange { vhost: "/".to_owned(), spec };
            assert_eq!(there_and_back(&definition), format!("{definition:?}"), "{kind}");
        }
    }

    #[test]
    fn every_kind_of_definition_comes_back_as_it_was() {
        let mut user =
            User::new("jane", PasswordHash::of("secret", [1, 2, 3, 4]), vec!["monitoring".to_owned()]);
        user.set_permissions("/", Permissions::new("^a", "", ".*"));
        let exchange = ExchangeSpec {
            name: "orders".to_owned(),
            kind: ExchangeKind::Topic,
            durable: true,
            auto_delete: true,
            internal: true,
            arguments: arguments(),
            holder: None,
        };
        let queue = Definition::Queue {
            vhost: "a \"b\"".to_owned(),
            id: QueueId(7),
            name: "q\n".to_owned(),
            auto_delete: true,
            arguments: arguments(),
        };
        let definitions = [
            Definition::Vhost("/".to_owned()),
            Definition::User(user),
            Definition::Exchange { vhost: "/".to_owned(), spec: exchange },
            queue,
            Definition::Binding(binding(b"eu.#")),
            Definition::Binding(binding(b"\xFF\x00")),
            Definition::Binding(binding(b"\0base64:")),
        ];
        for definition in definitions {
            assert_eq!(there_and_back(&definition), format!("{definition:?}"));
        }
    }

    #[test]
    fn a_password_matches_after_a_way_through_the_log() {
        let user = User::new("jane", PasswordHash::of("secret", [1, 2, 3, 4]), Vec::new());
        let (key, value) = encode(&Definition::User(user));
        let Ok(Definition::User(user)) = decode(key.as_bytes(), value.unwrap().as_bytes()) else {
            panic!("no user")
        };
        assert!(user.password.matches(b"secret") && !user.password.matches(b"other"));
    }

    #[test]
    fn what_is_gone_has_the_key_of_what_was_there_and_no_value() {
        let pairs = [
            (Definition::Vhost("v".into()), Definition::NoVhost("v".into())),
            (Definition::Binding(binding(b"k")), Definition::NoBinding(binding(b"k"))),
        ];
        for (there, gone) in pairs {
            assert_eq!(encode(&gone), (encode(&there).0, None));
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let error = decode(br#"["stream","/","s"]"#, b"{}").unwrap_err().to_string();
        assert!(error.contains(r#"["stream","/","s"] = {} (a kind of entity"#), "{error}");
        assert!(decode(b"\xFF", b"").is_err() && decode(br#"["queue","/","q"]"#, b"{}").is_err());
    }
}
