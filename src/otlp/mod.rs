//! Spans for an OpenTelemetry collector: OTLP over HTTP/1.1, in its JSON encoding, which every collector takes.
//!
//! Whoever ends a span offers it and never waits: at most [`exporter::WAITING_SPANS`] wait, what is over is counted and gone. One
//! task gathers them into batches and posts one batch at a time. A collector that is away costs spans, and a line in the
//! log a minute; nothing else of the broker hears of it.
//!
//! Of OpenTelemetry's own crates none is used: they would add 18 crates and 1.2 MB for what is here.

mod encoding;
mod endpoint;
mod exporter;
mod post;
mod span;

pub use endpoint::{Endpoint, EndpointError};
pub use exporter::{Counts, Exporter, Source, Spans};
