//! Properties put together, or changed one at a time.
//!
//! Invariant: each slot holds one property exactly as it is written on the wire, so what nobody
//! touches is copied unchanged.

use std::borrow::Cow;

use bytes::BytesMut;

use super::{EXPIRATION, FLAGS_BYTES, Properties, present, skip};
use crate::{
    cursor::{Cursor, put_long_string, put_short_string},
    field::TableRef,
};

/// Sets properties one by one. The setters are named as the getters of [`Properties`].
#[derive(Clone, Debug, Default)]
pub struct PropertiesBuilder<'a> {
    /// By flag; the two lowest stay empty.
    slots: [Option<Cow<'a, [u8]>>; 16],
}

impl PropertiesBuilder<'_> {
    /// No property yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes the expiration, as dead-lettering does.
    #[must_use]
    pub fn without_expiration(mut self) -> Self {
        self.set(EXPIRATION, None);
        self
    }

    /// Flags, then every property that is set.
    pub fn build(&self) -> Vec<u8> {
        let flags = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.is_some())
            .fold(0_u16, |flags, (bit, _)| flags | 1 << bit);
        let length = FLAGS_BYTES + self.slots.iter().flatten().map(|field| field.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(flags.to_be_bytes());
        for field in self.slots.iter().rev().flatten() {
            bytes.extend_from_slice(field);
        }
        bytes
    }

    pub(super) fn with_short_string(self, bit: u32, value: &[u8]) -> Self {
        let mut field = BytesMut::with_capacity(1 + value.len());
        put_short_string(&mut field, value);
        self.with_owned(bit, field.into())
    }

    pub(super) fn with_table(self, bit: u32, value: TableRef<'_>) -> Self {
        let mut field = BytesMut::with_capacity(4 + value.raw().len());
        put_long_string(&mut field, value.raw());
        self.with_owned(bit, field.into())
    }

    pub(super) fn with_bytes(self, bit: u32, value: &[u8]) -> Self {
        self.with_owned(bit, value.to_vec())
    }

    fn with_owned(mut self, bit: u32, field: Vec<u8>) -> Self {
        self.set(bit, Some(Cow::Owned(field)));
        self
    }
}

impl<'a> PropertiesBuilder<'a> {
    fn set(&mut self, bit: u32, field: Option<Cow<'a, [u8]>>) {
        if let Some(slot) = self.slots.get_mut(bit as usize) {
            *slot = field;
        }
    }
}

impl<'a> From<Properties<'a>> for PropertiesBuilder<'a> {
    fn from(properties: Properties<'a>) -> Self {
        let mut builder = Self::default();
        let mut cursor = Cursor::new(properties.raw().get(FLAGS_BYTES..).unwrap_or_default());
        for bit in present(properties.flags()) {
            let before = cursor.rest();
            if skip(&mut cursor, bit).is_none() {
                break; // not reached with checked bytes
            }
            let taken = before.len() - cursor.rest().len();
            builder.set(bit, before.get(..taken).map(Cow::Borrowed));
        }
        builder
    }
}
