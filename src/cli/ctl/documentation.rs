//! docs/ctl.md, printed from the tables of commands.
//!
//! As docs/configuration.md: a test fails when the page is not what the tables say, and writes it anew with
//! `UPDATE_DOCS=1`.

use std::fmt::Write as _;
use std::path::Path;

use super::admin;
use super::command::{self, Action, Topic};
use super::tool::Tool;

const HEAD: &str = include_str!("documentation/head.md");

fn page() -> String {
    let mut page = HEAD.to_owned();
    for topic in Topic::ALL {
        writeln!(page, "\n### {}\n\n| command | what it does | also in |\n|---|---|---|", topic.title())
            .unwrap();
        for command in command::all().filter(|command| command.topic == topic) {
            let usage = format!("{} {}", command.name, command.usage).trim_end().replace('|', "\\|");
            let tools: Vec<&str> = command.tools.iter().map(|tool| tool.name()).collect();
            writeln!(page, "| `{usage}` | {} | {} |", command.summary, short(&tools)).unwrap();
        }
    }
    page.push_str("\n## Columns\n\nOf the commands that list; those in bold are shown if none is named.\n\n");
    for command in command::of(Tool::Own) {
        let Action::List(listing) = &command.action else { continue };
        let columns = listing.columns.iter().map(|column| {
            if listing.default.contains(&column.name) {
                format!("**{}**", column.name)
            } else {
                column.name.to_owned()
            }
        });
        writeln!(page, "- `{}`: {}", command.name, columns.collect::<Vec<_>>().join(", ")).unwrap();
    }
    write!(page, "\n## rabbitmqadmin\n\n```text\n{}\n```\n", admin::help()).unwrap();
    page
}

fn short(tools: &[&str]) -> String {
    if tools.len() == 6 { "all".to_owned() } else { tools.join(", ") }
}

#[test]
fn the_page_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ctl.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page(), "docs/ctl.md is out of date: run this test with UPDATE_DOCS=1");
}
