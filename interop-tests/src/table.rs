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
//! report under the same words shares a row.

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

    fn find(&self, chapter: &str, behaviour: &str, client: &str) -> Option<Outcome> {
        let of_cell = |e: &&Entry| e.chapter == chapter && e.behaviour == behaviour && e.client == client;
        self.entries.iter().find(of_cell).map(|entry| entry.outcome)
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
        let (width, column) = (longest + 4, clients.iter().map(|c| c.len()).max().unwrap_or(0).max(7) + 2);
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
                    let word = self.find(chapter, behaviour, client).map_or("-", Outcome::word);
                    write!(f, "{word:<column$}")?;
                }
                writeln!(f)?;
            }
        }
        for entry in self.entries.iter().filter(|entry| entry.outcome != Outcome::Passed) {
            writeln!(
                f,
                "{}: {} ({}): {}",
                entry.outcome.word(),
                entry.behaviour,
                entry.client,
                entry.reason
            )?;
        }
        let [passed, failed, skipped] =
            [Outcome::Passed, Outcome::Failed, Outcome::Skipped].map(|outcome| self.count(outcome));
        writeln!(f, "{passed} passed, {failed} failed, {skipped} skipped")
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
    fn the_same_behaviour_of_two_clients_shares_a_row_and_a_missing_one_is_a_dash() {
        let table = Table::parse(
            "a\tqueues\tbirth\tpassed\t\n\
             a\tqueues\tdeath\tfailed\tstill alive\n\
             b\tqueues\tbirth\tskipped\tno midwife\n",
        )
        .unwrap();
        assert_eq!(
            table.to_string(),
            "queues   a        b        \n\
             \x20 birth  passed   skipped  \n\
             \x20 death  FAILED   -        \n\
             FAILED: death (a): still alive\n\
             skipped: birth (b): no midwife\n\
             1 passed, 1 failed, 1 skipped\n"
        );
    }

    #[test]
    fn a_line_that_is_no_result_is_refused() {
        assert!(Table::parse("a\tqueues\tbirth\tmaybe\t\n").is_err());
        assert!(Table::parse("a\tqueues\n").is_err());
    }
}
