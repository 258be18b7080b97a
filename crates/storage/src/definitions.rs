//! Where the newest record of every definition is.
//!
//! Invariants:
//! - A key whose definition was removed is known as long as an older record of it may be in the log: without the
//!   record of its removal it would come back.
//! - What was noted last for a key is the newest, so notes are made in the order of the log.

use std::collections::{BTreeMap, HashMap, HashSet};

/// A record of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its segment.
    pub segment: u32,
    /// Where it begins.
    pub offset: u32,
    /// How long it is.
    pub len: u32,
    /// No segment before this one has a record of the key.
    pub oldest: u32,
}

/// All keys that the log speaks about.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    known: HashMap<Box<[u8]>, (Newest, bool)>,
    /// How many bytes of newest records are in a segment.
    bytes: BTreeMap<u32, u64>,
    changed: HashSet<Box<[u8]>>,
}

/// A key, and its newest record if it is still known. The flag tells whether it has a value.
pub type Known = (Box<[u8]>, Option<(Newest, bool)>);

impl Definitions {
    /// A record was written. `newest.oldest` is not looked at.
    pub fn note(&mut self, key: &[u8], newest: Newest, is_put: bool) {
        let before = self.known.get(key).map(|(before, _)| *before);
        let oldest = before.map_or(newest.segment, |before| before.oldest);
        self.restore(key, Newest { oldest, ..newest }, is_put);
        self.changed.insert(key.into());
    }

    /// What a checkpoint said.
    pub fn restore(&mut self, key: &[u8], newest: Newest, is_put: bool) {
        *self.bytes.entry(newest.segment).or_default() += u64::from(newest.len);
        if let Some((before, _)) = self.known.insert(key.into(), (newest, is_put)) {
            self.weigh_less(before);
        }
    }

    /// Nothing in the log speaks about the key any more.
    pub fn forget(&mut self, key: &[u8]) {
        if let Some((before, _)) = self.known.remove(key) {
            self.weigh_less(before);
            self.changed.insert(key.into());
        }
    }

    fn weigh_less(&mut self, before: Newest) {
        if let Some(bytes) = self.bytes.get_mut(&before.segment) {
            *bytes -= u64::from(before.len);
            if *bytes == 0 {
                self.bytes.remove(&before.segment);
            }
        }
    }

    /// The segments that have newest records.
    pub fn segments(&self) -> impl Iterator<Item = u32> {
        self.bytes.keys().copied()
    }

    /// How many bytes of a segment are newest records.
    pub fn bytes_in(&self, segment: u32) -> u64 {
        self.bytes.get(&segment).copied().unwrap_or_default()
    }

    /// The keys whose newest record is in that segment, with those.
    pub fn newest_in(&self, segment: u32) -> Vec<(Box<[u8]>, Newest, bool)> {
        if !self.bytes.contains_key(&segment) {
            return Vec::new();
        }
        let mut found: Vec<_> = self
            .known
            .iter()
            .filter(|(_, (newest, _))| newest.segment == segment)
            .map(|(key, (newest, is_put))| (key.clone(), *newest, *is_put))
            .collect();
        found.sort_unstable_by_key(|(_, newest, _)| newest.offset);
        found
    }

    /// The newest record of a key.
    pub fn newest(&self, key: &[u8]) -> Option<Newest> {
        self.known.get(key).map(|(newest, _)| *newest)
    }

    /// What has changed since this was asked the last time.
    pub fn take_changed(&mut self) -> Vec<Known> {
        let known = &self.known;
        self.changed.drain().map(|key| (known.get(&key).copied(), key)).map(|(now, key)| (key, now)).collect()
    }

    /// As if everything had changed.
    pub fn all_changed(&mut self) {
        self.changed.extend(self.known.keys().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(segment: u32, offset: u32) -> Newest {
        Newest { segment, offset, len: 10, oldest: 0 }
    }

    #[test]
    fn the_newest_record_is_where_it_was_noted_last() {
        let mut definitions = Definitions::default();
        definitions.note(b"a", at(1, 64), true);
        definitions.note(b"b", at(1, 80), true);
        definitions.note(b"a", at(3, 64), false);
        assert_eq!(definitions.newest(b"a"), Some(Newest { oldest: 1, ..at(3, 64) }));
        assert_eq!(
            definitions.newest_in(1),
            [(b"b".to_vec().into(), Newest { oldest: 1, ..at(1, 80) }, true)]
        );
        assert_eq!((definitions.bytes_in(1), definitions.bytes_in(3)), (10, 10));
        definitions.forget(b"a");
        assert_eq!((definitions.newest(b"a"), definitions.bytes_in(3)), (None, 0));
    }

    #[test]
    fn changes_are_told_once() {
        let mut definitions = Definitions::default();
        definitions.note(b"a", at(1, 64), true);
        definitions.note(b"a", at(1, 80), true);
        let changed = definitions.take_changed();
        assert_eq!(changed, [(b"a".to_vec().into(), Some((Newest { oldest: 1, ..at(1, 80) }, true)))]);
        assert_eq!(definitions.take_changed(), []);
        definitions.forget(b"a");
        assert_eq!(definitions.take_changed(), [(b"a".to_vec().into(), None)]);
    }
}
