//! A span that has ended, as a collector is told of it.

use leveret_core::Timestamp;
use leveret_core::model;

/// Something that took its time, as part of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace.
    pub trace: Name<16>,
    /// Its own name.
    pub id: Name<8>,
    /// The span that it is a part of.
    pub parent: Option<Name<8>>,
    /// What was done, with what: `publish orders`.
    pub name: String,
    /// In which role.
    pub kind: Kind,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What else is known.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// The name of a trace or of a span; never all zeros. Written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<const N: usize>(pub [u8; N]);

impl<const N: usize> std::fmt::Display for Name<N> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
    }
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A number.
    Integer(i64),
}

/// The role of who did it; the numbers are OTLP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Within the broker.
    Internal = 1,
}

/// A part of a message's stay in the broker, with the attributes that OpenTelemetry's conventions for messaging name.
impl From<model::Span> for Span {
    fn from(span: model::Span) -> Self {
        let text = |text: &str| Attribute::Text(text.to_owned());
        let number = |number: usize| Attribute::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let mut attributes = vec![
            ("messaging.system", text("rabbitmq")),
            ("messaging.destination.name", text(&span.place)),
            ("messaging.rabbitmq.destination.routing_key", text(&span.routing_key)),
            ("messaging.message.body.size", number(span.body_bytes)),
            ("leveret.outcome", text(span.outcome)),
        ];
        if span.kind == model::SpanKind::Publish {
            attributes.push(("leveret.queues", number(span.queues)));
        }
        Self {
            trace: Name(span.trace),
            id: Name(span.id),
            parent: Some(Name(span.parent)),
            name: format!("{} {}", span.kind.as_str(), span.place),
            kind: Kind::Internal,
            start: span.start,
            end: span.end,
            attributes,
        }
    }
}
