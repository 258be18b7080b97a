//! The table in the repository: a case and its instructions a line, and how far a measurement is from it.

use std::fmt;

use crate::failure::Failure;

/// So much dearer is too dear, in per cent.
const DEARER: u64 = 2;
/// So much cheaper, and the line is to be drawn anew: it would let the gain be lost again.
const CHEAPER: u64 = 5;

/// Before the names of the tools, in the file.
const TOOLS: &str = "# Measured with ";

const HEAD: &str = "\
# Instructions of the rules for one message that is published, from the frames of its producer's read to the frames
# for its consumers' sockets; the cases are in crates/core/benches/passage/case.rs. The gate holds this line.
# Written by `cargo xtask instructions --write`.
";

/// What each case costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it was measured with.
    pub tools: String,
    /// Cases in their order.
    pub costs: Vec<(String, u64)>,
}

/// One case, as it should be and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    case: String,
    expected: Option<u64>,
    measured: Option<u64>,
}

/// What is to be said of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Near enough.
    Holds,
    /// It costs more than it may.
    Dearer,
    /// It costs so much less that the table is of no use.
    Cheaper,
    /// The table does not know it.
    New,
    /// It is not there any more.
    Gone,
}

impl Table {
    /// The table that a file holds.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut table = Self::default();
        for line in text.lines() {
            if let Some(tools) = line.strip_prefix(TOOLS) {
                tools.clone_into(&mut table.tools);
            } else if !line.starts_with('#') && !line.is_empty() {
                let what = || Failure::Unreadable { what: format!("`{line}` in the table of instructions") };
                table.costs.push(cost(line).ok_or_else(what)?);
            }
        }
        Ok(table)
    }

    /// Every case of either.
    pub fn compare(&self, measured: &Self) -> Vec<Line> {
        let gone = self.costs.iter().filter(|(case, _)| measured.of(case).is_none());
        let cases = measured.costs.iter().chain(gone).map(|(case, _)| case);
        cases
            .map(|case| Line { case: case.clone(), expected: self.of(case), measured: measured.of(case) })
            .collect()
    }

    /// What a case of the table costs instead.
    pub fn set(&mut self, case: &str, cost: u64) {
        if let Some((_, known)) = self.costs.iter_mut().find(|(name, _)| name == case) {
            *known = cost;
        }
    }

    fn of(&self, case: &str) -> Option<u64> {
        self.costs.iter().find(|(name, _)| name == case).map(|(_, cost)| *cost)
    }
}

/// A case and what it costs, which is never nothing.
fn cost(line: &str) -> Option<(String, u64)> {
    let (case, cost) = line.split_once(' ')?;
    let cost = cost.trim().parse().ok().filter(|cost| *cost != 0)?;
    Some((case.to_owned(), cost))
}

impl fmt::Display for Table {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{HEAD}{TOOLS}{}", self.tools)?;
        self.costs.iter().try_for_each(|(case, cost)| writeln!(to, "{case:<26} {cost:>8}"))
    }
}

impl Line {
    /// The case.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// Whether it costs something else than it should.
    pub fn has_moved(&self) -> bool {
        matches!(self.verdict(), Verdict::Dearer | Verdict::Cheaper)
    }

    /// Whether that is near enough.
    pub fn verdict(&self) -> Verdict {
        match (self.expected, self.measured) {
            (None, _) => Verdict::New,
            (_, None) => Verdict::Gone,
            (Some(expected), Some(measured)) if expected * (100 + DEARER) < measured * 100 => Verdict::Dearer,
            (Some(expected), Some(measured)) if measured * 100 < expected * (100 - CHEAPER) => {
                Verdict::Cheaper
            }
            _ => Verdict::Holds,
        }
    }

    /// How far it is from what it should be, with a sign.
    fn change(&self) -> String {
        let (Some(expected), Some(measured)) = (self.expected, self.measured) else { return String::new() };
        let sign = if measured < expected { '-' } else { '+' };
        let permille = (measured.abs_diff(expected) * 1000 + expected / 2) / expected;
        format!("{sign}{}.{} %", permille / 10, permille % 10)
    }

    /// The line for a reader, in columns.
    fn row(&self) -> String {
        let shown = |cost: Option<u64>| cost.map_or_else(|| "-".to_owned(), |cost| cost.to_string());
        let (expected, measured) = (shown(self.expected), shown(self.measured));
        format!("{:<26}{expected:>10}{measured:>10}  {}\n", self.case, self.change())
    }
}

/// What is wrong with it, in words.
impl fmt::Display for Line {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict() {
            Verdict::New => write!(to, "{} is not in the table", self.case),
            Verdict::Gone => write!(to, "{} is in the table alone", self.case),
            Verdict::Holds | Verdict::Dearer | Verdict::Cheaper => {
                write!(to, "{} {}", self.case, self.change())
            }
        }
    }
}

/// All lines for a reader.
pub fn report(lines: &[Line]) -> String {
    let head = format!("{:<26}{:>10}{:>10}\n", "instructions per message", "table", "measured");
    lines.iter().map(Line::row).fold(head, |text, row| text + &row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(costs: &[(&str, u64)]) -> Table {
        let costs = costs.iter().map(|(case, cost)| ((*case).to_owned(), *cost)).collect();
        Table { tools: "rustc 1.0, valgrind-3.0".to_owned(), costs }
    }

    fn line(expected: u64, measured: u64) -> Line {
        table(&[("a", expected)]).compare(&table(&[("a", measured)])).remove(0)
    }

    #[test]
    fn two_per_cent_dearer_holds_and_more_does_not() {
        let verdicts = [1020, 1021].map(|measured| line(1000, measured).verdict());
        assert_eq!(verdicts, [Verdict::Holds, Verdict::Dearer]);
    }

    #[test]
    fn five_per_cent_cheaper_holds_and_more_asks_for_a_new_table() {
        let verdicts = [950, 949].map(|measured| line(1000, measured).verdict());
        assert_eq!(verdicts, [Verdict::Holds, Verdict::Cheaper]);
    }

    #[test]
    fn a_case_that_only_one_side_knows_does_not_hold() {
        let lines = table(&[("old", 1), ("both", 1)]).compare(&table(&[("both", 1), ("new", 1)]));
        let verdicts: Vec<_> = lines.iter().map(|line| (line.case.as_str(), line.verdict())).collect();
        assert_eq!(verdicts, [("both", Verdict::Holds), ("new", Verdict::New), ("old", Verdict::Gone)]);
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let table = table(&[("16B", 2833), ("a-case-with-a-name-that-is-very-long", 123_456_789)]);
        assert_eq!(Table::parse(&table.to_string()).unwrap(), table);
    }

    #[test]
    fn a_line_without_a_cost_is_refused() {
        for line in ["16B", "16B ", "16B many", "16B 0", "16B -1"] {
            assert!(Table::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_change_has_its_sign_and_is_rounded() {
        assert_eq!(line(2000, 2041).to_string(), "a +2.1 %");
        assert_eq!(line(2000, 1800).to_string(), "a -10.0 %");
    }
}
