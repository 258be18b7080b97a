//! A message: where it was published to, its properties as they came, its body.
//!
//! Invariants:
//! - The property bytes are those of the publisher, untouched, in order, duplicates included.
//! - Everything lies in one reference-counted slice, so a copy for another queue costs one increment. Each copy
//!   has its own place in the log.
//! - A message that is handed on at once shares the buffer it was read into. So does one that is parked, as long as it is
//!   parked with most of that buffer; otherwise it is [detached](Message::detach) if it is small, because 20 bytes must
//!   not pin a whole read buffer.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use leveret_codec::{Limits, Properties};

use crate::model::hidden;
use crate::store::Place;

/// Messages below this are copied out of the read buffer when they stop moving.
const DETACH_BELOW_BYTES: usize = 4 * 1024;

/// What stands between routing key and properties in the frames of a publish: its bits, the end of its frame, and the head of
/// the header frame.
const HEADER_HEAD_BYTES: usize = 1 + 1 + 7 + 12;

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
    /// What is held in memory with it, of a buffer that it is a part of; zero if it has one of its own.
    shared_bytes: u32,
    persistent: bool,
    /// Whether some of its headers are not for clients, see `hidden`.
    hides: bool,
    /// Means something only with a place.
    durable: bool,
    place: Option<Place>,
}

/// Where the parts of a publish lie in the slice that holds all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Offset and length of the properties (flags first).
    pub properties: (u32, u32),
    /// Offset of the body, which goes to the end.
    pub body_at: u32,
}

impl Message {
    /// A message whose frames lie one after the other in `bytes`, beginning with the exchange's short
    /// string and ending with the body's last byte. Nothing is copied.
    /// `shared_bytes` stay in memory as long as it does.
    pub fn in_place(bytes: Bytes, layout: Layout, persistent: bool, shared_bytes: usize) -> Self {
        let Layout { properties: (properties_at, properties_len), body_at } = layout;
        let shared_bytes = u32::try_from(shared_bytes).unwrap_or(u32::MAX);
        let (hides, durable, place) = (false, false, None);
        Self {
            bytes,
            properties_at,
            properties_len,
            body_at,
            shared_bytes,
            persistent,
            hides,
            durable,
            place,
        }
    }

    /// A message from the log: `bytes` are its [head](Message::head_parts), of this length, and the body. `None`:
    /// they are not.
    pub fn restored(bytes: Bytes, head_len: u32, place: Place, durable: bool) -> Option<Self> {
        let head = bytes.get(..head_len as usize)?;
        let key_at = 1 + usize::from(*head.first()?);
        let properties_at = key_at + 1 + usize::from(*head.get(key_at)?);
        let properties = Properties::decode(head.get(properties_at..)?, &Limits::default()).ok()?;
        let persistent = properties.delivery_mode() == Some(2);
        let hides = properties.headers().is_some_and(hidden::hides);
        let properties_at = u32::try_from(properties_at).ok()?;
        Some(Self {
            properties_at,
            properties_len: head_len - properties_at,
            body_at: head_len,
            // With its neighbours in the log, which were read together and will go together.
            shared_bytes: 0,
            persistent,
            hides,
            durable,
            place: Some(place),
            bytes,
        })
    }

    /// A message put together from parts.
    pub fn compose(exchange: &[u8], routing_key: &[u8], properties: &[u8], body: &[u8]) -> Self {
        let mut message = Self::joined(exchange, routing_key, properties, body);
        message.hides = message.properties().headers().is_some_and(hidden::hides);
        message
    }

