//! Messages in JSON: properties and payloads, both ways, as RabbitMQ's `publish` and `get` have them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use leveret_codec::field::Table;
use leveret_codec::{Properties, PropertiesBuilder, TableRef};
use serde_json::{Value, json};

use super::answer::Problem;
use super::body::Fields;
use super::request::Object;
use crate::definitions::table;

/// How bytes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As text, if they are.
    Auto,
    Base64,
}

/// Bytes as JSON can say them, as many as are wanted: `payload`, `payload_encoding`, `payload_bytes`.
pub fn put_payload(row: &mut Object, body: &[u8], encoding: Encoding, most: usize) {
    let shown = body.get(..most).unwrap_or(body);
    let text = (encoding == Encoding::Auto).then(|| std::str::from_utf8(shown).ok()).flatten();
    let (payload, word) = match text {
        Some(text) => (text.to_owned(), "string"),
        None => (STANDARD.encode(shown), "base64"),
    };
    row.insert("payload_bytes".to_owned(), body.len().into());
    row.insert("payload".to_owned(), payload.into());
    row.insert("payload_encoding".to_owned(), word.into());
}

/// The bytes that a publisher means.
pub fn payload(fields: &Fields) -> Result<Bytes, Problem> {
    let Some(Value::String(text)) = fields.get("payload") else {
        return Err(Problem::bad_request("payload_not_string"));
    };
    match fields.get("payload_encoding").and_then(Value::as_str) {
        Some("string") => Ok(text.clone().into()),
        Some("base64") => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|_| Problem::bad_request(json!(["not_base64", text]))),
        _ => {
            let encoding = fields.get("payload_encoding");
            Err(Problem::bad_request(json!(["unsupported_encoding", encoding])))
        }
    }
}

