//! The results of all programs, and the matrix as it is printed.
//!
//! A program appends one line per behaviour to the file that `INTEROP_RESULTS` names:
//!
//! ```text
//! client  id  passed|failed|not offered  reason, may be empty
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::expected::Behaviour;

/// What became of one behaviour with one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// As RabbitMQ does it.
    Passed,
    /// Otherwise, and how.
    Failed(String),
    /// The library has no such feature; which one.
    NotOffered(String),
}

/// All results of one run.
#[derive(Debug, Default)]
pub struct Cells(BTreeMap<(String, String), Cell>);

impl Cells {
    /// Takes in what one client's program has written. An unreadable line is an error: a result must not
    /// get lost, nor may it be reported under another's name or twice.
    pub fn add(&mut self, client: &str, behaviours: &[Behaviour], text: &str) -> Result<(), String> {
        for line in text.lines() {
            let wrong = |what: &str| format!("{client}: {what}: {line:?}");
            let mut columns = line.splitn(4, '\t');
            let mut next = || columns.next().unwrap_or_default();
            let (name, id, outcome, reason) = (next(), next(), next(), next().to_owned());
            if name != client || !behaviours.iter().any(|behaviour| behaviour.id == id) {
                return Err(wrong("not a behaviour of this client"));
            }
            let cell = match outcome {
                "passed" => Cell::Passed,
                "failed" => Cell::Failed(reason),
                "not offered" if !reason.is_empty() => Cell::NotOffered(reason),
                _ => return Err(wrong("not an outcome, or one without its reason")),
            };
            if self.0.insert((client.to_owned(), id.to_owned()), cell).is_some() {
                return Err(wrong("reported twice"));
            }
        }
        Ok(())
    }

    /// What the client's program has not reported, has failed.
    pub fn complete(&mut self, client: &str, behaviours: &[Behaviour]) {
        for behaviour in behaviours {
            let key = (client.to_owned(), behaviour.id.clone());
            self.0.entry(key).or_insert_with(|| Cell::Failed("no result".to_owned()));
        }
    }

    /// One cell; None if the client was not run.
    pub fn get(&self, client: &str, id: &str) -> Option<&Cell> {
        self.0.get(&(client.to_owned(), id.to_owned()))
    }

    /// The matrix in columns of plain text, then the reasons of what did not pass.
    pub fn print(&self, clients: &[&str], behaviours: &[Behaviour]) -> String {
        let width = behaviours.iter().map(|behaviour| behaviour.id.len()).max().unwrap_or_default() + 2;
        let column = |client: &str| client.len().max("not offered".len()) + 2;
        let mut text = format!("{:width$}", "");
        for client in clients {
            let _ = write!(text, "{client:0$}", column(client));
        }
        let has_run = |behaviour: &&Behaviour| clients.iter().any(|c| self.get(c, &behaviour.id).is_some());
        for behaviour in behaviours.iter().filter(has_run) {
            let _ = write!(text, "\n{:width$}", behaviour.id);
            for client in clients {
                let word = self.get(client, &behaviour.id).map_or("-", Cell::word);
                let _ = write!(text, "{word:0$}", column(client));
            }
        }
        text.push('\n');
        for ((client, id), cell) in &self.0 {
            if let Cell::Failed(reason) | Cell::NotOffered(reason) = cell {
                let _ = writeln!(text, "{}: {client}, {id}: {reason}", cell.word());
            }
        }
        text
    }
}

impl Cell {
    const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::NotOffered(_) => "not offered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviours() -> Vec<Behaviour> {
        ["birth", "death"].map(|id| Behaviour { id: id.to_owned(), sentence: String::new() }).to_vec()
    }

    #[test]
    fn a_row_is_a_behaviour_a_column_a_client_and_what_nobody_reported_has_failed() {
        let mut cells = Cells::default();
        cells.add("a", &behaviours(), "a\tbirth\tpassed\t\na\tdeath\tnot offered\teternal").unwrap();
        cells.add("b", &behaviours(), "b\tbirth\tfailed\tlate\n").unwrap();
        cells.complete("b", &behaviours());
        let text = cells.print(&["a", "b"], &behaviours());
        let expected = [
            "       a            b",
            "birth  passed       FAILED",
            "death  not offered  FAILED",
            "not offered: a, death: eternal",
            "FAILED: b, birth: late",
            "FAILED: b, death: no result",
        ];
        assert_eq!(text.lines().map(str::trim_end).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_line_that_is_no_result_is_refused() {
        for line in [
            "a\tbirth\tmaybe\t",
            "a\tbirth",
            "a\tlife\tpassed\t",
            "b\tbirth\tpassed\t",
            "a\tbirth\tnot offered\t",
            "a\tbirth\tpassed\t\na\tbirth\tfailed\t",
        ] {
            assert!(Cells::default().add("a", &behaviours(), line).is_err(), "{line:?}");
        }
    }
}
