//! The queues of a load, by name.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::OptionsError;

/// The longest name that fits a short string (§4.2.5.3).
const SHORT_STRING_BYTES: usize = 255;

/// As many queues as a load may have.
const MOST_QUEUES: usize = 1_000_000;

/// Options for where messages wait.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct QueueOptions {
    /// The queue: declared before, deleted afterwards
    #[arg(long, value_name = "NAME", default_value_t = own_name(), value_parser = name)]
    pub queue: String,
    /// Spread the messages over so many queues, one after the other; consumers share them out
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub queues: u32,
    /// Names of the queues instead, with %d for a number
    #[arg(long, value_name = "PATTERN", value_parser = pattern, conflicts_with_all = ["queue", "queues"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_pattern: Option<String>,
    /// The first number of the pattern [default: 1]
    #[arg(long = "queue-pattern-from", value_name = "A", requires = "queue_pattern")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_pattern_from: Option<u32>,
    /// The last number of the pattern [default: 1]
    #[arg(long = "queue-pattern-to", value_name = "B", requires = "queue_pattern")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_pattern_to: Option<u32>,
    /// Make the queues durable, whatever the messages are
    #[arg(long)]
    pub durable: bool,
}

impl QueueOptions {
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.queue_pattern.is_none() {
            return Ok(());
        }
        if !(1..=MOST_QUEUES).contains(&self.count()) {
            let (from, to) = self.numbers().into_inner();
            return Err(OptionsError::QueueNumbers { from, to });
        }
        Ok(())
    }

    /// Those of the pattern.
    fn numbers(&self) -> RangeInclusive<u32> {
        self.queue_pattern_from.unwrap_or(1)..=self.queue_pattern_to.unwrap_or(1)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self.queue_pattern {
            None => self.queues as usize,
            Some(_) => self.numbers().count(),
        }
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<String> {
        match (&self.queue_pattern, self.queues) {
            (Some(pattern), _) => {
                self.numbers().map(|number| pattern.replacen("%d", &number.to_string(), 1)).collect()
            }
            (None, 1) => vec![self.queue.clone()],
            (None, queues) => (0..queues).map(|number| format!("{}-{number:04}", self.queue)).collect(),
        }
    }
}

/// Two runs at a time must not meet in one queue.
pub fn own_name() -> String {
    format!("perf-{}", std::process::id())
}

/// A name that fits a short string, and that the broker does not make up itself.
pub fn name(name: &str) -> Result<String, OptionsError> {
    if (1..=SHORT_STRING_BYTES).contains(&name.len()) { Ok(name.to_owned()) } else { Err(OptionsError::Name) }
}

/// `PerfTest`'s, but for its widths.
fn pattern(pattern: &str) -> Result<String, OptionsError> {
    // The number has ten digits at most.
    if pattern.matches('%').count() == 1 && pattern.contains("%d") && pattern.len() <= SHORT_STRING_BYTES - 8
    {
        Ok(pattern.to_owned())
    } else {
        Err(OptionsError::Pattern)
    }
}
