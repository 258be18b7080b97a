//! definitions.json as it is written: RabbitMQ's export format, 3.x and 4.x.
//!
//! This module reads; it creates nothing. Keys that nothing here knows are reported, not refused: exports
//! of other versions and of plugins are full of them, and RabbitMQ ignores them too.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::limits::LimitsDocument;
use crate::policy::PolicyDocument;

/// A field table in JSON.
pub type Arguments = Map<String, Value>;

/// A whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object with users, vhosts, queues and so on")]
pub struct Document {
    #[serde(default)]
    pub users: Vec<User>,
    #[serde(default)]
    pub vhosts: Vec<Vhost>,
    #[serde(default)]
    pub permissions: Vec<Permission>,
    #[serde(default)]
    pub topic_permissions: Vec<TopicPermission>,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    #[serde(default)]
    pub global_parameters: Vec<GlobalParameter>,
    #[serde(default)]
    pub policies: Vec<Policy>,
    #[serde(default)]
    pub queues: Vec<Queue>,
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// Before RabbitMQ 3.6 a hash without an algorithm is MD5.
    pub rabbit_version: Option<String>,
    // The rest of the export's heading: nothing here has an effect.
    #[serde(rename = "rabbitmq_definition_format")]
    _rabbitmq_definition_format: Option<Value>,
    #[serde(rename = "rabbitmq_version")]
    _rabbitmq_version: Option<Value>,
    #[serde(rename = "product_name")]
    _product_name: Option<Value>,
    #[serde(rename = "product_version")]
    _product_version: Option<Value>,
    #[serde(rename = "original_cluster_name")]
    _original_cluster_name: Option<Value>,
    #[serde(rename = "explanation")]
    _explanation: Option<Value>,
    // And of an export of a single virtual host, whose limits are among its parameters, too.
    #[serde(rename = "original_vhost_name")]
    _original_vhost_name: Option<Value>,
    #[serde(rename = "description")]
    _description: Option<Value>,
    #[serde(rename = "metadata")]
    _metadata: Option<Value>,
    #[serde(rename = "limits")]
    _limits: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub name: String,
    pub password: Option<String>,
    pub password_hash: Option<String>,
    pub hashing_algorithm: Option<String>,
    /// An array since 3.8, a comma-separated string before.
    #[serde(deserialize_with = "tags")]
    pub tags: Vec<String>,
    #[serde(default, deserialize_with = "limits")]
    pub limits: Option<LimitsDocument>,
}

#[derive(Debug, Deserialize)]
pub struct Vhost {
    pub name: String,
    pub metadata: Option<Metadata>,
    #[serde(default, deserialize_with = "limits")]
    pub limits: Option<LimitsDocument>,
    /// `None` says nothing of it.
    pub tracing: Option<bool>,
}

/// What a virtual host says of itself.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    pub description: Option<String>,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Vec<String>,
    pub default_queue_type: Option<String>,
    #[serde(default)]
    pub protected_from_deletion: bool,
}

#[derive(Debug, Deserialize)]
pub struct Permission {
    pub user: String,
    pub vhost: String,
    pub configure: String,
    pub write: String,
    pub read: String,
}

#[derive(Debug, Deserialize)]
pub struct TopicPermission {
    pub user: String,
    pub vhost: String,
    pub exchange: String,
    pub write: String,
    pub read: String,
}

#[derive(Debug, Deserialize)]
pub struct Parameter {
    pub component: String,
    pub name: String,
    pub value: Value,
    pub vhost: String,
}

#[derive(Debug, Deserialize)]
pub struct GlobalParameter {
    pub name: String,
    pub value: Value,
}

#[derive(Debug, Deserialize)]
pub struct Policy {
    pub name: String,
    pub vhost: String,
    #[serde(flatten)]
    pub content: PolicyDocument,
}

#[derive(Debug, Deserialize)]
pub struct Queue {
    pub name: String,
    pub vhost: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default = "yes")]
    pub durable: bool,
    #[serde(default)]
    pub auto_delete: bool,
    #[serde(default)]
    pub arguments: Arguments,
}

#[derive(Debug, Deserialize)]
pub struct Exchange {
    pub name: String,
    pub vhost: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default = "yes")]
    pub durable: bool,
    #[serde(default)]
    pub auto_delete: bool,
    #[serde(default)]
    pub internal: bool,
    #[serde(default)]
    pub arguments: Arguments,
}

