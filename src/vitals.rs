//! The process and its machine, as those see them who watch the broker: memory, descriptors, disk.
//!
//! Whoever guards a limit leaves its last measurement here; where nobody does, it is measured when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Resource, getrlimit};

use crate::durable::Storage;
use crate::{disk_space, memory};

/// Nothing was measured, or nothing is in force.
const UNKNOWN: u64 = u64::MAX;

/// Measurements, and the limits that they are compared with.
#[derive(Debug)]
pub struct Vitals {
    memory: Level,
    disk_free: Level,
}

/// Something that is measured against a limit.
#[derive(Debug)]
pub struct Level {
    bytes: AtomicU64,
    limit_bytes: AtomicU64,
}

impl Default for Vitals {
    fn default() -> Self {
        let level = || Level { bytes: AtomicU64::new(UNKNOWN), limit_bytes: AtomicU64::new(UNKNOWN) };
        Self { memory: level(), disk_free: level() }
    }
}

impl Level {
    /// A measurement, and the limit that is in force.
    pub fn note(&self, bytes: u64, limit_bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    fn bytes(&self) -> Option<u64> {
        known(&self.bytes)
    }

    fn limit_bytes(&self) -> Option<u64> {
        known(&self.limit_bytes)
    }
}

fn known(value: &AtomicU64) -> Option<u64> {
    Some(value.load(Ordering::Relaxed)).filter(|value| *value != UNKNOWN)
}

impl Vitals {
    /// For who watches the memory.
    pub fn memory(&self) -> &Level {
        &self.memory
    }

    /// For who watches the free space.
    pub fn disk_free(&self) -> &Level {
        &self.disk_free
    }

    /// Memory of the process; zero where that cannot be known.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.bytes().or_else(memory::resident_bytes).unwrap_or_default()
    }

    /// The memory watermark; without one, what the machine has.
    pub fn memory_limit_bytes(&self) -> u64 {
        self.memory.limit_bytes().or_else(|| memory::part_of_memory(1.0)).unwrap_or_default()
    }

    /// Free space where the data directory is, or would be.
    pub fn disk_free_bytes(&self, storage: Option<&Storage>) -> u64 {
        let measured = || {
            let directory = storage.and_then(Storage::data_dir).unwrap_or_else(|| ".".into());
            disk_space::free_bytes(&directory)
        };
        self.disk_free.bytes().or_else(measured).unwrap_or_default()
    }

    /// The limit of free space; zero without one.
    pub fn disk_free_limit_bytes(&self) -> u64 {
        self.disk_free.limit_bytes().unwrap_or_default()
    }
}

/// Open file descriptors of this process.
pub fn open_files() -> u64 {
    // The directory is itself open while it is read.
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count().saturating_sub(1) as u64)
}

/// Threads of this process.
pub fn threads() -> u64 {
    status("Threads:").unwrap_or(1)
}

/// Memory that the program's own file takes.
pub fn code_bytes() -> u64 {
    status("RssFile:").unwrap_or_default() * 1024
}

fn status(label: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// How many file descriptors this process may have.
pub fn most_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_watches_is_measured_when_it_is_asked_for() {
        let vitals = Vitals::default();
        assert!(100_000 < vitals.memory_bytes() && vitals.memory_bytes() < vitals.memory_limit_bytes());
        assert!(0 < vitals.disk_free_bytes(None));
        assert_eq!(vitals.disk_free_limit_bytes(), 0);
        vitals.memory().note(7, 9);
        assert_eq!((vitals.memory_bytes(), vitals.memory_limit_bytes()), (7, 9));
    }

    #[test]
    fn this_process_has_files_open_and_may_have_more() {
        let before = open_files();
        let file = std::fs::File::open("/proc/self/status").unwrap();
        assert!(before != 0 && before < most_files());
        drop(file);
        assert!(1 <= threads() && 100_000 < code_bytes());
    }
}
