//! What came out of a run, for people and as JSON.

use std::fmt;

use serde::Serialize;

use super::latency::{Recorder, Summary};
use super::load::{Measured, rate, seconds};
use super::options::TimedOptions;

/// The figures of one run. Rates are messages per second within the window; totals are of the whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `throughput` or `latency`.
    pub mode: &'static str,
    /// What the run was told.
    pub options: TimedOptions,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Messages written in the whole run.
    pub sent: u64,
    /// Messages that arrived in the whole run.
    pub received: u64,
    /// Messages that the broker confirmed in the whole run.
    pub confirmed: u64,
    /// Messages written to the sockets, per second.
    pub sent_per_second: f64,
    /// Messages that arrived whole, per second.
    pub received_per_second: f64,
    /// Messages that the broker confirmed, per second.
    pub confirmed_per_second: f64,
    /// Messages that were due and could not be sent before the run was given up: latencies are without them.
    #[serde(skip_serializing_if = "is_zero")]
    pub unsent: u64,
    /// Messages that were in the queues when they were deleted.
    pub left_in_queue: u64,
    /// From the instant a message was due to its delivery, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Summary>,
    /// From the instant a message was due to its confirm, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_latency_us: Option<Summary>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde passes")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Report {
    /// Figures from what was counted, and from what the broker said at the queues' end.
    pub fn new(mode: &'static str, options: TimedOptions, measured: &Measured, left_in_queue: u64) -> Self {
        let Measured { start, end, total, unsent, harvest } = measured;
        let seconds = seconds(start.at, end.at);
        let rate = |from, to| rate(from, to, seconds);
        let summary = |recorder: &Option<Recorder>| recorder.as_ref().and_then(Recorder::summary);
        Self {
            mode,
            options,
            seconds,
            sent: total.sent,
            received: total.received,
            confirmed: total.confirmed,
            sent_per_second: rate(start.sent, end.sent),
            received_per_second: rate(start.received, end.received),
            confirmed_per_second: rate(start.confirmed, end.confirmed),
            unsent: *unsent,
            left_in_queue,
            latency_us: summary(&harvest.delivery),
            confirm_latency_us: summary(&harvest.confirm),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traffic = &self.options.load.traffic;
        writeln!(to, "{} B a message, {:.1} s", traffic.size, self.seconds)?;
        writeln!(to, "sent       {:>12.0} /s", self.sent_per_second)?;
        if traffic.confirm_window.is_some() {
            writeln!(to, "confirmed  {:>12.0} /s", self.confirmed_per_second)?;
        }
        writeln!(to, "received   {:>12.0} /s", self.received_per_second)?;
        let mebibytes = self.received_per_second * f64::from(traffic.size) / f64::from(1 << 20);
        writeln!(to, "           {mebibytes:>12.1} MiB/s")?;
        if let Some(latency) = &self.latency_us {
            writeln!(to, "delivered after{latency}")?;
        }
        if let Some(latency) = &self.confirm_latency_us {
            writeln!(to, "confirmed after{latency}")?;
        }
        write!(to, "in all {} sent, {} received, {} left", self.sent, self.received, self.left_in_queue)?;
        if self.unsent != 0 {
            write!(to, ", {} due and not sent", self.unsent)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::perf::load::Snapshot;

    #[derive(clap::Parser)]
    struct CommandLine {
        #[command(flatten)]
        options: TimedOptions,
    }

    fn report(line: &str, latency: bool) -> Report {
        let options = CommandLine::try_parse_from(line.split(' ')).unwrap().options;
        let second = 1_000_000_000;
        let start = Snapshot { at: second, sent: 1000, confirmed: 900, received: 800 };
        let end = Snapshot { at: 3 * second, sent: 3000, confirmed: 2100, received: 1800 };
        let total = Snapshot { at: end.at, sent: 3500, confirmed: 3500, received: 3499 };
        let mut measured = Measured { start, end, total, ..Measured::default() };
        if latency {
            let mut recorder = Recorder::new();
            recorder.record(1, 1001);
            measured.harvest.delivery = Some(recorder);
        }
        Report::new("throughput", options, &measured, 1)
    }

    #[test]
    fn figures_are_rates_within_the_window_and_totals_of_the_run() {
        assert_eq!(
            report("perf --size 1048576 --confirm-window 1", false).to_string(),
            "1048576 B a message, 2.0 s\n\
             sent               1000 /s\n\
             confirmed           600 /s\n\
             received            500 /s\n\
             \x20                 500.0 MiB/s\n\
             in all 3500 sent, 3499 received, 1 left"
        );
    }

    #[test]
    fn the_json_names_are_those_of_the_reference() {
        let json =
            serde_json::to_value(report("perf --url amqp://a:secret@h --rate 7 --queue q", true)).unwrap();
        for name in [
            "seconds",
            "sent",
            "received",
            "confirmed",
            "sent_per_second",
            "received_per_second",
            "confirmed_per_second",
            "left_in_queue",
        ] {
            assert!(json[name].is_number(), "{name}: {json}");
        }
        assert_eq!((&json["mode"], json["latency_us"]["p99"].as_f64()), (&"throughput".into(), Some(1.0)));
        assert!(json.get("confirm_latency_us").is_none() && json.get("unsent").is_none(), "{json}");
        let options = &json["options"];
        assert_eq!(
            (&options["rate"], &options["seconds"], &options["queue"]),
            (&7.into(), &10.0.into(), &"q".into())
        );
        assert_eq!(options["url"], "h:5672");
    }
}
