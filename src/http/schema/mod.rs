//! The schemas of what goes in and out, a file a family: what clients are generated from.
//!
//! Invariants:
//! - Every name is there once, and every name that a schema or an endpoint mentions is there.
//! - A key that an answer has is in its schema (tests/http/reference.rs asks every endpoint). Keys are required only where
//!   no request can leave them out: `columns` leaves out any.

use serde_json::Value;

use super::request::Object;

const FILES: &[&str] = &[
    include_str!("bindings.json"),
    include_str!("connections.json"),
    include_str!("definitions.json"),
    include_str!("exchanges.json"),
    include_str!("health.json"),
    include_str!("messages.json"),
    include_str!("nodes.json"),
    include_str!("overview.json"),
    include_str!("policies.json"),
    include_str!("queues.json"),
    include_str!("stats.json"),
    include_str!("users.json"),
    include_str!("vhosts.json"),
    include_str!("words.json"),
];

/// All schemas by name.
pub fn all() -> Object {
    // A file that could not be read would be missing; a test reads all of them.
    let files = FILES.iter().filter_map(|text| serde_json::from_str::<Object>(text).ok());
    files.flatten().collect()
}

/// What stands for a schema where it is used.
pub fn reference(name: &str) -> Value {
    serde_json::json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::contract::Tells;
    use crate::http::route::rows;

    fn mentioned(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                    names.insert(name.trim_start_matches("#/components/schemas/").to_owned());
                }
                object.values().for_each(|value| mentioned(value, names));
            }
            Value::Array(list) => list.iter().for_each(|value| mentioned(value, names)),
            _ => {}
        }
    }

    #[test]
    fn every_file_is_json_and_every_name_is_there_once() {
        let files = FILES.iter().map(|text| serde_json::from_str::<Object>(text).unwrap());
        let count: usize = files.map(|file| file.len()).sum();
        assert_eq!(all().len(), count);
    }

    #[test]
    fn every_schema_is_there_that_is_mentioned_and_every_one_is() {
        let mut names = BTreeSet::from(["Problem".to_owned(), "Health".to_owned()]);
        mentioned(&all().into(), &mut names);
        for row in rows() {
            let told = match row.contract.tells {
                Tells::Value(name)
                | Tells::Values(name)
                | Tells::One(name)
                | Tells::Whole(name)
                | Tells::Paged(name) => Some(name),
                Tells::Nothing | Tells::Check | Tells::Text(_) => None,
            };
            let form = row.contract.form.map(|(_, name)| name);
            names.extend([told, row.contract.takes, form].into_iter().flatten().map(str::to_owned));
        }
        assert_eq!(names, all().keys().cloned().collect());
    }
}
