//! What is measured: each kind of figure with its name in a report of `leveret perf` and its unit.

use std::collections::BTreeMap;

/// What one run came to.
pub type Figures = BTreeMap<Figure, f64>;

/// A kind of figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Messages that arrived, or, where nobody consumes, that were confirmed.
    Rate,
    /// Turns of a loop.
    Cycles,
    /// Of the broker's processor time, for each message.
    ProcessorPerMessage,
    /// From publish to delivery.
    P50,
    P75,
    P90,
    P95,
    P99,
    P999,
    P9999,
    Worst,
    /// Of resident memory for each of many that do nothing.
    BytesEach,
    /// From its start to its word that it is ready.
    Ready,
    /// Resident memory of a broker that has nothing to do.
    Resident,
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    Microseconds,
    Milliseconds,
    Bytes,
}

use Unit::{Bytes, Microseconds, Milliseconds, PerSecond};

const TABLE: &[(Figure, &str, &str, Unit)] = &[
    (Figure::Rate, "rate", "messages", PerSecond),
    (Figure::Cycles, "cycles", "turns", PerSecond),
    (Figure::ProcessorPerMessage, "processor_us_per_message", "processor time per message", Microseconds),
    (Figure::P50, "p50", "p50", Microseconds),
    (Figure::P75, "p75", "p75", Microseconds),
    (Figure::P90, "p90", "p90", Microseconds),
    (Figure::P95, "p95", "p95", Microseconds),
    (Figure::P99, "p99", "p99", Microseconds),
    (Figure::P999, "p99_9", "p99.9", Microseconds),
    (Figure::P9999, "p99_99", "p99.99", Microseconds),
    (Figure::Worst, "max", "worst", Microseconds),
    (Figure::BytesEach, "bytes_each", "memory each", Bytes),
    (Figure::Ready, "ready_ms", "start to ready", Milliseconds),
    (Figure::Resident, "resident_bytes", "resident", Bytes),
];

/// The percentiles, from the middle to the end.
pub const PERCENTILES: [Figure; 8] = [
    Figure::P50,
    Figure::P75,
    Figure::P90,
    Figure::P95,
    Figure::P99,
    Figure::P999,
    Figure::P9999,
    Figure::Worst,
];

impl Figure {
    /// As programs know it; the percentiles are named as in a report.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// As people say it.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// A value with its unit, with as many digits as are worth reading.
    pub fn show(self, value: f64) -> String {
        match self.row().3 {
            PerSecond => format!("{}/s", grouped(value)),
            Microseconds if value < 10.0 => format!("{value:.2} µs"),
            Microseconds if value < 10_000.0 => format!("{value:.0} µs"),
            Microseconds => format!("{:.1} ms", value / 1e3),
            Milliseconds => format!("{value:.1} ms"),
            Bytes if value < 10_240.0 => format!("{value:.0} B"),
            Bytes if value < 10_485_760.0 => format!("{:.1} KiB", value / 1024.0),
            Bytes => format!("{:.1} MiB", value / 1_048_576.0),
        }
    }

    fn row(self) -> (Self, &'static str, &'static str, Unit) {
        let found = TABLE.iter().find(|(figure, ..)| *figure == self);
        found.copied().unwrap_or((self, "", "", PerSecond))
    }
}

/// Digits in threes, rounded to whole ones.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            // One that a line is not broken at.
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_row() {
        for figure in PERCENTILES.iter().chain(&[Figure::Rate, Figure::Cycles, Figure::Ready]) {
            assert!(!figure.name().is_empty() && !figure.title().is_empty(), "{figure:?}");
        }
    }

    #[test]
    fn values_are_written_with_their_unit() {
        assert_eq!(Figure::Rate.show(1_234_567.4), "1\u{a0}234\u{a0}567/s");
        assert_eq!(Figure::Rate.show(999.0), "999/s");
        assert_eq!(Figure::ProcessorPerMessage.show(0.456), "0.46 µs");
        assert_eq!(Figure::P99.show(12_345.0), "12.3 ms");
        assert_eq!(Figure::BytesEach.show(900.0), "900 B");
        assert_eq!(Figure::Resident.show(9_437_184.0), "9216.0 KiB");
    }
}
