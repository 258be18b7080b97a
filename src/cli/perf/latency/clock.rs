//! The monotonic clock of a run, as a number that fits into a message.

use std::time::{Duration, Instant};

/// Nanoseconds since the run began; 64 bits last for centuries. Never zero.
pub type Nanos = u64;

/// One clock for all threads of a run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now(&self) -> Nanos {
        self.start.elapsed().as_nanos().try_into().map_or(Nanos::MAX, |nanos: u64| nanos + 1)
    }

    /// How long until then; nothing if it is past.
    pub fn until(&self, then: Nanos) -> Duration {
        Duration::from_nanos(then.saturating_sub(self.now()))
    }
}
