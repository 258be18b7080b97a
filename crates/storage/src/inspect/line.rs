//! A record as a line that a person can read, and a program can cut at its spaces.

use std::fmt::Write;
use std::str::FromStr;

use super::walk::Located;
use crate::record::{Record, Run, Runs, StoredHead};

/// A value is shown up to so many bytes.
const SHOWN_BYTES: usize = 64;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The beginning of a write.
    Mark,
    /// A message.
    Message,
    /// Pairs that are done with.
    Settled,
    /// A definition, or that there is none any more.
    Definition,
    /// Which pairs of a segment are alive.
    Live,
    /// A clean end.
    Closed,
    /// What stands for spoilt records.
    Lost,
}

impl Kind {
    /// All of them, by name.
    pub const NAMES: [(&str, Self); 7] = [
        ("mark", Self::Mark),
        ("message", Self::Message),
        ("settled", Self::Settled),
        ("definition", Self::Definition),
        ("live", Self::Live),
        ("closed", Self::Closed),
        ("lost", Self::Lost),
    ];

    /// Of a record.
    pub fn of(record: &Record<'_>) -> Self {
        match record {
            Record::Mark { .. } => Self::Mark,
            Record::Message(_) => Self::Message,
            Record::Settled(_) => Self::Settled,
            Record::Definition { .. } => Self::Definition,
            Record::Live { .. } => Self::Live,
            Record::Closed(_) => Self::Closed,
            Record::Lost { .. } => Self::Lost,
        }
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is none of {}", names.join(", "))
        })
    }
}

/// The line of a record.
pub fn of(segment: u32, found: Located<'_>) -> String {
    let mut line = format!("{:>10} {:<10} len={}", found.offset, Kind::of(&found.record).name(), found.len);
    // A string takes everything.
    _ = match found.record {
        Record::Mark { synced, ordinal } => write!(line, " synced={} pairs={ordinal}", id(synced)),
        Record::Message(head) => message(&mut line, segment, found.ordinal, &head),
        Record::Settled(runs) | Record::Closed(runs) => write!(line, " pairs={}", all(runs)),
        Record::Definition { key, value: Some(value) } => {
            write!(line, " put key={} value={}", shown(key), shown(value))
        }
        Record::Definition { key, value: None } => write!(line, " removed key={}", shown(key)),
        Record::Live { segment, runs } => {
            let runs = runs.iter().map(|(first, count)| run(first.to_string(), *count));
            write!(line, " segment={segment} pairs={}", runs.collect::<Vec<_>>().join(","))
        }
        Record::Lost { pairs } => write!(line, " pairs={pairs}"),
    };
    line
}

fn message(line: &mut String, segment: u32, ordinal: u32, head: &StoredHead<'_>) -> std::fmt::Result {
    let first = u64::from(segment) << 32 | u64::from(ordinal);
    let queues: Vec<String> = head.queues().map(|queue| queue.to_string()).collect();
    write!(line, " pairs={} queues={}", run(id(first), head.pairs()), queues.join(","))?;
    write!(line, " {} published={}", if head.durable { "durable" } else { "spilled" }, head.published_at)?;
    if let Some(expiration) = head.expiration {
        write!(line, " expires={expiration}")?;
    }
    let body = head.bytes.len() - (head.head_len as usize).min(head.bytes.len());
    write!(line, " head={} body={body}", head.head_len)?;
    let origins: Vec<String> =
        head.origins().map(|origin| format!("{}<{}", id(origin.from), id(origin.first))).collect();
    if origins.is_empty() { Ok(()) } else { write!(line, " moved={}", origins.join(",")) }
}

/// A segment and what is counted in it.
fn id(id: u64) -> String {
    format!("{}:{}", id >> 32, id & u64::from(u32::MAX))
}

fn run(first: String, count: u32) -> String {
    if count == 1 { first } else { format!("{first}+{count}") }
}

fn all(runs: Runs<'_>) -> String {
    let runs = runs.iter().map(|Run { first, count }| run(id(first), count));
    runs.collect::<Vec<_>>().join(",")
}

fn shown(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at_checked(SHOWN_BYTES).unwrap_or((bytes, &[]));
    let dots = if rest.is_empty() { "" } else { "..." };
    format!("\"{}\"{dots}", shown.escape_ascii())
}