    fn joined(exchange: &[u8], routing_key: &[u8], properties: &[u8], body: &[u8]) -> Self {
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

    /// The properties that a client is shown.
    #[inline]
    pub fn shown_properties(&self) -> Cow<'_, [u8]> {
        let properties = self.properties();
        if self.hides { Cow::Owned(hidden::shown(properties)) } else { Cow::Borrowed(properties.raw()) }
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at as usize..).unwrap_or_default()
    }

    /// Where its parts are.
    pub fn layout(&self) -> Layout {
        Layout { properties: (self.properties_at, self.properties_len), body_at: self.body_at }
    }

    /// What stands before the body (with the frame heads of its publish, if it is where it came in), and the body.
    #[inline]
    pub fn head_and_body(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at_checked(self.body_at as usize).unwrap_or((&self.bytes, &[]))
    }

    /// Whether all its headers are for clients.
    pub fn hides_nothing(&self) -> bool {
        !self.hides
    }

    /// The bytes that hold the body, and where in them it is.
    pub fn body_in_place(&self) -> (&Bytes, Range<usize>) {
        (&self.bytes, self.body_at as usize..self.bytes.len())
    }

    /// Whether delivery-mode is 2 (anything else, also absence, is transient).
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Everything but the body, as the log has it: exchange and routing key as short strings, then the properties.
    pub fn head_parts(&self) -> [&[u8]; 2] {
        let names = 2 + self.exchange().len() + self.routing_key().len();
        [self.bytes.get(..names).unwrap_or_default(), self.properties().raw()]
    }

    /// Where it is in the log, if it is there.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Whether it is in the log to be there after a restart.
    pub fn is_durable(&self) -> bool {
        self.durable
    }

    /// It is in the log now; `durable` is what its record says.
    pub fn set_place(&mut self, place: Place, durable: bool) {
        self.place = Some(place);
        self.durable = durable;
    }

    /// What it counts for in bounds on memory, in bytes; the same wherever it lies.
    #[inline]
    pub fn footprint_bytes(&self) -> usize {
        let before_properties = if self.shared_bytes == 0 { 0 } else { HEADER_HEAD_BYTES };
        let before_body = self.body_at - self.properties_at - self.properties_len;
        self.bytes.len() + OVERHEAD_BYTES - before_properties - before_body as usize
    }

    /// Whether messages of so many bytes in all, this one among them, are a good part of the buffer that they share.
    pub fn is_among(&self, bytes: usize) -> bool {
        self.shared_bytes as usize <= 2 * bytes
    }

    /// Bytes of all its parts.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Call when the message stops moving: a small one gets bytes of its own.
    pub fn detach(&mut self) {
        if self.shared_bytes != 0 && self.bytes.len() < DETACH_BELOW_BYTES {
            let mut own =
                Self::joined(self.exchange(), self.routing_key(), self.properties().raw(), self.body());
            (own.persistent, own.hides) = (self.persistent, self.hides);
            (own.place, own.durable) = (self.place, self.durable);
            *self = own;
        }
    }

    /// Some of its headers are not for clients.
    pub fn set_hides(&mut self) {
        self.hides = true;
    }

    /// The same message under other properties (a reply-to made unique).
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
            shared_bytes: 0,
            persistent: false,
            hides: false,
            durable: false,
            place: None,
        };
        message.persistent = message.properties().delivery_mode() == Some(2);
        message
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    const PLACE: Place = Place { id: NonZeroU64::MIN, offset: 64, len: 100 };

    /// Delivery-mode 2 and a priority of 7.
    const PROPERTIES: [u8; 4] = [0x18, 0, 2, 7];

    fn log_form(message: &Message) -> (Bytes, u32) {
        let head = message.head_parts().concat();
        let head_len = u32::try_from(head.len()).unwrap();
        ([&head, message.body()].concat().into(), head_len)
    }

    #[test]
    fn a_message_comes_back_from_the_log_as_it_went_in() {
        let message = Message::compose(b"shop", b"orders.new", &PROPERTIES, b"hello");
        let (bytes, head_len) = log_form(&message);
        let back = Message::restored(bytes, head_len, PLACE, true).unwrap();
        assert_eq!((back.exchange(), back.routing_key()), (&b"shop"[..], &b"orders.new"[..]));
        assert_eq!((back.properties().raw(), back.body()), (&PROPERTIES[..], &b"hello"[..]));
        assert!(back.is_persistent() && back.is_durable() && back.place() == Some(PLACE));
    }

    #[test]
    fn what_lies_between_the_parts_of_a_publish_does_not_get_into_the_log() {
        let bytes = Bytes::from([b"\x01x\x02kk--".as_slice(), &PROPERTIES, b"--body"].concat());
        let message = Message::in_place(bytes, Layout { properties: (7, 4), body_at: 13 }, true, 100);
        let composed = Message::compose(b"x", b"kk", &PROPERTIES, b"body");
        assert_eq!(log_form(&message), log_form(&composed));
    }

    #[test]
    fn bytes_that_are_no_message_are_refused_wherever_they_are_cut_or_wrong() {
        let (bytes, head_len) = log_form(&Message::compose(b"shop", b"key", &PROPERTIES, b""));
        for len in 0..head_len {
            assert!(Message::restored(bytes.clone(), len, PLACE, true).is_none(), "a head of {len} bytes");
            assert!(Message::restored(bytes.slice(..len as usize), head_len, PLACE, true).is_none());
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            Message::restored(bytes.into(), head_len, PLACE, true)
        };
        assert!(with(0, 200).is_none(), "an exchange that goes beyond the head");
        assert!(with(5, 200).is_none(), "a routing key that does");
        assert!(with(10, 1).is_none(), "flags that nobody knows");
    }

    #[test]
    fn a_detached_message_keeps_its_place() {
        let bytes = Bytes::from([b"\x01x\x01k".as_slice(), &PROPERTIES, b"body"].concat());
        let mut message = Message::in_place(bytes, Layout { properties: (4, 4), body_at: 8 }, true, 100);
        message.set_place(PLACE, true);
        message.detach();
        assert!(message.place() == Some(PLACE) && message.is_durable() && message.is_persistent());
    }
}
