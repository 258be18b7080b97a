//! Definitions: all of a broker, or of a virtual host, as one JSON document to take away and to bring back.

use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, LOCATION};
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::contract::{Form, Tells};
use super::multipart;
use super::request::Request;
use super::route::{Outcome, Row};
use crate::definitions::{self, DefinitionsError, Recipient};

pub const ROWS: &[Row] = &[
    Row::get(
        "/api/definitions",
        Access::Administrator,
        export,
        "All that the broker is made of, but messages.",
    )
    .tells(Tells::Value("Definitions"))
    .asks(&["download"])
    .answers(&[200, 304]),
    Row::post("/api/definitions", Access::Administrator, import, "Creates what is not there yet.")
        .takes("Definitions")
        .takes_form(FILE)
        .answers(&[204, 303, 415]),
    Row::get(
        "/api/definitions/:vhost",
        Access::Administrator,
        export_vhost,
        "What a virtual host is made of.",
    )
    .tells(Tells::Value("Definitions"))
    .asks(&["download"])
    .answers(&[200, 304]),
    Row::post(
        "/api/definitions/:vhost",
        Access::Administrator,
        import_vhost,
        "Creates what is not there yet in a virtual host.",
    )
    .takes("Definitions")
    .takes_form(FILE)
    .answers(&[204, 303, 415]),
    Row::get("/api/all-configuration", Access::Administrator, export, "The same as `/api/definitions`.")
        .tells(Tells::Value("Definitions"))
        .asks(&["download"])
        .answers(&[200, 304]),
    Row::post("/api/all-configuration", Access::Administrator, import, "The same as `/api/definitions`.")
        .takes("Definitions")
        .takes_form(FILE)
        .answers(&[204, 303, 415]),
];

/// What a browser sends.
const FILE: Form = ("multipart/form-data", "DefinitionsFile");

fn export(request: &Request) -> Outcome {
    document(request, None)
}

fn export_vhost(request: &Request) -> Outcome {
    let name = request.value("vhost");
    request.core().vhost(name).ok_or_else(|| Problem::bad_request("vhost_not_found"))?;
    document(request, Some(name))
}

fn document(request: &Request, vhost: Option<&str>) -> Outcome {
    let answer = Answer::json(&definitions::export(request.core(), vhost));
    let tag = format!("\"{:016x}\"", digest(&answer.body));
    let tag = HeaderValue::from_str(&tag).map_err(|_| Problem::silent(StatusCode::INTERNAL_SERVER_ERROR))?;
    if request.headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED).with(ETAG, tag));
    }
    let answer = answer.with(ETAG, tag);
    let file = request.query.get("download").filter(|name| !name.is_empty());
    let disposition = file.map(|name| HeaderValue::from_str(&format!("attachment; filename={name}")));
    match disposition {
        None => Ok(answer),
        Some(Ok(value)) => Ok(answer.with(CONTENT_DISPOSITION, value)),
        Some(Err(_)) => Err(Problem::bad_request("the name of the file cannot stand in a header")),
    }
}

/// Tells one export from another: the same broker exports the same text.
fn digest(body: &[u8]) -> u64 {
    let hash = Sha256::digest(body);
    hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn import(request: &Request) -> Outcome {
    bring(request, None)
}

fn import_vhost(request: &Request) -> Outcome {
    let name = request.value("vhost");
    request.core().vhost(name).ok_or_else(|| Problem::nothing_there("vhost_not_found"))?;
    bring(request, Some(name))
}

/// What a form of the management interface sends, or JSON.
fn bring(request: &Request, vhost: Option<&str>) -> Outcome {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (text, redirect) = if let Some(boundary) = multipart::boundary(kind) {
        let form = multipart::parts(&request.body, &boundary);
        let part = |name: &str| form.iter().find(|part| part.name == name).map(|part| part.content);
        let file = part("file").ok_or_else(|| Problem::bad_request("[{key_missing,file}]"))?;
        (file, part("redirect").map(String::from_utf8_lossy))
    } else if super::dispatch::is_json(&request.headers) {
        (request.body.as_ref(), None)
    } else {
        return Err(Problem::silent(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    };
    apply(request, vhost, text)?;
    redirect.map_or_else(|| Ok(Answer::done()), |place| see(&place))
}

fn see(place: &str) -> Outcome {
    let location = HeaderValue::from_str(place).map_err(|_| Problem::bad_request("redirect"))?;
    Ok(Answer::empty(StatusCode::SEE_OTHER).with(LOCATION, location))
}

fn apply(request: &Request, vhost: Option<&str>, text: &[u8]) -> Result<(), Problem> {
    let unparsed = || Problem::bad_request("failed_to_parse_json");
    let text = std::str::from_utf8(text).map_err(|_| unparsed())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = if text.trim().is_empty() { "{}" } else { text };
    if !text.trim_start().starts_with('{') || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err(unparsed());
    }
    let imported = request.change(|now, effects| {
        let mut recipient = Recipient { core: request.core(), now, effects };
        match vhost {
            None => definitions::import(&mut recipient, text),
            Some(vhost) => definitions::import_into_vhost(&mut recipient, vhost, text),
        }
    });
    imported.map(drop).map_err(|error| match error {
        DefinitionsError::Refused { place, reason, .. } => Problem::bad_request(format!("{place}: {reason}")),
        DefinitionsError::NotServed { what, .. } => {
            Problem::bad_request(format!("this version of leveret does not serve {}", what.join(", ")))
        }
        DefinitionsError::Malformed { error, .. } => Problem::bad_request(error.to_string()),
        other => Problem::bad_request(other.to_string()),
    })
}
