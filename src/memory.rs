//! The memory watermark: above it publishers are held back, below it they go on.
//!
//! What counts is the resident set of the process, as with RabbitMQ's default strategy. It is read from
//! `/proc` a few times a second, which costs a few microseconds each; where there is no `/proc` (and no
//! other measure was given) nothing is ever held back, and the log says so.

mod machine;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::Effects;
use leveret_core::model::Alarm;

use crate::session::Shared;
use crate::settings::Watermark;

/// How often the resident set is read.
const MEASURE_EVERY: Duration = Duration::from_millis(200);

/// Says how many bytes the process holds; `None` if that cannot be known.
pub type Measure = Box<dyn FnMut() -> Option<u64> + Send>;

/// The resident set of this process; `None` where there is no `/proc`.
pub fn resident_bytes() -> Option<u64> {
    machine::resident_bytes(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// What a watermark comes to on this machine. `None`: the machine does not say what it has.
pub fn limit_bytes(watermark: Watermark) -> Option<u64> {
    match watermark {
        Watermark::Absolute(bytes) => Some(bytes),
        Watermark::Relative(part) => part_of_memory(part),
    }
}

/// A part of the memory of this machine or container; `None`: it does not say what it has.
pub fn part_of_memory(part: f64) -> Option<u64> {
    machine::available_bytes("/".as_ref()).map(|all| part_of(all, part))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a memory's size; nobody counts its last kilobyte"
)]
fn part_of(all: u64, part: f64) -> u64 {
    (all as f64 * part) as u64
}

/// A limit with hysteresis: it is left again only a twentieth below.
#[derive(Clone, Copy, Debug)]
struct Level {
    limit_bytes: u64,
    is_above: bool,
}

impl Level {
    /// Whether the alarm changes with this reading, and to what.
    fn observe(&mut self, bytes: u64) -> Option<bool> {
        let low_bytes = self.limit_bytes - self.limit_bytes / 20;
        let is_above = if self.is_above { low_bytes <= bytes } else { self.limit_bytes < bytes };
        let changed = is_above != self.is_above;
        self.is_above = is_above;
        changed.then_some(is_above)
    }
}

/// Measures until the broker is gone.
pub async fn watch(shared: Arc<Shared>, limit_bytes: u64, mut measure: Measure) {
    shared.controls.set_memory_limit_bytes(limit_bytes);
    let mut level = Level { limit_bytes, is_above: false };
    let mut effects = Effects::default();
    loop {
        let limit_bytes = shared.controls.memory_limit_bytes().unwrap_or(limit_bytes);
        level.limit_bytes = limit_bytes;
        let Some(bytes) = measure() else {
            tracing::warn!(
                "the memory of the process cannot be measured here: no memory watermark is in force"
            );
            return;
        };
        shared.vitals.memory().note(bytes, limit_bytes);
        if let Some(storage) = &shared.storage {
            storage.note_memory(bytes);
        }
        if let Some(is_above) = level.observe(bytes) {
            tell(is_above, bytes, limit_bytes);
            shared.core.set_alarm(Alarm::Memory, is_above, &mut effects);
            shared.carry_out(&mut effects);
        }
        shared.clock.sleep_until(shared.clock.now() + MEASURE_EVERY).await;
    }
}

/// RabbitMQ's words, which operators search their logs for.
fn tell(is_above: bool, bytes: u64, limit_bytes: u64) {
    if is_above {
        tracing::warn!(
            "vm_memory_high_watermark set. Memory used:{bytes} allowed:{limit_bytes}. Publishers will be blocked \
             until this alarm clears"
        );
    } else {
        tracing::warn!("vm_memory_high_watermark clear. Memory used:{bytes} allowed:{limit_bytes}");
    }
}

/// Bytes for a reader.
pub struct Mebibytes(pub u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB ({} bytes)", self.0 >> 20, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_set_above_its_limit_and_cleared_a_twentieth_below() {
        let mut level = Level { limit_bytes: 1000, is_above: false };
        let table = [
            (0, None),
            (1000, None),
            (1001, Some(true)),
            (2000, None),
            (1000, None),
            (950, None),
            (949, Some(false)),
            (1000, None),
            (1001, Some(true)),
        ];
        for (bytes, expected) in table {
            assert_eq!(level.observe(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn a_limit_of_nothing_is_an_alarm_that_stays() {
        let mut level = Level { limit_bytes: 0, is_above: false };
        assert_eq!(level.observe(1), Some(true));
        assert_eq!(level.observe(0), None);
    }

    #[test]
    fn watermarks_come_to_bytes() {
        assert_eq!(limit_bytes(Watermark::Absolute(7)), Some(7));
        assert_eq!(part_of(1 << 30, 0.5), 1 << 29);
        let all = limit_bytes(Watermark::Relative(1.0)).unwrap();
        let half = limit_bytes(Watermark::Relative(0.5)).unwrap();
        assert!(all / 2 - 1 <= half && half <= all / 2 + 1, "{half} of {all}");
    }

    #[test]
    fn this_process_has_a_resident_set() {
        assert!(resident_bytes().is_some_and(|bytes| 100_000 < bytes));
    }
}
