//! Definitions: everything but messages, as one JSON file.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use serde_json::Value;

use super::call::Call;
use super::client::Request;
use super::command::{Action, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::words::{switch, text};

const DEFINITIONS: Command = Command { topic: Topic::Definitions, ..NONE };
const FORMAT: super::words::Opt = text("format", "json");

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "export_definitions",
        summary: "Writes all definitions to a file, or to standard output",
        usage: "<file_path | \"-\"> [--format <json | erlang>] [--timeout <timeout>]",
        arguments: (1, 1),
        options: &[FORMAT],
        validate: Some(|call| {
            check_format(call)?;
            let directory =
                Path::new(call.argument(0)).parent().filter(|parent| !parent.as_os_str().is_empty());
            match directory.filter(|directory| !directory.exists()) {
                Some(missing) => {
                    Err(Failure::bad_argument(format!("Directory {} does not exist", missing.display())))
                }
                None => Ok(()),
            }
        }),
        action: Action::Do(export),
        ..DEFINITIONS
    },
    Command {
        name: "import_definitions",
        summary: "Adds what a file, or standard input, defines",
        usage: "<file_path> [--format <json | erlang>] [--skip-if-unchanged] [--timeout <timeout>]",
        arguments: (0, 1),
        options: &[
            FORMAT,
            switch("skip-if-unchanged", "accepted: an import of what is there already changes nothing"),
        ],
        validate: Some(|call| {
            check_format(call)?;
            match call.words.plain.first().filter(|path| *path != "-" && !Path::new(path).exists()) {
                Some(missing) => Err(Failure::bad_argument(format!("File {missing} does not exist"))),
                None => Ok(()),
            }
        }),
        action: Action::Do(import),
        ..DEFINITIONS
    },
];

fn check_format(call: &Call<'_>) -> Result<(), Failure> {
    match call.words.value("format").map(str::to_ascii_lowercase).as_deref() {
        None | Some("json") => Ok(()),
        Some("erlang") => Err(Failure::bad_argument("Erlang's own format is not written here: use json")),
        Some(_) => Err(Failure::bad_argument("Format should be either json or erlang")),
    }
}

/// On a terminal only: who redirects it reads it later.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        eprintln!("{text}");
    }
}

fn export(call: &Call<'_>) -> Result<Output, Failure> {
    let file = call.argument(0);
    let path = match call.words.value("vhost") {
        // RabbitMQ's takes `-p` and exports everything all the same.
        _ if call.tool != super::tool::Tool::Own => "/api/definitions".to_owned(),
        Some(vhost) => super::client::path(["definitions", vhost]),
        None => "/api/definitions".to_owned(),
    };
    if file != "-" {
        call.say(&format!("Exporting definitions in JSON to a file at \"{file}\" ..."));
    }
    let answer = call.client.ask(&Request { method: "GET", path: &path, body: None, reason: None })?;
    if answer.status != 200 {
        return Err(Failure::error(Exit::Unavailable, answer.reason()));
    }
    if file == "-" {
        return Ok(Output::Text(String::from_utf8_lossy(&answer.body).into_owned()));
    }
    progress(&format!("{} bytes of definitions came; writing them", answer.body.len()));
    std::fs::write(file, &answer.body).map_err(|error| {
        Failure::error(Exit::Unavailable, format!("{file} could not be written: {error}"))
    })?;
    Ok(Output::Done)
}

fn import(call: &Call<'_>) -> Result<Output, Failure> {
    let file = call.words.plain.first().filter(|path| *path != "-");
    let text = if let Some(file) = file {
        call.say(&format!("Importing definitions in JSON from a file at \"{file}\" ..."));
        std::fs::read_to_string(file)
            .map_err(|error| Failure::error(Exit::Data, format!("{file} could not be read: {error}")))?
    } else {
        call.say("Importing definitions in JSON from standard input ...");
        let mut text = String::new();
        let read = io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| {
            Failure::error(Exit::Data, format!("standard input could not be read: {error}"))
        })?;
        text
    };
    if text.trim().is_empty() {
        return Err(Failure::error(Exit::Unavailable, "not_enough_args"));
    }
    if let Err(error) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        let text = format!("Failed to deserialise input (format: JSON) (error: {error})");
        return Err(Failure::error(Exit::Data, text));
    }
    progress(&format!("sending {} bytes of definitions", text.len()));
    let request = Request { method: "POST", path: "/api/definitions", body: Some(text), reason: None };
    let answer = call.client.ask(&request)?;
    if !(200..300).contains(&answer.status) {
        return Err(Failure::error(Exit::Unavailable, answer.reason()));
    }
    Ok(Output::Text("The definitions were imported.".to_owned()))
}
