//! Moments as RabbitMQ's log writes them: `2026-11-21 12:34:56.123456+00:00`, always in UTC.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, printed with microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Date(pub SystemTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A clock before 1970 is a clock that was never set: the log goes on.
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, micros) = (since.as_secs(), since.subsec_micros());
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
    }
}

/// Year, month and day of so many days since 1970-01-01, in the calendar of today. Years begin in March here,
/// so that a leap day is the last of its year, and repeat every 400.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // From 0000-03-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_written_with_microseconds_in_utc() {
        let table = [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_798_761_599, "2026-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ];
        for (seconds, expected) in table {
            let moment = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(42_999);
            assert_eq!(Date(moment).to_string(), format!("{expected}.000042+00:00"));
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = civil(0);
        for day in 1..200_000 {
            let next = civil(day);
            let is_next = match (next.1, next.2) {
                (1, 1) => last == (next.0 - 1, 12, 31),
                (_, 1) => last.0 == next.0 && last.1 + 1 == next.1 && 28 <= last.2,
                _ => (last.0, last.1, last.2 + 1) == next,
            };
            assert!(is_next, "{last:?} is followed by {next:?}");
            last = next;
        }
    }
}
