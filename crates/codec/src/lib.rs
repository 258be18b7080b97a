//! AMQP 0-9-1 on the wire: bytes to frames, methods, content and fields, and back.
//!
//! What is true of this crate:
//!
//! - It reads no clock, no socket, no file. Bytes in, values out; values in, bytes appended.
//! - No input makes it panic, recurse without bound, or reserve more than the bytes it was given.
//! - What every message passes (frames, publish, content header, deliver, acknowledgements) is written
//!   by hand, borrows from the input and allocates nothing. Everything else is amq-protocol's, behind our own
//!   check of lengths, nesting and text ([`method::decode`]).
//! - Properties and tables stay the bytes they were: order, duplicates and odd values survive the way through.
//!
//! The dialect is RabbitMQ's where it differs from the specification (field tags, tolerance of frame sizes,
//! the texts of errors).
#![forbid(unsafe_code)]

mod cursor;
mod erlang_term;
mod error;
mod limits;
mod outgoing;
mod reply_code;
#[cfg(feature = "tokio-codec")]
mod tokio_codec;

pub mod content;
pub mod field;
pub mod frame;
pub mod method;
pub mod properties;
pub mod protocol_header;

pub use content::ContentHeader;
pub use error::{DecodeError, MALFORMED_UTF8};
pub use field::{ArrayRef, Table, TableBuilder, TableRef, Value};
pub use frame::{Frame, FrameKind};
pub use limits::Limits;
pub use method::{Method, MethodId, hot};
pub use outgoing::Outgoing;
pub use properties::{Properties, PropertiesBuilder};
pub use protocol_header::PROTOCOL_HEADER;
pub use reply_code::{ReplyCode, Scope};
#[cfg(feature = "tokio-codec")]
pub use tokio_codec::{CodecError, FrameCodec, OwnedFrame};
