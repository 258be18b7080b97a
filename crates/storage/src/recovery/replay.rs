//! What the records say, in the order of the log.
//!
//! Invariant: after the last record, a pair's bit is set if and only if it is durable and nothing settled it.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::place::{MessageId, Position};
use crate::record::{Record, Run, Runs, StoredHead, aligned};
use crate::segment::Segment;

/// A durable message.
#[derive(Clone, Debug)]
pub struct Known {
    /// Where its record is.
    pub offset: u32,
    /// How long that is.
    pub len: u32,
    /// Its first pair.
    pub ordinal: u32,
    /// When it was published.
    pub published_at: u64,
    /// When it expires.
    pub expiration: Option<u64>,
    /// Its pairs' queues.
    pub queues: SmallVec<[u64; 1]>,
    /// The first ids of its pairs, if it was moved.
    pub firsts: Vec<u64>,
}

/// The state of a log, as far as it was read.
#[derive(Debug, Default)]
pub struct Replay {
    /// Its segments.
    pub segments: BTreeMap<u32, Segment>,
    /// Their durable messages, in order.
    pub messages: BTreeMap<u32, Vec<Known>>,
    /// The current definitions.
    pub definitions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// If the last record is a clean end: what had been delivered before.
    pub closed: Option<Vec<Run>>,
}

impl Replay {
    /// The segment's records come next.
    pub fn begin(&mut self, segment: u32) {
        self.segments.insert(segment, Segment::new());
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
        match record {
            Record::Mark { ordinal, .. } => self.add_pairs_up_to(segment, ordinal),
            Record::Message(head) => self.message(segment, place, &head),
            Record::Settled(runs) => self.settled(segment, runs),
            Record::Definition { key, value: Some(value) } => {
                self.definitions.insert(key.to_owned(), value.to_owned());
            }
            Record::Definition { key, value: None } => {
                self.definitions.remove(key);
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
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.end = aligned(at as usize + len) as u32;
        }
    }

    /// There were more pairs than could be read.
    fn add_pairs_up_to(&mut self, segment: u32, ordinal: u32) {
        if let Some(segment) = self.segments.get_mut(&segment) {
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
        if head.durable {
            self.messages.entry(number).or_default().push(Known {
                offset,
                len,
                ordinal,
                published_at: head.published_at,
                expiration: head.expiration,
                queues: head.queues().collect(),
                firsts: head.origins().map(|origin| origin.first).collect(),
            });
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

    /// The ids of a message's pairs.
    pub fn ids(segment: u32, known: &Known) -> impl Iterator<Item = MessageId> {
        let last = known.ordinal.saturating_add(u32::try_from(known.queues.len()).unwrap_or(u32::MAX));
        (known.ordinal..last).filter_map(move |ordinal| MessageId::new(segment, ordinal))
    }
}
