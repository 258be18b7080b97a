//! The grammar of the Python script: a verb, an object, and `name=value` for everything.
//!
//! Its exit code is 1 for every failure. All values go to the API as strings, as it sends them.

use std::io::Read as _;
use std::process::ExitCode;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

use super::super::client::{BAD_LOGIN, ClientError, Request, encode};
use super::super::exit::Failure;
use super::super::words::Words;
use super::lister::Sheet;
use super::place::Said;
use super::tables::{DECLARED, DELETED, GOT, LISTED, Object, PUBLISHED};
use super::{say, tables};

/// What it can do.
pub const VERBS: &[&str] =
    &["list", "show", "declare", "delete", "close", "purge", "publish", "get", "export", "import", "help"];

/// Whether it lists or shows this.
pub fn is_listed(object: &str) -> bool {
    LISTED.iter().any(|listed| listed.name == object) || object == "overview"
}

/// Why it did not do it.
enum Refused {
    /// The command line is wrong.
    Misused(String),
    /// What should be JSON is not.
    Unread(String),
    /// The broker refuses, or is not there.
    Died(String),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Died(failure.text().to_owned())
    }
}

fn died(path: &str, error: &ClientError) -> Refused {
    Refused::Died(match error {
        ClientError::Status { status: 404, .. } => format!("Not found: {path}"),
        ClientError::Status { status: 401, reason } if reason == BAD_LOGIN => {
            format!("Access refused: {path}")
        }
        ClientError::Connect { .. } => format!("Could not connect: {error}"),
        other => other.to_string(),
    })
}

/// Does what the words say.
pub fn run(words: &Words) -> ExitCode {
    match act(words) {
        Ok(text) if text.is_empty() => ExitCode::SUCCESS,
        Ok(text) => say(&text),
        Err(Refused::Misused(text)) => misused(&text),
        Err(Refused::Unread(text)) => {
            eprintln!("ERROR: {text}");
            ExitCode::FAILURE
        }
        Err(Refused::Died(text)) => {
            eprintln!("*** {text}\n");
            ExitCode::FAILURE
        }
    }
}

/// A command line that says nothing that could be done.
pub fn misused(text: &str) -> ExitCode {
    eprintln!("\nERROR: {text}\n\nrabbitmqadmin --help for help\n");
    ExitCode::FAILURE
}

fn act(words: &Words) -> Result<String, Refused> {
    let misused = |text: &str| Refused::Misused(text.to_owned());
    words.check().map_err(|failure| Refused::Misused(failure.text().to_owned()))?;
    let (verb, arguments) = words.plain.split_first().ok_or_else(|| misused("Action not specified"))?;
    let said = Said::of(words)?;
    let verbose = !words.has("quiet");
    let done = |text: String| if verbose { text } else { String::new() };
    match verb.as_str() {
        "list" | "show" => list(words, &said, verb, arguments),
        "declare" => with_object(&said, DECLARED, arguments, |object, path, body| {
            let method = if object.name == "binding" { "POST" } else { "PUT" };
            send(&said, method, path, Some(body))?;
            Ok(done(format!("{} declared", object.name)))
        }),
        "delete" => with_object(&said, DELETED, arguments, |object, path, _| {
            send(&said, "DELETE", path, None)?;
            Ok(done(format!("{} deleted", object.name)))
        }),
        "close" | "purge" => {
            let (kind, past) = if verb == "close" { ("connection", "closed") } else { ("queue", "purged") };
            let table = if verb == "close" { tables::CLOSED } else { tables::PURGED };
            with_object(&said, table, arguments, |_, path, _| {
                send(&said, "DELETE", path, None)?;
                Ok(done(format!("{kind} {past}")))
            })
        }
        "publish" => publish(&said, arguments, &done),
        "get" => get(words, &said, arguments),
        "export" | "import" => definitions(&said, verb, arguments, &done),
        "help" => Ok(usage()),
        other => Err(Refused::Misused(format!("Action {other} not understood"))),
    }
}

