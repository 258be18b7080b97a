//! What the log has done since it was opened, for those who watch it.
//!
//! The thread that commits counts what it does itself, once a commit, and reads the clock twice for it; nothing here is
//! on the way of a message.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the classes of [`Activity::syncs`], in microseconds; what took longer has a class of its own.
pub const SYNC_MICROS: [u64; 12] =
    [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_000_000];

/// Upper bounds of the classes of [`Activity::batches`], in bytes; what was larger has a class of its own.
pub const BATCH_BYTES: [u64; 8] = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/// How often something was how large, by class; not cumulative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread<const CLASSES: usize> {
    /// By class.
    pub classes: [u64; CLASSES],
    /// All of it together.
    pub sum: u64,
}

impl<const CLASSES: usize> Default for Spread<CLASSES> {
    fn default() -> Self {
        Self { classes: [0; CLASSES], sum: 0 }
    }
}

/// What has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Writes, with and without a sync.
    pub writes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Time that writes took, without syncs, in microseconds.
    pub write_micros: u64,
    /// Commits that were synced, by how long writing and syncing took together, in microseconds.
    pub syncs: Spread<{ SYNC_MICROS.len() + 1 }>,
    /// Commits that were synced, by how many bytes they wrote.
    pub batches: Spread<{ BATCH_BYTES.len() + 1 }>,
    /// Messages that were appended, once for each queue.
    pub messages_written: u64,
    /// Messages that were read.
    pub messages_read: u64,
}

/// Counts it while it is read.
#[derive(Debug, Default)]
pub struct Counters {
    writes: AtomicU64,
    written_bytes: AtomicU64,
    write_micros: AtomicU64,
    syncs: Classes<{ SYNC_MICROS.len() + 1 }>,
    batches: Classes<{ BATCH_BYTES.len() + 1 }>,
    messages_written: AtomicU64,
    messages_read: AtomicU64,
}

impl Counters {
    /// A commit: so many bytes in so long, synced or not.
    pub fn note_commit(&self, bytes: u64, took: Duration, is_synced: bool) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(&self.writes, 1);
        add(&self.written_bytes, bytes);
        if is_synced {
            self.syncs.add(&SYNC_MICROS, micros);
            self.batches.add(&BATCH_BYTES, bytes);
        } else {
            add(&self.write_micros, micros);
        }
    }

    /// Messages were appended.
    pub fn note_appended(&self, messages: usize) {
        add(&self.messages_written, messages as u64);
    }

    /// Messages were read.
    pub fn note_read(&self, messages: usize) {
        add(&self.messages_read, messages as u64);
    }

    /// The counts.
    pub fn get(&self) -> Activity {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Activity {
            writes: get(&self.writes),
            written_bytes: get(&self.written_bytes),
            write_micros: get(&self.write_micros),
            syncs: self.syncs.get(),
            batches: self.batches.get(),
            messages_written: get(&self.messages_written),
            messages_read: get(&self.messages_read),
        }
    }
}

#[derive(Debug)]
struct Classes<const CLASSES: usize> {
    classes: [AtomicU64; CLASSES],
    sum: AtomicU64,
}

impl<const CLASSES: usize> Default for Classes<CLASSES> {
    fn default() -> Self {
        Self { classes: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }
}

impl<const CLASSES: usize> Classes<CLASSES> {
    fn add(&self, bounds: &[u64], value: u64) {
        let class = bounds.iter().take_while(|bound| **bound < value).count();
        if let Some(class) = self.classes.get(class) {
            add(class, 1);
        }
        add(&self.sum, value);
    }

    fn get(&self) -> Spread<CLASSES> {
        let classes = self.classes.each_ref().map(|class| class.load(Ordering::Relaxed));
        Spread { classes, sum: self.sum.load(Ordering::Relaxed) }
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_in_the_first_class_that_it_fits() {
        let counters = Counters::default();
        counters.note_commit(256, Duration::from_micros(100), true);
        counters.note_commit(257, Duration::from_micros(101), true);
        counters.note_commit(10_000_000, Duration::from_secs(9), true);
        counters.note_commit(7, Duration::from_micros(5), false);
        let activity = counters.get();
        assert_eq!((activity.writes, activity.written_bytes, activity.write_micros), (4, 10_000_520, 5));
        assert_eq!(
            (activity.syncs.classes[0], activity.syncs.classes[1], activity.syncs.classes[12]),
            (1, 1, 1)
        );
        assert_eq!(
            (activity.batches.classes[0], activity.batches.classes[1], activity.batches.classes[8]),
            (1, 1, 1)
        );
        assert_eq!((activity.syncs.sum, activity.batches.sum), (9_000_201, 10_000_513));
    }
}
