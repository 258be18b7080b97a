//! The document for programs (version 3.1 of the specification), made from the table of endpoints and the schemas.

use serde_json::{Value, json};

use super::{parameters, told, who};
use crate::http::access::Access;
use crate::http::contract::Tells;
use crate::http::request::Object;
use crate::http::route::{Row, Verb};
use crate::http::schema;

/// Whose API it is, and how it speaks.
const ABOUT: &str = "The HTTP API of RabbitMQ 4.3, as leveret serves it. `x-tag` is the tag that a user needs. Bodies are \
    read leniently: keys that mean nothing are ignored, `\"true\"` is true, `\"7\"` is 7.";

/// What a status means where nothing else is said.
const STATUSES: &[(u16, &str)] = &[
    (200, "What was asked for."),
    (201, "It is new."),
    (204, "It is done, or was so before."),
    (301, "The reference is there."),
    (303, "It is done; the browser goes on there."),
    (304, "It is as it was (`if-none-match`)."),
    (400, "The request makes no sense, or what it asks for is refused."),
    (401, "The caller is nobody (no body, `www-authenticate`), or may not (`{\"error\", \"reason\"}`)."),
    (404, "There is no such thing, or the caller does not see it."),
    (408, "The body did not come in time."),
    (412, "It is protected."),
    (415, "The body does not say that it is what is read here."),
    (500, "It is done, but the log has failed: it may not outlive the broker."),
    (
        503,
        "Not all is well, or an alarm holds publishers back, or there is no room for the body at the moment.",
    ),
];

/// The whole document; `prefix` stands before all paths.
pub fn document(prefix: &str) -> Value {
    let mut paths = Object::new();
    for (heading, row) in told() {
        let place = paths.entry(template(row)).or_insert_with(|| json!({}));
        if let Value::Object(place) = place {
            place.insert(row.verb.name().to_lowercase(), operation(heading, row));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "leveret HTTP API",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": if prefix.is_empty() { "/" } else { prefix }}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": schema::all(),
        },
    })
}

/// `/api/users/{user}`.
fn template(row: &Row) -> String {
    let segment = |segment: &str| match segment.strip_prefix(':') {
        Some(name) => format!("/{{{name}}}"),
        None => format!("/{segment}"),
    };
    row.segments().map(segment).collect()
}

fn operation(heading: &str, row: &Row) -> Value {
    let mut operation = Object::new();
    let mut put = |key: &str, value: Value| drop(operation.insert(key.to_owned(), value));
    put("summary", row.summary.into());
    put("tags", json!([heading]));
    put("operationId", operation_id(row).into());
    put("parameters", parameters(row));
    put("responses", responses(row));
    put("x-tag", who(row.access).into());
    put("security", if row.access == Access::Anyone { json!([]) } else { json!([{"basic": []}]) });
    if let Some(body) = body(row) {
        put("requestBody", body);
    }
    Value::Object(operation)
}

/// `get_api_users_user`.
fn operation_id(row: &Row) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let path: String = row.path.replace(':', "").chars().map(letters).collect();
    format!("{}{path}", row.verb.name().to_lowercase())
}

fn parameters(row: &Row) -> Value {
    let in_path = row.segments().filter_map(|segment| segment.strip_prefix(':'));
    in_path.filter_map(parameters::in_path).chain(row.parameters().filter_map(parameters::asked)).collect()
}

/// What may be sent; nothing, if nothing is read.
fn body(row: &Row) -> Option<Value> {
    let contract = &row.contract;
    let json = contract.takes.map(|name| ("application/json", schema::reference(name)));
    // Where it must say that it is JSON, it must be there.
    let json = json.or_else(|| row.json_only.then(|| ("application/json", json!({"type": "object"}))));
    let form = contract.form.map(|(kind, name)| (kind, schema::reference(name)));
    let content: Object = json
        .into_iter()
        .chain(form)
        .map(|(kind, schema)| (kind.to_owned(), json!({"schema": schema})))
        .collect();
    let schemas = schema::all();
    let needs_keys = |name: &str| schemas.get(name).is_some_and(|schema| schema.get("required").is_some());
    let is_required = row.json_only || contract.form.is_some() || contract.takes.is_some_and(needs_keys);
    (!content.is_empty()).then(|| json!({"required": is_required, "content": content}))
}