fn list(words: &Words, said: &Said<'_>, verb: &str, arguments: &[String]) -> Result<String, Refused> {
    let unknown = |name: &str| Refused::Misused(format!("Don't know how to {verb} {name}"));
    let (name, columns) =
        arguments.split_first().ok_or_else(|| Refused::Misused("Type not specified".to_owned()))?;
    let table = if verb == "show" { tables::SHOWN } else { LISTED };
    let listed = table.iter().find(|listed| listed.name == name).ok_or_else(|| unknown(name))?;
    let format = words.value("format").unwrap_or("table");
    let depth = words.value("depth").and_then(|depth| depth.parse().ok()).unwrap_or(1);
    let mut columns = columns.to_vec();
    if columns.is_empty() && depth == 1 && !format.contains("json") {
        columns = listed.columns.iter().map(|&name| name.to_owned()).collect();
    }
    let mut path = format!("/api/{}", name.replace('_', "-"));
    if let (true, Some(vhost)) = (listed.in_vhost, said.vhost()) {
        path = format!("{path}/{}", encode(&vhost));
    }
    let mut query = Vec::new();
    if !columns.is_empty() {
        query.push(format!("columns={}", columns.join(",")));
    }
    query.extend(words.value("sort").map(|key| format!("sort={}", encode(key))));
    query.extend(words.has("sort-reverse").then(|| "sort_reverse=true".to_owned()));
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let answer = said.client()?.get(&path).map_err(|error| died(&path, &error))?;
    let sheet = Sheet { columns, depth, json: listed.json, verbose: !words.has("quiet") };
    sheet.show(format, &answer).ok_or_else(|| Refused::Misused(format!("Format {format} not recognised")))
}

/// Finds the object in the table, reads its arguments, and calls `then` with its path and what is to be sent.
fn with_object(
    said: &Said<'_>,
    table: &'static [Object],
    arguments: &[String],
    then: impl FnOnce(&Object, &str, &Value) -> Result<String, Refused>,
) -> Result<String, Refused> {
    let (name, arguments) =
        arguments.split_first().ok_or_else(|| Refused::Misused("Type not specified".to_owned()))?;
    let object = table.iter().find(|object| object.name == name);
    let object = object.ok_or_else(|| Refused::Misused(format!("Type {name} not recognised")))?;
    let (path, body) = read(said, object, arguments)?;
    then(object, &path, &Value::Object(body))
}

/// The path that the arguments make, and the arguments as one object.
fn read(
    said: &Said<'_>,
    object: &Object,
    arguments: &[String],
) -> Result<(String, Map<String, Value>), Refused> {
    let misused = |text: String| Refused::Misused(text);
    let mut body: Map<String, Value> = (object.defaults.iter())
        .map(|(name, value)| {
            ((*name).to_owned(), serde_json::from_str(value).unwrap_or_else(|_| json!(value)))
        })
        .collect();
    for argument in arguments {
        let (name, value) = argument
            .split_once('=')
            .ok_or_else(|| misused(format!("Argument \"{argument}\" not in the name=value format")))?;
        if !object.knows(name) {
            return Err(misused(format!("Argument \"{name}\" is not recognised")));
        }
        let value = if object.json.contains(&name) {
            serde_json::from_str(value)
                .map_err(|_| Refused::Unread(format!("Could not parse JSON:\n  {value}")))?
        } else {
            Value::from(value)
        };
        body.insert(name.to_owned(), value);
    }
    if let Some(missing) =
        object.mandatory.iter().find(|names| !names.split('|').any(|name| body.contains_key(name)))
    {
        return Err(misused(format!("mandatory argument \"{missing}\" is required")));
    }
    if !object.mandatory.contains(&"vhost") {
        body.insert("vhost".to_owned(), Value::from(said.vhost_of_objects()));
    }
    if let Some(kind) = body.get("queue_type").cloned()
        && let Some(Value::Object(arguments)) = body.get_mut("arguments")
    {
        arguments.insert("x-queue-type".to_owned(), kind);
    }
    Ok((object.path(&body), body))
}

fn send(said: &Said<'_>, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value, Refused> {
    let client = said.client()?;
    let request = Request { method, path, body: body.map(Value::to_string), reason: None };
    let answer = client.ask(&request).map_err(|error| died(path, &error))?;
    if (200..300).contains(&answer.status) {
        return Ok(serde_json::from_slice(&answer.body).unwrap_or_default());
    }
    Err(died(path, &ClientError::Status { status: answer.status, reason: answer.reason() }))
}

fn publish(
    said: &Said<'_>,
    arguments: &[String],
    done: &impl Fn(String) -> String,
) -> Result<String, Refused> {
    let (path, mut body) = read(said, &PUBLISHED, arguments)?;
    if !body.contains_key("payload") {
        let mut payload = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut payload);
        read.map_err(|error| Refused::Died(format!("standard input could not be read: {error}")))?;
        body.insert("payload".to_owned(), Value::from(BASE64_STANDARD.encode(payload)));
        body.insert("payload_encoding".to_owned(), Value::from("base64"));
    }
    let answer = send(said, "POST", &path, Some(&Value::Object(body)))?;
    let routed = answer.get("routed").and_then(Value::as_bool).unwrap_or_default();
    Ok(done(if routed { "Message published" } else { "Message published but NOT routed" }.to_owned()))
}

