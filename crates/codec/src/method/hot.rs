//! The methods that every message passes, by hand: nothing is allocated, names are borrowed.
//!
//! A `decode` here takes a whole method payload whose [`MethodId`] the caller has looked at. Names are not checked to be text:
//! publish does that once a route, not once a message. Short strings are cut after 255 bytes when put, since
//! there is no way to write a longer one.

use bytes::BytesMut;

use super::MethodId;
use crate::{
    cursor::{Cursor, put_short_string},
    error::DecodeError,
    frame::{FRAME_END, FRAME_OVERHEAD_BYTES, FrameKind, put_frame_header},
    reply_code::ReplyCode,
};

/// Basic.Publish, §1.8.3.7. The ticket of 0-9 is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Empty is the default exchange.
    pub exchange: &'a [u8],
    /// What the exchange routes by.
    pub routing_key: &'a [u8],
    /// Return what no queue takes.
    pub mandatory: bool,
    /// Deliver now or return; RabbitMQ refuses it with 540.
    pub immediate: bool,
}

impl<'a> Publish<'a> {
    /// Understands the payload of a publish.
    #[inline]
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        decode(payload, |arguments| {
            arguments.u16()?;
            let (exchange, routing_key) = (arguments.short_string()?, arguments.short_string()?);
            let bits = arguments.u8()?;
            Some(Self { exchange, routing_key, mandatory: bits & 1 != 0, immediate: bits & 2 != 0 })
        })
    }
}

/// Basic.Ack, §1.8.3.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Zero with `multiple` is everything so far.
    pub tag: u64,
    /// This tag and all before it.
    pub multiple: bool,
}

impl Ack {
    /// A frame with an ack.
    pub const FRAME_BYTES: usize = 21;

    /// Understands a whole frame, if it is an ack on this channel.
    #[inline]
    pub fn of_frame(frame: &[u8; Self::FRAME_BYTES], channel: u16) -> Option<Self> {
        let [octet, c0, c1, 0, 0, 0, 13, 0, 60, 0, 80, t0, t1, t2, t3, t4, t5, t6, t7, bits, FRAME_END] =
            *frame
        else {
            return None;
        };
        let tag = u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
        let is_ack = octet == FrameKind::Method as u8 && [c0, c1] == channel.to_be_bytes();
        is_ack.then_some(Self { tag, multiple: bits & 1 != 0 })
    }

    /// Understands the payload of an ack.
    #[inline]
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        decode(payload, |arguments| {
            let (tag, bits) = (arguments.u64()?, arguments.u8()?);
            Some(Self { tag, multiple: bits & 1 != 0 })
        })
    }
}

/// Basic.Nack, RabbitMQ's extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    /// Zero with `multiple` is everything so far.
    pub tag: u64,
    /// This tag and all before it.
    pub multiple: bool,
    /// Back to the queue, or dropped and dead-lettered.
    pub requeue: bool,
}

impl Nack {
    /// Understands the payload of a nack.
    #[inline]
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        decode(payload, |arguments| {
            let (tag, bits) = (arguments.u64()?, arguments.u8()?);
            Some(Self { tag, multiple: bits & 1 != 0, requeue: bits & 2 != 0 })
        })
    }
}

/// Basic.Reject, §1.8.3.14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The one delivery.
    pub tag: u64,
    /// Back to the queue, or dropped and dead-lettered.
    pub requeue: bool,
}

impl Reject {
    /// Understands the payload of a reject.
    #[inline]
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        decode(payload, |arguments| {
            let (tag, bits) = (arguments.u64()?, arguments.u8()?);
            Some(Self { tag, requeue: bits & 1 != 0 })
        })
    }
}

/// Takes the arguments and sees that nothing is left.
#[inline]
fn decode<'a, T>(
    payload: &'a [u8],
    take: impl FnOnce(&mut Cursor<'a>) -> Option<T>,
) -> Result<T, DecodeError> {
    let arguments = payload.get(MethodId::WIRE_BYTES..).unwrap_or_default();
    let mut cursor = Cursor::starting_at(arguments, MethodId::WIRE_BYTES);
    match take(&mut cursor) {
        Some(method) if cursor.is_at_end() => Ok(method),
        _ => Err(DecodeError::cannot_decode(cursor.at(), arguments)),
    }
}