fn responses(row: &Row) -> Value {
    let statuses = row.own_statuses().iter().copied().chain(refusals(row));
    statuses.map(|status| (status.to_string(), response(row, status))).collect::<Object>().into()
}

/// The statuses that say why it is not done.
fn refusals(row: &Row) -> impl Iterator<Item = u16> {
    let has_names = row.path.contains(':');
    let reads = matches!(row.verb, Verb::Put | Verb::Post);
    [
        Some(400),
        (row.access != Access::Anyone).then_some(401),
        has_names.then_some(404),
        reads.then_some(408),
        row.json_only.then_some(415),
        (row.verb != Verb::Get).then_some(500),
        reads.then_some(503),
    ]
    .into_iter()
    .flatten()
}

fn response(row: &Row, status: u16) -> Value {
    let description = STATUSES.iter().find(|(known, _)| *known == status).map_or("", |(_, text)| *text);
    let mut response = Object::from_iter([("description".to_owned(), description.into())]);
    if let Some((kind, schema)) = content(row, status) {
        response.insert("content".to_owned(), json!({kind: {"schema": schema}}));
    }
    Value::Object(response)
}

fn content(row: &Row, status: u16) -> Option<(&'static str, Value)> {
    let json = "application/json";
    match (status, row.contract.tells) {
        (200 | 503, Tells::Check) => Some((json, schema::reference("Health"))),
        (200, Tells::Value(name) | Tells::One(name)) => Some((json, schema::reference(name))),
        (200, Tells::Values(name) | Tells::Whole(name)) => Some((json, list(name))),
        (200, Tells::Paged(name)) => Some((json, json!({"oneOf": [list(name), page(name)]}))),
        (200, Tells::Text(kind)) => Some((kind, json!({"type": "string"}))),
        // 401 has none for nobody, and a problem for others: what is not always there cannot be promised.
        (400 | 404 | 412 | 500 | 503, _) => Some((json, schema::reference("Problem"))),
        _ => None,
    }
}

fn list(name: &str) -> Value {
    json!({"type": "array", "items": schema::reference(name)})
}

/// What a request with `page` is answered.
fn page(name: &str) -> Value {
    let counts = ["total_count", "filtered_count", "item_count", "page", "page_size", "page_count"];
    let mut properties: Object =
        counts.iter().map(|name| ((*name).to_owned(), json!({"type": "integer"}))).collect();
    properties.insert("items".to_owned(), list(name));
    let required: Vec<&str> = counts.into_iter().chain(["items"]).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::http::route::rows;

    #[test]
    fn every_endpoint_says_what_it_tells_and_every_status_is_explained() {
        let mut ids = HashSet::new();
        for row in rows().filter(|row| row.access != Access::Local) {
            assert!(ids.insert(operation_id(row)), "{}", row.path);
            let is_silent = row.contract.tells == Tells::Nothing;
            let own = row.own_statuses();
            assert_eq!(own.contains(&200), !is_silent, "{} {}", row.verb.name(), row.path);
            for status in own.iter().copied().chain(refusals(row)) {
                assert!(STATUSES.iter().any(|(known, _)| *known == status), "{status}");
            }
        }
    }

    #[test]
    fn a_body_is_required_where_a_key_of_it_is() {
        let find = |verb, path| rows().find(|row| row.verb == verb && row.path == path).unwrap();
        let required = |verb, path| body(find(verb, path)).map(|body| body["required"].clone());
        assert_eq!(required(Verb::Put, "/api/users/:user"), Some(true.into()));
        assert_eq!(required(Verb::Put, "/api/queues/:vhost/:queue"), Some(false.into()));
        assert_eq!(required(Verb::Put, "/api/feature-flags/:name/enable"), Some(true.into()));
        assert_eq!(required(Verb::Delete, "/api/users/:user"), None);
    }
}
