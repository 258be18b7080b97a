//! The catalog: what a checkpoint says, as keys and values of a view.
//!
//! ```text
//! "r"                          root: format, salt of the log, position, how many items there are, their digest
//! "s" segment u32 chunk u32    facts of a closed segment: its end, its live pairs, whom it speaks about
//! "i" segment u32 chunk u32    index of a closed segment
//! "d" bucket u32 chunk u32     definitions, by a hash of their key
//! ```
//! Numbers in keys are big-endian, so that the chunks of one thing lie together, in order. Every value ends with a
//! CRC32C of key and value.
//!
//! Invariants:
//! - Whatever a commit states becomes true together: with the root, without which nothing is believed.
//! - A catalog is believed as a whole or not at all: the root tells how many items there are and the sum of
//!   their checksums, so that an item that was lost, or is older than the others, shows.
//! - After a failure the catalog is empty and takes nothing: the log is told from its beginning next time.
//! - Definitions lie in buckets because sled takes a hundred thousand small values in one batch with 260 MB of
//!   memory, and the same in a thousand large ones with 50.

mod definition;
mod load;
mod segment;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::varint;
use crate::view::{Change, View, ViewError};

pub use definition::StoredDefinition;
pub use load::Loaded;
pub use segment::StoredSegment;

const FORMAT: u64 = 1;
const ROOT: &[u8] = b"r";
const SEGMENT: u8 = b's';
const INDEX: u8 = b'i';
const DEFINITIONS: u8 = b'd';
/// Small enough that sled, which evicts in steps, keeps little: see its `store`.
const CHUNK_BYTES: usize = 4000;
/// More than this is not applied together.
const MOST_CHANGED_BYTES: usize = 8 << 20;
/// The view may take up this much, and so many times what is in it: sled does not shrink its file.
const MOST_FOOTPRINT: u64 = 16 << 20;
const PER_BYTE: u64 = 4;
/// But more than this is not held in memory to write it anew.
const MOST_REWRITTEN: u64 = 32 << 20;
const BUCKETS: u32 = 1024;
const CHECKSUM_BYTES: usize = 4;

/// A view, and what is in it.
pub struct Catalog {
    view: Arc<dyn View>,
    salt: u64,
    /// Every item but the root.
    items: BTreeMap<Vec<u8>, Item>,
    digest: u64,
    /// How much the items are.
    bytes: u64,
    /// Stated, not applied yet.
    changes: Vec<Change>,
    changed_bytes: usize,
    /// Whether the view has a root, and so is to be believed.
    has_root: bool,
    is_lost: bool,
}

/// What is known of an item's value.
#[derive(Clone, Copy, Debug)]
struct Item {
    checksum: u32,
    len: usize,
}

impl Catalog {
    /// The catalog of a log, before it was [loaded](Catalog::load).
    pub fn new(view: Arc<dyn View>, salt: u64) -> Self {
        Self {
            view,
            salt,
            items: BTreeMap::new(),
            digest: 0,
            bytes: 0,
            changes: Vec::new(),
            changed_bytes: 0,
            has_root: false,
            is_lost: false,
        }
    }

    /// Whether there is something in it to be believed.
    pub fn has_root(&self) -> bool {
        self.has_root
    }

    /// Whether it takes anything.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// States what is known of a closed segment.
    pub fn put_segment(&mut self, number: u32, stored: &StoredSegment) -> Result<(), ViewError> {
        self.put(&prefix(SEGMENT, number), &stored.encode());
        self.relieve()
    }

    /// States the index of a closed segment.
    pub fn put_index(&mut self, number: u32, index: &[u8]) -> Result<(), ViewError> {
        self.put(&prefix(INDEX, number), index);
        self.relieve()
    }

    /// The segment has gone.
    pub fn forget_segment(&mut self, number: u32) {
        self.cut(&prefix(SEGMENT, number), 0);
        self.cut(&prefix(INDEX, number), 0);
    }

