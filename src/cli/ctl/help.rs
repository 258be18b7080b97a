//! What the tools say of themselves, made from the table of commands.

use std::fmt::Write as _;

use super::command::{self, Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::tool::Tool;
use super::words::{GENERAL, Opt};

const EVERY: &[Tool] =
    &[Tool::Ctl, Tool::Diagnostics, Tool::Queues, Tool::Streams, Tool::Upgrade, Tool::Plugins];

/// The version that the tools say is the server's whose tools they are.
pub fn version() -> &'static str {
    leveret_core::amqp::RABBITMQ_VERSION
}

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        tools: EVERY,
        summary: "Says what a command does and takes",
        usage: "(<command> | [--list-commands])",
        arguments: (0, 1),
        options: &[super::words::switch("list-commands", "the names of all commands")],
        action: Action::Do(|call| {
            let text = match call.words.plain.first() {
                None => overview(call.tool),
                Some(name) => match command::of(call.tool).find(|command| command.name == name) {
                    Some(command) => of(call.tool, command),
                    None => {
                        return Err(Failure::error(Exit::Usage, format!("\nCommand '{name}' not found.")));
                    }
                },
            };
            Ok(Output::Text(text))
        }),
        ..NONE
    },
    Command {
        name: "version",
        tools: EVERY,
        summary: "Says the version",
        action: Action::Do(|_| Ok(Output::Text(version().to_owned()))),
        ..NONE
    },
    Command {
        name: "autocomplete",
        tools: BOTH,
        summary: "Lists the commands that begin so",
        usage: "[prefix] [--timeout <timeout>]",
        arguments: (0, 1),
        action: Action::Do(|call| {
            let prefix = call.argument(0);
            let mut names: Vec<&str> = command::of(call.tool)
                .map(|command| command.name)
                .filter(|name| name.starts_with(prefix))
                .collect();
            names.sort_unstable();
            names.dedup();
            Ok(Output::Text(names.join("\n")))
        }),
        ..NONE
    },
];

/// All commands of a tool, by matter.
pub fn overview(tool: Tool) -> String {
    let name = tool.name();
    let mut text = format!(
        "\nUsage\n\n{name} [--node <node>] [--timeout <timeout>] [--longnames] [--quiet] <command> [<command options>]\n\nAvailable commands:\n"
    );
    let width = command::of(tool).map(|command| command.name.len()).max().unwrap_or_default();
    for topic in Topic::ALL {
        let commands: Vec<&Command> = command::of(tool).filter(|command| command.topic == topic).collect();
        if commands.is_empty() {
            continue;
        }
        let _ = write!(text, "\n{}:\n\n", topic.title());
        for command in commands {
            let _ = writeln!(text, "   {:width$}  {}", command.name, command.summary);
        }
    }
    let _ = write!(text, "\nUse '{name} help <command>' to learn more about a specific command");
    text
}

/// One command.
pub fn of(tool: Tool, command: &Command) -> String {
    let mut text = format!("\nUsage\n\n{}\n\n{}\n", command.usage_line(tool), command.summary);
    if let Action::List(listing) = &command.action {
        let names: Vec<&str> = listing.columns.iter().map(|column| column.name).collect();
        let _ = write!(
            text,
            "\nColumns: {}\nShown if none is named: {}\n",
            names.join(", "),
            listing.default.join(", ")
        );
    }
    for (title, options) in [("Options", command.options), ("General Options", GENERAL)] {
        if options.is_empty() {
            continue;
        }
        let _ = write!(text, "\n{title}\n\n");
        for option in options {
            let _ = writeln!(text, "  {:30} {}", spelled(option), option.help);
        }
    }
    text.trim_end().to_owned()
}

fn spelled(option: &Opt) -> String {
    let short = option.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
    let value = if option.takes == super::words::Takes::Nothing { "" } else { " <value>" };
    format!("{short}--{}{value}", option.name)
}

/// A command that does not exist: the nearest one that does, or all.
pub fn unknown(tool: Tool, name: &str) -> String {
    let nearest = command::of(tool).map(|command| (distance(name, command.name), command.name)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 2 => {
            format!("\nCommand '{name}' not found. \nDid you mean '{nearest}'? \n")
        }
        _ => format!("\nCommand '{name}' not found. \n{}", overview(tool)),
    }
}

/// Letters to put in, take out or change.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (cell, candidate) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = diagonal + usize::from(letter != candidate);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_the_command_that_was_meant() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(
            unknown(Tool::Ctl, "list_queue"),
            "\nCommand 'list_queue' not found. \nDid you mean 'list_queues'? \n"
        );
        assert!(unknown(Tool::Ctl, "xyzzy").contains("Available commands"));
    }

    #[test]
    fn every_command_is_whole_and_stands_once_in_a_tool() {
        for tool in EVERY {
            let mut names: Vec<&str> = command::of(*tool).map(|command| command.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{tool:?}");
        }
        for command in command::all() {
            assert!(!command.summary.is_empty() && !command.name.is_empty(), "{command:?}");
            assert!(command.arguments.0 <= command.arguments.1, "{command:?}");
        }
    }
}
