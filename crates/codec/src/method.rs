//! Method payloads, §4.2.4: class and method number, then the arguments in the order of the specification.
//!
//! The structs are amq-protocol's, re-exported so that nobody else names that crate. Invariant: no byte of a peer
//! reaches its parser before [`decode`]'s own walk has seen that the method exists, that every length fits, that
//! tables nest no deeper than allowed, and that names are text.

mod id;
mod signature;

pub mod hot;

use amq_protocol::{
    frame::WriteContext,
    protocol::{gen_class, parse_class},
};
pub use amq_protocol::{
    protocol::{AMQPClass as Method, access, basic, channel, confirm, connection, exchange, queue, tx},
    types::{self, FieldTable, LongString, ShortString},
};
use bytes::BytesMut;
pub use id::MethodId;

use crate::{
    error::DecodeError,
    field::TableRef,
    frame::{FRAME_END, FrameKind, put_frame_header},
    limits::Limits,
};

/// Understands a method frame's payload.
///
/// The reasons to refuse, with RabbitMQ's texts: 503 an unknown method (RabbitMQ drops the socket); 501 arguments that
/// are too short or too long, or a name that is no text; 502 a malformed table (RabbitMQ drops the socket).
///
/// The tables in the result are sorted and without duplicates; [`arguments`] has them as they came.
pub fn decode(payload: &[u8], limits: &Limits) -> Result<Method, DecodeError> {
    let id = MethodId::of(payload)?;
    signature::check(id, payload, *limits)?;
    match parse_class(payload) {
        Ok(([], method)) => Ok(method),
        // Not reached: our walk is at least as strict.
        _ => Err(DecodeError::cannot_decode(
            MethodId::WIRE_BYTES,
            payload.get(MethodId::WIRE_BYTES..).unwrap_or_default(),
        )),
    }
}

/// The argument table of a method that [`decode`] accepted, as it came: in order, with duplicates.
pub fn arguments(payload: &[u8]) -> Option<TableRef<'_>> {
    signature::table(MethodId::of(payload).ok()?, payload)
}

/// Appends a method as one whole frame.
pub fn encode(channel: u16, method: &Method, out: &mut BytesMut) {
    let payload = payload_of(method);
    let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    put_frame_header(out, FrameKind::Method, channel, size);
    out.extend_from_slice(&payload);
    out.extend_from_slice(&[FRAME_END]);
}

#[expect(clippy::expect_used, reason = "writing to a Vec cannot fail, and nothing else can")]
fn payload_of(method: &Method) -> Vec<u8> {
    let written = gen_class(method)(WriteContext::from(Vec::with_capacity(64)));
    written.expect("a Vec takes every byte").into_inner().0
}
