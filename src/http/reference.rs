//! The reference of the API, made from its table: for people at `/api/index.html`, for programs at `/api/openapi.json`.

use serde_json::{Value, json};

use super::access::Access;
use super::answer::Answer;
use super::request::{Object, Request};
use super::route::{FAMILIES, Outcome, Row, Verb};

pub const ROWS: &[Row] = &[
    Row::get("/api/index.html", Access::Anyone, page, "This reference."),
    Row::get("/api/openapi.json", Access::Anyone, openapi, "The reference for programs (OpenAPI 3.1)."),
];

/// What lists take, and what for.
const LIST_PARAMETERS: &[(&str, &str, &str)] = &[
    ("columns", "string", "Only these keys, with commas between them; a dot leads into an object."),
    ("sort", "string", "The key to sort by; a dot leads into an object."),
    ("sort_reverse", "boolean", "Sorts the other way round."),
    ("page", "integer", "Only this page, from 1 on."),
    ("page_size", "integer", "How many rows a page has: 100 unless said, 500 at most."),
    ("name", "string", "With a page: only what has this in its name."),
    ("use_regex", "boolean", "With a name: it is a regular expression."),
];

/// Rows that are asked for where everybody is, and not over the local socket alone.
fn told() -> impl Iterator<Item = (&'static str, &'static Row)> {
    let rows = FAMILIES.iter().flat_map(|(heading, rows)| rows.iter().map(move |row| (*heading, row)));
    rows.filter(|(_, row)| row.access != Access::Local)
}

/// What has to be said of a caller, in words.
fn who(access: Access) -> &'static str {
    match access {
        Access::Anyone => "anybody",
        Access::Management | Access::Vhost | Access::VhostForMonitoring => "management",
        Access::Monitoring | Access::MonitoringObject => "monitoring",
        Access::Policymaker | Access::VhostPolicymaker => "policymaker",
        Access::Administrator => "administrator",
        Access::Local => "local",
    }
}

fn page(_: &Request) -> Outcome {
    let mut families: Vec<(&str, String)> = Vec::new();
    for (heading, row) in told() {
        let (verb, path, who, summary) = (row.verb.name(), row.path, who(row.access), row.summary);
        let line =
            format!("<tr><td>{verb}</td><td><code>{path}</code></td><td>{who}</td><td>{summary}</td></tr>\n");
        match families.last_mut() {
            Some((last, lines)) if *last == heading => lines.push_str(&line),
            _ => families.push((heading, line)),
        }
    }
    let tables =
        families.iter().map(|(heading, lines)| format!("<h2>{heading}</h2>\n<table>\n{lines}</table>\n"));
    let tables: Vec<String> = tables.collect();
    Ok(Answer::text("text/html", [HEAD, &tables.concat(), "</body></html>\n"].concat()))
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>leveret HTTP API</title></head>\n\
                    <body><h1>leveret HTTP API</h1>\n<p>For programs: <a href=\"openapi.json\">openapi.json</a>.</p>\n";

fn openapi(_: &Request) -> Outcome {
    let mut paths = Object::new();
    for (heading, row) in told() {
        let place = paths.entry(template(row)).or_insert_with(|| json!({}));
        if let Value::Object(place) = place {
            place.insert(row.verb.name().to_lowercase(), operation(heading, row));
        }
    }
    Ok(Answer::json(&json!({
        "openapi": "3.1.0",
        "info": {
            "title": "leveret HTTP API",
            "description": "The HTTP API of RabbitMQ 4.3, as leveret serves it.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {"Problem": {
                "type": "object",
                "required": ["error", "reason"],
                "properties": {"error": {"type": "string"}, "reason": {}},
            }},
        },
    })))
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
    if row.access != Access::Anyone {
        put("security", json!([{"basic": []}]));
    }
    if matches!(row.verb, Verb::Put | Verb::Post) {
        let schema = json!({"type": "object"});
        put("requestBody", json!({"required": false, "content": {"application/json": {"schema": schema}}}));
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
    let in_path = row
        .segments()
        .filter_map(|segment| segment.strip_prefix(':'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let of_lists = LIST_PARAMETERS.iter().filter(|_| row.lists).map(|(name, kind, description)| {
        json!({"name": name, "in": "query", "description": description, "schema": {"type": kind}})
    });
    in_path.chain(of_lists).collect()
}

fn responses(row: &Row) -> Value {
    let problem = |description: &str| {
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        json!({"description": description, "content": {"application/json": {"schema": schema}}})
    };
    let mut responses = Object::new();
    let mut put = |status: &str, answer: Value| drop(responses.insert(status.to_owned(), answer));
    match row.verb {
        Verb::Get => put("200", json!({"description": "What was asked for."})),
        Verb::Put => {
            put("201", json!({"description": "It is new."}));
            put("204", json!({"description": "It was there, and is as asked now."}));
        }
        Verb::Post => {
            put("200", json!({"description": "What came of it."}));
            put("201", json!({"description": "It is there now."}));
            put("204", json!({"description": "It is done."}));
        }
        Verb::Delete => put("204", json!({"description": "It is gone."})),
    }
    if row.path.contains("health") || row.path == "/readyz" {
        put("503", json!({"description": "It is not well; the body says why."}));
    }
    put("400", problem("The request makes no sense."));
    if row.access != Access::Anyone {
        put("401", problem("The caller is nobody, somebody else, or may not."));
    }
    put("404", problem("There is no such thing."));
    if row.json_only {
        put("415", json!({"description": "The body does not say that it is JSON."}));
    }
    Value::Object(responses)
}
