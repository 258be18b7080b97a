//! A span that has ended.

use std::sync::Arc;

use leveret_core::Timestamp;

use super::trace_context::{SpanId, TraceId};

/// Something that took its time, as part of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace.
    pub trace: TraceId,
    /// Its own name.
    pub id: SpanId,
    /// The span that it is a part of.
    pub parent: Option<SpanId>,
    /// What was done, with what: `publish orders`.
    pub name: Arc<str>,
    /// In which role.
    pub kind: Kind,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What else is known.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(Arc<str>),
    /// A number.
    Integer(i64),
}

/// The role of who did it; the numbers are OTLP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Within the broker.
    Internal = 1,
    /// For who has asked.
    Server = 2,
    /// Sends a message.
    Producer = 4,
    /// Takes a message.
    Consumer = 5,
}