#[derive(Debug, Deserialize)]
pub struct Binding {
    pub source: String,
    pub vhost: String,
    pub destination: String,
    pub destination_type: Destination,
    #[serde(default)]
    pub routing_key: String,
    #[serde(default)]
    pub arguments: Arguments,
    #[serde(rename = "properties_key")]
    _properties_key: Option<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Destination {
    Queue,
    Exchange,
}

/// Lists of the whole broker.
const OF_THE_BROKER: &[&str] = &["users", "vhosts", "permissions", "topic_permissions", "global_parameters"];

/// Lists of what is in a virtual host.
const OF_A_VHOST: &[&str] = &["parameters", "policies", "queues", "exchanges", "bindings"];

/// What somebody should do whose file names no virtual host.
const SINGLE: &str = "if this is an export of a single virtual host, import it into one (`/api/definitions/VHOST`, \
                      `import_definitions --vhost`), or export the whole broker";

/// Text that is no document: where in it, and why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {text}")]
pub struct Malformed {
    /// `queues[3].durable`, or `top level`.
    place: String,
    text: String,
}

impl Malformed {
    /// An array would be taken for the fields in order, as serde reads structs.
    fn no_object() -> Self {
        let text = "expected an object with users, vhosts, queues and so on, found an array";
        Self { place: "top level".to_owned(), text: text.to_owned() }
    }
}

impl Document {
    /// Reads `text`, and names the keys that it did not understand.
    pub fn parse(text: &str) -> Result<(Self, Vec<String>), Malformed> {
        let text = text.trim_start_matches('\u{feff}').trim();
        // RabbitMQ takes an empty body for `{}`.
        let text = if text.is_empty() { "{}" } else { text };
        if text.starts_with('[') {
            return Err(Malformed::no_object());
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let parsed = Self::read(&mut json)?;
        let end = json.end();
        end.map_err(|error| Malformed { place: "top level".to_owned(), text: error.to_string() })?;
        Ok(parsed)
    }

    /// Reads an export of one virtual host, or what is in virtual hosts of any export, as being in this one: what is of
    /// the whole broker is left out, as RabbitMQ does.
    pub fn parse_for(text: &str, vhost: &str) -> Result<(Self, Vec<String>), Malformed> {
        let at_top = |text: String| Malformed { place: "top level".to_owned(), text };
        // Places in the text would be lost on the way through JSON, so the text is looked at first.
        let text = text.trim_start_matches('\u{feff}').trim();
        let text = if text.is_empty() { "{}" } else { text };
        let mut value: Value = serde_json::from_str(text).map_err(|error| at_top(error.to_string()))?;
        if let Value::Object(document) = &mut value {
            for list in OF_THE_BROKER {
                document.remove(*list);
            }
            for list in OF_A_VHOST {
                let rows = document.get_mut(*list).and_then(Value::as_array_mut).into_iter().flatten();
                for row in rows.filter_map(Value::as_object_mut) {
                    row.insert("vhost".to_owned(), vhost.into());
                }
            }
        }
        Self::from_value(&value)
    }

    /// As [`Document::parse`], from JSON that is in memory already.
    pub fn from_value(value: &Value) -> Result<(Self, Vec<String>), Malformed> {
        if value.is_array() {
            return Err(Malformed::no_object());
        }
        Self::read(value)
    }

    fn read<'de, D: Deserializer<'de>>(json: D) -> Result<(Self, Vec<String>), Malformed> {
        let mut unknown = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(json, &mut track);
        match serde_ignored::deserialize(tracked, |path| unknown.push(path.to_string())) {
            Ok(document) => Ok((document, unknown)),
            Err(error) => {
                let path = track.path().to_string();
                let place = if path == "." { "top level".to_owned() } else { path };
                let mut text = error.to_string();
                if text.starts_with("missing field `vhost`") {
                    text = format!("{text}: {SINGLE}");
                }
                Err(Malformed { place, text })
            }
        }
    }
}

fn yes() -> bool {
    true
}

fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LimitsDocument>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    LimitsDocument::from_value(&value).map(Some).map_err(D::Error::custom)
}

fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected tags as an array of strings or a comma-separated string")]
    enum Tags {
        List(Vec<String>),
        Text(String),
    }
    let tags = match Tags::deserialize(deserializer)? {
        Tags::List(tags) => tags,
        Tags::Text(text) => text.split(',').map(|tag| tag.trim().to_owned()).collect(),
    };
    Ok(tags.into_iter().filter(|tag| !tag.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Document::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_export_of_a_cluster_is_read_whole() {
        let (document, unknown) = Document::parse(
            r#"{"rabbit_version":"4.3.6","rabbitmq_version":"4.3.6","product_name":"RabbitMQ",
             "product_version":"4.3.6","rabbitmq_definition_format":"cluster","original_cluster_name":"rabbit@host",
             "explanation":"Definitions of cluster 'rabbit@host'",
             "users":[{"name":"guest","password_hash":"HxhaulgOj+lSUMjNSn/klJRegRjL3BaWTjv+V8CNzeAnqLzE",
                       "hashing_algorithm":"rabbit_password_hashing_sha256","tags":["administrator"],"limits":{}}],
             "vhosts":[{"name":"/","metadata":{"description":"","tags":[],"default_queue_type":"classic"},"limits":{}}],
             "permissions":[{"user":"guest","vhost":"/","configure":".*","write":".*","read":".*"}],
             "topic_permissions":[], "parameters":[], "global_parameters":[{"name":"cluster_tags","value":[]}],
             "policies":[{"vhost":"/","name":"p1","pattern":"^vq","apply-to":"queues","definition":{},"priority":1}],
             "queues":[{"name":"q1","vhost":"/","type":"classic","durable":true,"auto_delete":false,
                        "arguments":{"x-max-length":10000}}],
             "exchanges":[{"name":"orders","vhost":"/","type":"topic","durable":true,"auto_delete":false,"arguments":{}}],
             "bindings":[{"source":"orders","vhost":"/","destination":"qq","destination_type":"queue",
                          "routing_key":"order.*","arguments":{"k":"v"}}]}"#,
        )
        .unwrap();
        assert_eq!(unknown, [""; 0]);
        assert_eq!(document.users[0].tags, ["administrator"]);
        assert_eq!(document.policies[0].name, "p1");
        assert_eq!(document.queues[0].arguments["x-max-length"], 10000);
        assert_eq!(document.bindings[0].destination_type, Destination::Queue);
    }

    #[test]
    fn an_old_export_is_read_too() {
        let (document, unknown) = Document::parse(
            "\u{feff}{\"users\":[{\"name\":\"a\",\"password_hash\":\"\",\"tags\":\"administrator, management\"},
               {\"name\":\"b\",\"password_hash\":\"\",\"tags\":\"\"}],
             \"vhosts\":[{\"name\":\"/\"},{\"name\":\"v\",\"limits\":[]}],
             \"exchanges\":[{\"name\":\"e\",\"vhost\":\"/\",\"type\":\"fanout\",\"internal\":true}],
             \"queues\":[{\"name\":\"q\",\"vhost\":\"/\",\"flavour\":\"sweet\"}],
             \"federation\":[]}",
        )
        .unwrap();
        assert_eq!(unknown, ["queues.0.flavour", "federation"]);
        assert_eq!(document.users[0].tags, ["administrator", "management"]);
        assert_eq!(document.users[1].tags, [""; 0]);
        assert!(document.exchanges[0].internal && document.exchanges[0].durable);
        assert!(document.queues[0].durable && !document.queues[0].auto_delete);
    }

    #[test]
    fn nothing_is_a_document_too() {
        for text in ["", "  \n", "{}", "\u{feff}"] {
            let (document, _) = Document::parse(text).unwrap();
            assert!(document.users.is_empty() && document.queues.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_says_where() {
        let table = [
            (
                r#"{"queues":[{"name":"q","vhost":"/"},{"name":"r","vhost":"/","durable":"yes"}]}"#,
                "queues[1].durable: invalid type: string \"yes\", expected a boolean at line 1 column 75",
            ),
            (
                r#"{"queues":[{"name":"q"}]}"#,
                "queues[0]: missing field `vhost` at line 1 column 23: if this is an export of a single virtual host, \
                 import it into one (`/api/definitions/VHOST`, `import_definitions --vhost`), or export the whole broker",
            ),
            (r#"{"users":[{"name":"u"}]}"#, "users[0]: missing field `tags` at line 1 column 22"),
            (
                r#"{"users":[{"name":"u","tags":7}]}"#,
                "users[0].tags: expected tags as an array of strings or a comma-separated string at line 1 column 31",
            ),
            ("[]", "top level: expected an object with users, vhosts, queues and so on, found an array"),
            (
                "7",
                "top level: invalid type: integer `7`, expected an object with users, vhosts, queues and so on at \
                 line 1 column 1",
            ),
            ("{\"users\":[]} {}", "top level: trailing characters at line 1 column 14"),
            ("{\"users\":[", "users: EOF while parsing a list at line 1 column 10"),
        ];
        for (text, expected) in table {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }
}
