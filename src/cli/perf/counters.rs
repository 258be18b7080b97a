//! What the threads of a run share: three counts and when to stop.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Instant;

/// A count in a cache line of its own: a producer and a consumer must not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count(AtomicU64);

/// Counts of one run. They only rise, and are added to once a read or write, not once a message.
#[derive(Debug)]
pub struct Counters {
    sent: Count,
    confirmed: Count,
    received: Count,
    producers_at_work: AtomicU64,
    enough: AtomicBool,
    given_up: AtomicBool,
}

/// The counts at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    pub at: Instant,
    pub sent: u64,
    pub confirmed: u64,
    pub received: u64,
}

impl Counters {
    pub fn new(producers: u16) -> Self {
        Self {
            sent: Count::default(),
            confirmed: Count::default(),
            received: Count::default(),
            producers_at_work: AtomicU64::new(producers.into()),
            enough: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
        }
    }

    pub fn sent(&self, messages: u64) {
        self.sent.0.fetch_add(messages, Relaxed);
    }

    pub fn confirmed(&self, messages: u64) {
        self.confirmed.0.fetch_add(messages, Relaxed);
    }

    pub fn received(&self, messages: u64) {
        self.received.0.fetch_add(messages, Relaxed);
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            at: Instant::now(),
            sent: self.sent.0.load(Relaxed),
            confirmed: self.confirmed.0.load(Relaxed),
            received: self.received.0.load(Relaxed),
        }
    }

    /// Producers finish the message they are at, wait for its confirm, and end.
    pub fn stop_publishing(&self) {
        self.enough.store(true, Relaxed);
    }

    pub fn publishing_stops(&self) -> bool {
        self.enough.load(Relaxed)
    }

    /// One producer will add nothing to what was sent any more.
    pub fn producer_is_done(&self) {
        self.producers_at_work.fetch_sub(1, Release);
    }

    /// Whether everything that will ever be sent has arrived.
    pub fn all_arrived(&self) -> bool {
        self.producers_at_work.load(Acquire) == 0
            && self.sent.0.load(Relaxed) <= self.received.0.load(Relaxed)
    }

    /// Ends everyone at their next look.
    pub fn give_up(&self) {
        self.stop_publishing();
        self.given_up.store(true, Relaxed);
    }

    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }
}
