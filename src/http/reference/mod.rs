//! The reference of the API, made from its table: for people at `/api/index.html` and in docs/http-api.md, for programs at
//! `/api/openapi.json`.

use super::access::Access;
use super::answer::Answer;
use super::contract::Tells;
use super::request::Request;
use super::route::{FAMILIES, Outcome, Row};

#[cfg(test)]
mod documentation;
mod openapi;
mod parameters;

pub const ROWS: &[Row] = &[
    Row::get("/api/index.html", Access::Anyone, page, "This reference.").tells(Tells::Text("text/html")),
    Row::get("/api/openapi.json", Access::Anyone, document, "The reference for programs (OpenAPI 3.1).")
        .tells(Tells::Value("Document")),
];

/// Rows that are asked for where everybody is, and not over the local socket alone.
fn told() -> impl Iterator<Item = (&'static str, &'static Row)> {
    let rows = FAMILIES.iter().flat_map(|(heading, rows)| rows.iter().map(move |row| (*heading, row)));
    rows.filter(|(_, row)| row.access != Access::Local)
}

/// The same by heading, in the order in which headings come first.
fn families() -> Vec<(&'static str, Vec<&'static Row>)> {
    let mut families: Vec<(&str, Vec<&Row>)> = Vec::new();
    for (heading, row) in told() {
        match families.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, rows)) => rows.push(row),
            None => families.push((heading, vec![row])),
        }
    }
    families
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
    let line = |row: &&Row| {
        let (verb, path, who, summary) = (row.verb.name(), row.path, who(row.access), row.summary);
        format!("<tr><td>{verb}</td><td><code>{path}</code></td><td>{who}</td><td>{summary}</td></tr>\n")
    };
    let table = |(heading, rows): &(&str, Vec<&Row>)| {
        let lines: String = rows.iter().map(line).collect();
        format!("<h2>{heading}</h2>\n<table>\n{lines}</table>\n")
    };
    let tables: String = families().iter().map(table).collect();
    Ok(Answer::text("text/html", [HEAD, &tables, "</body></html>\n"].concat()))
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>leveret HTTP API</title></head>\n\
                    <body><h1>leveret HTTP API</h1>\n<p>For programs: <a href=\"openapi.json\">openapi.json</a>.</p>\n";

fn document(request: &Request) -> Outcome {
    Ok(Answer::json(&openapi::document(&request.api.settings.path_prefix)))
}