/// Appends a basic.deliver frame; header and body must follow.
pub fn put_deliver(
    out: &mut BytesMut,
    channel: u16,
    consumer_tag: &[u8],
    delivery_tag: u64,
    redelivered: bool,
    exchange: &[u8],
    routing_key: &[u8],
) {
    let names = [consumer_tag, exchange, routing_key];
    put_method(out, channel, MethodId::BASIC_DELIVER, 8 + 1 + short_strings_bytes(&names), |out| {
        put_short_string(out, consumer_tag);
        put_tag(out, delivery_tag, redelivered.into());
        put_short_string(out, exchange);
        put_short_string(out, routing_key);
    });
}

/// Appends a basic.get-ok frame; header and body must follow.
pub fn put_get_ok(
    out: &mut BytesMut,
    channel: u16,
    delivery_tag: u64,
    redelivered: bool,
    exchange: &[u8],
    routing_key: &[u8],
    message_count: u32,
) {
    let names = [exchange, routing_key];
    put_method(out, channel, MethodId::BASIC_GET_OK, 8 + 1 + short_strings_bytes(&names) + 4, |out| {
        put_tag(out, delivery_tag, redelivered.into());
        put_short_string(out, exchange);
        put_short_string(out, routing_key);
        out.extend_from_slice(&message_count.to_be_bytes());
    });
}

/// Appends a basic.return frame; header and body must follow.
pub fn put_return(
    out: &mut BytesMut,
    channel: u16,
    code: ReplyCode,
    text: &str,
    exchange: &[u8],
    routing_key: &[u8],
) {
    let names = [text.as_bytes(), exchange, routing_key];
    put_method(out, channel, MethodId::BASIC_RETURN, 2 + short_strings_bytes(&names), |out| {
        out.extend_from_slice(&code.code().to_be_bytes());
        put_short_string(out, text.as_bytes());
        put_short_string(out, exchange);
        put_short_string(out, routing_key);
    });
}

/// Appends a basic.ack frame: a confirm.
pub fn put_ack(out: &mut BytesMut, channel: u16, tag: u64, multiple: bool) {
    put_method(out, channel, MethodId::BASIC_ACK, 8 + 1, |out| put_tag(out, tag, multiple.into()));
}

/// Appends a basic.nack frame: a negative confirm.
pub fn put_nack(out: &mut BytesMut, channel: u16, tag: u64, multiple: bool, requeue: bool) {
    let bits = u8::from(multiple) | u8::from(requeue) << 1;
    put_method(out, channel, MethodId::BASIC_NACK, 8 + 1, |out| put_tag(out, tag, bits));
}

/// A method frame around `arguments_bytes` bytes of arguments.
#[inline]
fn put_method(
    out: &mut BytesMut,
    channel: u16,
    id: MethodId,
    arguments_bytes: u32,
    put_arguments: impl FnOnce(&mut BytesMut),
) {
    let size = 4 + arguments_bytes; // class and method stand before the arguments
    out.reserve((size + FRAME_OVERHEAD_BYTES) as usize);
    put_frame_header(out, FrameKind::Method, channel, size);
    out.extend_from_slice(&id.to_wire());
    put_arguments(out);
    out.extend_from_slice(&[FRAME_END]);
}

#[inline]
fn put_tag(out: &mut BytesMut, tag: u64, bits: u8) {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = tag.to_be_bytes();
    out.extend_from_slice(&[t0, t1, t2, t3, t4, t5, t6, t7, bits]);
}

/// What short strings take on the wire, each cut after 255 bytes.
#[inline]
fn short_strings_bytes(strings: &[&[u8]]) -> u32 {
    strings.iter().map(|string| 1 + u32::from(u8::try_from(string.len()).unwrap_or(u8::MAX))).sum()
}
