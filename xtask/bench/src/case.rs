//! What a case is made of: runs under loads, and what is asked of their figures.

use crate::figure::Figure;
use crate::server::Cores;

/// One row of the matrix.
#[derive(Debug)]
pub struct Case {
    /// For the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub runs: &'static [Run],
    pub goals: &'static [Goal],
}

/// One measurement, repeated in every round against each of its parties.
#[derive(Debug)]
pub struct Run {
    /// Unique within its case.
    pub label: &'static str,
    pub parties: &'static [Party],
    pub work: Work,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Leveret,
    /// One producer to one consumer, nothing between: what the machine allows.
    Relay,
    /// Every broker whose URL was given.
    Peers,
}

/// What is done. Words are modes and options of `leveret perf`.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// A load alone.
    Load(&'static str),
    /// A load, while others begin again and again.
    Beside { load: &'static str, others: &'static [&'static str] },
    /// A load, once so many connections are open that do nothing.
    Crowded { load: &'static str, connections: usize },
    /// A load, with the broker and the generator on cores of their own.
    Pinned { load: &'static str, broker: Cores, generator: Cores },
    /// As many starts, one after the other, each on an empty data directory.
    Starts(usize),
}

/// A question about leveret's figure of one run.
#[derive(Debug)]
pub struct Goal {
    pub run: &'static str,
    pub figure: Figure,
    pub over: Over,
    pub bound: Bound,
}

/// What the figure is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It stands for itself.
    One,
    /// The same run's figure of another party.
    Party(Party),
    /// Its own figure of another run in the same rounds.
    Run(&'static str),
}

/// What the answer should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => bound <= value,
            Self::AtMost(bound) => value <= bound,
        }
    }
}
