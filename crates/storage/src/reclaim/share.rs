//! How much of the disk's time copying may take from publishers.
//!
//! Invariant: over time, no more is copied than a quarter of what else is appended, unless nothing else is.

use crate::place::Position;

/// Of what is appended.
const PART: u64 = 4;

/// An account: appends pay in, copies take out.
#[derive(Debug, Default)]
pub struct Share {
    /// The log's end when it was looked at last.
    end: Position,
    /// What may be copied now, in bytes.
    allowed: u64,
    /// Appended by copying since then.
    own: u64,
    /// Nothing was appended by others since the last look.
    is_quiet: bool,
    /// There was nothing to do at the last step, so that since then time has passed.
    has_rested: bool,
    is_idle: bool,
}

impl Share {
    /// Looks at what was appended: `end` is the log's end, `segment_bytes` how long a segment is. No more is
    /// saved up than one segment.
    pub fn look(&mut self, end: Position, segment_bytes: u32) {
        let segments = u64::from(end.segment() - self.end.segment().min(end.segment()));
        let bytes = (segments * u64::from(segment_bytes) + u64::from(end.offset()))
            .saturating_sub(self.end.offset().into());
        let others = bytes.saturating_sub(self.own);
        self.own = 0;
        self.end = end;
        self.allowed = (self.allowed + others / PART).min(segment_bytes.into());
        self.is_quiet = others == 0;
        self.is_idle = self.is_quiet && (self.is_idle || self.has_rested);
    }

    /// Whether so many bytes may be copied now.
    pub fn allows(&self, bytes: u64) -> bool {
        self.is_idle || bytes <= self.allowed
    }

    /// So many bytes were copied.
    pub fn spend(&mut self, bytes: u64) {
        self.allowed = self.allowed.saturating_sub(bytes);
        self.own += bytes;
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

    #[test]
    fn a_quarter_of_what_was_appended_may_be_copied() {
        let mut share = Share::default();
        share.look(Position::at(1, 400), SEGMENT);
        share.rest(true);
        share.look(Position::at(1, 800), SEGMENT);
        let allowed = 2 * 100 + u64::from(SEGMENT) / PART;
        assert!(share.allows(200) && !share.allows(allowed + 1));
        share.spend(200);
        share.look(Position::at(1, 1000), SEGMENT);
        assert!(!share.is_quiet || share.own == 0);
    }

    #[test]
    fn whoever_is_alone_may_copy_everything() {
        let mut share = Share::default();
        share.look(Position::at(1, 400), SEGMENT);
        share.rest(false);
        assert!(!share.allows(10_000));
        share.look(Position::at(1, 400), SEGMENT);
        assert!(share.allows(10_000));
        share.spend(600);
        share.rest(true);
        // Its own copies do not count as somebody else's appends.
        share.look(Position::at(1, 1000), SEGMENT);
        assert!(share.allows(10_000));
        share.look(Position::at(2, 64), SEGMENT);
        assert!(!share.allows(10_000));
    }
}
