//! The reference of the API, made from its table: for people at `/api/index.html` and in docs/http-api.md, for programs at
//! `/api/openapi.json`. Both are written once, for anybody may ask for them as often as they like.

use std::sync::OnceLock;

use bytes::Bytes;

use super::access::Access;
use super::answer::Answer;
use super::contract::Tells;
use super::dispatch::gzip;
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

/// What has been written of it.
#[derive(Debug, Default)]
pub struct Reference {
    page: OnceLock<Kept>,
    document: OnceLock<Kept>,
}

/// A text, and the same compressed.
#[derive(Debug)]
struct Kept(Bytes, Option<Bytes>);

impl Kept {
    fn new(text: String) -> Self {
        let packed = gzip(text.as_bytes());
        Self(text.into(), packed)
    }

    fn answer(&self, answer: impl FnOnce(Bytes) -> Answer) -> Answer {
        Answer { packed: self.1.clone(), ..answer(self.0.clone()) }
    }
}

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

fn page(request: &Request) -> Outcome {
    let kept = request.api.reference.page.get_or_init(|| Kept::new(html()));
    Ok(kept.answer(|text| Answer::text("text/html", text)))
}

fn html() -> String {
    let line = |row: &&Row| {
        let (verb, path, who, summary) = (row.verb.name(), row.path, who(row.access), row.summary);
        format!("<tr><td>{verb}</td><td><code>{path}</code></td><td>{who}</td><td>{summary}</td></tr>\n")
    };
    let table = |(heading, rows): &(&str, Vec<&Row>)| {
        let lines: String = rows.iter().map(line).collect();
        format!("<h2>{heading}</h2>\n<table>\n{lines}</table>\n")
    };
    let tables: String = families().iter().map(table).collect();
    [HEAD, &tables, "</body></html>\n"].concat()
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>leveret HTTP API</title></head>\n\
                    <body><h1>leveret HTTP API</h1>\n<p>For programs: <a href=\"openapi.json\">openapi.json</a>.</p>\n";

fn document(request: &Request) -> Outcome {
    let text = || openapi::document(&request.api.settings.path_prefix).to_string();
    let kept = request.api.reference.document.get_or_init(|| Kept::new(text()));
    Ok(kept.answer(Answer::written_json))
}
