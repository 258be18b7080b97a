//! Tables and arrays: checked bytes, read where they lie.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::{Value, check_table};
use crate::{
    cursor::{Cursor, put_short_string},
    error::DecodeError,
    limits::Limits,
};

/// A borrowed table: its entries, without the length in front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableRef<'a>(&'a [u8]);

impl<'a> TableRef<'a> {
    /// Checks `bytes` (a table without its length) and borrows it.
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        check_table(bytes, 0, limits).map(|()| Self(bytes))
    }

    /// Bytes that a decoder of this crate accepted: what is malformed reads as the end of the table, but nobody
    /// looks after the nesting any more.
    pub fn from_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The entries in their order, duplicates included.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || Some((cursor.short_string()?, Value::take(&mut cursor)?)))
    }

    /// The entries as they stand in the bytes.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || {
            let before = cursor.rest();
            let key = cursor.short_string()?;
            Value::take(&mut cursor)?;
            let raw = before.get(..before.len() - cursor.rest().len())?;
            Some(Entry { key, raw })
        })
    }

    /// The first value of this key, as RabbitMQ would find it.
    pub fn get(self, key: &[u8]) -> Option<Value<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether there is no entry.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as they came.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The same keys with equivalent values ([`Value::equivalent`]), in whatever order.
    pub fn equivalent(self, other: TableRef<'_>) -> bool {
        let (left, right) = (self.sorted(), other.sorted());
        left.len() == right.len()
            && left.iter().zip(&right).all(|(left, right)| left.0 == right.0 && left.1.equivalent(&right.1))
    }

    /// Stable, so that duplicates keep their order; and not a search a key, which a peer could make quadratic.
    fn sorted(self) -> Vec<(&'a [u8], Value<'a>)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        entries
    }
}

/// One entry of a table, undecoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// Name, tag and value as they are written.
    pub raw: &'a [u8],
}

impl fmt::Display for TableRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (key, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {value}", String::from_utf8_lossy(key))?;
        }
        f.write_str("}")
    }
}

/// A borrowed array: its values, without the length in front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrayRef<'a>(&'a [u8]);

impl<'a> ArrayRef<'a> {
    pub(super) fn from_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The values in their order.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || Value::take(&mut cursor))
    }

    /// Whether there is no value.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as they came.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Equivalent values ([`Value::equivalent`]) in the same order.
    pub fn equivalent(self, other: ArrayRef<'_>) -> bool {
        let (mut left, mut right) = (self.iter(), other.iter());
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(left), Some(right)) if left.equivalent(&right) => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for ArrayRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, value) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{value}")?;
        }
        f.write_str("]")
    }
}

/// A table that owns its bytes, or shares those of its frame. Equal means the same bytes; for the same
/// meaning see [`TableRef::equivalent`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(Bytes);

impl Table {
    /// Checks `bytes` (a table without its length) and keeps it.
    pub fn decode(bytes: Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        check_table(&bytes, 0, limits).map(|()| Self(bytes))
    }

    /// The table, borrowed.
    pub fn as_ref(&self) -> TableRef<'_> {
        TableRef(&self.0)
    }

    /// Shares the bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<TableRef<'_>> for Table {
    fn from(table: TableRef<'_>) -> Self {
        Self(Bytes::copy_from_slice(table.0))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// Writes a table entry by entry; nothing is sorted or deduplicated.
#[derive(Clone, Debug, Default)]
pub struct TableBuilder(BytesMut);

impl TableBuilder {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry. A key is cut after 255 bytes (§4.2.5.5: it is a short string).
    pub fn insert(&mut self, key: impl AsRef<[u8]>, value: Value<'_>) -> &mut Self {
        put_short_string(&mut self.0, key.as_ref());
        value.put(&mut self.0);
        self
    }

    /// Appends an entry of another table as it stands there.
    pub fn insert_raw(&mut self, entry: Entry<'_>) -> &mut Self {
        self.0.extend_from_slice(entry.raw);
        self
    }

    /// What has been written.
    pub fn build(&mut self) -> Table {
        Table(std::mem::take(&mut self.0).freeze())
    }
}

/// Writes an array value by value, to be inserted as [`Value::Array`].
#[derive(Clone, Debug, Default)]
pub struct ArrayBuilder(BytesMut);

impl ArrayBuilder {
    /// An empty array.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a value.
    pub fn push(&mut self, value: Value<'_>) -> &mut Self {
        value.put(&mut self.0);
        self
    }

    /// What has been written so far.
    pub fn as_ref(&self) -> ArrayRef<'_> {
        ArrayRef(&self.0)
    }

    /// What has been written.
    pub(super) fn into_bytes(self) -> Bytes {
        self.0.freeze()
    }
}
