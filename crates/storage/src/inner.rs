//! What is behind the log's lock.
//!
//! Invariants:
//! - What was appended has its place at once: the log's end is where the next record goes, whatever was written yet.
//! - `writing` and `pending` together are everything behind what was written, in order and without a gap.
//! - `moved` leads from every id that is still in use by somebody to where its pair is now, in one step.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::batch::Records;
use crate::definitions::{Definitions, Newest};
use crate::log::{Stats, Waiter};
use crate::pending::{Chunk, Pending};
use crate::place::{MessageId, Place, Position};
use crate::reclaim::Traffic;
use crate::record::{Encoded, MARK_BYTES, Record, SegmentHeader, decode_own};
use crate::segment::Segment;

/// See the module.
pub struct Inner {
    /// All segments but the last.
    pub closed: BTreeMap<u32, Segment>,
    /// The number of the last.
    pub number: u32,
    /// The last, where appends go.
    pub active: Segment,
    /// The header of the active segment, until a chunk begins it.
    header: Option<SegmentHeader>,
    salt: u64,
    segment_bytes: u32,
    /// Not taken by a commit yet.
    pub pending: Pending,
    /// Taken by the commit that runs.
    pub writing: Arc<Vec<Chunk>>,
    /// How many bytes that is.
    pub writing_bytes: usize,
    /// Up to where the commit that runs will sync.
    pub syncing: Position,
    /// Settled pairs that are not in a record yet.
    pub settled: Vec<MessageId>,
    /// Where pairs are now that had another id before.
    pub moved: HashMap<MessageId, Place>,
    /// By the segments where moved pairs are now: their ordinals, rising, and the ids that lead there.
    pub holders: BTreeMap<u32, Vec<(u32, MessageId)>>,
    /// Where definitions are.
    pub definitions: Definitions,
    /// What has been appended and settled from outside.
    pub traffic: Traffic,
    waiters: Vec<(Position, Arc<dyn Waiter>)>,
    /// Nothing is logged any more.
    pub is_closed: bool,
    /// There is something to do for the thread that keeps house.
    pub wants_keeping: bool,
    /// The segment whose file that thread was last asked to make.
    asked_for: u32,
}

/// Records of a batch that lie in one segment, one behind the other.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which of the batch's records.
    pub records: Range<usize>,
    /// Where in the batch's bytes they begin.
    pub start: usize,
    /// Their segment.
    pub segment: u32,
    /// Where they begin in it.
    pub offset: u32,
    /// The ordinal of their first pair.
    pub ordinal: u32,
}

impl Part {
    /// Pushes the places of the pairs of this part's records.
    pub fn places(&self, records: &[Encoded], places: &mut Vec<Place>) {
        let mut ordinal = self.ordinal;
        for record in records.get(self.records.clone()).unwrap_or_default() {
            #[expect(clippy::cast_possible_truncation, reason = "it fitted into the segment")]
            let offset = self.offset + (record.start - self.start) as u32;
            for _ in 0..record.pairs {
                let id = MessageId::new(self.segment, ordinal);
                places.extend(id.map(|id| Place { id, offset, len: record.len }));
                ordinal += 1;
            }
        }
    }
}

impl Inner {
    /// A log whose last segment is that one.
    pub fn new(closed: BTreeMap<u32, Segment>, last: (u32, Segment), salt: u64, segment_bytes: u32) -> Self {
        let (number, active) = last;
        Self {
            closed,
            number,
            active,
            header: None,
            salt,
            segment_bytes,
            pending: Pending::default(),
            writing: Arc::default(),
            writing_bytes: 0,
            syncing: Position(0),
            settled: Vec::new(),
            moved: HashMap::new(),
            holders: BTreeMap::new(),
            definitions: Definitions::default(),
            traffic: Traffic::default(),
            waiters: Vec::new(),
            is_closed: false,
            wants_keeping: false,
            asked_for: 0,
        }
    }

