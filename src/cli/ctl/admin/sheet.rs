//! The grammar of the script's successor: a group, a verb, and options for everything.
//!
//! `queues list` and `list queues` are the same; a row of [`nouns::all`] says both.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::super::client::{Answer, Client, ClientError, Request, encode};
use super::super::exit::{Exit, Failure};
use super::super::words::{Opt, Words, switch, text};
use super::nouns::{self, Act, Column, Command, Field, Show, Takes};
use super::place::Said;
use super::{OPTIONS, grid, say};

/// Options of every command of this grammar.
const OWN: &[Opt] =
    &[switch("idempotently", "what is not there is fine"), text("columns", "only these columns")];

/// A command at work.
pub struct Call<'a> {
    /// Its options.
    pub words: &'a Words,
    /// The broker.
    pub client: Client,
    /// The virtual host that was said, or `/`.
    pub vhost: String,
}

/// Does what `given` says.
pub fn run(given: &[String]) -> ExitCode {
    let first = Words::sort(given, &[OPTIONS, OWN]);
    let mut plain = first.plain.iter().map(String::as_str);
    let (one, other) = (plain.next().unwrap_or_default(), plain.next().unwrap_or_default());
    let Some(command) = nouns::all().find(|command| command.is_called(one, other)) else {
        return fail(2, &format!("error: '{one} {other}' is not a command\n\n{}", usage()));
    };
    let words = Words::sort_around(given, &[OPTIONS, OWN], &[command.options, OWN, OPTIONS]);
    if words.has("help") {
        return say(&command.usage());
    }
    if let Err(failure) = words.check() {
        return fail(2, &format!("error: {}\n\n{}", failure.text(), command.usage()));
    }
    if let Some(missing) = command.missing(&words) {
        return fail(2, &format!("error: --{missing} is required\n\n{}", command.usage()));
    }
    if let Some(style) = words.value("table-style").filter(|style| !grid::is_style(style)) {
        return fail(2, &format!("error: there is no table style '{style}'"));
    }
    match call(&words).and_then(|call| act(command, &call)) {
        Ok(text) if text.is_empty() => ExitCode::SUCCESS,
        Ok(text) => say(&text),
        Err(failure) => fail(failure.exit as u8, failure.text()),
    }
}

fn fail(code: u8, text: &str) -> ExitCode {
    if !text.is_empty() {
        eprintln!("{text}");
    }
    ExitCode::from(code)
}

fn call(words: &Words) -> Result<Call<'_>, Failure> {
    let said = Said::of(words)?;
    Ok(Call { words, client: said.client()?, vhost: said.vhost_of_objects() })
}

fn act(command: &Command, call: &Call<'_>) -> Result<String, Failure> {
    match &command.act {
        Act::List { path, columns } => {
            let answer = call.client.get(&call.path(path)).map_err(refused)?;
            call.sheet(&answer, columns)
        }
        Act::Send { method, path, body } => {
            let body = if body.is_empty() { None } else { Some(call.body(body)?) };
            let request = Request {
                method,
                path: &call.path(path),
                body: body.map(|body| body.to_string()),
                reason: None,
            };
            let answer = call.client.ask(&request).map_err(refused)?;
            let forgiven = answer.status == 404 && call.words.has("idempotently");
            if (200..300).contains(&answer.status) || forgiven {
                Ok(String::new())
            } else {
                Err(unwanted(&answer))
            }
        }
        Act::Check { path } => check(call, path),
        Act::Do(act) => act(call),
    }
}

/// As HTTP calls it.
fn status(code: u16) -> String {
    if code == 503 { "503 Service Unavailable".to_owned() } else { code.to_string() }
}

fn check(call: &Call<'_>, path: &str) -> Result<String, Failure> {
    let path = call.path(path);
    let answer = call
        .client
        .ask(&Request { method: "GET", path: &path, body: None, reason: None })
        .map_err(refused)?;
    if answer.status == 200 {
        return Ok("health check passed".to_owned());
    }
    let rows = [
        ("result", "health check failed".to_owned()),
        ("path", path.trim_start_matches("/api/").to_owned()),
        ("status_code", status(answer.status)),
        ("reason", answer.reason()),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(key, value)| vec![key.to_owned(), value]).collect();
    let text = call.draw(&["key".to_owned(), "value".to_owned()], &rows);
    // The table is the answer; the exit code says what it means.
    let _ = say(&text);
    Err(Failure::plain(Exit::Unavailable, ""))
}

/// What the broker refused.
pub fn unwanted(answer: &Answer) -> Failure {
    refused(ClientError::Status { status: answer.status, reason: answer.reason() })
}

/// As its users know it.
pub fn refused(error: ClientError) -> Failure {
    let text = match &error {
        ClientError::Status { status: 404, .. } => {
            return Failure::plain(Exit::Data, "API responded with a 404 Not Found");
        }
        ClientError::Status { status, reason } => {
            format!("API responded with a client error: status code of {status}: {reason}")
        }
        other => other.to_string(),
    };
    Failure::plain(Failure::from(error).exit, text)
}

