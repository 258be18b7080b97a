//! The commands of the script's successor that are more than one request.

use std::io::Read as _;

use serde_json::{Value, json};

use super::super::client::Request;
use super::super::exit::{Exit, Failure};
use super::nouns::{Column, Show};
use super::sheet::{Call, refused, unwanted};

const MESSAGE: &[Column] = &[
    plain("payload_bytes"),
    plain("redelivered"),
    plain("exchange"),
    plain("routing_key"),
    plain("message_count"),
    Column { name: "properties", field: "properties", show: Show::Lines },
    plain("payload"),
    plain("payload_encoding"),
];

const fn plain(name: &'static str) -> Column {
    Column { name, field: name, show: Show::Plain }
}

/// `publish message`.
pub fn publish(call: &Call<'_>) -> Result<String, Failure> {
    let properties = call.words.value("properties").unwrap_or("{}");
    let properties: Value = serde_json::from_str(properties)
        .map_err(|error| Failure::usage(format!("--properties is not JSON: {error}")))?;
    let body = json!({
        "properties": properties, "routing_key": call.value("routing-key"),
        "payload": call.words.value("payload").unwrap_or("test"), "payload_encoding": "string",
    });
    let exchange = match call.value("exchange") {
        "" => "amq.default",
        name => name,
    };
    let path = call.path("exchanges/{vhost}/") + &super::super::client::encode(exchange) + "/publish";
    let answer = call.client.post(&path, &body).map_err(refused)?;
    let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let routed = answer.get("routed").and_then(Value::as_bool).unwrap_or_default();
    let how =
        if routed { "Message published and routed successfully" } else { "Message published but NOT routed" };
    Ok(how.to_owned())
}

/// `get messages`.
pub fn get(call: &Call<'_>) -> Result<String, Failure> {
    let count: u64 = call.words.value("count").and_then(|count| count.parse().ok()).unwrap_or(1);
    let mode = call.words.value("ack-mode").unwrap_or("ack_requeue_false");
    let body = json!({ "count": count, "ackmode": mode, "encoding": "auto" });
    let answer = call.client.post(&call.path("queues/{vhost}/{queue}/get"), &body).map_err(refused)?;
    call.sheet(&serde_json::from_slice(&answer.body).unwrap_or_default(), MESSAGE)
}

/// `delete binding`: the one of this routing key and these arguments.
pub fn delete_binding(call: &Call<'_>) -> Result<String, Failure> {
    let path = call.path("bindings/{vhost}/e/{source}/{kind}/{destination}");
    let bindings = call.client.get(&path).map_err(refused)?;
    let arguments = call.words.value("arguments").unwrap_or("{}");
    let arguments: Value = serde_json::from_str(arguments)
        .map_err(|error| Failure::usage(format!("--arguments is not JSON: {error}")))?;
    let is_it = |binding: &&Value| {
        let key = binding.get("routing_key").and_then(Value::as_str).unwrap_or_default();
        let said =
            binding.get("arguments").filter(|said| said.is_object()).cloned().unwrap_or_else(|| json!({}));
        key == call.value("routing-key") && said == arguments
    };
    let found = bindings.as_array().map(Vec::as_slice).unwrap_or_default().iter().find(is_it);
    let key = found.and_then(|binding| binding.get("properties_key")).and_then(Value::as_str);
    match key {
        Some(key) => call.client.delete(&format!("{path}/{key}")).map(|_| String::new()).map_err(refused),
        None if call.words.has("idempotently") => Ok(String::new()),
        None => Err(Failure::plain(Exit::Data, "API responded with a 404 Not Found")),
    }
}

/// `declare user`.
pub fn declare_user(call: &Call<'_>) -> Result<String, Failure> {
    let mut user = json!({ "tags": call.value("tags") });
    let fields = [("password", "password"), ("password-hash", "password_hash")];
    if let Value::Object(user) = &mut user {
        for (option, key) in fields {
            if let Some(value) = call.words.value(option).filter(|value| !value.is_empty()) {
                user.insert(key.to_owned(), Value::from(value));
            }
        }
        // It names a hash for the password that it hashes itself; the broker hashes here.
        if let (Some(algorithm), true) =
            (call.words.value("hashing-algorithm"), user.contains_key("password_hash"))
        {
            let name = format!("rabbit_password_hashing_{}", algorithm.to_ascii_lowercase().replace('-', ""));
            user.insert("hashing_algorithm".to_owned(), Value::from(name));
        }
    }
    call.client.put(&call.path("users/{name}"), &user).map_err(refused)?;
    Ok(String::new())
}

/// `definitions export`.
pub fn export(call: &Call<'_>) -> Result<String, Failure> {
    export_of(call, "/api/definitions")
}

/// `definitions export_from_vhost`.
pub fn export_vhost(call: &Call<'_>) -> Result<String, Failure> {
    export_of(call, &call.path("definitions/{vhost}"))
}

fn export_of(call: &Call<'_>, path: &str) -> Result<String, Failure> {
    let request = Request { method: "GET", path, body: None, reason: None };
    let answer = call.client.ask(&request).map_err(refused)?;
    if answer.status != 200 {
        return Err(unwanted(&answer));
    }
    match call.words.value("file").filter(|file| *file != "-" && !call.words.has("stdout")) {
        None => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        Some(file) => std::fs::write(file, &answer.body).map(|()| String::new()).map_err(|error| {
            Failure::plain(Exit::Unavailable, format!("{file} could not be written: {error}"))
        }),
    }
}

/// `definitions import`.
pub fn import(call: &Call<'_>) -> Result<String, Failure> {
    import_to(call, "/api/definitions")
}

/// `definitions import_into_vhost`.
pub fn import_vhost(call: &Call<'_>) -> Result<String, Failure> {
    import_to(call, &call.path("definitions/{vhost}"))
}

fn import_to(call: &Call<'_>, path: &str) -> Result<String, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::plain(Exit::Data, format!("definitions could not be read: {error}"));
    let mut text = String::new();
    if let Some(file) = call.words.value("file").filter(|file| *file != "-" && !call.words.has("stdin")) {
        text = std::fs::read_to_string(file).map_err(unreadable)?;
    } else {
        std::io::stdin().lock().read_to_string(&mut text).map_err(unreadable)?;
    }
    let request = Request { method: "POST", path, body: Some(text), reason: None };
    let answer = call.client.ask(&request).map_err(refused)?;
    if (200..300).contains(&answer.status) { Ok(String::new()) } else { Err(unwanted(&answer)) }
}