    /// Gives a sealed batch its place. Its bytes are gone then, its records are not.
    pub fn append(&mut self, batch: &mut Records, parts: &mut SmallVec<[Part; 1]>) -> Position {
        self.pending.sync |= batch.all.iter().any(|record| record.durable);
        if batch.encoder.bytes.len() <= self.room() {
            let records = 0..batch.all.len();
            if !records.is_empty() {
                self.begin_chunk();
                parts.push(self.place(batch, records, 0));
                let offset = self.active.end;
                self.advance(batch.encoder.bytes.len());
                self.pending.take(offset, &mut batch.encoder.bytes);
            }
        } else {
            self.append_split(batch, parts);
        }
        self.end()
    }

    /// As many records as fit, then the next segment.
    fn append_split(&mut self, batch: &Records, parts: &mut SmallVec<[Part; 1]>) {
        let records = &batch.all;
        let end_of = |at: usize| records.get(at + 1).map_or(batch.encoder.bytes.len(), |next| next.start);
        let mut from = 0;
        while let Some(first) = records.get(from) {
            let room = self.room();
            let mut to = from;
            while to < records.len() && end_of(to) - first.start <= room {
                to += 1;
            }
            if to == from {
                if self.active.is_begun() {
                    self.roll();
                    continue;
                }
                // Longer than a segment: it gets a longer one, for itself.
                to += 1;
            }
            self.begin_chunk();
            parts.push(self.place(batch, from..to, first.start));
            let bytes = batch.encoder.bytes.get(first.start..end_of(to - 1)).unwrap_or_default();
            self.pending.copy(self.active.end, bytes);
            self.advance(bytes.len());
            from = to;
        }
    }

    /// How many bytes of records fit into the active segment.
    fn room(&self) -> usize {
        let mark = if self.continues() { 0 } else { MARK_BYTES };
        (self.segment_bytes as usize).saturating_sub(self.active.end as usize + mark)
    }

    /// Whether what comes next is written together with what waits already.
    fn continues(&self) -> bool {
        self.pending.chunks.last().is_some_and(|chunk| chunk.segment == self.number)
    }

    /// Begins a write with a Mark, unless the last write that waits can take more.
    pub fn begin_chunk(&mut self) {
        if !self.continues() {
            let ordinal = self.active.pairs.pairs();
            self.pending.begin(self.number, self.active.end, ordinal, self.header.take());
            self.advance(MARK_BYTES);
        }
    }

    /// The next records, whose first lies at `start` in their batch, are the active segment's next.
    fn place(&mut self, batch: &Records, range: Range<usize>, start: usize) -> Part {
        let (offset, ordinal) = (self.active.end, self.active.pairs.pairs());
        let mut pairs = 0;
        for record in batch.all.get(range.clone()).unwrap_or_default() {
            pairs += record.pairs;
            if record.pairs != 0 {
                self.active.message_bytes += u64::from(record.len);
            } else if record.is_definition {
                #[expect(clippy::cast_possible_truncation, reason = "it fits into the segment")]
                self.define(batch, *record, offset + (record.start - start) as u32);
            }
        }
        self.active.pairs.extend(pairs, true);
        Part { records: range, start, segment: self.number, offset, ordinal }
    }

