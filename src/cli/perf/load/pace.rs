//! Publishing by schedule: which message is due when.
//!
//! Invariant: the messages of all producers together are due one after the other, evenly. Producer `p` of `P` sends
//! every `P`th of them, beginning with the `p`th. An instant depends on a message's number alone: whatever was
//! late before, the next message is due when it always was.

use crate::cli::perf::latency::Nanos;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds. By so much a message may be late because it is written with those after it; none is at less than
/// 100,000 messages a second of one producer.
const SHORTEST_WAIT: Nanos = 20_000;

/// The schedule of one producer.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Nanos,
    /// Messages a second, of all producers. Not zero.
    rate: u64,
    producers: u64,
    number: u64,
}

impl Pace {
    /// No schedule for a rate of zero.
    pub fn new(rate: u64, producers: u16, number: u16) -> Option<Self> {
        let schedule = Self { start: 0, rate, producers: producers.into(), number: number.into() };
        (rate != 0 && producers != 0).then_some(schedule)
    }

    #[must_use]
    pub fn starting_at(self, start: Nanos) -> Self {
        Self { start, ..self }
    }

    /// When this producer's message of this number, counted from zero, is due.
    pub fn due(&self, message: u64) -> Nanos {
        let of_all = u128::from(message) * u128::from(self.producers) + u128::from(self.number);
        let after = (of_all * u128::from(NANOS_PER_SECOND)).div_ceil(self.rate.into());
        self.start.saturating_add(Nanos::try_from(after).unwrap_or(Nanos::MAX))
    }

    /// When to write next, if so many messages are written: when the next is due, or, where they are due faster than one in
    /// [`SHORTEST_WAIT`], when as many are as come in that time. To wake for each would take a whole processor.
    pub fn wake_for(&self, written: u64) -> Nanos {
        let per_second = self.producers * (NANOS_PER_SECOND / SHORTEST_WAIT);
        self.due(written.saturating_add((self.rate / per_second).saturating_sub(1)))
    }

    /// How many messages of this producer are due by then.
    pub fn due_by(&self, then: Nanos) -> u64 {
        let Some(elapsed) = then.checked_sub(self.start) else { return 0 };
        let last_of_all = u128::from(elapsed) * u128::from(self.rate) / u128::from(NANOS_PER_SECOND);
        let last = last_of_all.checked_sub(self.number.into());
        let count = last.map_or(0, |last| last / u128::from(self.producers) + 1);
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: u64, producers: u16, number: u16) -> Pace {
        Pace::new(rate, producers, number).unwrap().starting_at(1000)
    }

    #[test]
    fn a_message_counts_as_due_from_its_very_instant() {
        for (rate, producers) in [(1, 1), (3, 1), (7, 3), (5000, 1), (999_983, 7), (1_000_000_000, 2)] {
            for number in 0..producers {
                let pace = pace(rate, producers, number);
                for message in [0, 1, 2, 10, 12_345] {
                    let due = pace.due(message);
                    assert_eq!((pace.due_by(due - 1), pace.due_by(due)), (message, message + 1), "{pace:?}");
                }
            }
        }
    }

    #[test]
    fn producers_take_turns_and_the_rate_is_that_of_all() {
        let due: Vec<Nanos> =
            (0..2).flat_map(|message| (0..2).map(move |p| pace(1000, 2, p).due(message))).collect();
        assert_eq!(due, [1000, 1_001_000, 2_001_000, 3_001_000]);
        // At 999.9 ms the thousand messages of the first second are due; at its end the first of the second.
        let by = |then| (0..3).map(|p| pace(1000, 3, p).due_by(then)).sum::<u64>();
        assert_eq!((by(999), by(1000), by(1000 + 999_900_000), by(1000 + 1_000_000_000)), (0, 1, 1000, 1001));
    }

    #[test]
    fn each_message_is_woken_for_unless_they_come_too_fast() {
        let slow = pace(99_999, 1, 0);
        assert_eq!((slow.wake_for(0), slow.wake_for(7)), (slow.due(0), slow.due(7)));
        let fast = pace(1_000_000, 1, 0);
        assert_eq!(fast.due_by(fast.wake_for(100)), 120);
        let shared = pace(1_000_000, 10, 3);
        assert_eq!(shared.due_by(shared.wake_for(100)), 102);
    }

    #[test]
    fn a_day_at_full_speed_does_not_overflow() {
        let pace = pace(1_000_000_000, 256, 255);
        let day = 24 * 3600 * 1_000_000_000;
        assert_eq!(pace.due(pace.due_by(day)).abs_diff(day) / 1000, 0);
    }

    #[test]
    fn a_rate_of_zero_is_no_schedule() {
        assert!(Pace::new(0, 1, 0).is_none());
    }
}