impl Call<'_> {
    /// `path` below `/api`, with the options' values for their names in braces.
    pub fn path(&self, path: &str) -> String {
        let mut whole = String::from("/api");
        for segment in path.split('/') {
            whole.push('/');
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some("vhost") => whole.push_str(&encode(&self.vhost)),
                // `q` or `e`.
                Some("kind") => whole.push_str(self.value("destination-type").get(..1).unwrap_or("q")),
                Some(name) => whole.push_str(&encode(self.value(name))),
                None => whole.push_str(segment),
            }
        }
        whole
    }

    /// An option's value, or nothing.
    pub fn value(&self, name: &str) -> &str {
        self.words.value(name).unwrap_or_default()
    }

    fn body(&self, fields: &[Field]) -> Result<Value, Failure> {
        let mut body = Map::new();
        for field in fields {
            let given = self.words.value(field.option).or(field.default);
            let Some(value) = given else {
                if field.takes == Takes::Switch {
                    body.insert(field.key.to_owned(), Value::Bool(self.words.has(field.option)));
                }
                continue;
            };
            let bad = || Failure::usage(format!("--{} '{value}' can't be read", field.option));
            let value = match field.takes {
                Takes::Text => Value::from(value),
                Takes::Switch => Value::Bool(true),
                Takes::Bool => Value::Bool(value.parse().map_err(|_| bad())?),
                Takes::Json => serde_json::from_str(value).map_err(|_| bad())?,
            };
            body.insert(field.key.to_owned(), value);
        }
        // What has no option of its own goes into the arguments.
        if let Some(kind) = body.remove("x-queue-type") {
            let arguments = body.entry("arguments").or_insert_with(|| json!({}));
            if let Value::Object(arguments) = arguments {
                arguments.insert("x-queue-type".to_owned(), kind);
            }
        }
        Ok(Value::Object(body))
    }

    /// The answer as a table.
    pub fn sheet(&self, answer: &Value, columns: &[Column]) -> Result<String, Failure> {
        let items: &[Value] = match answer {
            Value::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        let chosen: Vec<&Column> = match self.words.value("columns") {
            None => columns.iter().collect(),
            Some(names) => names
                .split(',')
                .map(|name| {
                    let known = columns.iter().find(|column| column.name == name || column.field == name);
                    known.ok_or_else(|| Failure::usage(format!("there is no column '{name}'")))
                })
                .collect::<Result<_, _>>()?,
        };
        let names: Vec<String> = chosen.iter().map(|column| column.name.to_owned()).collect();
        let row = |item: &Value| chosen.iter().map(|column| column.cell(item)).collect();
        Ok(self.draw(&names, &items.iter().map(row).collect::<Vec<_>>()))
    }

    /// A table in the style that was asked for; for scripts, without lines and names.
    pub fn draw(&self, names: &[String], rows: &[Vec<String>]) -> String {
        if self.words.has("non-interactive") {
            return grid::draw("borderless", &[], rows);
        }
        grid::draw(&self.style(), names, rows)
    }
}

impl Call<'_> {
    /// Keys and values below a title.
    pub fn draw_titled(&self, title: &str, rows: &[Vec<String>]) -> String {
        let names = vec!["key".to_owned(), "value".to_owned()];
        if self.words.has("non-interactive") {
            return grid::draw("borderless", &[], rows);
        }
        let rows: Vec<Vec<String>> = std::iter::once(names).chain(rows.iter().cloned()).collect();
        grid::draw_titled(&self.style(), title, &rows)
    }

    fn style(&self) -> String {
        let said = self.words.value("table-style").map(str::to_owned);
        said.or_else(|| std::env::var("RABBITMQADMIN_TABLE_STYLE").ok())
            .unwrap_or_else(|| "modern".to_owned())
    }
}

impl Column {
    fn cell(&self, item: &Value) -> String {
        let found =
            self.field.split('.').try_fold(item, |value, name| value.get(name)).unwrap_or(&Value::Null);
        match (self.show, found) {
            (Show::Lines, Value::Object(map)) => lines(map),
            // A blank line behind, as in the reference's.
            (Show::Paragraph, Value::Object(map)) => lines(map) + "\n",
            (Show::Json, value) => format!("{value}\n"),
            (Show::Bullets, Value::Array(items)) => {
                items.iter().map(|item| format!("* {}", plain(item))).collect::<Vec<_>>().join("\n")
            }
            (_, Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            (_, value) => plain(value),
        }
    }
}

fn lines(map: &Map<String, Value>) -> String {
    map.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}

/// As text, without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        // A whole number has no point, wherever it comes from.
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What can be said.
pub fn usage() -> String {
    let lines: Vec<String> = nouns::all().map(|command| format!("  {}", command.usage_line())).collect();
    format!("In its successor's words:\n\n{}\n", lines.join("\n"))
}
