//! The limit of free disk space: below it publishers are held back, above it they go on.
//!
//! What counts is what is free where the data directory is, as with RabbitMQ's `disk_free_limit`. A log that
//! has failed is the same alarm, and one that does not end before the next start.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leveret_core::Effects;
use leveret_core::model::Alarm;
use leveret_storage::Waiter;
use tokio::sync::Notify;

use crate::session::Shared;
use crate::settings::DiskLimit;

/// How often free space is looked at. At 1 GB/s the default limit of 50 MB would be through in a twentieth of
/// a second, so what is preallocated counts too: a segment of the log is there before it is written.
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// Says how many bytes are free; `None` if that cannot be known.
pub type MeasureFree = Box<dyn FnMut() -> Option<u64> + Send>;

/// Bytes free to this process on the file system of a directory.
pub fn free_bytes(directory: &Path) -> Option<u64> {
    let status = rustix::fs::statvfs(directory).ok()?;
    status.f_bavail.checked_mul(status.f_frsize)
}

/// The same, without what the log's next file takes: that comes whole, and the alarm must come before it does not fit.
pub fn free_for_messages(directory: &Path) -> Option<u64> {
    let next_file = u64::from(leveret_storage::Options::default().segment_bytes);
    free_bytes(directory).map(|free| free.saturating_sub(next_file))
}

/// What a limit comes to; a relative one is a part of the machine's memory (RabbitMQ).
pub fn limit_bytes(limit: DiskLimit) -> Option<u64> {
    match limit {
        DiskLimit::Absolute(bytes) => Some(bytes),
        DiskLimit::Relative(part) => crate::memory::part_of_memory(part),
    }
}

/// Measures until the broker is gone or its log has failed.
pub async fn watch(shared: Arc<Shared>, limit_bytes: u64, mut measure: MeasureFree) {
    let failure = Arc::new(Failure::default());
    if let Some(storage) = &shared.storage {
        storage.wake_at_failure(failure.clone());
    }
    let mut is_low = false;
    shared.controls.set_disk_limit_bytes(limit_bytes);
    loop {
        let limit_bytes = shared.controls.disk_limit_bytes().unwrap_or(limit_bytes);
        if failure.has_come() {
            set_alarm(&shared, true);
            return;
        }
        let Some(free) = measure() else {
            tracing::warn!("free disk space cannot be measured here: no limit of it is in force");
            failure.come().await;
            continue;
        };
        shared.vitals.disk_free().note(free, limit_bytes);
        if (free < limit_bytes) != is_low {
            is_low = !is_low;
            tell(is_low, free, limit_bytes);
            set_alarm(&shared, is_low);
        }
        let next = shared.clock.now() + MEASURE_EVERY;
        tokio::select! {
            () = shared.clock.sleep_until(next) => {}
            () = failure.come() => {}
        }
    }
}

fn set_alarm(shared: &Shared, on: bool) {
    let mut effects = Effects::default();
    shared.core.set_alarm(Alarm::Disk, on, &mut effects);
    shared.carry_out(&mut effects);
}

/// RabbitMQ's words, which operators search their logs for.
fn tell(is_low: bool, free: u64, limit_bytes: u64) {
    if is_low {
        tracing::warn!(
            "Free disk space is insufficient. Free bytes: {free}. Limit: {limit_bytes}. Publishers will be blocked \
             until this alarm clears"
        );
    } else {
        tracing::warn!("Free disk space is sufficient. Free bytes: {free}. Limit: {limit_bytes}");
    }
}

/// The end of the log, as a task hears of it.
#[derive(Default)]
struct Failure {
    has_come: AtomicBool,
    bell: Notify,
}

impl Failure {
    fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    async fn come(&self) {
        if !self.has_come() {
            self.bell.notified().await;
        }
    }
}

impl Waiter for Failure {
    fn wake(&self) {
        self.has_come.store(true, Ordering::Release);
        self.bell.notify_one();
    }
}
