//! The table of results: behaviour by client.
//!
//! A suite, in whatever language, appends one line per behaviour to the file that `INTEROP_RESULTS`
//! names, five columns separated by tabs:
//!
//! ```text
//! client  chapter  behaviour  passed|failed|skipped  reason, may be empty
//! ```
//!
//! Chapters and behaviours keep the order in which they first came; a behaviour that several clients
//! report under the same words shares a row, and one that a client reports repeatedly has as many cases.

use std::fmt;

/// What became of one behaviour with one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As RabbitMQ does it.
    Passed,
    /// Otherwise.
    Failed,
    /// Not tried; the reason says why.
    Skipped,
}

struct Entry {
    client: String,
    chapter: String,
    behaviour: String,
    outcome: Outcome,
    reason: String,
}

/// All results of one run.
#[derive(Default)]
pub struct Table {
    entries: Vec<Entry>,
}

impl Table {
    /// Reads what suites have written. An unreadable line is an error: a result must not get lost.
    pub fn parse(text: &str) -> Result<Self, String> {
        let entries = text.lines().map(Entry::parse).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// How many ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.entries.iter().filter(|entry| entry.outcome == outcome).count()
    }

    /// What one cell says of all its cases.
    fn cell(&self, chapter: &str, behaviour: &str, client: &str) -> String {
        let of_cell = |e: &&Entry| e.chapter == chapter && e.behaviour == behaviour && e.client == client;
        let cases: Vec<Outcome> = self.entries.iter().filter(of_cell).map(|entry| entry.outcome).collect();
        let of_outcome = |wanted| cases.iter().filter(|outcome| **outcome == wanted).count();
        let worst = [Outcome::Failed, Outcome::Skipped, Outcome::Passed];
        let Some(outcome) = worst.into_iter().find(|outcome| 0 < of_outcome(*outcome)) else {
            return "-".to_owned();
        };
        match (of_outcome(outcome), cases.len()) {
            (_, 1) => outcome.word().to_owned(),
            (count, all) if count == all => format!("{} {all}", outcome.word()),
            (count, all) => format!("{} {count}/{all}", outcome.word()),
        }
    }
}

impl Entry {
    fn parse(line: &str) -> Result<Self, String> {
        let mut columns = line.splitn(5, '\t').map(str::to_owned);
        let mut next = || columns.next().ok_or_else(|| format!("not a line of results: {line:?}"));
        let (client, chapter, behaviour) = (next()?, next()?, next()?);
        let outcome = match next()?.as_str() {
            "passed" => Outcome::Passed,
            "failed" => Outcome::Failed,
            "skipped" => Outcome::Skipped,
            _ => return Err(format!("not a line of results: {line:?}")),
        };
        Ok(Self { client, chapter, behaviour, outcome, reason: next()? })
    }
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = distinct(self.entries.iter().map(|entry| entry.client.as_str()));
        let longest = self.entries.iter().map(|entry| entry.behaviour.chars().count()).max().unwrap_or(0);
        let (width, column) = (longest + 4, clients.iter().map(|c| c.len()).max().unwrap_or(0).max(12) + 2);
        for chapter in distinct(self.entries.iter().map(|entry| entry.chapter.as_str())) {
            write!(f, "{chapter:<width$}")?;
            for client in &clients {
                write!(f, "{client:<column$}")?;
            }
            writeln!(f)?;
            let of_chapter = self.entries.iter().filter(|entry| entry.chapter == chapter);
            for behaviour in distinct(of_chapter.map(|entry| entry.behaviour.as_str())) {
                write!(f, "  {behaviour:<0$}", width - 2)?;
                for client in &clients {
                    write!(f, "{:<column$}", self.cell(chapter, behaviour, client))?;
                }
                writeln!(f)?;
            }
        }
        let needs_words = |entry: &&Entry| matches!(entry.outcome, Outcome::Failed | Outcome::Skipped);
        for entry in self.entries.iter().filter(needs_words) {
            writeln!(
                f,
                "{}: {} ({}): {}",
                entry.outcome.word(),
                entry.behaviour,
                entry.client,
                entry.reason
            )?;
        }
        let every = [Outcome::Passed, Outcome::Failed, Outcome::Skipped];
        let counts =
            every.map(|outcome| format!("{} {}", self.count(outcome), outcome.word().to_lowercase()));
        writeln!(f, "{}", counts.join(", "))
    }
}

/// Without repetitions, in the order of first appearance.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_behaviour_and_a_column_a_client_with_all_its_cases() {
        let table = Table::parse(
            "a\tqueues\tbirth\tpassed\t\n\
             a\tqueues\tdeath\tpassed\t\n\
             a\tqueues\tdeath\tfailed\tstill alive\n\
             b\tqueues\tbirth\tpassed\t\n\
             b\tqueues\tbirth\tpassed\t\n\
             b\tqueues\tlife\tskipped\ttoo short\n\
             b\tqueues\tdeath\tskipped\tpatience\n",
        )
        .unwrap();
        let expected = [
            "queues   a             b",
            "  birth  passed        passed 2",
            "  death  FAILED 1/2    skipped",
            "  life   -             skipped",
            "FAILED: death (a): still alive",
            "skipped: life (b): too short",
            "skipped: death (b): patience",
            "4 passed, 1 failed, 2 skipped",
        ];
        assert_eq!(table.to_string().lines().map(str::trim_end).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_line_that_is_no_result_is_refused() {
        assert!(Table::parse("a\tqueues\tbirth\tmaybe\t\n").is_err());
        assert!(Table::parse("a\tqueues\n").is_err());
    }
}
