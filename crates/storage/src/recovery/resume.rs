//! Beginning a replay from what a checkpoint said, if that fits the segments that are there.
//!
//! Invariants:
//! - A view of any age will do: what it says of segments that are there is true, and what has become of that since
//!   is in records behind the checkpoint, or was said again there before its segment went.
//! - A view that does not know a segment that is older than its checkpoint, or knows another end of it, is not
//!   of this log.

use std::collections::BTreeMap;

use super::begin::Segments;
use super::replay::Replay;
use crate::catalog::{Catalog, Loaded, StoredSegment};
use crate::definitions::Definitions;
use crate::index::Entries;
use crate::place::Position;
use crate::reclaim::Saved;

/// A replay up to the beginning of a segment.
#[derive(Debug, Default)]
pub struct Resumed {
    /// What is known before that.
    pub replay: Replay,
    /// The first segment that is to be read.
    pub at: u32,
    /// What is in the catalog.
    pub saved: BTreeMap<u32, Saved>,
}

/// From the catalog, if there is one to be believed.
pub fn resume(catalog: &mut Catalog, begun: &Segments) -> Option<Resumed> {
    let loaded = catalog.load()?;
    match believe(catalog, begun, loaded) {
        Ok(resumed) => Some(resumed),
        Err(why) => {
            catalog.distrust(&why);
            None
        }
    }
}

fn believe(catalog: &Catalog, begun: &Segments, mut loaded: Loaded) -> Result<Resumed, String> {
    let at = Position(loaded.at).segment();
    if begun.headers.last().is_none_or(|last| last.segment < at) {
        return Err("it is newer than the log".to_owned());
    }
    let saved = loaded.segments.iter().map(|(number, stored)| (*number, saved(stored))).collect();
    let mut replay = Replay::default();
    let mut headers = begun.headers.iter().peekable();
    while let Some(header) = headers.next_if(|header| header.segment < at) {
        let number = header.segment;
        let mut stored =
            loaded.segments.remove(&number).ok_or(format!("it does not know segment {number}"))?;
        let told = headers.peek().filter(|next| next.previous == number);
        let ends = (stored.facts.end, stored.facts.pairs.pairs());
        if told.is_some_and(|next| (next.previous_end, next.previous_pairs) != ends) {
            return Err(format!("it knows another end of segment {number}"));
        }
        bury_spilled(catalog, number, &mut stored)?;
        replay.segments.insert(number, stored.facts);
    }
    for stored in loaded.definitions {
        replay.newest.restore(&stored.key, stored.newest, stored.value.is_some());
        if let Some(value) = stored.value {
            replay.definitions.insert(stored.key, value);
        }
    }
    Ok(Resumed { replay, at, saved })
}

fn saved(stored: &StoredSegment) -> Saved {
    Saved { live: stored.facts.pairs.live(), spilled: stored.spilled, moved: stored.moved }
}

/// What was not durable did not survive the process.
fn bury_spilled(catalog: &Catalog, number: u32, stored: &mut StoredSegment) -> Result<(), String> {
    if stored.spilled == 0 || stored.facts.pairs.live() == 0 {
        return Ok(());
    }
    let index = catalog.index(number).map_err(|error| error.to_string())?;
    for entry in Entries::new(&index.ok_or(format!("it has no index of segment {number}"))?) {
        let entry = entry.map_err(|error| error.to_string())?;
        if !entry.durable {
            stored.facts.pairs.kill(entry.first, entry.pairs());
        }
    }
    Ok(())
}

impl Replay {
    /// Forgets definitions whose newest record is in no segment: they were removed, and everything that had said so
    /// has gone since the checkpoint, along with everything that had said otherwise. Those that still hold were
    /// said again before their segment went.
    pub fn forget_buried_definitions(&mut self) {
        let segments = &self.segments;
        let buried = self.newest.not_in(|segment| segments.contains_key(&segment));
        for key in buried {
            self.newest.forget(&key);
            self.definitions.remove(&*key);
        }
    }
}

impl Definitions {
    /// The keys whose newest record is in a segment that does not fulfil the condition.
    fn not_in(&self, holds: impl Fn(u32) -> bool) -> Vec<Box<[u8]>> {
        let segments = self.segments().filter(|segment| !holds(*segment));
        segments.flat_map(|segment| self.newest_in(segment)).map(|(key, _, _)| key).collect()
    }
}
