//! Names of what is in the log, and of where it is.
//!
//! Invariants:
//! - A segment's number is never used again, so a [`MessageId`] names one pair for ever.
//! - Positions and ids rise in the order of the log: both have the segment in their upper half.

use std::num::NonZeroU64;

/// The end of a record: everything before it in the log is what it covers. Zero covers nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Whatever the next commit reaches, see [`Log::wake_at`](crate::Log::wake_at).
    pub const NEXT_COMMIT: Self = Self(u64::MAX);

    /// A byte of a segment.
    pub fn at(segment: u32, offset: u32) -> Self {
        Self(u64::from(segment) << 32 | u64::from(offset))
    }

    /// The segment.
    pub fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The byte within it.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub fn offset(self) -> u32 {
        self.0 as u32
    }
}

/// One pair of a message and a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub NonZeroU64);

impl MessageId {
    /// A pair by its segment, which is never zero, and its ordinal in it.
    pub fn new(segment: u32, ordinal: u32) -> Option<Self> {
        let id = NonZeroU64::new(u64::from(segment) << 32 | u64::from(ordinal))?;
        (segment != 0).then_some(Self(id))
    }

    /// The segment whose pair it is.
    pub fn segment(self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    /// Which of the segment's pairs, in the order written.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub fn ordinal(self) -> u32 {
        self.0.get() as u32
    }
}

/// A pair, and where the record of its message lies in the pair's segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The pair.
    pub id: MessageId,
    /// Where the record begins.
    pub offset: u32,
    /// How long it is.
    pub len: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_small() {
        assert_eq!(size_of::<Place>(), 16);
        assert_eq!(size_of::<Option<Place>>(), 16);
    }

    #[test]
    fn halves_come_back() {
        let id = MessageId::new(7, 9).unwrap();
        assert_eq!((id.segment(), id.ordinal()), (7, 9));
        assert_eq!(MessageId::new(0, 9), None);
        let position = Position::at(3, u32::MAX);
        assert_eq!((position.segment(), position.offset()), (3, u32::MAX));
        assert!(position < Position::at(4, 0));
    }
}
