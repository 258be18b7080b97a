//! What an operator changes while the broker runs, without a new start.
//!
//! Each is read where it matters, every time: nobody has to be told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

/// No limit is in force.
const NONE: u64 = u64::MAX;

/// The controls of one broker.
#[derive(Debug)]
pub struct Controls {
    memory_limit_bytes: AtomicU64,
    disk_limit_bytes: AtomicU64,
    is_stopped: AtomicBool,
    /// Cancelled when the broker is asked to end. Its program decides what comes of it.
    pub end: CancellationToken,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            memory_limit_bytes: AtomicU64::new(NONE),
            disk_limit_bytes: AtomicU64::new(NONE),
            is_stopped: AtomicBool::new(false),
            end: CancellationToken::new(),
        }
    }
}

impl Controls {
    /// Above so many bytes publishers are held back; `None`: memory is not watched.
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        of(&self.memory_limit_bytes)
    }

    /// Sets that limit.
    pub fn set_memory_limit_bytes(&self, bytes: u64) {
        self.memory_limit_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Below so many free bytes publishers are held back; `None`: the disk is not watched.
    pub fn disk_limit_bytes(&self) -> Option<u64> {
        of(&self.disk_limit_bytes)
    }

    /// Sets that limit.
    pub fn set_disk_limit_bytes(&self, bytes: u64) {
        self.disk_limit_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Whether clients of AMQP are turned away until an operator says otherwise.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Turns them away, or not any more.
    pub fn set_stopped(&self, is_stopped: bool) {
        self.is_stopped.store(is_stopped, Ordering::Relaxed);
    }
}

fn of(limit: &AtomicU64) -> Option<u64> {
    Some(limit.load(Ordering::Relaxed)).filter(|bytes| *bytes != NONE)
}
