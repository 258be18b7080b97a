//! How often somebody said who they were, and whether it was so.

use std::sync::atomic::{AtomicU64, Ordering};

/// Logins over one protocol since the last reset.
#[derive(Debug, Default)]
pub struct LoginCounts {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl LoginCounts {
    /// One more.
    pub fn note(&self, has_succeeded: bool) {
        let count = if has_succeeded { &self.succeeded } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Those who were let in.
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    /// Those who were not.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Counts from zero again.
    pub fn reset(&self) {
        self.succeeded.store(0, Ordering::Relaxed);
        self.failed.store(0, Ordering::Relaxed);
    }
}
