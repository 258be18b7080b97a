//! The one notion of time that the rules know: an instant that the caller passes in.
//!
//! Nothing below the shell reads a clock. The shell's clock starts from the wall clock and from then
//! on only follows the monotonic one, so a [`Timestamp`] never runs backwards and can still be written
//! to disk and compared after a restart.

use std::ops::Add;
use std::time::Duration;

/// Microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A moment given in microseconds since 1970.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// A moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The last multiple of so many microseconds that is not after this.
    #[must_use]
    pub const fn floor(self, micros: u64) -> Self {
        Self(self.0 - self.0 % micros)
    }

    /// The first multiple of so many microseconds that is not before this.
    #[must_use]
    pub const fn ceil(self, micros: u64) -> Self {
        Self(self.0.div_ceil(micros).saturating_mul(micros))
    }

    /// So long before this; the beginning of time if that is before it.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        // Beyond the year 586,000 "never" is precise enough.
        Self(self.0.saturating_add(u64::try_from(after.as_micros()).unwrap_or(u64::MAX)))
    }
}
