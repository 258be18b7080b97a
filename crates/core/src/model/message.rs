//! A message: where it was published to, its properties as they came, its body.
//!
//! Invariants:
//! - The property bytes are those of the publisher, untouched, in order, duplicates included.
//! - Everything lies in one reference-counted slice, so a copy for another queue costs one increment.
//! - A message that is handed on at once shares the buffer it was read into; one that is parked is
//!   [detached](Message::detach) if it is small, because 20 bytes must not pin a whole read buffer.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use leveret_codec::Properties;

use crate::id::RecordId;

/// Messages below this are copied out of the read buffer when they stop moving.
const DETACH_BELOW_BYTES: usize = 4 * 1024;

/// What a queue adds to the bytes of a message when it accounts for memory: its entry, roughly.
const OVERHEAD_BYTES: usize = 96;

/// A published message. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Message {
    /// `exchange` and `routing key` as short strings, then the properties, then the body up to the end.
    /// Before the last two there may be bytes that mean nothing here (frame heads of the publish).
    bytes: Bytes,
    properties_at: u32,
    properties_len: u32,
    body_at: u32,
    shares_buffer: bool,
    persistent: bool,
    record: Option<RecordId>,
}

/// Where the parts of a publish lie in the slice that holds all of it.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Offset and length of the properties (flags first).
    pub properties: (u32, u32),
    /// Offset of the body, which goes to the end.
    pub body_at: u32,
}

impl Message {
    /// A message whose frames lie one after the other in `bytes`, beginning with the exchange's short
    /// string and ending with the body's last byte. Nothing is copied.
    pub fn in_place(bytes: Bytes, layout: Layout, persistent: bool) -> Self {
        let Layout { properties: (properties_at, properties_len), body_at } = layout;
        Self { bytes, properties_at, properties_len, body_at, shares_buffer: true, persistent, record: None }
    }

    /// A message put together from parts.
    pub fn compose(exchange: &[u8], routing_key: &[u8], properties: &[u8], body: &[u8]) -> Self {
        let mut draft = Draft::new(exchange, routing_key, properties);
        draft.extend(body);
        draft.finish()
    }

    /// The exchange it was published to.
    pub fn exchange(&self) -> &[u8] {
        self.short_string(0)
    }

    /// The routing key it was published with.
    pub fn routing_key(&self) -> &[u8] {
        self.short_string(1 + self.exchange().len())
    }

    /// The properties, raw and as they came.
    pub fn properties(&self) -> Properties<'_> {
        let from = self.properties_at as usize;
        let to = from + self.properties_len as usize;
        Properties::from_checked(self.bytes.get(from..to).unwrap_or_default())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at as usize..).unwrap_or_default()
    }

    /// The bytes that hold the body, and where in them it is.
    pub fn body_in_place(&self) -> (&Bytes, Range<usize>) {
        (&self.bytes, self.body_at as usize..self.bytes.len())
    }

    /// Whether delivery-mode is 2 (anything else, also absence, is transient).
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Its name in the log, if it is there.
    pub fn record(&self) -> Option<RecordId> {
        self.record
    }

    /// Gives it a name in the log.
    pub fn set_record(&mut self, record: RecordId) {
        self.record = Some(record);
    }

    /// What it counts for in bounds on memory, in bytes.
    pub fn footprint_bytes(&self) -> usize {
        self.bytes.len() + OVERHEAD_BYTES
    }

    /// Call when the message stops moving: a small one gets bytes of its own.
    pub fn detach(&mut self) {
        if self.shares_buffer && self.bytes.len() < DETACH_BELOW_BYTES {
            let mut own =
                Self::compose(self.exchange(), self.routing_key(), self.properties().raw(), self.body());
            own.record = self.record;
            own.persistent = self.persistent;
            *self = own;
        }
    }

    /// The same message under other properties (a reply-to made unique, a `BCC` header taken out).
    #[must_use]
    pub fn with_properties(&self, properties: &[u8]) -> Self {
        Self::compose(self.exchange(), self.routing_key(), properties, self.body())
    }

    fn short_string(&self, at: usize) -> &[u8] {
        let len = self.bytes.get(at).copied().unwrap_or_default();
        self.bytes.get(at + 1..at + 1 + usize::from(len)).unwrap_or_default()
    }
}

/// A message whose body is still arriving, frame by frame.
#[derive(Debug)]
pub struct Draft {
    bytes: BytesMut,
    properties_at: usize,
    body_at: usize,
}

impl Draft {
    /// Exchange and routing key are at most 255 bytes (short strings); what is longer is cut.
    pub fn new(exchange: &[u8], routing_key: &[u8], properties: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(2 + exchange.len() + routing_key.len() + properties.len());
        for name in [exchange, routing_key] {
            let len = u8::try_from(name.len()).unwrap_or(u8::MAX);
            bytes.put_u8(len);
            bytes.put_slice(name.get(..usize::from(len)).unwrap_or_default());
        }
        let properties_at = bytes.len();
        bytes.put_slice(properties);
        let body_at = bytes.len();
        Self { bytes, properties_at, body_at }
    }

    /// Makes room for at least `body_bytes` more of the body.
    pub fn reserve(&mut self, body_bytes: usize) {
        self.bytes.reserve(body_bytes);
    }

    /// The next part of the body.
    pub fn extend(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    /// Bytes of body so far.
    pub fn body_len(&self) -> usize {
        self.bytes.len() - self.body_at
    }

    /// The exchange the draft is for.
    pub fn exchange(&self) -> &[u8] {
        let len = self.bytes.first().copied().unwrap_or_default();
        self.bytes.get(1..1 + usize::from(len)).unwrap_or_default()
    }

    /// The whole message.
    pub fn finish(self) -> Message {
        // Offsets fit: names and one header frame come before the body.
        let properties_at = u32::try_from(self.properties_at).unwrap_or(u32::MAX);
        let body_at = u32::try_from(self.body_at).unwrap_or(u32::MAX);
        let mut message = Message {
            bytes: self.bytes.freeze(),
            properties_at,
            properties_len: body_at - properties_at,
            body_at,
            shares_buffer: false,
            persistent: false,
            record: None,
        };
        message.persistent = message.properties().delivery_mode() == Some(2);
        message
    }
}
