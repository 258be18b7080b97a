//! Reading a catalog back, if it can be believed.

use std::collections::BTreeMap;

use super::definition::decode_bucket;
use super::{Catalog, DEFINITIONS, FORMAT, Item, ROOT, SEGMENT, StoredDefinition, StoredSegment, opened};
use crate::varint;

/// What the last checkpoint said.
#[derive(Debug)]
pub struct Loaded {
    /// Everything before this position is in it.
    pub at: u64,
    /// The closed segments.
    pub segments: BTreeMap<u32, StoredSegment>,
    /// The definitions.
    pub definitions: Vec<StoredDefinition>,
}

/// Why a catalog is not believed.
type Doubt = &'static str;

#[derive(Debug, Default)]
struct Reading {
    root: Option<Vec<u8>>,
    /// Chunks of one thing, put together.
    things: BTreeMap<Vec<u8>, Vec<u8>>,
    doubt: Option<Doubt>,
}

impl Catalog {
    /// What the view holds, if it belongs to this log and is whole. Otherwise it is emptied, and the log will be
    /// told from its beginning.
    pub fn load(&mut self) -> Option<Loaded> {
        let mut reading = Reading::default();
        let view = self.view.clone();
        let scanned = view.scan(&mut |key, value| self.read(&mut reading, key, value));
        let why = match scanned {
            Ok(()) if reading.root.is_none() && self.items.is_empty() => return None,
            Ok(()) => match self.believe(reading) {
                Ok(loaded) => return Some(loaded),
                Err(doubt) => doubt.to_owned(),
            },
            Err(error) => error.to_string(),
        };
        self.distrust(&why);
        None
    }

    /// Empties the view without a word.
    pub fn clear(&mut self) {
        self.forget_all();
        self.has_root = false;
        if let Err(error) = self.view.reset() {
            tracing::warn!(%error, "there will be no view");
            self.is_lost = true;
        }
    }

    /// Empties the view, because what it says can't be true.
    pub fn distrust(&mut self, why: &str) {
        tracing::warn!(why, "the view can't be used; the log is read from its beginning, which takes longer");
        self.clear();
    }

    fn read(&mut self, reading: &mut Reading, key: &[u8], value: &[u8]) {
        let Some((content, checksum)) = opened(key, value) else {
            reading.doubt = Some("an item of it is damaged");
            return;
        };
        if key == ROOT {
            self.has_root = true;
            reading.root = Some(content.to_vec());
            return;
        }
        self.note(key, Some(Item { checksum, len: content.len() }));
        let is_wanted = matches!(key.first(), Some(&(SEGMENT | DEFINITIONS)));
        if let Some((prefix, _)) = key.split_last_chunk::<4>()
            && is_wanted
        {
            reading.things.entry(prefix.to_vec()).or_default().extend_from_slice(content);
        }
    }

    fn believe(&self, reading: Reading) -> Result<Loaded, Doubt> {
        if let Some(doubt) = reading.doubt {
            return Err(doubt);
        }
        let at = self.position(&reading.root.ok_or("it was never finished")?)?;
        let mut loaded = Loaded { at, segments: BTreeMap::new(), definitions: Vec::new() };
        for (prefix, content) in reading.things {
            let (kind, number) = prefix.split_first().ok_or("an item of it has no name")?;
            let number =
                number.first_chunk().copied().map(u32::from_be_bytes).ok_or("an item has no number")?;
            if *kind == SEGMENT {
                let stored =
                    StoredSegment::decode(&content).ok_or("what it says of a segment is not readable")?;
                loaded.segments.insert(number, stored);
            } else {
                loaded.definitions.extend(decode_bucket(&content).ok_or("its definitions are not readable")?);
            }
        }
        Ok(loaded)
    }

    /// The position that the root names, if the root fits the log and the items.
    fn position(&self, mut root: &[u8]) -> Result<u64, Doubt> {
        let mut number = || varint::take(&mut root).ok_or("its root is not readable");
        if number()? != FORMAT {
            return Err("another version of leveret wrote it");
        }
        if number()? != self.salt {
            return Err("it belongs to another log");
        }
        let at = number()?;
        if number()? != self.items.len() as u64 || number()? != self.digest {
            return Err("a part of it is missing or older than the rest");
        }
        Ok(at)
    }
}
