//! An HDR histogram of nanoseconds, and the percentiles of it that people compare.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Nanos;

/// What takes longer counts as this; it also bounds the histogram to a quarter of a mebibyte.
const LONGEST_NANOS: u64 = 600_000_000_000;

/// Three digits: a percentile is at most a thousandth off.
const DIGITS: u8 = 3;

/// Latencies of one thread, or of several merged.
#[derive(Debug)]
pub struct Recorder {
    histogram: Histogram<u64>,
}

impl Recorder {
    #[expect(clippy::expect_used, reason = "fails for other bounds than these constants only")]
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NANOS, DIGITS);
        Self { histogram: histogram.expect("the bounds are valid") }
    }

    pub fn record(&mut self, from: Nanos, to: Nanos) {
        self.histogram.saturating_record(to.saturating_sub(from));
    }

    pub fn merge(&mut self, other: &Self) {
        // Cannot fail: all have the same bounds.
        let added = self.histogram.add(&other.histogram);
        debug_assert!(added.is_ok(), "{added:?}");
    }

    /// The figures, or nothing if nothing was recorded.
    pub fn summary(&self) -> Option<Summary> {
        let all = &self.histogram;
        let at = |quantile| micros(all.value_at_quantile(quantile));
        (!all.is_empty()).then(|| Summary {
            count: all.len(),
            min: micros(all.min()),
            mean: all.mean() / 1e3,
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: micros(all.max()),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of ten minutes are far below 2^53")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

/// Latencies in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many were measured.
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub p99_99: f64,
    pub max: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, p50, p90, p99, p99_9, max, .. } = self;
        write!(
            to,
            "{p50:>12.1} us (p50)\n           {p90:>12.1} us (p90)\n           {p99:>12.1} us (p99)\n           \
             {p99_9:>12.1} us (p99.9)\n           {min:.1} us at least, {max:.1} us at most"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(nanos: impl IntoIterator<Item = u64>) -> Recorder {
        let mut recorder = Recorder::new();
        nanos.into_iter().for_each(|nanos| recorder.record(7, 7 + nanos));
        recorder
    }

    #[test]
    fn percentiles_of_merged_histograms_are_those_of_all_their_values() {
        let mut odd = recorded((1..=100_000).step_by(2).map(|n| n * 1000));
        let even = recorded((2..=100_000).step_by(2).map(|n| n * 1000));
        odd.merge(&even);
        let summary = odd.summary().unwrap();
        assert_eq!(summary.count, 100_000);
        let table = [
            (summary.min, 1.0),
            (summary.mean, 50_000.5),
            (summary.p50, 50_000.0),
            (summary.p75, 75_000.0),
            (summary.p90, 90_000.0),
            (summary.p95, 95_000.0),
            (summary.p99, 99_000.0),
            (summary.p99_9, 99_900.0),
            (summary.p99_99, 99_990.0),
            (summary.max, 100_000.0),
        ];
        for (found, expected) in table {
            assert!((found - expected).abs() <= expected / 1000.0, "{found} for {expected}");
        }
    }

    #[test]
    fn without_a_value_there_is_no_summary() {
        assert_eq!(Recorder::new().summary(), None);
    }

    #[test]
    fn what_takes_too_long_counts_as_the_longest() {
        let summary = recorded([u64::MAX - 7, 1000]).summary().unwrap();
        assert_eq!(summary.count, 2);
        assert!((600e6..601e6).contains(&summary.max), "{summary:?}");
    }

    #[test]
    fn the_json_names_are_those_of_the_reference() {
        let json = serde_json::to_value(recorded([1000]).summary()).unwrap();
        let names = ["count", "min", "mean", "p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"];
        assert_eq!(json.as_object().unwrap().len(), names.len());
        assert!(names.iter().all(|name| json[name].is_number()), "{json}");
    }
}
