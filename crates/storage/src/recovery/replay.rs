//! What the records say, in the order of the log.
//!
//! Invariant: after the last record, a pair's bit is set if and only if it is durable and nothing settled it.

use std::collections::BTreeMap;

use crate::definitions::{Definitions, Newest};
use crate::index::{Entry, Index};
use crate::place::Position;
use crate::record::{Record, Run, Runs, StoredHead, aligned};
use crate::segment::Segment;

/// The state of a log, as far as it was read.
#[derive(Debug, Default)]
pub struct Replay {
    /// Its segments.
    pub segments: BTreeMap<u32, Segment>,
    /// The indexes of those that were read.
    pub indexes: BTreeMap<u32, Index>,
    /// The current definitions.
    pub definitions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where their newest records are.
    pub newest: Definitions,
    /// If the last record is a clean end: what had been delivered before.
    pub closed: Option<Vec<Run>>,
}

impl Replay {
    /// The segment's records come next.
    pub fn begin(&mut self, segment: u32) {
        self.segments.insert(segment, Segment::new());
        self.indexes.insert(segment, Index::default());
    }

    /// How many pairs the segment has so far.
    pub fn pairs(&self, segment: u32) -> u32 {
        self.segments.get(&segment).map_or(0, |segment| segment.pairs.pairs())
    }

    /// The next record of a segment, which begins at `at` and is `len` long.
    #[expect(clippy::cast_possible_truncation, reason = "offsets of a segment are 32 bits")]
    pub fn apply(&mut self, segment: u32, at: u64, record: (Record<'_>, usize)) {
        let (record, len) = record;
        let place = (at as u32, len as u32);
        self.closed = None;
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.end = aligned(at as usize + len) as u32;
        }
        match record {
            Record::Mark { ordinal, .. } => self.add_pairs_up_to(segment, ordinal),
            Record::Message(head) => self.message(segment, place, &head),
            Record::Settled(runs) => self.settled(segment, runs),
            Record::Definition { key, value } => {
                let newest = Newest { segment, offset: place.0, len: place.1, oldest: segment };
                self.newest.note(key, newest, value.is_some());
                match value {
                    Some(value) => self.definitions.insert(key.to_owned(), value.to_owned()),
                    None => self.definitions.remove(key),
                };
            }
            Record::Live { segment: of, runs } => {
                self.speaks_about(segment, of);
                if let Some(of) = self.segments.get_mut(&of) {
                    of.pairs.keep_only(&runs);
                }
            }
            Record::Closed(runs) => self.closed = Some(runs.iter().collect()),
            Record::Lost { pairs } => {
                let up_to = self.pairs(segment).saturating_add(pairs);
                self.add_pairs_up_to(segment, up_to);
            }
        }
    }

    /// There were more pairs than could be read.
    fn add_pairs_up_to(&mut self, segment: u32, ordinal: u32) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            // Each pair has a queue's id at least: who says more than fit is not to be believed.
            let ordinal = ordinal.min(segment.end / 8);
            let missing = ordinal.saturating_sub(segment.pairs.pairs());
            segment.pairs.extend(missing, false);
        }
    }

    fn message(&mut self, number: u32, place: (u32, u32), head: &StoredHead<'_>) {
        let (offset, len) = place;
        for origin in head.origins() {
            self.kill(number, Run { first: origin.from, count: 1 });
        }
        let Some(segment) = self.segments.get_mut(&number) else { return };
        let ordinal = segment.pairs.pairs();
        segment.pairs.extend(head.pairs(), head.durable);
        segment.message_bytes += u64::from(len);
        if let Some(index) = self.indexes.get_mut(&number) {
            index.push(&Entry::new(ordinal, offset, len, head));
        }
    }

    fn settled(&mut self, by: u32, runs: Runs<'_>) {
        for run in runs.iter() {
            self.kill(by, run);
        }
    }

    /// A record of the segment `by` settles these.
    fn kill(&mut self, by: u32, run: Run) {
        let first = Position(run.first);
        self.speaks_about(by, first.segment());
        if let Some(segment) = self.segments.get_mut(&first.segment()) {
            segment.pairs.kill(first.offset(), run.count);
        }
    }

    fn speaks_about(&mut self, by: u32, of: u32) {
        if by != of
            && let Some(by) = self.segments.get_mut(&by)
        {
            by.about.insert(of);
        }
    }
}
