//! `leveret ctl`, and the same program under the names of RabbitMQ's tools.
//!
//! A call is one process that asks the HTTP API, over the broker's local socket where it finds it, and ends with
//! the reference's exit code. It starts no thread and no runtime and asks nothing that its answer does not need:
//! health checks run every few seconds in every container.

mod address;
pub mod admin;
mod call;
mod client;
mod command;
mod connections;
mod definitions;
#[cfg(test)]
mod documentation;
mod exit;
mod flags;
mod format;
mod health;
mod help;
mod limits;
mod listing;
mod node;
mod overview;
mod parameters;
mod permissions;
mod plugins;
mod policies;
mod ports;
mod queues;
mod sign_of_life;
mod status;
mod term;
mod tool;
mod trust;
mod users;
mod vhosts;
mod waiting;
mod wire;
mod words;

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use call::Call;
use client::Client;
use command::{Action, Command};
use exit::{Exit, Failure, Said};
use format::{Formatter, Output, Style};
use words::{GENERAL, Words};

pub use tool::{Role, Tool, role};

use crate::config::Environment;

/// The rows of [`command`], by matter.
const TABLES: &[&[Command]] = &[
    help::COMMANDS,
    node::COMMANDS,
    waiting::COMMANDS,
    users::COMMANDS,
    permissions::COMMANDS,
    vhosts::COMMANDS,
    limits::COMMANDS,
    policies::COMMANDS,
    parameters::COMMANDS,
    listing::COMMANDS,
    queues::COMMANDS,
    connections::COMMANDS,
    health::COMMANDS,
    status::COMMANDS,
    flags::COMMANDS,
    definitions::COMMANDS,
    plugins::COMMANDS,
];

/// Does what `given` says, as `tool`.
pub fn run(tool: Tool, given: &[String]) -> ExitCode {
    let plain = Words::sort(given, &[GENERAL]);
    if plain.has("version") && plain.plain.is_empty() {
        return succeed(help::version());
    }
    // Which word is the command is not known before its options are: of the general ones all are.
    let Some(name) = command_name(given) else {
        let text = help::overview(tool);
        return if plain.has("help") { succeed(&text) } else { refuse(Exit::Usage, &text) };
    };
    let Some(command) = command::of(tool).find(|command| command.name == name) else {
        return refuse(Exit::Usage, &help::unknown(tool, &name));
    };
    let mut words = Words::sort(given, &command.known_options());
    if let Some(at) = words.plain.iter().position(|word| *word == name) {
        words.plain.remove(at);
    }
    if words.has("help") {
        return succeed(&help::of(tool, command));
    }
    match perform(tool, command, &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(tool, command, &words, &failure),
    }
}

/// The names of all commands, for completions.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = command::all().map(|command| command.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `leveret ping`: as `rabbitmq-diagnostics ping`, and quiet.
pub fn ping(given: &[String]) -> ExitCode {
    let words: Vec<String> =
        ["-q", "ping"].map(str::to_owned).into_iter().chain(given.iter().cloned()).collect();
    run(Tool::Own, &words)
}

/// The first word that is neither an option nor an option's value.
fn command_name(given: &[String]) -> Option<String> {
    Words::sort(given, &[GENERAL]).plain.first().cloned()
}

fn perform(tool: Tool, command: &Command, words: &Words) -> Result<(), Failure> {
    command.check(words)?;
    if let Some(name) = words.value("formatter").filter(|name| Formatter::named(name).is_none()) {
        return Err(Failure::usage(format!(
            "formatter '{name}' is not known: table, pretty_table, csv, json, erlang"
        )));
    }
    let environment = Environment::of_process();
    let wanted = address::Wanted {
        socket: words.value("socket").map(PathBuf::from),
        url: words.value("url").map(str::to_owned),
        data_dir: words.value("data-dir").map(PathBuf::from),
    };
    let client = Client::new(wanted.find(&environment)?, call::timeout(words).unwrap_or(call::PATIENCE));
    let call = Call::new(tool, words, &client, &environment);
    let output = act(command, &call)?;
    let headers = !(words.has("silent") || words.has("no-table-headers"));
    let node = || call.node().map_or_else(|_| call.presumed_node(), str::to_owned);
    let style = Style { formatter: call.formatter, headers, node: &node };
    let mut out = BufWriter::new(io::stdout().lock());
    // Whoever read has seen enough if the pipe is closed.
    let _ = format::write(&output, style, &mut out).and_then(|()| out.flush());
    Ok(())
}

fn act(command: &Command, call: &Call<'_>) -> Result<Output, Failure> {
    match &command.action {
        Action::List(listing) => {
            let columns = listing.chosen(&call.words.plain)?;
            banner(command, call)?;
            listing.run(call, &columns)
        }
        Action::Do(act) => {
            if let Some(validate) = command.validate {
                validate(call)?;
            }
            banner(command, call)?;
            act(call)
        }
    }
}

fn banner(command: &Command, call: &Call<'_>) -> Result<(), Failure> {
    if let Some(banner) = command.banner
        && !call.is_quiet()
        && !call.formatter.is_for_programs()
    {
        call.say(&banner(call)?);
    }
    // Ping says itself that nobody is there; what is done to a file asks nobody.
    if command.name == "ping" || command.tools == [Tool::Plugins] { Ok(()) } else { call.check_node() }
}

fn report(tool: Tool, command: &Command, words: &Words, failure: &Failure) -> ExitCode {
    let text = match &failure.said {
        Said::Plain(text) => text.clone(),
        Said::Error(text) if words.value("formatter") == Some("json") => {
            serde_json::json!({ "message": text, "result": "error" }).to_string()
        }
        Said::Error(text) => format!("Error:\n{text}"),
        Said::Arguments(text) => format!(
            "Error (argument validation): {text}\nArguments given:\n\t{}\n\nUsage\n\n{}",
            words.given.join(" "),
            command.usage_line(tool)
        ),
    };
    refuse(failure.exit, &text)
}

fn succeed(text: &str) -> ExitCode {
    // As above: nobody may be listening.
    let _ = writeln!(io::stdout(), "{text}");
    ExitCode::SUCCESS
}

fn refuse(exit: Exit, text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(exit as u8)
}
