//! A line a second, on the standard error, of how it goes.

use std::io::{self, Write as _};

use super::Snapshot;

/// What was last told.
pub struct Progress {
    tells: bool,
    last: Snapshot,
}

impl Progress {
    /// Tells nothing if it is not asked to.
    pub fn new(tells: bool) -> Self {
        Self { tells, last: Snapshot::default() }
    }

    /// The rates since the last line.
    pub fn tell(&mut self, now: &Snapshot) {
        if self.tells {
            say(&line(&self.last, now));
        }
        self.last = *now;
    }
}

/// One line on the standard error. Nobody may be reading; that is no reason to end.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn line(last: &Snapshot, now: &Snapshot) -> String {
    let rate = |from, to| rate(from, to, seconds(last.at, now.at));
    format!(
        "{:>6.1} s: sent {:>10.0} /s, confirmed {:>10.0} /s, received {:>10.0} /s",
        seconds(0, now.at),
        rate(last.sent, now.sent),
        rate(last.confirmed, now.confirmed),
        rate(last.received, now.received),
    )
}

/// Messages a second; none in no time.
#[expect(clippy::cast_precision_loss, reason = "no run counts to 2^53")]
pub fn rate(from: u64, to: u64, seconds: f64) -> f64 {
    if seconds == 0.0 { 0.0 } else { to.saturating_sub(from) as f64 / seconds }
}

/// Between two readings of the clock.
#[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 nanoseconds, a hundred days")]
pub fn seconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_rates_since_the_last() {
        let last = Snapshot { at: 1_000_000_000, sent: 100, confirmed: 50, received: 10 };
        let now = Snapshot { at: 3_000_000_000, sent: 300, confirmed: 50, received: 1010 };
        assert_eq!(
            line(&last, &now),
            "   3.0 s: sent        100 /s, confirmed          0 /s, received        500 /s"
        );
    }
}