    /// The index of a closed segment, if one was stated.
    pub fn index(&self, number: u32) -> Result<Option<Vec<u8>>, ViewError> {
        if self.items.contains_key(&chunk_key(&prefix(INDEX, number), 0)) {
            self.get(&prefix(INDEX, number)).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Makes everything that was stated true, together, as of a position of the log, and safe.
    pub fn commit(&mut self, at: u64) -> Result<(), ViewError> {
        let root = self.root(at);
        self.changes.push(Change { key: ROOT.to_vec(), value: Some(sealed(ROOT, root)) });
        self.has_root = true;
        let done = self.apply().and_then(|()| self.view.sync());
        self.checked(done)?;
        if self.bytes < MOST_REWRITTEN && MOST_FOOTPRINT + PER_BYTE * self.bytes < self.view.footprint() {
            let done = self.rewrite(at);
            self.checked(done)?;
        }
        Ok(())
    }

    /// Writes the view anew, because what is in it takes up much less than it does. If it ends in the middle the view
    /// is not believed.
    fn rewrite(&mut self, at: u64) -> Result<(), ViewError> {
        let mut changes = Vec::with_capacity(self.items.len());
        for (key, item) in &self.items {
            changes.push(Change { key: key.clone(), value: Some(self.get_item(key, *item)?) });
        }
        self.view.reset()?;
        let root = sealed(ROOT, self.root(at));
        changes.push(Change { key: ROOT.to_vec(), value: Some(root) });
        self.view.apply(changes)?;
        self.view.sync()
    }

    /// Nothing more is read for a while: gives back the memory that reading has taken.
    pub fn rest(&mut self) {
        let done = self.view.rest();
        if let Err(error) = self.checked(done) {
            tracing::warn!(%error, "there will be no view until the next start");
        }
    }

    /// Applies what was stated so far if it is much. That is only so when a whole log is told; should it end in the
    /// middle then, the view is not believed.
    fn relieve(&mut self) -> Result<(), ViewError> {
        if self.changed_bytes < MOST_CHANGED_BYTES {
            return Ok(());
        }
        if std::mem::take(&mut self.has_root) {
            self.changes.push(Change { key: ROOT.to_vec(), value: None });
        }
        let done = self.apply();
        self.checked(done)
    }

    fn apply(&mut self) -> Result<(), ViewError> {
        self.changed_bytes = 0;
        self.view.apply(std::mem::take(&mut self.changes))
    }

    fn root(&self, at: u64) -> Vec<u8> {
        let mut root = Vec::new();
        for number in [FORMAT, self.salt, at, self.items.len() as u64, self.digest] {
            varint::put(&mut root, number);
        }
        root
    }

    /// Puts bytes of any length under a prefix, in chunks. Nothing is one empty chunk.
    fn put(&mut self, prefix: &[u8], bytes: &[u8]) {
        let chunks = bytes.chunks(CHUNK_BYTES).chain(bytes.is_empty().then_some(&[] as &[u8]));
        let mut count = 0;
        for chunk in chunks {
            let key = chunk_key(prefix, count);
            let value = sealed(&key, chunk.to_vec());
            self.note(&key, Some(Item { checksum: checksum(&key, chunk), len: chunk.len() }));
            self.changed_bytes += value.len();
            self.changes.push(Change { key, value: Some(value) });
            count += 1;
        }
        self.cut(prefix, count);
    }

    /// Removes the chunks under a prefix from that one on.
    fn cut(&mut self, prefix: &[u8], from: u32) {
        let first = chunk_key(prefix, from);
        let keys: Vec<Vec<u8>> = {
            let behind = self.items.range(first..).map(|(key, _)| key);
            behind.take_while(|key| key.starts_with(prefix)).cloned().collect()
        };
        for key in keys {
            self.note(&key, None);
            self.changes.push(Change { key, value: None });
        }
    }

    /// The bytes under a prefix.
    fn get(&self, prefix: &[u8]) -> Result<Vec<u8>, ViewError> {
        let mut bytes = Vec::new();
        let items = self.items.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        for (key, item) in items {
            let value = self.get_item(key, *item)?;
            bytes.extend_from_slice(opened(key, &value).map_or(&[], |(chunk, _)| chunk));
        }
        Ok(bytes)
    }

    /// The value of an item, as it is in the view, which is what was put there.
    fn get_item(&self, key: &[u8], item: Item) -> Result<Vec<u8>, ViewError> {
        let value = self.view.get(key)?.unwrap_or_default();
        if opened(key, &value).is_some_and(|(_, checksum)| checksum == item.checksum) {
            return Ok(value);
        }
        Err(ViewError { at: "of the log".to_owned(), why: "an item is not what was put there".to_owned() })
    }

    /// An item is there from now on, or not.
    fn note(&mut self, key: &[u8], item: Option<Item>) {
        let before = match item {
            Some(item) => self.items.insert(key.to_vec(), item),
            None => self.items.remove(key),
        };
        let weigh = |item: Option<Item>| item.map_or(0, |item| weight(item.checksum));
        let len = |item: Option<Item>| item.map_or(0, |item| item.len as u64);
        self.digest = self.digest.wrapping_sub(weigh(before)).wrapping_add(weigh(item));
        self.bytes = self.bytes - len(before) + len(item);
    }

    /// After a failure nothing is believed any more.
    fn checked<T>(&mut self, result: Result<T, ViewError>) -> Result<T, ViewError> {
        if result.is_err() {
            self.give_up();
        }
        result
    }

    /// Takes nothing more.
    pub fn give_up(&mut self) {
        self.is_lost = true;
        self.forget_all();
    }

    fn forget_all(&mut self) {
        self.items.clear();
        self.changes.clear();
        self.changed_bytes = 0;
        self.digest = 0;
        self.bytes = 0;
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

fn prefix(kind: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [kind, a, b, c, d]
}

fn chunk_key(prefix: &[u8], chunk: u32) -> Vec<u8> {
    [prefix, &chunk.to_be_bytes()].concat()
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}

/// What an item adds to the digest. An odd factor spreads the checksums, whose sum alone would be too short.
fn weight(checksum: u32) -> u64 {
    (u64::from(checksum) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn sealed(key: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    let checksum = checksum(key, &value);
    value.extend_from_slice(&checksum.to_le_bytes());
    value
}

/// A value and its checksum, if that is right.
fn opened<'a>(key: &[u8], value: &'a [u8]) -> Option<(&'a [u8], u32)> {
    let (value, stated) = value.split_last_chunk::<CHECKSUM_BYTES>()?;
    let stated = u32::from_le_bytes(*stated);
    (checksum(key, value) == stated).then_some((value, stated))
}

#[cfg(test)]
mod tests;