/// Properties in JSON; those that are not there are not told.
pub fn properties_to_json(properties: Properties<'_>) -> Object {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
    let all = [
        ("content_type", properties.content_type().map(text)),
        ("content_encoding", properties.content_encoding().map(text)),
        ("headers", properties.headers().map(|headers| table::to_json(headers).into())),
        ("delivery_mode", properties.delivery_mode().map(Value::from)),
        ("priority", properties.priority().map(Value::from)),
        ("correlation_id", properties.correlation_id().map(text)),
        ("reply_to", properties.reply_to().map(text)),
        ("expiration", properties.expiration().map(text)),
        ("message_id", properties.message_id().map(text)),
        ("timestamp", properties.timestamp().map(Value::from)),
        ("type", properties.type_().map(text)),
        ("user_id", properties.user_id().map(text)),
        ("app_id", properties.app_id().map(text)),
        ("cluster_id", properties.cluster_id().map(text)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The properties that a publisher gives, as on the wire. Names that mean nothing are ignored.
pub fn properties(given: &Value) -> Result<Vec<u8>, Problem> {
    let empty = Object::new();
    let given = match given {
        Value::Object(given) => given,
        Value::Array(list) if list.is_empty() => &empty,
        other => return Err(Problem::bad_request(json!(["not_an_object", "properties", other]))),
    };
    let mut built = PropertiesBuilder::new();
    for (name, value) in given {
        built = match name.as_str() {
            "headers" => built.headers(headers(value)?.as_ref()),
            "delivery_mode" => built.delivery_mode(octet(name, value)?),
            "priority" => built.priority(octet(name, value)?),
            "timestamp" => built.timestamp(integer(name, value)?),
            "content_type" => built.content_type(text(name, value)?),
            "content_encoding" => built.content_encoding(text(name, value)?),
            "correlation_id" => built.correlation_id(text(name, value)?),
            "reply_to" => built.reply_to(text(name, value)?),
            "expiration" => built.expiration(text(name, value)?),
            "message_id" => built.message_id(text(name, value)?),
            "type" => built.type_(text(name, value)?),
            "user_id" => built.user_id(text(name, value)?),
            "app_id" => built.app_id(text(name, value)?),
            "cluster_id" => built.cluster_id(text(name, value)?),
            _ => built,
        };
    }
    Ok(built.build())
}

/// Arguments, or headers, as a table. RabbitMQ takes no `null` in them.
pub fn arguments(given: Option<&Value>) -> Result<Table, Problem> {
    match given {
        None | Some(Value::Null) => Ok(Table::default()),
        // What Erlang makes of an empty object.
        Some(Value::Array(list)) if list.is_empty() => Ok(Table::default()),
        Some(Value::Object(map)) if map.values().any(has_null) => {
            Err(Problem::bad_request("null_not_allowed"))
        }
        Some(Value::Object(map)) => table::of(map).map_err(Problem::bad_request),
        Some(other) => Err(Problem::bad_request(json!(["not_an_object", "arguments", other]))),
    }
}

/// A table in JSON.
pub fn table_to_json(table: TableRef<'_>) -> Value {
    table::to_json(table).into()
}

fn headers(value: &Value) -> Result<Table, Problem> {
    match value {
        Value::Object(_) => arguments(Some(value)),
        Value::Array(list) if list.is_empty() => Ok(Table::default()),
        _ => Err(Problem::bad_request(json!(["not_an_object", "headers"]))),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(map) => map.values().any(has_null),
        _ => false,
    }
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, Problem> {
    let text = value.as_str().ok_or_else(|| Problem::bad_request(json!(["not_string", name])))?;
    // A short string; RabbitMQ's is a crash.
    if u8::try_from(text.len()).is_ok() {
        Ok(text)
    } else {
        Err(Problem::bad_request(json!(["too_long", name])))
    }
}

fn integer(name: &str, value: &Value) -> Result<u64, Problem> {
    value.as_u64().ok_or_else(|| Problem::bad_request(json!(["not_int", name])))
}

fn octet(name: &str, value: &Value) -> Result<u8, Problem> {
    let number = integer(name, value)?;
    u8::try_from(number).map_err(|_| Problem::bad_request(json!(["not_int", name])))
}

#[cfg(test)]
mod tests {
    use leveret_codec::Limits;

    use super::*;

    #[test]
    fn properties_come_back_as_they_were_given() {
        let given = json!({
            "content_type": "text/plain", "content_encoding": "gzip", "delivery_mode": 2, "priority": 3,
            "headers": {"a": 1, "b": [1, "x", {"c": 2.5}], "t": true}, "correlation_id": "c", "reply_to": "r",
            "expiration": "100", "message_id": "m", "timestamp": 1_700_000_000, "type": "t", "user_id": "guest",
            "app_id": "a", "cluster_id": "k"
        });
        let wire = properties(&given).unwrap();
        let properties = Properties::decode(&wire, &Limits::default()).unwrap();
        assert_eq!(Value::Object(properties_to_json(properties)), given);
    }

    #[test]
    fn what_no_property_can_be_is_refused_in_rabbitmqs_words() {
        let refused = |given: Value| {
            let body = properties(&given).unwrap_err().answer().body;
            serde_json::from_slice::<Value>(&body).unwrap()["reason"].clone()
        };
        assert_eq!(refused(json!({"delivery_mode": "2"})), json!(["not_int", "delivery_mode"]));
        assert_eq!(refused(json!({"content_type": 5})), json!(["not_string", "content_type"]));
        assert_eq!(refused(json!({"headers": {"a": [null]}})), json!("null_not_allowed"));
        assert!(properties(&json!({"nope": null})).is_ok() && properties(&json!([])).is_ok());
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_base64() {
        let shown = |body: &[u8], encoding, most| {
            let mut row = Object::new();
            put_payload(&mut row, body, encoding, most);
            (row["payload"].clone(), row["payload_encoding"].clone(), row["payload_bytes"].clone())
        };
        assert_eq!(shown(b"hello", Encoding::Auto, 3), (json!("hel"), json!("string"), json!(5)));
        assert_eq!(shown(b"he", Encoding::Base64, 9), (json!("aGU="), json!("base64"), json!(2)));
        assert_eq!(shown(b"\xff", Encoding::Auto, 9), (json!("/w=="), json!("base64"), json!(1)));
        // Cut within a letter.
        assert_eq!(shown("ä".as_bytes(), Encoding::Auto, 1).1, json!("base64"));
    }
}
