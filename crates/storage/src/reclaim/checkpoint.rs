//! Telling the view what the closed segments say, so that an opening need not read them.
//!
//! Invariants:
//! - What the view is told has been committed before: neither a message nor its end is known to the view alone.
//! - A checkpoint stands at the beginning of a segment; everything before it is in the view, and what comes
//!   behind may be read once more on top of it, since pairs only die and definitions are read in their order.

use std::io;

use super::{Keeper, Saved};
use crate::catalog::{StoredDefinition, StoredSegment};
use crate::definitions::{Known, Newest};
use crate::engine::Engine;
use crate::error::LogFailed;
use crate::place::Position;
use crate::record::{Invalid, Record, decode};
use crate::segment::Segment;

/// What a checkpoint is about to say.
struct Draft {
    /// Its segment.
    at: u32,
    segments: Vec<(u32, Segment)>,
    gone: Vec<u32>,
    definitions: Vec<Known>,
}

impl Engine {
    /// Tells the view, if a segment was closed since the last time, or there is time and a segment has gone. Whether
    /// it did.
    pub fn checkpoint(&self, keeper: &mut Keeper) -> Result<bool, LogFailed> {
        let at = self.committed().segment();
        let has_shrunk = || keeper.share.is_idle() && self.inner.lock().closed.len() < keeper.saved.len();
        if at <= keeper.at && !has_shrunk() {
            return Ok(false);
        }
        keeper.at = at;
        let written = self.writer.lock().indexes.take_below(at);
        if keeper.catalog.is_lost() {
            return Ok(false);
        }
        keeper.indexes.extend(written);
        let draft = self.draft(keeper, at);
        // What the draft says of pairs that died may be on its way into the log still: written, then synced.
        self.commit()?;
        self.inner.lock().pending.sync = true;
        self.commit()?;
        if let Err(error) = self.tell(keeper, draft) {
            tracing::warn!(%error, "there will be no view until the next start, which takes longer therefore");
            keeper.catalog.give_up();
            keeper.indexes.clear();
        }
        Ok(true)
    }

    fn draft(&self, keeper: &Keeper, at: u32) -> Draft {
        let is_new = |number: u32, segment: &Segment| {
            keeper.saved.get(&number).is_none_or(|saved| saved.live != segment.pairs.live())
        };
        let (changed, gone, definitions) = {
            let mut inner = self.inner.lock();
            let closed = inner.closed.range(..at).filter(|(number, segment)| is_new(**number, segment));
            let changed: Vec<u32> = closed.map(|(number, _)| *number).collect();
            let gone =
                keeper.saved.keys().copied().filter(|number| !inner.closed.contains_key(number)).collect();
            (changed, gone, inner.definitions.take_changed())
        };
        // The lock for each anew: there may be many, and each as it is at some time will do.
        let segments = changed.into_iter().filter_map(|number| {
            let segment = self.inner.lock().closed.get(&number).cloned()?;
            Some((number, segment))
        });
        Draft { at, segments: segments.collect(), gone, definitions }
    }

    fn tell(&self, keeper: &mut Keeper, draft: Draft) -> io::Result<()> {
        for number in draft.gone {
            keeper.saved.remove(&number);
            keeper.catalog.forget_segment(number);
        }
        for (number, facts) in draft.segments {
            tell_segment(keeper, number, facts)?;
        }
        // What is left belongs to segments that have gone before the view heard of them.
        keeper.indexes.clear();
        let definitions = draft.definitions.into_iter().map(|(key, now)| {
            let stored = match now {
                Some((newest, _)) => Some(self.stored_definition(&key, newest)?),
                None => None,
            };
            Ok((key.into_vec(), stored))
        });
        let definitions = definitions.collect::<io::Result<Vec<_>>>()?;
        keeper.catalog.define(definitions).map_err(io::Error::other)?;
        keeper.catalog.commit(Position::at(draft.at, 0).0).map_err(io::Error::other)
    }

    /// A definition with its value, from its record.
    pub(super) fn stored_definition(&self, key: &[u8], newest: Newest) -> io::Result<StoredDefinition> {
        let mut bytes = vec![0; newest.len as usize];
        self.disk.read(newest.segment, newest.offset.into(), &mut bytes)?;
        let invalid = |invalid: Invalid| {
            let file = self.disk.describe(newest.segment);
            io::Error::new(io::ErrorKind::InvalidData, format!("{file} at byte {}: {invalid}", newest.offset))
        };
        match decode(self.seed, &bytes).map_err(invalid)? {
            (Record::Definition { key: found, value }, _) if found == key => {
                Ok(StoredDefinition { key: key.to_vec(), newest, value: value.map(<[u8]>::to_vec) })
            }
            _ => Err(invalid(Invalid::Unknown)),
        }
    }
}

fn tell_segment(keeper: &mut Keeper, number: u32, facts: Segment) -> io::Result<()> {
    let live = facts.pairs.live();
    let saved = if let Some(saved) = keeper.saved.get(&number) {
        Saved { live, ..*saved }
    } else {
        let index = keeper.indexes.remove(&number).unwrap_or_default();
        // What is dead stays dead: nobody will ask where it was.
        if live != 0 {
            keeper.catalog.put_index(number, index.bytes()).map_err(io::Error::other)?;
        }
        Saved { live, spilled: index.spilled(), moved: index.moved() }
    };
    keeper.saved.insert(number, saved);
    let Saved { spilled, moved, .. } = saved;
    keeper.catalog.put_segment(number, &StoredSegment { facts, spilled, moved }).map_err(io::Error::other)
}
