//! What the reference (`/api/openapi.json`) promises of answers, and what is answered: every key is in its schema.
//!
//! What a schema says of values is looked at by schemathesis (interop-tests/openapi), which asks much more.

use leveret_codec::method::{Method, basic, queue};
use serde_json::{Value, json};

use crate::ask::{Asked, broker};
use crate::support::Peer;

const THINGS: &[(&str, &str, &str)] = &[
    ("PUT", "/api/users/u", r#"{"password": "p", "tags": "management"}"#),
    ("PUT", "/api/permissions/%2F/u", r#"{"configure": "", "write": "", "read": ""}"#),
    ("PUT", "/api/topic-permissions/%2F/u", r#"{"exchange": "amq.topic", "write": "", "read": ""}"#),
    ("PUT", "/api/queues/%2F/q", r#"{"durable": true}"#),
    ("PUT", "/api/queues/%2F/quorum", r#"{"durable": true, "arguments": {"x-queue-type": "quorum"}}"#),
    (
        "PUT",
        "/api/exchanges/%2F/x",
        r#"{"type": "x-delayed-message", "arguments": {"x-delayed-type": "topic"}}"#,
    ),
    ("PUT", "/api/exchanges/%2F/other", r#"{"type": "fanout"}"#),
    ("POST", "/api/bindings/%2F/e/x/q/q", r#"{"routing_key": "k"}"#),
    ("POST", "/api/bindings/%2F/e/x/e/other", r#"{"routing_key": "k"}"#),
    ("PUT", "/api/policies/%2F/p", r#"{"pattern": "^q", "definition": {"max-length": 9}}"#),
    ("PUT", "/api/operator-policies/%2F/p", r#"{"pattern": "^q", "definition": {"max-length": 9}}"#),
    ("PUT", "/api/global-parameters/p", r#"{"value": 1}"#),
    ("PUT", "/api/vhost-limits/%2F/max-queues", r#"{"value": 9}"#),
    ("PUT", "/api/user-limits/u/max-channels", r#"{"value": 9}"#),
    (
        "POST",
        "/api/exchanges/%2F/x/publish",
        r#"{"properties": {"headers": {"x-delay": 60000}}, "routing_key": "k", "payload": "", "payload_encoding": "string"}"#,
    ),
    (
        "POST",
        "/api/exchanges/%2F/amq.default/publish",
        r#"{"properties": {}, "routing_key": "q", "payload": "", "payload_encoding": "string"}"#,
    ),
];

/// A broker with something of everything, and a client that holds a message.
async fn populated() -> (Asked, Peer) {
    let broker = broker().await;
    for (method, path, body) in THINGS {
        let status = broker.send(method, path, &serde_json::from_str(body).unwrap()).await;
        assert!((200..300).contains(&status), "{method} {path}: {status}");
    }
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    let own = queue::Declare { queue: "own".into(), exclusive: true, ..Default::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(own))).await;
    peer.publish(1, "q", b"hello").await;
    let consume = basic::Consume { queue: "q".into(), consumer_tag: "tag".into(), ..Default::default() };
    peer.ask(1, Method::Basic(basic::AMQPMethod::Consume(consume))).await;
    peer.delivery(1).await;
    (broker, peer)
}

/// A path with the names of what is there.
fn filled(path: &str, connection: &str) -> String {
    let is_parameter = path.starts_with("/api/global-parameters");
    let name = if is_parameter || path.contains("policies") { "p" } else { "limits" };
    let escaped: String = connection.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let values = [
        ("vhost", "%2F"),
        ("queue", "q"),
        ("exchange", if path.contains("{user}/{exchange}") { "amq.topic" } else { "x" }),
        ("destination", "other"),
        ("properties", "k"),
        ("user", "u"),
        ("node", "leveret@localhost"),
        ("name", name),
        ("connection", &escaped),
        ("channel", &format!("{escaped}%20(1)")),
        ("component", "vhost-limits"),
        ("port", "1"),
        ("protocols", "amqp"),
        ("within", "1"),
        ("unit", "days"),
        ("pattern", ".*"),
        ("password", "p"),
    ];
    values.iter().fold(path.to_owned(), |path, (key, value)| path.replace(&format!("{{{key}}}"), value))
}

/// The schema that a reference leads to, or the schema itself.
fn followed<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The keys of a value that its schema does not have, and those that it requires and are not there.
fn wrong(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = followed(document, schema);
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let mut all = choices.iter().filter(|choice| {
            let kind = &followed(document, choice)["type"];
            !(kind == "array" && value.is_object() || kind == "object" && value.is_array())
        });
        return all.next().map_or_else(Vec::new, |choice| wrong(document, choice, value, at));
    }
    match value {
        Value::Array(list) => {
            list.iter().flat_map(|item| wrong(document, &schema["items"], item, at)).collect()
        }
        Value::Object(object) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing =
                required.filter(|key| !object.contains_key(*key)).map(|key| format!("{at}: no {key}"));
            let inside = object.iter().flat_map(|(key, value)| {
                let at = format!("{at}.{key}");
                match (&schema["properties"][key], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(true)) => Vec::new(),
                    (Value::Null, Value::Null) if schema["properties"].is_null() => Vec::new(),
                    (Value::Null, Value::Null) => vec![at],
                    (Value::Null, others) => wrong(document, others, value, &at),
                    (own, _) => wrong(document, own, value, &at),
                }
            });
            missing.chain(inside).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_key_of_every_answer_is_in_its_schema() {
    let (broker, _peer) = populated().await;
    let document = broker.get("/api/openapi.json").await;
    let connections = broker.get("/api/connections").await;
    let connection = connections[0]["name"].as_str().unwrap();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let schema = &methods["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if schema.is_null() || path == "/api/openapi.json" {
            continue;
        }
        let filled = filled(path, connection);
        let said = broker.ask("GET", &filled).send().await;
        let is_check = path.contains("-listener/");
        assert!(said.status == 200 || (is_check && said.status == 503), "{filled}: {}", said.status);
        found.extend(wrong(&document, schema, &said.json(), path));
        // With all that may be asked for.
        let samples = "lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5";
        let page = format!("{filled}?page=1&memory=true&binary=true&state=all&{samples}");
        let said = broker.ask("GET", &page).send().await;
        found.extend(wrong(&document, schema, &said.json(), path));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_key_that_a_schema_does_not_have_is_found() {
    let document = json!({"components": {"schemas": {"Name": {
        "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}},
    }}}});
    let schema = json!({"type": "array", "items": {"$ref": "#/components/schemas/Name"}});
    let paged = json!({"oneOf": [schema, {"type": "object", "properties": {"items": schema}}]});
    assert_eq!(wrong(&document, &schema, &json!([{"name": "n"}]), "p"), Vec::<String>::new());
    let answer = json!([{"name": "n", "more": 1}, {}]);
    assert_eq!(wrong(&document, &paged, &answer, "p"), ["p.more", "p: no name"]);
    assert_eq!(
        wrong(&document, &paged, &json!({"items": answer}), "p"),
        ["p.items.more", "p.items: no name"]
    );
}
