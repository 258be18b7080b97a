//! What the log says of handshakes that failed: who and why, but not a flood.
//!
//! Invariant: at most [`LINES`] lines in [`SPELL`]; what was left out is counted, and told in the next spell.

use std::time::Duration;

use leveret_core::Timestamp;

/// Lines of one spell.
const LINES: u32 = 20;
/// How long they have to last.
const SPELL: Duration = Duration::from_secs(10);

/// How much has been told lately.
#[derive(Debug, Default)]
pub struct Refused {
    since: Option<Timestamp>,
    told: u32,
    left_out: u32,
}

/// What to do with one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Tell it; so many before it were left out.
    Told {
        /// Of the last spell.
        left_out: u32,
    },
    /// Leave it out.
    LeftOut,
}

impl Refused {
    /// One more has failed.
    pub fn note(&mut self, now: Timestamp) -> Telling {
        let mut left_out = 0;
        if self.since.is_none_or(|since| since + SPELL <= now) {
            left_out = self.left_out;
            *self = Self { since: Some(now), told: 0, left_out: 0 };
        }
        if self.told == LINES {
            self.left_out += 1;
            return Telling::LeftOut;
        }
        self.told += 1;
        Telling::Told { left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut refused = Refused::default();
        let start = Timestamp::default();
        for _ in 0..LINES {
            assert_eq!(refused.note(start), Telling::Told { left_out: 0 });
        }
        for _ in 0..7 {
            assert_eq!(refused.note(start + Duration::from_secs(9)), Telling::LeftOut);
        }
        assert_eq!(refused.note(start + SPELL), Telling::Told { left_out: 7 });
        assert_eq!(refused.note(start + SPELL), Telling::Told { left_out: 0 });
    }
}
