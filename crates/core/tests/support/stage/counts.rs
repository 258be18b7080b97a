//! What is asked of a stage beside what its clients hear; nothing changes by being asked.
#![allow(dead_code, reason = "transcripts ask as clients do")]

use leveret_core::Effects;
use leveret_core::model::Counts;

use super::Stage;

impl Stage {
    /// What a queue of `/` says of itself, if it exists.
    pub fn counts(&mut self, queue: &str) -> Option<Counts> {
        let queue = self.broker().vhost("/")?.queue(queue).ok()?;
        let mut effects = Effects::default();
        let counts = queue.counts(self.now, &mut effects);
        self.carry_out(effects);
        self.settle();
        Some(counts)
    }

    /// The time, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.now.as_micros() / 1000
    }
}
