//! The words of a command line: its command, its arguments, its options, wherever they stand.
//!
//! RabbitMQ's tools take options before, between and after the arguments, `--key value` and `--key=value`
//! alike, and `-` for `_` in their names; so does this.

use super::exit::Failure;

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Text.
    Text,
    /// A whole number.
    Whole,
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Without the dashes.
    pub name: &'static str,
    /// One letter that says the same.
    pub short: Option<char>,
    /// What it takes.
    pub takes: Takes,
    /// What it does.
    pub help: &'static str,
}

/// An option that is there or not.
pub const fn switch(name: &'static str, help: &'static str) -> Opt {
    Opt { name, short: None, takes: Takes::Nothing, help }
}

/// An option with a text.
pub const fn text(name: &'static str, help: &'static str) -> Opt {
    Opt { name, short: None, takes: Takes::Text, help }
}

/// An option with a number.
pub const fn whole(name: &'static str, help: &'static str) -> Opt {
    Opt { name, short: None, takes: Takes::Whole, help }
}

const fn short(letter: char, opt: Opt) -> Opt {
    Opt { short: Some(letter), ..opt }
}

/// What every command takes.
pub const GENERAL: &[Opt] = &[
    short('n', text("node", "the broker must be the node of this name")),
    short('q', switch("quiet", "say nothing but the answer")),
    short('s', switch("silent", "say nothing but the answer, without the names of its columns")),
    short('t', whole("timeout", "wait for at most this many seconds")),
    short('p', text("vhost", "the virtual host [default: /]")),
    short('l', switch("longnames", "accepted; the broker is no Erlang node")),
    short('h', switch("help", "say what the command does")),
    text("formatter", "table, pretty_table, csv, json or erlang"),
    switch("no-table-headers", "leave out the names of the columns"),
    switch("version", "say the version"),
    text("socket", "the broker's local socket"),
    text("url", "the broker's HTTP API: http://user:password@host:port"),
    text("data-dir", "the broker's data directory, where its socket is"),
    text("script-name", "accepted"),
    switch("print-stacktrace", "accepted"),
    switch("table-headers", "accepted; they are there"),
];

/// The words, sorted.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// As they were, for what is said of a refusal.
    pub given: Vec<String>,
    /// What is no option.
    pub plain: Vec<String>,
    options: Vec<(&'static str, String)>,
    strange: Vec<String>,
}

impl Words {
    /// Sorts `given`; options are those of `known`.
    pub fn sort(given: &[String], known: &[&'static [Opt]]) -> Self {
        let mut words = Self { given: given.to_vec(), ..Self::default() };
        let mut rest = given.iter().peekable();
        while let Some(word) = rest.next() {
            let Some((name, value)) = as_option(word) else {
                if word == "--" {
                    words.plain.extend(rest.cloned());
                    break;
                }
                words.plain.push(word.clone());
                continue;
            };
            match find(name, known) {
                None => words.strange.push(format!("{word} : {}", value.unwrap_or_default())),
                Some(opt) if opt.takes == Takes::Nothing => words.options.push((opt.name, String::new())),
                Some(opt) => {
                    let value = value.map(str::to_owned).or_else(|| rest.next().cloned());
                    words.take(word, opt, value.unwrap_or_default());
                }
            }
        }
        words
    }

    /// Sorts what stands in front of the command by `front`, and the command with what follows by `behind`: a letter may
    /// be an option of the program in front and one of the command behind.
    pub fn sort_around(given: &[String], front: &[&'static [Opt]], behind: &[&'static [Opt]]) -> Self {
        let (before, rest) = given.split_at(command_at(given, front));
        let (mut words, rest) = (Self::sort(before, front), Self::sort(rest, behind));
        words.given = given.to_vec();
        words.plain.extend(rest.plain);
        words.options.extend(rest.options);
        words.strange.extend(rest.strange);
        words
    }

    fn take(&mut self, word: &str, opt: Opt, value: String) {
        if opt.takes == Takes::Whole && value.parse::<i64>().is_err() && !is_infinite(&value) {
            self.strange.push(format!("{word} : {value}"));
        } else {
            self.options.push((opt.name, value));
        }
    }

    /// Whether the option is there.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(each, _)| *each == name)
    }

