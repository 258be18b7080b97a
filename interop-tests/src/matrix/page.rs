//! `docs/interop.md`, as the run itself writes it.
//!
//! Invariant: it depends on outcomes only, never on what a failure said or how long it took, so two runs
//! with the same outcomes write the same page.

use std::fmt::Write as _;

use super::cells::Cell;
use super::expected::{Difference, Expected};
use super::verdict::Run;

const HEAD: &str = "\
<!-- Written by `UPDATE_DOCS=1 cargo test -p leveret-interop --test matrix`. -->

# Clients

Each column is a client library, driven by a program in its own language that uses the library as its users
do; each row is a behaviour that program proves against the running broker. The same programs pass against
RabbitMQ 4.3, save for the differences below. How to run them: [interop-tests](../interop-tests/README.md).

";

/// The whole page.
pub fn page(run: &Run<'_>, expected: &Expected) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| column | language | library |\n|---|---|---|\n");
    for client in run.clients {
        let _ = writeln!(page, "| {} | {} | {} |", client.name, client.language, client.libraries.join(", "));
    }
    page.push_str("\n| |");
    for client in run.clients {
        let _ = write!(page, " {} |", client.name);
    }
    let _ = write!(page, "\n|---|{}", "---|".repeat(run.clients.len()));
    for behaviour in &expected.behaviours {
        let _ = write!(page, "\n| **{}**: {} |", behaviour.id, behaviour.sentence.replace('|', "\\|"));
        for client in run.clients {
            let _ = write!(page, " {} |", run.cells.get(&client.name, &behaviour.id).map_or("", mark));
        }
    }
    page.push('\n');
    let (not_yet, differences) = expected.differences.split_at_checked(expected.not_yet).unwrap_or_default();
    section(&mut page, "What leveret does not do yet", not_yet.iter().map(told).collect());
    section(&mut page, "What a library does not offer", not_offered(run, expected));
    section(&mut page, "Where a broker differs", differences.iter().map(told).collect());
    page
}

/// The lines of the page about features that libraries lack; they are the same for every broker.
pub fn not_offered(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut lines = Vec::new();
    for client in run.clients {
        for behaviour in &expected.behaviours {
            if let Some(Cell::NotOffered(reason)) = run.cells.get(&client.name, &behaviour.id) {
                lines.push(format!("{}, {}: {reason}", client.name, behaviour.id));
            }
        }
    }
    lines
}

const fn mark(cell: &Cell) -> &'static str {
    match cell {
        Cell::Passed => "yes",
        Cell::Failed(_) => "no",
        Cell::NotOffered(_) => "–",
    }
}

fn told(difference: &Difference) -> String {
    let client = difference.client.as_deref().map(|client| format!(" with {client}")).unwrap_or_default();
    format!("{}, {}{client}: {}", difference.broker, difference.id, difference.reason)
}

fn section(page: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(page, "\n## {title}\n\n");
    for line in lines {
        let _ = writeln!(page, "- {line}");
    }
}
