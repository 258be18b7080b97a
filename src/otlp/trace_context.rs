//! Whose trace a message belongs to, as its publisher has said in the header `traceparent` (W3C Trace Context).
//!
//! ```text
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! version  trace                      parent            flags: 1 is sampled
//! ```

use std::fmt;

/// The name of a trace; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// The name of a span within its trace; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// The trace that a message belongs to, and the span that it was published in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The publisher's span.
    pub parent: SpanId,
    /// Whether the publisher wants the trace to be kept.
    pub is_sampled: bool,
}

impl TraceContext {
    /// Reads the header; `None` for what is none. Versions to come may have more behind what is known.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let mut parts = header.split(|byte| *byte == b'-');
        let [version] = hex(parts.next()?)?;
        let (trace, parent, [flags]) = (hex(parts.next()?)?, hex(parts.next()?)?, hex(parts.next()?)?);
        let is_whole = version != 0 || parts.next().is_none();
        let is_named = trace != [0; 16] && parent != [0; 8];
        (version != 0xff && is_whole && is_named).then_some(Self {
            trace: TraceId(trace),
            parent: SpanId(parent),
            is_sampled: flags & 1 == 1,
        })
    }
}

/// Exactly so many bytes, in small letters.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_printed_alike() {
        let context =
            TraceContext::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent.to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled);
    }

    #[test]
    fn only_what_the_recommendation_allows_is_a_header() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let table = [
            (format!("00-{trace}-{parent}-00"), true),
            (format!("00-{trace}-{parent}-01-more"), false),
            (format!("01-{trace}-{parent}-01-more"), true),
            (format!("ff-{trace}-{parent}-01"), false),
            (format!("00-{}-{parent}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00-{}-{parent}-01", trace.to_uppercase()), false),
            (format!("00-{trace}0-{parent}-01"), false),
            (format!("00-{trace}-{parent}"), false),
            (format!("00-{trace}-{parent}-1"), false),
            (String::new(), false),
        ];
        for (header, expected) in table {
            assert_eq!(TraceContext::parse(header.as_bytes()).is_some(), expected, "{header}");
        }
    }
}
