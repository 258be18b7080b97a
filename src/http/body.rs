//! Bodies of requests: JSON objects, read as leniently as RabbitMQ reads them.
//!
//! Old tools send everything as text: `"durable":"true"`, `"count":"1"`. Keys that mean nothing are ignored.

use serde_json::{Value, json};

use super::answer::Problem;
use super::request::Object;

/// The object in a body; nothing, or `null`, is an empty one.
pub fn object(body: &[u8]) -> Result<Object, Problem> {
    if body.is_empty() {
        return Ok(Object::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Object::new()),
        Ok(Value::String(_)) => Err(Problem::bad_request(
            "invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?",
        )),
        Ok(_) | Err(_) => Err(Problem::bad_request("not_json")),
    }
}

/// The keys of a body.
pub struct Fields(Object);

impl Fields {
    /// Of an object.
    pub fn new(object: Object) -> Self {
        Self(object)
    }

    /// Refuses a body that lacks one of these, naming all that it lacks.
    pub fn require(&self, names: &[&str]) -> Result<(), Problem> {
        let missing: Vec<String> = names
            .iter()
            .filter(|name| !self.0.contains_key(**name))
            .map(|name| format!("{{key_missing,{name}}}"))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Problem::bad_request(format!("[{}]", missing.join(","))))
        }
    }

    /// A value as it is; `null` is one, too.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A value that is said; `null` says nothing.
    pub fn said(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.said(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(Problem::bad_request(json!(["not_a_string", name, other]))),
        }
    }

    /// Text that must be there.
    pub fn required_text(&self, name: &str) -> Result<&str, Problem> {
        self.require(&[name])?;
        self.text(name)?.ok_or_else(|| Problem::bad_request(json!(["not_a_string", name, null_value()])))
    }

    /// `true` or `false`, or their words.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.said(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(word)) if word == "true" => Ok(Some(true)),
            Some(Value::String(word)) if word == "false" => Ok(Some(false)),
            Some(other) => Err(Problem::bad_request(json!(["not_boolean", other]))),
        }
    }

    /// A whole number, or the word for one.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.said(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(word) => word.parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| Problem::bad_request(json!(["not_integer", value])))
    }

    /// Words: a list of them, or one text with commas between them.
    pub fn words(&self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        match self.said(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                Ok(Some(words.map(str::to_owned).collect()))
            }
            Some(Value::Array(list)) => {
                let word = |value: &Value| value.as_str().map(str::to_owned);
                let words: Option<Vec<String>> = list.iter().map(word).collect();
                words.map(Some).ok_or_else(|| Problem::bad_request(json!(["not_a_string", name, list])))
            }
            Some(other) => Err(Problem::bad_request(json!(["not_a_string", name, other]))),
        }
    }
}

fn null_value() -> Value {
    Value::Null
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::new(object(body.as_bytes()).unwrap())
    }

    fn reason(problem: &Problem) -> Value {
        serde_json::from_slice::<Value>(&problem.answer().body).unwrap()["reason"].clone()
    }

    #[test]
    fn nothing_is_an_empty_object_and_other_json_is_refused_in_rabbitmqs_words() {
        assert!(object(b"").unwrap().is_empty());
        assert!(object(b"null").unwrap().is_empty());
        for body in ["[]", "5", "{", "\u{feff}{}"] {
            assert_eq!(reason(&object(body.as_bytes()).unwrap_err()), "not_json", "{body}");
        }
        assert!(reason(&object(b"\"x\"").unwrap_err()).as_str().unwrap().contains("doubly-JSON-encoded"));
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let problem =
            fields(r#"{"priority":1}"#).require(&["pattern", "priority", "definition"]).unwrap_err();
        assert_eq!(reason(&problem), "[{key_missing,pattern},{key_missing,definition}]");
    }

    #[test]
    fn words_stand_for_booleans_and_numbers() {
        let fields = fields(r#"{"a":"true","b":false,"c":"maybe","d":"7","e":8,"f":null,"g":"x","h":1.5}"#);
        assert_eq!((fields.flag("a").unwrap(), fields.flag("b").unwrap()), (Some(true), Some(false)));
        assert_eq!(fields.flag("f").unwrap(), None);
        assert_eq!(reason(&fields.flag("c").unwrap_err()), json!(["not_boolean", "maybe"]));
        assert_eq!((fields.integer("d").unwrap(), fields.integer("e").unwrap()), (Some(7), Some(8)));
        assert!(fields.integer("g").is_err() && fields.integer("h").is_err());
    }

    #[test]
    fn words_come_as_a_list_or_as_one_text() {
        let fields = fields(r#"{"a":"x, y,,z","b":["x","y"],"c":5,"d":[5],"e":""}"#);
        assert_eq!(fields.words("a").unwrap().unwrap(), ["x", "y", "z"]);
        assert_eq!(fields.words("b").unwrap().unwrap(), ["x", "y"]);
        assert_eq!(fields.words("e").unwrap().unwrap().len(), 0);
        assert!(fields.words("c").is_err() && fields.words("d").is_err());
    }
}
