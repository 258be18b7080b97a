//! How much of the disk's time copying may take from others, and what is worth copying.
//!
//! Invariants:
//! - Over time, no more is copied than a quarter of what publishers append, unless nothing else goes on.
//! - What is being drained is not copied: it will be dead by itself before the copy has paid.

use std::collections::BTreeMap;

/// Of what is appended.
const PART: u64 = 4;
/// For so many rounds a segment must have stayed about as it was. In one, a segment was closed, or nothing went on.
const ROUNDS: u32 = 2;
/// Losing more than one part in so many of its live pairs is no staying.
const LOSS_PART: u64 = 8;

/// What others have done, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of records.
    pub appended: u64,
    /// Pairs.
    pub settled: u64,
}

/// An account: appends pay in, copies take out.
#[derive(Debug, Default)]
pub struct Share {
    seen: Traffic,
    /// What may be copied now, in bytes.
    allowed: u64,
    /// Nothing has gone on since the last look, and there was time for it.
    is_idle: bool,
    /// There was nothing to do at the last step, so that time has passed since.
    has_rested: bool,
    /// How many live pairs a segment had, and for how many rounds that has been about true.
    watched: BTreeMap<u32, (u32, u32)>,
}

impl Share {
    /// Looks at what has gone on. No more is saved up than the bytes of one segment.
    pub fn look(&mut self, now: Traffic, segment_bytes: u32) {
        let before = std::mem::replace(&mut self.seen, now);
        self.allowed = (self.allowed + (now.appended - before.appended) / PART).min(segment_bytes.into());
        self.is_idle = now == before && (self.is_idle || self.has_rested);
    }

    /// Whether nothing goes on.
    pub fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Whether so many bytes may be copied now.
    pub fn allows(&self, bytes: u64) -> bool {
        self.is_idle || bytes <= self.allowed
    }

    /// So many bytes were copied.
    pub fn spend(&mut self, bytes: u64) {
        self.allowed = self.allowed.saturating_sub(bytes);
    }

    /// A round has passed: these segments are mostly dead, with so many live pairs.
    pub fn watch(&mut self, mostly_dead: &[(u32, u32)]) {
        let before = std::mem::take(&mut self.watched);
        self.watched = mostly_dead
            .iter()
            .map(|(segment, live)| match before.get(segment) {
                Some((then, rounds)) if u64::from(then - live.min(then)) * LOSS_PART <= u64::from(*then) => {
                    (*segment, (*then, rounds + 1))
                }
                _ => (*segment, (*live, 0)),
            })
            .collect();
    }

    /// Whether a segment has stayed about as it is for long enough.
    pub fn is_settled(&self, segment: u32) -> bool {
        self.watched.get(&segment).is_some_and(|(_, rounds)| ROUNDS <= *rounds)
    }

    /// A step ended, in which there was something to do or nothing.
    pub fn rest(&mut self, was_busy: bool) {
        self.has_rested = !was_busy;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u32 = 1000;

    fn appended(appended: u64) -> Traffic {
        Traffic { appended, settled: 0 }
    }

    #[test]
    fn a_quarter_of_what_was_appended_may_be_copied() {
        let mut share = Share::default();
        share.look(appended(400), SEGMENT);
        share.rest(true);
        share.look(appended(800), SEGMENT);
        assert!(share.allows(200) && !share.allows(201));
        share.spend(150);
        share.look(appended(800), SEGMENT);
        assert!(share.allows(50) && !share.allows(51));
        share.look(appended(1_000_000), SEGMENT);
        assert!(!share.allows(u64::from(SEGMENT) + 1));
    }

    #[test]
    fn whoever_is_alone_may_copy_everything() {
        let mut share = Share::default();
        share.look(appended(400), SEGMENT);
        share.rest(false);
        assert!(!share.allows(10_000));
        share.look(appended(400), SEGMENT);
        assert!(share.is_idle() && share.allows(10_000));
        share.spend(600);
        share.rest(true);
        share.look(appended(400), SEGMENT);
        assert!(share.is_idle(), "what was copied was no traffic");
        share.look(Traffic { appended: 400, settled: 1 }, SEGMENT);
        assert!(!share.is_idle() && !share.allows(10_000));
    }

    #[test]
    fn what_is_being_drained_is_not_settled() {
        let mut share = Share::default();
        for live in [100, 80, 60, 40, 20] {
            share.watch(&[(1, live), (2, 100)]);
        }
        assert!(!share.is_settled(1) && share.is_settled(2));
        for _ in 0..ROUNDS {
            assert!(!share.is_settled(1));
            share.watch(&[(1, 19)]);
        }
        assert!(share.is_settled(1) && !share.is_settled(2));
    }
}
