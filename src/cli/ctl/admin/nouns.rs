//! What the script's successor knows: a row a command, with its two names, its options, and what it asks the API.

use super::super::exit::Failure;
use super::super::words::{Opt, Words, text};

/// A command.
pub struct Command {
    /// `queues`.
    pub group: &'static str,
    /// `list`.
    pub verb: &'static str,
    /// The other way to say it: `list queues`.
    pub alias: Option<(&'static str, &'static str)>,
    /// Its options.
    pub options: &'static [Opt],
    /// Options that must be there.
    pub required: &'static [&'static str],
    /// What it does.
    pub act: Act,
}

/// What a command does.
pub enum Act {
    /// Shows what is at `path`.
    List {
        /// Below `/api`, options in braces.
        path: &'static str,
        /// What of it.
        columns: &'static [Column],
    },
    /// Sends its options.
    Send {
        /// PUT, POST or DELETE.
        method: &'static str,
        /// Below `/api`, options in braces.
        path: &'static str,
        /// Which options are sent, and how.
        body: &'static [Field],
    },
    /// Asks for a health check.
    Check {
        /// Below `/api`, options in braces.
        path: &'static str,
    },
    /// Anything else.
    Do(fn(&super::sheet::Call<'_>) -> Result<String, Failure>),
}

/// A column.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its place in the API's objects, by dots.
    pub field: &'static str,
    /// How it is shown.
    pub show: Show,
}

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// As it is; lists with commas.
    Plain,
    /// An object, a line a pair.
    Lines,
    /// As lines, and a blank one behind.
    Paragraph,
    /// A list, a line an item.
    Bullets,
    /// JSON.
    Json,
}

/// An option that is sent.
#[derive(Clone, Copy)]
pub struct Field {
    /// What the API calls it.
    pub key: &'static str,
    /// Its option.
    pub option: &'static str,
    /// What it is.
    pub takes: Takes,
    /// If it is not said.
    pub default: Option<&'static str>,
}

/// What a sent option is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Text.
    Text,
    /// true or false.
    Bool,
    /// JSON.
    Json,
    /// True if it is there.
    Switch,
}

/// A column that the API calls alike.
pub const fn plain(name: &'static str) -> Column {
    column(name, name)
}

/// A column from elsewhere.
pub const fn column(name: &'static str, field: &'static str) -> Column {
    Column { name, field, show: Show::Plain }
}

/// A column of pairs.
pub const fn lines(name: &'static str, field: &'static str) -> Column {
    Column { name, field, show: Show::Lines }
}

/// A column of pairs, with a blank line.
pub const fn paragraph(name: &'static str, field: &'static str) -> Column {
    Column { name, field, show: Show::Paragraph }
}

/// An option that the API calls alike.
pub const fn field(key: &'static str, takes: Takes) -> Field {
    Field { key, option: key, takes, default: None }
}

/// With a default.
pub const fn or(field: Field, default: &'static str) -> Field {
    Field { default: Some(default), ..field }
}

/// Under another name.
pub const fn of(field: Field, option: &'static str) -> Field {
    Field { option, ..field }
}

/// What most need.
pub const NAME: Opt = text("name", "its name");
/// Arguments.
pub const ARGUMENTS: Opt = text("arguments", "arguments, as JSON");

/// A command that lists.
pub const fn list(group: &'static str, path: &'static str, columns: &'static [Column]) -> Command {
    Command {
        group,
        verb: "list",
        alias: Some(("list", group)),
        options: &[],
        required: &[],
        act: Act::List { path, columns },
    }
}

/// A command that sends, with its two names.
pub const fn send(names: [&'static str; 4], method: &'static str, path: &'static str) -> Command {
    let [group, verb, first, second] = names;
    Command {
        group,
        verb,
        alias: Some((first, second)),
        options: &[NAME],
        required: &["name"],
        act: Act::Send { method, path, body: &[] },
    }
}

/// A health check.
pub const fn check(verb: &'static str, path: &'static str) -> Command {
    Command {
        group: "health_check",
        verb,
        alias: None,
        options: &[],
        required: &[],
        act: Act::Check { path },
    }
}

/// Every command.
pub fn all() -> impl Iterator<Item = &'static Command> {
    super::objects::COMMANDS.iter().chain(super::governing::COMMANDS)
}

/// Whether a command is called so.
pub fn is_known(one: &str, other: &str) -> bool {
    all().any(|command| command.is_called(one, other))
}

impl Command {
    /// Whether these two words are its name, or its other name.
    pub fn is_called(&self, one: &str, other: &str) -> bool {
        (self.group, self.verb) == (one, other) || self.alias == Some((one, other))
    }

    /// An option that must be there and is not.
    pub fn missing(&self, words: &Words) -> Option<&'static str> {
        self.required.iter().copied().find(|name| !words.has(name))
    }

    /// How it is said.
    pub fn usage_line(&self) -> String {
        let required: Vec<String> = self.required.iter().map(|name| format!(" --{name} <{name}>")).collect();
        let required = required.concat();
        let alias = self.alias.map(|(one, other)| format!(" (or: {one} {other})")).unwrap_or_default();
        format!("{} {}{required}{alias}", self.group, self.verb)
    }

    /// How it is said, with its options.
    pub fn usage(&self) -> String {
        let options: Vec<String> =
            self.options.iter().map(|opt| format!("\n  --{:24} {}", opt.name, opt.help)).collect();
        format!("Usage: rabbitmqadmin [OPTIONS] {}\n{}", self.usage_line(), options.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_name_of_its_own_and_options_for_what_it_needs() {
        for (at, command) in all().enumerate() {
            let same = all().position(|other| other.is_called(command.group, command.verb));
            assert_eq!(same, Some(at), "{}", command.usage_line());
            for name in command.required {
                assert!(command.options.iter().any(|opt| opt.name == *name), "{}", command.usage_line());
            }
        }
    }
}
