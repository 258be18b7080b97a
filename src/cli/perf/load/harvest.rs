//! What a thread of a run brings home when it ends.

use crate::cli::perf::latency::{Nanos, Recorder};

/// Of one thread, or of several merged.
#[derive(Debug, Default)]
pub struct Harvest {
    /// From the instant a message was due to its delivery.
    pub delivery: Option<Recorder>,
    /// From the instant a message was due to its confirm.
    pub confirm: Option<Recorder>,
    /// When the first message came.
    pub first_arrival: Option<Nanos>,
    /// When the last message had come.
    pub last_arrival: Option<Nanos>,
}

impl Harvest {
    /// Adds what another thread brings.
    pub fn merge(&mut self, other: Self) {
        for (mine, others) in [(&mut self.delivery, other.delivery), (&mut self.confirm, other.confirm)] {
            match (&mut *mine, others) {
                (Some(mine), Some(others)) => mine.merge(&others),
                (None, Some(others)) => *mine = Some(others),
                (_, None) => {}
            }
        }
        self.first_arrival = self.first_arrival.into_iter().chain(other.first_arrival).min();
        self.last_arrival = self.last_arrival.max(other.last_arrival);
    }
}
