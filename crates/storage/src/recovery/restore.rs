//! What an opened log gives back: definitions, and messages queue by queue in their order.
//!
//! Invariant: a pair is given back where it stood when it was first written, however often it was moved since.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use super::replay::{Known, Replay};
use crate::error::OpenError;
use crate::log::Log;
use crate::place::{MessageId, Place};
use crate::record::Run;

/// What opening found.
#[derive(Debug)]
pub struct Recovery {
    log: Arc<Log>,
    definitions: BTreeMap<Vec<u8>, Vec<u8>>,
    messages: BTreeMap<u32, Vec<Known>>,
    /// After a clean end: what had been delivered before.
    delivered: Option<Vec<Run>>,
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

impl Recovery {
    /// What was replayed into a log.
    pub fn new(log: Arc<Log>, replay: Replay) -> Self {
        let Replay { messages, definitions, closed, .. } = replay;
        Self { log, definitions, messages, delivered: closed }
    }

    /// The current definitions, by key. Given out once.
    pub fn definitions(&mut self) -> Result<Vec<Definition>, OpenError> {
        Ok(mem::take(&mut self.definitions).into_iter().collect())
    }

    /// Every live durable pair, in the order in which they were first written. Given out once. What the visitor does
    /// not keep is settled.
    pub fn messages(&mut self, visit: &mut Visit<'_>) -> Result<(), OpenError> {
        let messages = mem::take(&mut self.messages);
        let mut moved = self.moved(&messages).into_iter().peekable();
        for (segment, messages) in &messages {
            let mut dead = Vec::new();
            for known in messages.iter().filter(|known| known.firsts.is_empty()) {
                for (id, queue) in Replay::ids(*segment, known).zip(&known.queues) {
                    while let Some((_, restored)) = moved.next_if(|(first, _)| *first < id.0.get()) {
                        dead.extend(refused(restored, visit));
                    }
                    if self.is_live(id) {
                        dead.extend(refused(self.restored(id, known, *queue), visit));
                    }
                }
            }
            self.log.settle(&dead, &[]);
        }
        let dead: Vec<MessageId> = moved.filter_map(|(_, restored)| refused(restored, visit)).collect();
        self.log.settle(&dead, &[]);
        Ok(())
    }

    /// Whether the log was closed before it was opened.
    pub fn was_clean(&self) -> bool {
        self.delivered.is_some()
    }

    /// The live pairs that were moved, with their first ids and in the order of these.
    fn moved(&self, messages: &BTreeMap<u32, Vec<Known>>) -> Vec<(u64, Restored)> {
        let mut moved = Vec::new();
        for (segment, messages) in messages {
            for known in messages {
                let pairs = Replay::ids(*segment, known).zip(&known.queues).zip(&known.firsts);
                for ((id, queue), first) in pairs.filter(|((id, _), _)| self.is_live(*id)) {
                    moved.push((*first, self.restored(id, known, *queue)));
                }
            }
        }
        moved.sort_unstable_by_key(|(first, _)| *first);
        moved
    }

    fn is_live(&self, id: MessageId) -> bool {
        let mut inner = self.log.inner.lock();
        inner.segment_mut(id.segment()).is_some_and(|segment| segment.pairs.is_live(id.ordinal()))
    }

    fn restored(&self, id: MessageId, known: &Known, queue: u64) -> Restored {
        let Known { offset, len, published_at, expiration, .. } = *known;
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

/// The pair, if the visitor does not keep it.
fn refused(restored: Restored, visit: &mut Visit<'_>) -> Option<MessageId> {
    (!visit(restored)).then_some(restored.place.id)
}
