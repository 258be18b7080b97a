//! Dropping segments in which nothing is alive.
//!
//! Invariant: when a segment's file is removed, what only its records said is in committed records of others:
//! the definitions whose newest record it had, and which pairs of other segments its records settled.

use std::collections::BTreeSet;
use std::io;

use super::Keeper;
use crate::batch::Records;
use crate::catalog::StoredDefinition;
use crate::definitions::Newest;
use crate::engine::Engine;
use crate::error::LogFailed;
use crate::segment::LiveBits;

/// Segments that go in one step, for the price of one sync, and of saying once again what their records say.
const STEP: usize = 64;
/// Segments stay for a while if more than one part in so many of their bytes would have to be said again: the more
/// of them are dead, the less that is for each.
const LEGACY_PART: u64 = 2;
/// A segment of which more than one part in so many is definitions stays, with nothing else in it: they would
/// only be copied from one segment to the next.
const DEFINITIONS_PART: u64 = 4;

/// What has to be said again.
#[derive(Default)]
struct Legacy {
    definitions: Vec<StoredDefinition>,
    /// Tombs of definitions that nothing in the log would bring back.
    forgotten: Vec<(Box<[u8]>, Newest)>,
    /// The pairs of other segments.
    live: Vec<(u32, LiveBits)>,
}

impl Legacy {
    fn encode(&self) -> Records {
        let mut batch = Records::default();
        for definition in &self.definitions {
            batch.define(&definition.key, definition.value.as_deref());
        }
        for (number, pairs) in &self.live {
            batch.live(*number, pairs);
        }
        batch
    }
}

impl Engine {
    /// Drops some dead segments. Whether it did.
    pub(super) fn drop_dead(&self, keeper: &mut Keeper) -> Result<bool, LogFailed> {
        let (dead, bytes) = self.dead_segments(keeper);
        if dead.is_empty() || keeper.too_dear == Some(dead.len()) {
            return Ok(false);
        }
        let legacy = match self.legacy(&dead) {
            Ok(legacy) => legacy,
            Err(error) => {
                // Left where it is, and not looked at again: an operator will have to decide when it is opened.
                tracing::error!(%error, "a dead segment can't be dropped, because a definition in it can't be read");
                keeper.unfit.extend(dead.iter().map(|number| (*number, 0)));
                return Ok(true);
            }
        };
        let mut batch = legacy.encode();
        let is_dear = bytes / LEGACY_PART < batch.encoder.bytes.len() as u64;
        keeper.too_dear = is_dear.then_some(dead.len());
        if is_dear {
            return Ok(false);
        }
        if !self.say_again(&legacy, &mut batch)? {
            return Ok(true);
        }
        self.commit()?;
        for number in &dead {
            self.remove_segment(*number)?;
            keeper.unfit.remove(number);
        }
        Ok(true)
    }

    /// Dead segments that were written as a whole, lowest first, and how many bytes they are.
    fn dead_segments(&self, keeper: &Keeper) -> (Vec<u32>, u64) {
        let committed = self.committed().segment();
        let inner = self.inner.lock();
        let is_dead = |number: u32, end: u32| {
            let definitions = inner.definitions.bytes_in(number);
            definitions <= u64::from(end) / DEFINITIONS_PART && !keeper.unfit.contains_key(&number)
        };
        let closed = inner.closed.range(..committed);
        let dead =
            closed.filter(|(number, segment)| segment.pairs.live() == 0 && is_dead(**number, segment.end));
        let dead = dead.map(|(number, segment)| (*number, u64::from(segment.end))).take(STEP);
        let (numbers, bytes): (Vec<u32>, Vec<u64>) = dead.unzip();
        (numbers, bytes.iter().sum())
    }

    fn legacy(&self, dead: &[u32]) -> io::Result<Legacy> {
        let mut legacy = Legacy::default();
        let mut newest = Vec::new();
        let mut about = BTreeSet::new();
        {
            let inner = self.inner.lock();
            for number in dead {
                about.extend(
                    inner.closed.get(number).into_iter().flat_map(|segment| segment.about.iter().copied()),
                );
                newest.extend(inner.definitions.newest_in(*number));
            }
            newest.retain(|(key, newest, is_put)| {
                let mut older = inner.closed.range(newest.oldest..newest.segment);
                let is_needed = *is_put || older.any(|(number, _)| !dead.contains(number));
                if !is_needed {
                    legacy.forgotten.push((key.clone(), *newest));
                }
                is_needed
            });
        }
        for number in about.into_iter().filter(|number| !dead.contains(number)) {
            // Each as it is at some time: what dies later is told by records that stay.
            let pairs = self.inner.lock().closed.get(&number).map(|segment| segment.pairs.clone());
            legacy.live.extend(pairs.map(|pairs| (number, pairs)));
        }
        for (key, newest, _) in newest {
            legacy.definitions.push(self.stored_definition(&key, newest)?);
        }
        Ok(legacy)
    }

    /// Appends it. `false`: a definition has changed meanwhile, and nothing was appended.
    fn say_again(&self, legacy: &Legacy, batch: &mut Records) -> Result<bool, LogFailed> {
        batch.seal(self.seed);
        let is_still_newest = |inner: &crate::inner::Inner| {
            let kept = legacy.definitions.iter().map(|stored| (stored.key.as_slice(), stored.newest));
            let forgotten = legacy.forgotten.iter().map(|(key, newest)| (&**key, *newest));
            kept.chain(forgotten).all(|(key, newest)| inner.definitions.newest(key) == Some(newest))
        };
        let mut parts = smallvec::SmallVec::new();
        let mut inner = self.inner.lock();
        self.check(&inner)?;
        if !is_still_newest(&inner) {
            return Ok(false);
        }
        for (key, _) in &legacy.forgotten {
            inner.definitions.forget(key);
        }
        if batch.all.is_empty() {
            return Ok(true);
        }
        inner.append(batch, &mut parts);
        for part in &parts {
            if let Some(segment) = inner.segment_mut(part.segment) {
                segment.about.extend(legacy.live.iter().map(|(number, _)| *number));
            }
        }
        inner.pending.sync = true;
        Ok(true)
    }

    fn remove_segment(&self, number: u32) -> Result<(), LogFailed> {
        self.disk.remove(number).map_err(|error| self.fail_keeping("removing", number, error))?;
        let mut inner = self.inner.lock();
        inner.closed.remove(&number);
        inner.holders.remove(&number);
        Ok(())
    }
}
