//! What the threads of a run share: three counts, the clock with the window that is measured, and when to stop.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use crate::cli::perf::latency::{Clock, Nanos, Window};

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
    /// How many queues each message goes to.
    copies: u64,
    clock: Clock,
    window: Window,
    unsent: AtomicU64,
    producers_at_work: AtomicU64,
    enough: AtomicBool,
    given_up: AtomicBool,
}

/// The counts at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    pub at: Nanos,
    pub sent: u64,
    pub confirmed: u64,
    pub received: u64,
}

impl Snapshot {
    /// Whether nothing has happened between the two.
    pub fn counts_as(&self, other: &Self) -> bool {
        (self.sent, self.confirmed, self.received) == (other.sent, other.confirmed, other.received)
    }
}

impl Counters {
    /// For so many producers, each of whose messages will arrive in so many copies.
    pub fn new(producers: u16, copies: u64) -> Self {
        Self {
            copies,
            clock: Clock::start(),
            window: Window::default(),
            unsent: AtomicU64::new(0),
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

    /// Messages that were due before the end, and were never sent.
    pub fn left_unsent(&self, messages: u64) {
        self.unsent.fetch_add(messages, Relaxed);
    }

    pub fn unsent(&self) -> u64 {
        self.unsent.load(Relaxed)
    }

    /// The clock of the run.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Which messages' latencies count.
    pub fn window(&self) -> &Window {
        &self.window
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            at: self.clock.now(),
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
            && self.sent.0.load(Relaxed) * self.copies <= self.received.0.load(Relaxed)
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
