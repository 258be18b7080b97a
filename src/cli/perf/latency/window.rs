//! The part of a run that is measured.
//!
//! A message counts if it was due within the window, whenever it comes; so the slowest ones count too, as long
//! as the run waits for them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Nanos;

/// From when to when, set while the run goes on.
#[derive(Debug)]
pub struct Window {
    from: AtomicU64,
    to: AtomicU64,
}

impl Default for Window {
    /// Not yet.
    fn default() -> Self {
        Self { from: AtomicU64::new(Nanos::MAX), to: AtomicU64::new(Nanos::MAX) }
    }
}

impl Window {
    pub fn open(&self, at: Nanos) {
        self.from.store(at, Relaxed);
    }

    pub fn close(&self, at: Nanos) {
        self.to.store(at, Relaxed);
    }

    pub fn contains(&self, at: Nanos) -> bool {
        self.from.load(Relaxed) <= at && at < self.to.load(Relaxed)
    }
}
