//! What an opened log gives back: definitions, and messages queue by queue in their order.
//!
//! Invariants:
//! - A pair is given back where it stood when it was first written, however often it was moved since.
//! - What was appended after the opening is not given back.
//! - Besides the pairs that were moved, no more than the index of one segment is held at a time.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::sync::Arc;

use super::replay::Replay;
use crate::engine::Engine;
use crate::error::OpenError;
use crate::index::{Entries, Entry};
use crate::place::{MessageId, Place};
use crate::record::Run;
use crate::segment::LiveBits;

/// What opening found.
#[derive(Debug)]
pub struct Recovery {
    log: Arc<Engine>,
    definitions: BTreeMap<Vec<u8>, Vec<u8>>,
    known: Known,
    /// After a clean end: what had been delivered before.
    delivered: Option<Vec<Run>>,
}

/// Up to where the log was known when it was opened.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its last segment.
    pub last: u32,
    /// How many pairs that had.
    pub pairs: u32,
}

/// A live pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its queue.
    pub queue: u64,
    /// Where it is.
    pub place: Place,
    /// When it was published, in microseconds since 1970.
    pub published_at: u64,
    /// When it expires, likewise.
    pub expiration: Option<u64>,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
}

/// A key and its value.
pub type Definition = (Vec<u8>, Vec<u8>);

/// Asked of every pair: whether its queue is still there.
type Visit<'a> = dyn FnMut(Restored) -> bool + 'a;

/// A live pair, and the id it had at first if it was moved.
type Found = (Option<u64>, Restored);

impl Recovery {
    /// What was replayed into a log.
    pub fn new(log: Arc<Engine>, replay: Replay, known: Known) -> Self {
        let Replay { definitions, closed, .. } = replay;
        Self { log, definitions, known, delivered: closed }
    }

    /// The current definitions, by key. Given out once.
    pub fn definitions(&mut self) -> Result<Vec<Definition>, OpenError> {
        Ok(mem::take(&mut self.definitions).into_iter().collect())
    }

    /// Every live durable pair, in the order in which they were first written. What the visitor does not keep is
    /// settled.
    pub fn messages(&mut self, visit: &mut Visit<'_>) -> Result<(), OpenError> {
        let mut moved = self.moved()?.into_iter().peekable();
        let mut dead = Vec::new();
        let mut show = |restored: Restored| {
            if !visit(restored) {
                dead.push(restored.place.id);
            }
        };
        for segment in self.segments(|_| true) {
            self.live(segment, &mut |first, restored| {
                if first.is_none() {
                    let id = restored.place.id.0.get();
                    while let Some((_, before)) = moved.next_if(|(first, _)| *first < id) {
                        show(before);
                    }
                    show(restored);
                }
            })?;
        }
        moved.for_each(|(_, restored)| show(restored));
        self.log.settle(&dead, &[]);
        self.log.rest_view();
        Ok(())
    }

    /// Whether the log was closed before it was opened.
    pub fn was_clean(&self) -> bool {
        self.delivered.is_some()
    }

    /// The live pairs that were moved, with their first ids and in the order of these.
    fn moved(&self) -> Result<Vec<(u64, Restored)>, OpenError> {
        let mut moved = Vec::new();
        for segment in self.segments(|segment| self.log.has_moved(segment)) {
            self.live(segment, &mut |first, restored| moved.extend(first.map(|first| (first, restored))))?;
        }
        moved.sort_unstable_by_key(|(first, _)| *first);
        Ok(moved)
    }

    /// The segments that have live pairs.
    fn segments(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<u32> {
        let with_live = self.log.segments_with_live(self.known.last);
        with_live.into_iter().filter(|segment| is_wanted(*segment)).collect()
    }

    /// Shows the live pairs of a segment, in its order.
    fn live(&self, segment: u32, show: &mut dyn FnMut(Option<u64>, Restored)) -> Result<(), OpenError> {
        let failed = |source: io::Error| OpenError::Io {
            what: format!("reading what is in {}", self.log.disk.describe(segment)),
            source,
        };
        let (index, bits) = self.log.index_at_opening(segment).map_err(failed)?;
        for entry in Entries::new(&index) {
            let entry = entry.map_err(|error| failed(io::Error::other(error)))?;
            if segment == self.known.last && self.known.pairs <= entry.first {
                break;
            }
            for (first, restored) in self.pairs(segment, &entry, &bits) {
                show(first, restored);
            }
        }
        Ok(())
    }

    fn pairs<'a>(
        &'a self,
        segment: u32,
        entry: &'a Entry,
        bits: &'a LiveBits,
    ) -> impl Iterator<Item = Found> + 'a {
        let numbered = (entry.first..).zip(&entry.queues).enumerate();
        let alive = numbered.filter(move |(_, (ordinal, _))| entry.durable && bits.is_live(*ordinal));
        alive.filter_map(move |(at, (ordinal, queue))| {
            let id = MessageId::new(segment, ordinal)?;
            let first = entry.origins.get(at).map(|origin| origin.first);
            Some((first, self.restored(id, entry, *queue)))
        })
    }

    fn restored(&self, id: MessageId, entry: &Entry, queue: u64) -> Restored {
        let Entry { offset, len, published_at, expiration, .. } = *entry;
        let was_delivered = |runs: &Vec<Run>| {
            let after = runs.partition_point(|run| run.first <= id.0.get());
            let run = after.checked_sub(1).and_then(|at| runs.get(at));
            run.is_some_and(|run| id.0.get() - run.first < u64::from(run.count))
        };
        // After an unclean end nobody knows what was delivered.
        let redelivered = self.delivered.as_ref().is_none_or(was_delivered);
        Restored { queue, place: Place { id, offset, len }, published_at, expiration, redelivered }
    }
}
