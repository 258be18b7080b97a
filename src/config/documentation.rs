//! docs/configuration.md, printed from the table of options.
//!
//! The page is in the repository, so that it can be read there; a test fails when it is not what the table
//! says, and writes it anew when it is run with `UPDATE_DOCS=1`.

use std::fmt::Write as _;
use std::path::Path;

use super::known::{Effect, KNOWN, KNOWN_VARIABLES};
use super::options::{Flag, Setting, settings};

const HEAD: &str = "\
# Configuration

<!-- Printed from the tables in src/config by `UPDATE_DOCS=1 cargo test -p leveret --bin leveret documentation`. -->

`leveret` takes its options from four places: a flag wins over the environment, the environment over the
files, the files over the default. A source that speaks of an option replaces what the sources below it say of it.

## Files

The file is the one that `--config` or its variables name (without `.conf` at the end too); else
`/etc/leveret/leveret.conf`; else `/etc/rabbitmq/rabbitmq.conf`. Behind it come the files `conf.d/*.conf` beside it, in the
order of their names, or those that `LEVERET_CONFIG_FILES` or `RABBITMQ_CONFIG_FILES` say; of lines for the same key the
last one counts. `/etc/rabbitmq/conf.d` is read without a main file, too. `advanced.config` is not read, which the log says if
there is one. Simple lines (`NAME=value`) of `/etc/rabbitmq/rabbitmq-env.conf` count as variables.

A file has the syntax of rabbitmq.conf: one `key = value` a line, `#` begins a comment, single quotes keep a
value as it is, `$(NAME)` stands for an environment variable.

- A key of the first table does what it says. A value that makes no sense refuses the start, naming the file, the line and
  the key, and what was expected.
- A key that RabbitMQ knows and that changes nothing here (second table) is named in the log, once: as a warning where
  somebody may miss what it asks for.
- A key that nobody knows is named in the log with the nearest one that somebody knows. (RabbitMQ does not start then.)

`leveret check FILE` says which of these each line of a file is, before a start.

`enabled_plugins` and `RABBITMQ_ENABLED_PLUGINS` are not asked: the HTTP API and metrics are served whether or not they name
`rabbitmq_management` and `rabbitmq_prometheus`; `--http off` and `--metrics off` switch them off.

## Options

| option | flag | environment | rabbitmq.conf | default |
|---|---|---|---|---|
";

const KEYS: &str = "
## Keys of RabbitMQ that change nothing

A key that ends in a dot stands for all that begin so and are not among the options. Those in bold are warned of: what they
ask for does not happen.

| rabbitmq.conf | why |
|---|---|
";

const VARIABLES: &str = "
## Variables of RabbitMQ that change nothing

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for setting in settings() {
        let row = [
            setting.help.replace('|', "\\|"),
            setting.flag.map(written).unwrap_or_default(),
            code(setting.environment.iter().rev()),
            code(setting.keys.iter()),
            format!("`{}`", setting.default),
        ];
        writeln!(page, "| {} |", row.join(" | ")).unwrap();
    }
    page.push_str(KEYS);
    for (key, effect) in KNOWN {
        match effect {
            Effect::None(why) => writeln!(page, "| `{key}` | {why} |"),
            Effect::Missed(why) => writeln!(page, "| **`{key}`** | {why} |"),
        }
        .unwrap();
    }
    page.push_str(VARIABLES);
    writeln!(page, "{}.", code(KNOWN_VARIABLES.iter())).unwrap();
    page
}

fn written(flag: Flag) -> String {
    match flag {
        Flag::Value { name, value } => format!("`--{name} {}`", value.replace('|', "\\|")),
        Flag::Values { name, value } => format!("`--{name} {}`, repeatable", value.replace('|', "\\|")),
        Flag::Switch { name } => format!("`--{name}`"),
    }
}

fn code<'a>(names: impl Iterator<Item = &'a &'static str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page(), "docs/configuration.md is out of date: run this test with UPDATE_DOCS=1");
}

#[test]
fn every_option_can_be_given_somewhere_and_is_explained() {
    for Setting { flag, environment, keys, default, help, .. } in settings() {
        assert!(flag.is_some() || !environment.is_empty() || !keys.is_empty(), "{help}");
        assert!(!help.is_empty() && !help.ends_with('.') && !default.is_empty(), "{help}");
    }
}

#[test]
fn no_two_options_answer_to_the_same_name() {
    let names = settings().flat_map(|setting| {
        let flag = setting.flag.map(|flag| format!("--{}", flag.name()));
        let others = setting.environment.iter().chain(setting.keys).map(|name| (*name).to_owned());
        flag.into_iter().chain(others)
    });
    let mut seen = std::collections::HashSet::new();
    for name in names {
        assert!(seen.insert(name.clone()), "{name}");
    }
}
