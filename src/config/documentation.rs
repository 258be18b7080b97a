//! docs/configuration.md, printed from the table of options.
//!
//! The page is in the repository, so that it can be read there; a test fails when it is not what the table
//! says, and writes it anew when it is run with `UPDATE_DOCS=1`.

use std::fmt::Write as _;
use std::path::Path;

use super::options::{Flag, Setting, settings};

const HEAD: &str = "\
# Configuration

<!-- Printed from src/config/options.rs by `UPDATE_DOCS=1 cargo test -p leveret --bin leveret documentation`. -->

`leveret` takes its options from four places: a flag wins over the environment, the environment over the
file given by `--config`, the file over the default. A source that speaks of an option replaces what the
sources below it say of it.

The file has the syntax of rabbitmq.conf: one `key = value` a line, `#` begins a comment, single quotes keep a
value as it is, `$(NAME)` stands for an environment variable. Every key is honoured or the start is refused
with the file, the line and the key: one that RabbitMQ knows and this version does not serve is refused
like one that nobody knows. Variables of RabbitMQ that are not listed here do not stop the start; the log
names them once.

| option | flag | environment | rabbitmq.conf | default |
|---|---|---|---|---|
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
    page
}

fn written(flag: Flag) -> String {
    match flag {
        Flag::Value { name, value } => format!("`--{name} {}`", value.replace('|', "\\|")),
        Flag::Values { name, value } => format!("`--{name} {value}`, repeatable"),
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
