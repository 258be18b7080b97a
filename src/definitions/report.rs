//! What became of a document that was applied, besides what it asked for.
//!
//! Invariant: one line for each thing, which names it; nothing here stopped the import.

/// What an import left as it was, or took without acting on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    differences: Vec<String>,
    skipped: Vec<String>,
}

impl ApplyReport {
    /// Where a queue or an exchange that was there already is not what the file says.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }

    /// What was left out, or is kept without an effect.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Adds what differs about one thing.
    pub fn differs(&mut self, lines: Vec<String>) {
        self.differences.extend(lines);
    }

    /// Adds something that was left out, or has no effect.
    pub fn skip(&mut self, line: String) {
        self.skipped.push(line);
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.differences.len() + self.skipped.len()
    }

    /// Adds what another document has left.
    pub fn extend(&mut self, other: Self) {
        self.differences.extend(other.differences);
        self.skipped.extend(other.skipped);
    }

    /// Tells the log, a line for each.
    pub fn log(&self, origin: &str) {
        for line in self.skipped.iter().chain(&self.differences) {
            tracing::warn!("{origin}: {line}");
        }
    }
}
