//! What of the sources is worth a line in the log: kept until there is a log.

use super::Plan;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Nobody will miss it.
    Info,
    /// Somebody may be surprised.
    Warning,
}

/// One line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub weight: Weight,
    /// A sentence, behind the place that it is about.
    pub text: String,
}

impl Note {
    /// Tells the log.
    pub fn log(&self) {
        match self.weight {
            Weight::Info => tracing::info!("{}", self.text),
            Weight::Warning => tracing::warn!("{}", self.text),
        }
    }
}

impl Plan {
    /// Notes what nobody will miss.
    pub fn inform(&mut self, text: String) {
        self.notes.push(Note { weight: Weight::Info, text });
    }

    /// Notes what may surprise somebody.
    pub fn warn(&mut self, text: String) {
        self.notes.push(Note { weight: Weight::Warning, text });
    }
}