    /// A definition of a batch gets its place.
    fn define(&mut self, batch: &Records, record: Encoded, offset: u32) {
        let bytes = batch.encoder.bytes.get(record.start..).and_then(decode_own);
        if let Some((Record::Definition { key, value }, _)) = bytes {
            let newest = Newest { segment: self.number, offset, len: record.len, oldest: self.number };
            self.definitions.note(key, newest, value.is_some());
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a segment and a record have 1 GiB at most")]
    fn advance(&mut self, bytes: usize) {
        self.active.end += bytes as u32;
    }

    /// Appends go to the next segment from now on.
    fn roll(&mut self) {
        let header = SegmentHeader {
            segment: self.number + 1,
            salt: self.salt,
            previous: self.number,
            previous_end: self.active.end,
            previous_pairs: self.active.pairs.pairs(),
        };
        let closed = mem::replace(&mut self.active, Segment::new());
        self.closed.insert(self.number, closed);
        self.number = header.segment;
        self.header = Some(header);
        self.wants_keeping = true;
    }

    /// The end of the last record.
    pub fn end(&self) -> Position {
        Position::at(self.number, self.active.end)
    }

    /// A segment that is there.
    pub fn segment_mut(&mut self, number: u32) -> Option<&mut Segment> {
        if number == self.number { Some(&mut self.active) } else { self.closed.get_mut(&number) }
    }

    /// These pairs die.
    pub fn settle(&mut self, durable: &[MessageId], spilled: &[MessageId]) {
        for id in spilled {
            self.kill(*id);
        }
        for id in durable {
            let (id, killed) = self.kill(*id);
            if killed && !self.is_closed {
                self.settled.push(id);
            }
        }
    }

    /// The pair dies, wherever it is now, and whether it had been alive.
    fn kill(&mut self, id: MessageId) -> (MessageId, bool) {
        let id = if self.moved.is_empty() { id } else { self.moved.remove(&id).map_or(id, |place| place.id) };
        let segment = self.segment_mut(id.segment());
        (id, segment.is_some_and(|segment| segment.pairs.kill(id.ordinal(), 1) == 1))
    }

    /// The pair, which was at `from`, is at `to` from now on; both are alive.
    pub fn redirect(&mut self, from: MessageId, to: Place) {
        let held = self.holders.get(&from.segment()).and_then(|pairs| {
            let at = pairs.binary_search_by_key(&from.ordinal(), |(ordinal, _)| *ordinal).ok()?;
            pairs.get(at).map(|(_, holder)| *holder)
        });
        let holder = held.unwrap_or(from);
        self.moved.insert(holder, to);
        self.holders.entry(to.id.segment()).or_default().push((to.id.ordinal(), holder));
    }

    /// Whether the pair with exactly this id is alive.
    pub fn is_live(&self, id: MessageId) -> bool {
        let number = id.segment();
        let segment = if number == self.number { Some(&self.active) } else { self.closed.get(&number) };
        segment.is_some_and(|segment| segment.pairs.is_live(id.ordinal()))
    }

    /// What the pair is called now.
    pub fn current_id(&self, id: MessageId) -> MessageId {
        self.moved.get(&id).map_or(id, |place| place.id)
    }

    /// Where the pair is now.
    pub fn current(&self, place: Place) -> Place {
        if self.moved.is_empty() { place } else { self.moved.get(&place.id).copied().unwrap_or(place) }
    }

    /// The bytes from there on, if they are not written yet.
    pub fn unwritten(&self, place: Place) -> Option<&[u8]> {
        let chunks = self.writing.iter().chain(&self.pending.chunks);
        chunks.into_iter().find_map(|chunk| chunk.find(place.id.segment(), place.offset))
    }

    /// How many bytes wait to be written or are being written.
    pub fn waiting_bytes(&self) -> usize {
        self.pending.bytes + self.writing_bytes
    }

    /// The segment whose file should be there: the next one as soon as the active one is half full.
    pub fn wanted_segment(&self) -> u32 {
        self.number + u32::from(self.segment_bytes / 2 < self.active.end)
    }

    /// Whether the thread that keeps house has to be woken for the next segment.
    pub fn ask_for_segment(&mut self) -> bool {
        let asks = self.asked_for < self.wanted_segment();
        self.asked_for = self.wanted_segment();
        self.wants_keeping |= asks;
        asks
    }

    /// Somebody waits for a position.
    pub fn wait(&mut self, at: Position, waiter: Arc<dyn Waiter>) {
        // What nobody was expected to wait for may have been written without a sync.
        self.pending.sync |= at != Position::NEXT_COMMIT && self.syncing < at;
        self.waiters.push((at, waiter));
    }

    /// Those who need not wait any longer, or all of them.
    pub fn take_waiters(&mut self, committed: Position, all: bool) -> Vec<Arc<dyn Waiter>> {
        let due = |at: Position| all || at <= committed || at == Position::NEXT_COMMIT;
        self.waiters.extract_if(.., |(at, _)| due(*at)).map(|(_, waiter)| waiter).collect()
    }

    /// See [`Stats`].
    pub fn stats(&self) -> Stats {
        let segments = || self.closed.values().chain([&self.active]);
        Stats {
            segments: segments().count(),
            bytes: segments().map(|segment| u64::from(segment.end)).sum(),
            live_pairs: segments().map(|segment| u64::from(segment.pairs.live())).sum(),
            live_bytes: segments().map(Segment::live_bytes).sum(),
            waiting_bytes: self.waiting_bytes(),
        }
    }
}
