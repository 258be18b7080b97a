//! Definitions in the catalog.

use super::{BUCKETS, Catalog, DEFINITIONS};
use crate::definitions::Newest;
use crate::varint;
use crate::view::ViewError;

/// A definition, or that there is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDefinition {
    /// The key.
    pub key: Vec<u8>,
    /// Where its newest record is.
    pub newest: Newest,
    /// The value, unless it was removed.
    pub value: Option<Vec<u8>>,
}

impl StoredDefinition {
    fn encode(&self, into: &mut Vec<u8>) {
        put_bytes(into, &self.key);
        let Newest { segment, offset, len, oldest } = self.newest;
        for number in [segment, offset, len, oldest] {
            varint::put(into, number.into());
        }
        into.push(u8::from(self.value.is_some()));
        put_bytes(into, self.value.as_deref().unwrap_or_default());
    }

    fn decode(from: &mut &[u8]) -> Option<Self> {
        let key = take_bytes(from)?;
        let (segment, offset) = (varint::take_u32(from)?, varint::take_u32(from)?);
        let (len, oldest) = (varint::take_u32(from)?, varint::take_u32(from)?);
        let is_put = varint::take(from)? == 1;
        let value = take_bytes(from)?;
        let newest = Newest { segment, offset, len, oldest };
        Some(Self { key, newest, value: is_put.then_some(value) })
    }
}

/// The definitions of a bucket.
pub fn decode_bucket(mut bytes: &[u8]) -> Option<Vec<StoredDefinition>> {
    let mut definitions = Vec::new();
    while !bytes.is_empty() {
        definitions.push(StoredDefinition::decode(&mut bytes)?);
    }
    Some(definitions)
}

fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

fn take_bytes(from: &mut &[u8]) -> Option<Vec<u8>> {
    let len = usize::try_from(varint::take(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes.to_vec())
}

fn bucket_of(key: &[u8]) -> u32 {
    crc32c::crc32c(key) % BUCKETS
}

impl Catalog {
    /// States definitions, each key once; those without a place are forgotten altogether.
    pub fn define(&mut self, mut changes: Vec<(Vec<u8>, Option<StoredDefinition>)>) -> Result<(), ViewError> {
        changes.sort_by_cached_key(|(key, _)| bucket_of(key));
        for changes in changes.chunk_by(|(one, _), (next, _)| bucket_of(one) == bucket_of(next)) {
            let Some((key, _)) = changes.first() else { continue };
            let done = self.define_in(bucket_of(key), changes);
            self.checked(done)?;
            self.relieve()?;
        }
        Ok(())
    }

    fn define_in(
        &mut self,
        bucket: u32,
        changes: &[(Vec<u8>, Option<StoredDefinition>)],
    ) -> Result<(), ViewError> {
        let prefix = super::prefix(DEFINITIONS, bucket);
        let before = decode_bucket(&self.get(&prefix)?).unwrap_or_default();
        let is_changed =
            |definition: &StoredDefinition| changes.iter().any(|(key, _)| *key == definition.key);
        let kept = before.iter().filter(|definition| !is_changed(definition));
        let mut bytes = Vec::new();
        for definition in kept.chain(changes.iter().filter_map(|(_, definition)| definition.as_ref())) {
            definition.encode(&mut bytes);
        }
        if bytes.is_empty() {
            self.cut(&prefix, 0);
        } else {
            self.put(&prefix, &bytes);
        }
        Ok(())
    }
}