fn get(words: &Words, said: &Said<'_>, arguments: &[String]) -> Result<String, Refused> {
    let (path, mut body) = read(said, &GOT, arguments)?;
    let file = body.remove("payload_file").and_then(|file| file.as_str().map(str::to_owned));
    if file.is_some() && body.get("count").and_then(Value::as_str) != Some("1") {
        return Err(Refused::Misused("Cannot get multiple messages using payload_file".to_owned()));
    }
    let answer = send(said, "POST", &path, Some(&Value::Object(body)))?;
    let mut columns: &[&str] = &[];
    if let (Some(file), Some(message)) = (&file, answer.get(0)) {
        columns = &["routing_key", "exchange", "message_count", "payload_bytes", "redelivered"];
        let text = message.get("payload").and_then(Value::as_str).unwrap_or_default();
        let is_base64 = message.get("payload_encoding").and_then(Value::as_str) == Some("base64");
        let decoded = if is_base64 { BASE64_STANDARD.decode(text).ok() } else { None };
        let payload = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
        std::fs::write(file, payload)
            .map_err(|error| Refused::Died(format!("{file} could not be written: {error}")))?;
    }
    let columns = columns.iter().map(|&name| name.to_owned()).collect();
    let sheet = Sheet { columns, depth: 1, json: &[], verbose: !words.has("quiet") };
    let format = words.value("format").unwrap_or("table");
    // Messages have their properties as an object or, without any, as an empty list.
    sheet.show(format, &answer).ok_or_else(|| Refused::Misused(format!("Format {format} not recognised")))
}

fn definitions(
    said: &Said<'_>,
    verb: &str,
    arguments: &[String],
    done: &impl Fn(String) -> String,
) -> Result<String, Refused> {
    let [file] = arguments else { return Err(Refused::Misused("Exactly one argument required".to_owned())) };
    let path = said.vhost().map_or_else(
        || "/api/definitions".to_owned(),
        |vhost| format!("/api/definitions/{}", encode(&vhost)),
    );
    let client = said.client()?;
    let place = client.address().host();
    let place = place.rsplit_once(':').map_or(place.as_str(), |(host, _)| host);
    if verb == "export" {
        let request = Request { method: "GET", path: &path, body: None, reason: None };
        let answer = client.ask(&request).map_err(|error| died(&path, &error))?;
        if answer.status != 200 {
            return Err(died(&path, &ClientError::Status { status: answer.status, reason: answer.reason() }));
        }
        if file == "-" {
            return Ok(String::from_utf8_lossy(&answer.body).into_owned());
        }
        std::fs::write(file, &answer.body)
            .map_err(|error| Refused::Died(format!("{file} could not be written: {error}")))?;
        return Ok(done(format!("Exported definitions for {place} to \"{file}\"")));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refused::Died(format!("{file} could not be read: {error}")))?;
    let request = Request { method: "POST", path: &path, body: Some(text), reason: None };
    let answer = client.ask(&request).map_err(|error| died(&path, &error))?;
    if !(200..300).contains(&answer.status) {
        return Err(died(&path, &ClientError::Status { status: answer.status, reason: answer.reason() }));
    }
    Ok(done(format!("Uploaded definitions from \"{file}\" to {place}.")))
}

/// What it can be told.
pub fn usage() -> String {
    let mut text = "Usage: rabbitmqadmin [options] subcommand\n\nIn the script's words:\n\n".to_owned();
    for listed in LISTED.iter().chain(tables::SHOWN) {
        let verb = if listed.name == "overview" { "show" } else { "list" };
        let _ = writeln!(text, "  {verb} {} [<column>...]", listed.name);
    }
    let tables = [
        ("declare ", DECLARED),
        ("delete ", DELETED),
        ("close ", tables::CLOSED),
        ("purge ", tables::PURGED),
        ("", &[PUBLISHED, GOT]),
    ];
    for (verb, table) in tables {
        for object in table {
            let _ = writeln!(text, "  {verb}{}", object.usage());
        }
    }
    text + "  export <file>\n  import <file>\n"
}
