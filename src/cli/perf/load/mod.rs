//! Producers and consumers, each with a connection and a thread of its own, and what they count.
//!
//! Producers write ready-made frames, many messages a write; consumers walk the frames that come back and
//! count bodies. Neither allocates for a message, so that what is measured is the broker.
//!
//! A run is bounded: by the window it measures or the messages it moves, and by [`DRAIN`] for what is still under way
//! afterwards.

mod arrivals;
mod batch;
mod consumer;
mod counters;
mod harvest;
mod pace;
mod producer;
mod progress;
mod read_buffer;
mod readiness;
mod run;
mod topology;
mod unconfirmed;

use std::time::Duration;

pub use counters::{Counters, Snapshot};
pub use harvest::Harvest;
pub use producer::{TICK, is_tick};
pub use progress::{Progress, rate, say, seconds};
pub use read_buffer::ReadBuffer;
pub use readiness::is_readable;
pub use run::{Measured, complete, measure};
pub use topology::Topology;

use crate::cli::perf::options::LoadOptions;
use crate::cli::target::Target;

/// How long messages that were sent may take to arrive after the producers have stopped.
pub const DRAIN: Duration = Duration::from_secs(5);

/// What a run is to do.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub load: &'a LoadOptions,
    pub target: &'a Target,
    pub topology: &'a Topology,
    /// Messages a second of all producers; zero is as fast as it goes.
    pub rate: u64,
    /// Whether messages carry the instant at which they were due.
    pub stamps: bool,
    /// Messages of all producers; `None` is until they are told to stop.
    pub messages: Option<u64>,
    pub producers: u16,
    pub consumers: u16,
}

impl Plan<'_> {
    /// How many messages the producer of this number publishes.
    fn quota(&self, number: u16) -> u64 {
        let (producers, number) = (u64::from(self.producers), u64::from(number));
        self.messages.map_or(u64::MAX, |all| all / producers + u64::from(number < all % producers))
    }
}
