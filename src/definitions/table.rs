//! Arguments in JSON as a field table, with the tags that RabbitMQ gives them on import, and the other way.
//!
//! Invariant: what came from JSON goes back to the same JSON. A table from a client may say what JSON can't: a number's
//! width, bytes that are no text (what is none of it is replaced), a float that is no number (null).

use leveret_codec::TableRef;
use leveret_codec::field::{ArrayBuilder, Table, TableBuilder, Value};
use serde_json::Value as Json;

use super::document::Arguments;

/// As deep as a table from the wire may be nested.
const DEPTH_MAX: u8 = 64;
/// The longest key: a short string.
const KEY_MAX_BYTES: usize = 255;

/// The same as a table; or a sentence that says which argument cannot be one.
pub fn of(arguments: &Arguments) -> Result<Table, String> {
    nested(arguments, DEPTH_MAX)
}

fn nested(arguments: &Arguments, depth: u8) -> Result<Table, String> {
    let depth = depth.checked_sub(1).ok_or("arguments are nested too deep")?;
    let mut table = TableBuilder::new();
    for (key, value) in arguments {
        if KEY_MAX_BYTES < key.len() {
            return Err(format!("the argument `{key}` has a name of more than {KEY_MAX_BYTES} bytes"));
        }
        with_value(value, depth, &mut |value| {
            table.insert(key, value);
        })?;
    }
    Ok(table.build())
}

/// Values borrow what they are made of, so the maker keeps it until `take` is done.
fn with_value(json: &Json, depth: u8, take: &mut dyn FnMut(Value<'_>)) -> Result<(), String> {
    match json {
        Json::Null => take(Value::Void),
        Json::Bool(bool) => take(Value::Bool(*bool)),
        Json::Number(number) => take(match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::I64(integer),
            (None, Some(float)) => Value::F64(float),
            (None, None) => return Err(format!("the number {number} is out of range")),
        }),
        Json::String(text) => take(Value::Str(text.as_bytes())),
        Json::Array(list) => {
            let depth = depth.checked_sub(1).ok_or("arguments are nested too deep")?;
            let mut array = ArrayBuilder::new();
            for item in list {
                with_value(item, depth, &mut |value| {
                    array.push(value);
                })?;
            }
            take(Value::Array(array.as_ref()));
        }
        Json::Object(map) => take(Value::Table(nested(map, depth)?.as_ref())),
    }
    Ok(())
}

/// A field table in JSON.
pub fn to_json(table: TableRef<'_>) -> Arguments {
    let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
    table.iter().map(|(key, value)| (text(key), value_to_json(&value))).collect()
}

/// The arguments of a queue, which always name its type, whether its declaration did or not.
pub fn of_queue(table: TableRef<'_>, kind: &str) -> Arguments {
    let mut arguments = to_json(table);
    arguments.insert("x-queue-type".to_owned(), kind.into());
    arguments
}

fn value_to_json(value: &Value<'_>) -> Json {
    if let Some(number) = value.as_integer() {
        return number.into();
    }
    match *value {
        Value::Bool(bool) => bool.into(),
        Value::F32(float) => float.into(),
        Value::F64(float) => float.into(),
        Value::Decimal { scale, value } => (f64::from(value) / 10_f64.powi(scale.into())).into(),
        Value::Str(bytes) | Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::Timestamp(seconds) => seconds.into(),
        Value::Array(array) => array.iter().map(|item| value_to_json(&item)).collect(),
        Value::Table(table) => to_json(table).into(),
        // The integers have gone before.
        _ => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(json: &Json) -> Arguments {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn every_kind_of_json_has_its_tag() {
        let table = of(&arguments(&json!({
            "n": null, "b": true, "i": -5, "f": 1.5, "s": "text", "a": [1, "two"], "t": {"k": "v"}
        })))
        .unwrap();
        let table = table.as_ref();
        assert_eq!(table.get(b"n").unwrap().type_name(), "void");
        assert_eq!(table.get(b"b").unwrap(), Value::Bool(true));
        assert_eq!(table.get(b"i").unwrap(), Value::I64(-5));
        assert_eq!(table.get(b"f").unwrap(), Value::F64(1.5));
        assert_eq!(table.get(b"s").unwrap(), Value::Str(b"text"));
        let Some(Value::Array(array)) = table.get(b"a") else { panic!("no array") };
        assert_eq!(array.iter().collect::<Vec<_>>(), [Value::I64(1), Value::Str(b"two")]);
        let Some(Value::Table(inner)) = table.get(b"t") else { panic!("no table") };
        assert_eq!(inner.get(b"k"), Some(Value::Str(b"v")));
    }

    #[test]
    fn what_came_from_json_goes_back_to_the_same_json() {
        let json = json!({
            "n": null, "b": true, "i": -5, "f": 1.5, "s": "text", "a": [1, "two", [3.5]], "t": {"k": {"l": []}}
        });
        let table = of(&arguments(&json)).unwrap();
        assert_eq!(Json::Object(to_json(table.as_ref())), json);
    }

    #[test]
    fn what_json_cannot_say_is_told_as_well_as_it_can() {
        let mut table = TableBuilder::new();
        table.insert("narrow", Value::I8(-3)).insert("wide", Value::U32(u32::MAX));
        table.insert("time", Value::Timestamp(7)).insert("tenths", Value::Decimal { scale: 1, value: 15 });
        table.insert("bytes", Value::Str(b"a\xFF")).insert("nan", Value::F64(f64::NAN));
        let expected = json!({"narrow": -3, "wide": u32::MAX, "time": 7, "tenths": 1.5, "bytes": "a\u{FFFD}", "nan": null});
        assert_eq!(Json::Object(to_json(table.build().as_ref())), expected);
    }

    #[test]
    fn nesting_and_names_have_their_limits() {
        let nest = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "k": inner }));
        assert!(of(&arguments(&nest(64))).is_ok());
        assert_eq!(of(&arguments(&nest(65))).unwrap_err(), "arguments are nested too deep");
        let long = "k".repeat(256);
        assert!(of(&arguments(&json!({ long: 1 }))).unwrap_err().ends_with("more than 255 bytes"));
    }
}
