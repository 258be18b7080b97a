//! Copying what is left of a mostly dead segment forward, so that the segment can go.
//!
//! Invariants:
//! - A pair that is copied is alive twice until its copy is committed; whoever settles it meanwhile settles the
//!   copy, and the old one dies with the commit in any case.
//! - The old id leads to the copy from the moment that has its place.
//! - A copy tells which pair it replaces and where that stood at first, so that a restart keeps the queue's order.

use std::io;

use super::Keeper;
use crate::batch::{NewMessage, Records};
use crate::engine::Engine;
use crate::error::LogFailed;
use crate::index::{Entries, Entry};
use crate::inner::{Inner, Part};
use crate::place::{MessageId, Place};
use crate::record::Origin;

/// A segment is copied when less than one part in so many is alive.
const LIVE_PART: u64 = 4;
/// How much is read, appended and committed at once.
const STEP_BYTES: u64 = 1 << 20;

/// A segment that may be worth copying.
struct MostlyDead {
    number: u32,
    /// How many of its pairs are alive.
    live: u32,
    /// About how many bytes would have to be copied.
    bytes: u64,
}

/// A message of which something is alive, and which of its pairs.
struct Live {
    entry: Entry,
    pairs: Vec<(MessageId, u64, Origin)>,
}

impl Engine {
    /// A round has passed.
    pub(super) fn watch(&self, keeper: &mut Keeper) {
        let mostly_dead = self.mostly_dead(keeper);
        let live: Vec<(u32, u32)> = mostly_dead.iter().map(|found| (found.number, found.live)).collect();
        keeper.share.watch(&live);
    }

    /// Copies one segment, if there is one worth it and nobody is kept from the disk by it. Whether it did anything.
    pub(super) fn copy_forward(&self, keeper: &mut Keeper) -> Result<bool, LogFailed> {
        let candidates = self.mostly_dead(keeper);
        let settled = candidates.iter().filter(|found| keeper.share.is_settled(found.number));
        let Some(&MostlyDead { number, live, .. }) = settled.min_by_key(|found| found.bytes) else {
            return Ok(false);
        };
        let (found, bytes) = match self.live_messages(keeper, number) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "a mostly dead segment can't be copied and stays");
                keeper.unfit.insert(number, 0);
                return Ok(true);
            }
        };
        // The guess that chose it took all messages for equally long.
        let whole = u64::from(self.inner.lock().closed.get(&number).map_or(0, |segment| segment.end));
        if whole / 2 < bytes {
            keeper.unfit.insert(number, live / 2);
            return Ok(true);
        }
        if !keeper.share.allows(bytes) {
            return Ok(false);
        }
        keeper.share.spend(bytes);
        let mut rest = found.as_slice();
        while !rest.is_empty() {
            let mut size = 0;
            let fits = |live: &&Live| {
                size += u64::from(live.entry.len);
                size <= STEP_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count.min(rest.len()));
            rest = later;
            if let Err(error) = self.copy(now)? {
                tracing::error!(%error, "a message of a mostly dead segment can't be read; the segment stays");
                keeper.unfit.insert(number, 0);
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// The segments of which so little is alive that copying that is worth the room.
    fn mostly_dead(&self, keeper: &Keeper) -> Vec<MostlyDead> {
        let committed = self.committed().segment();
        let inner = self.inner.lock();
        let closed = inner.closed.range(..committed).map(|(number, segment)| {
            let bytes = segment.live_bytes() + inner.definitions.bytes_in(*number);
            (MostlyDead { number: *number, live: segment.pairs.live(), bytes }, segment)
        });
        let worth = closed.filter(|(found, segment)| {
            found.live != 0
                && keeper.unfit.get(&found.number).is_none_or(|below| found.live < *below)
                && found.bytes < u64::from(segment.end) / LIVE_PART
        });
        worth.map(|(found, _)| found).collect()
    }

    /// The messages of a segment of which something is alive, and how many bytes they are.
    fn live_messages(&self, keeper: &Keeper, number: u32) -> io::Result<(Vec<Live>, u64)> {
        let index = self.index_of(keeper, number)?;
        let Some(bits) = self.inner.lock().closed.get(&number).map(|segment| segment.pairs.clone()) else {
            return Ok((Vec::new(), 0));
        };
        let mut found = Vec::new();
        let mut bytes = 0;
        for entry in Entries::new(&index) {
            let entry = entry.map_err(io::Error::other)?;
            let ordinals = (entry.first..).zip(&entry.queues).enumerate();
            let alive = ordinals.filter(|(_, (ordinal, _))| bits.is_live(*ordinal));
            let pairs: Vec<_> = alive
                .filter_map(|(at, (ordinal, queue))| {
                    let id = MessageId::new(number, ordinal)?;
                    let first = entry.origins.get(at).map_or(id.0.get(), |origin| origin.first);
                    Some((id, *queue, Origin { from: id.0.get(), first }))
                })
                .collect();
            if !pairs.is_empty() {
                bytes += u64::from(entry.len);
                found.push(Live { entry, pairs });
            }
        }
        Ok((found, bytes))
    }

    /// Copies some messages. The inner error is one of reading them.
    fn copy(&self, messages: &[Live]) -> Result<Result<(), crate::error::ReadError>, LogFailed> {
        let places: Vec<Place> = messages
            .iter()
            .filter_map(|live| {
                let (id, _, _) = live.pairs.first()?;
                Some(Place { id: *id, offset: live.entry.offset, len: live.entry.len })
            })
            .collect();
        let mut batch = Records::default();
        let mut olds = Vec::new();
        for (live, stored) in messages.iter().zip(self.read(&places)) {
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) => return Ok(Err(error)),
            };
            let queues: Vec<u64> = live.pairs.iter().map(|(_, queue, _)| *queue).collect();
            let origins: Vec<Origin> = live.pairs.iter().map(|(_, _, origin)| *origin).collect();
            let Entry { durable, published_at, expiration, .. } = live.entry;
            let (head, body) = (stored.head(), stored.body());
            let message = NewMessage {
                durable,
                published_at,
                expiration,
                queues: &queues,
                head: &[&head],
                body: &body,
            };
            batch.message(&message, &origins);
            olds.extend(live.pairs.iter().map(|(id, _, _)| (*id, durable)));
        }
        batch.seal(self.seed);
        self.append_own(&mut batch, |inner, records, parts| redirect(inner, records, parts, &olds))?;
        self.commit()?;
        let mut inner = self.inner.lock();
        for (old, _) in olds {
            if let Some(segment) = inner.segment_mut(old.segment()) {
                segment.pairs.kill(old.ordinal(), 1);
            }
        }
        Ok(Ok(()))
    }
}

/// The copies have their places: the old ids lead there, unless the pairs were settled meanwhile.
fn redirect(
    inner: &mut Inner,
    records: &[crate::record::Encoded],
    parts: &[Part],
    olds: &[(MessageId, bool)],
) {
    let mut places = Vec::with_capacity(olds.len());
    for part in parts {
        part.places(records, &mut places);
        let about = olds.iter().map(|(old, _)| old.segment()).filter(|segment| *segment != part.segment);
        if let Some(segment) = inner.segment_mut(part.segment) {
            segment.about.extend(about);
        }
    }
    for ((old, durable), place) in olds.iter().zip(places) {
        if inner.is_live(*old) {
            inner.redirect(*old, place);
        } else if *durable {
            inner.settle(&[place.id], &[]);
        } else {
            inner.settle(&[], &[place.id]);
        }
    }
    inner.pending.sync = true;
}