    /// Its value; the last one if it is there twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(each, _)| *each == name).map(|(_, value)| value.as_str())
    }

    /// Refuses options that the command does not know.
    pub fn check(&self) -> Result<(), Failure> {
        if self.strange.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format!("Invalid options for this command:\n{}", self.strange.join("\n"))))
    }
}

/// Where the first word stands that is neither an option nor an option's value.
fn command_at(given: &[String], known: &[&'static [Opt]]) -> usize {
    let is_command = |at: &usize| {
        let up_to_here: Vec<String> = given.iter().take(at + 1).cloned().collect();
        !Words::sort(&up_to_here, known).plain.is_empty()
    };
    (0..given.len()).find(is_command).unwrap_or(given.len())
}

fn is_infinite(value: &str) -> bool {
    value == "infinity"
}

fn as_option(word: &str) -> Option<(&str, Option<&str>)> {
    let body = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    if body.is_empty() || body.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    Some(match word.starts_with("--").then(|| body.split_once('=')).flatten() {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    })
}

fn find(name: &str, known: &[&'static [Opt]]) -> Option<Opt> {
    let same = |opt: &Opt| {
        let mut letters = name.chars();
        let letter = letters.next().filter(|_| letters.next().is_none());
        opt.name == name.replace('_', "-")
            || (letter.is_some() && opt.short == letter)
            || asks_for_help(name, opt)
    };
    known.iter().flat_map(|list| list.iter()).copied().find(same)
}

/// `-?`, which RabbitMQ's tools take.
fn asks_for_help(name: &str, opt: &Opt) -> bool {
    name == "?" && opt.name == "help"
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[Opt] = &[whole("priority", ""), text("apply-to", ""), switch("if-empty", "")];

    fn sorted(line: &str) -> Words {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Words::sort(&words, &[OWN, GENERAL])
    }

    #[test]
    fn options_stand_anywhere_and_are_said_in_every_way() {
        let words = sorted("-q set_policy --vhost=v --apply_to queues p ^a --priority 3 {} -n x");
        assert_eq!(words.plain, ["set_policy", "p", "^a", "{}"]);
        assert!(words.has("quiet"));
        assert_eq!(words.value("vhost"), Some("v"));
        assert_eq!(words.value("apply-to"), Some("queues"));
        assert_eq!(words.value("priority"), Some("3"));
        assert_eq!(words.value("node"), Some("x"));
        assert!(words.check().is_ok());
    }

    #[test]
    fn a_letter_in_front_of_the_command_is_the_programs() {
        const COMMAND: &[Opt] = &[short('p', text("properties", "")), short('q', text("queue", ""))];
        let sorted = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let words = Words::sort_around(&words, &[GENERAL], &[COMMAND, GENERAL]);
            let value = |name: &str| words.value(name).unwrap_or("-").to_owned();
            assert!(words.check().is_ok(), "{line}");
            (words.plain.join(" "), value("vhost"), value("properties"), value("queue"), words.has("quiet"))
        };
        let told = |plain: &str, values: [&str; 3], quiet| {
            let [vhost, properties, queue] = values.map(str::to_owned);
            (plain.to_owned(), vhost, properties, queue, quiet)
        };
        assert_eq!(sorted("-p v -q get it -p {} -q q"), told("get it", ["v", "{}", "q"], true));
        assert_eq!(sorted("get it -p {} -n x"), told("get it", ["-", "{}", "-"], false));
        assert_eq!(sorted("-p v"), told("", ["v", "-", "-"], false));
    }

    #[test]
    fn what_is_no_option_of_the_command_is_refused_by_name() {
        let refused = |line: &str| sorted(line).check().unwrap_err().text().to_owned();
        assert_eq!(refused("a --nosuch"), "Invalid options for this command:\n--nosuch : ");
        assert_eq!(refused("a --priority x"), "Invalid options for this command:\n--priority : x");
    }

    #[test]
    fn a_dash_alone_a_negative_number_and_what_follows_two_dashes_are_arguments() {
        assert_eq!(sorted("export_definitions - -5 -- --x").plain, ["export_definitions", "-", "-5", "--x"]);
    }
}
