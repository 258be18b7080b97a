//! What came out of a run.

use std::fmt;

use serde::Serialize;

use super::Measured;
use super::options::PerfOptions;

/// The figures of one run. Rates are messages per second within the window; totals are of the whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Bytes of a body.
    pub size: u32,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Messages written to the sockets, per second.
    pub sent_per_second: f64,
    /// Messages that arrived whole, per second.
    pub received_per_second: f64,
    /// Messages that the broker confirmed, per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_per_second: Option<f64>,
    /// Messages written in the whole run.
    pub sent: u64,
    /// Messages that arrived in the whole run.
    pub received: u64,
    /// Messages that were in the queue when it was deleted.
    pub left_in_queue: u32,
}

impl Report {
    /// Figures from what was counted, and from what the broker said at the queue's end.
    pub fn new(options: &PerfOptions, measured: &Measured, left_in_queue: u32) -> Self {
        let Measured { start, end, total } = measured;
        let seconds = end.at.duration_since(start.at).as_secs_f64();
        let rate = |from, to| rate(from, to, seconds);
        Self {
            size: options.size,
            seconds,
            sent_per_second: rate(start.sent, end.sent),
            received_per_second: rate(start.received, end.received),
            confirmed_per_second: options.confirm_window.map(|_| rate(start.confirmed, end.confirmed)),
            sent: total.sent,
            received: total.received,
            left_in_queue,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run counts to 2^53")]
fn rate(from: u64, to: u64, seconds: f64) -> f64 {
    (to - from) as f64 / seconds
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{} B a message, {:.1} s", self.size, self.seconds)?;
        writeln!(to, "sent       {:>12.0} /s", self.sent_per_second)?;
        if let Some(confirmed) = self.confirmed_per_second {
            writeln!(to, "confirmed  {confirmed:>12.0} /s")?;
        }
        writeln!(to, "received   {:>12.0} /s", self.received_per_second)?;
        let mebibytes = self.received_per_second * f64::from(self.size) / f64::from(1 << 20);
        writeln!(to, "           {mebibytes:>12.1} MiB/s")?;
        write!(to, "in all {} sent, {} received, {} left", self.sent, self.received, self.left_in_queue)
    }
}
