//! A message's stay in the broker, as spans of a distributed trace (W3C Trace Context).
//!
//! | span | from | to |
//! |---|---|---|
//! | publish | its frames | it is in its queues |
//! | queue | it was published, or dead-lettered into the queue | it is handed out, or dead-lettered |
//! | deliver | it was handed out | it is settled, or comes back |
//!
//! Only messages have spans whose publisher has said that their trace is recorded: a header `traceparent` with the
//! flag *sampled*. The publish is a child of the span that this names, the others are children of the publish. What must
//! be known of a message later travels among its hidden headers ([`STAY`]): so it survives whatever the message
//! survives, and messages without spans carry nothing.
//!
//! Invariant: nothing here happens unless spans are on ([`BrokerSettings::spans`](crate::model::BrokerSettings)).

use leveret_codec::{Properties, Value};

use crate::entropy::Entropy;
use crate::model::Message;
use crate::model::hidden::STAY;
use crate::time::Timestamp;

const TRACEPARENT: &[u8] = b"traceparent";
/// The flag that a trace is recorded.
const SAMPLED: u8 = 1;

/// What a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A publish.
    Publish,
    /// The time in a queue.
    Queue,
    /// A delivery.
    Deliver,
}

impl SpanKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Queue => "queue",
            Self::Deliver => "deliver",
        }
    }
}

/// One span, which is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace.
    pub trace: [u8; 16],
    /// Its own identity.
    pub id: [u8; 8],
    /// The span that it is a child of.
    pub parent: [u8; 8],
    /// What it is about.
    pub kind: SpanKind,
    /// The exchange of a publish, else the queue.
    pub place: String,
    /// The routing key.
    pub routing_key: String,
    /// How large the body is.
    pub body_bytes: usize,
    /// When it began.
    pub start: Timestamp,
    /// When it was over.
    pub end: Timestamp,
    /// What came of it: `routed`, `unroutable`; `delivered`, or why it was dead-lettered; `ack`, `reject`, `requeue`.
    pub outcome: &'static str,
    /// How many queues a publish has reached.
    pub queues: usize,
}

/// What a message carries of its own spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    /// Its publish.
    id: [u8; 8],
    /// Since when it is where it is.
    since: Timestamp,
}

impl Stay {
    const BYTES: usize = 16;

    fn of(properties: Properties<'_>) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = properties.headers()?.get(STAY)?.as_bytes()?.try_into().ok()?;
        let (id, since) = bytes.split_first_chunk()?;
        let since = u64::from_be_bytes(since.try_into().ok()?);
        Some(Self { id: *id, since: Timestamp::from_micros(since) })
    }

    fn written_into(self, properties: Properties<'_>) -> Vec<u8> {
        let mut headers = properties.headers_without(|name| name == STAY);
        let bytes = [self.id, self.since.as_micros().to_be_bytes()].concat();
        headers.insert(STAY, Value::Bytes(&bytes));
        properties.to_builder().headers(headers.build().as_ref()).build()
    }
}

/// The trace and the span that a publisher names, if it says that they are recorded: `00-TRACE-SPAN-FLAGS`.
fn parent(properties: Properties<'_>) -> Option<([u8; 16], [u8; 8])> {
    let text = std::str::from_utf8(properties.headers()?.get(TRACEPARENT)?.as_bytes()?).ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let ([version], [flags]) = (hex(version)?, hex(flags)?);
    // A later version may say more behind what this one knows.
    let is_known = version != 0xff && (version != 0 || parts.next().is_none());
    let (trace, span) = (hex(trace)?, hex(span)?);
    let is_valid = is_known && flags & SAMPLED != 0 && trace != [0; 16] && span != [0; 8];
    is_valid.then_some((trace, span))
}

/// Exactly so many bytes, in lower case as the standard has it.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let mut pairs = text.as_bytes().chunks_exact(2);
    for (byte, pair) in bytes.iter_mut().zip(pairs.by_ref()) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    (text.len() == 2 * N).then_some(bytes)
}

/// The properties of a publish whose message is to have spans; `None`: it is to have none.
pub fn begun(now: Timestamp, properties: Properties<'_>, entropy: &Entropy) -> Option<Vec<u8>> {
    parent(properties)?;
    Some(Stay { id: id(entropy), since: now }.written_into(properties))
}

/// A message goes on to another queue: its stay there begins now.
pub fn moved(now: Timestamp, properties: Properties<'_>) -> Option<Vec<u8>> {
    let stay = Stay::of(properties)?;
    Some(Stay { since: now, ..stay }.written_into(properties))
}

/// The span of a publish that has reached so many queues, if it has one.
pub fn publish(now: Timestamp, message: &Message, queues: usize) -> Option<Span> {
    let (trace, parent) = parent(message.properties())?;
    let Stay { id, since } = Stay::of(message.properties())?;
    let outcome = if queues == 0 { "unroutable" } else { "routed" };
    let place = text(message.exchange());
    let times = (since, now);
    Some(Span { queues, ..span(SpanKind::Publish, (trace, id, parent), message, (place, times, outcome)) })
}

/// The span of a message's time in a queue, which is over.
pub fn queue(
    now: Timestamp,
    message: &Message,
    place: (&str, &'static str),
    entropy: &Entropy,
) -> Option<Span> {
    let since = Stay::of(message.properties())?.since;
    below(SpanKind::Queue, message, (place, (since, now)), entropy)
}

/// The span of a delivery that is settled, or comes back.
pub fn deliver(
    times: (Timestamp, Timestamp),
    message: &Message,
    place: (&str, &'static str),
    entropy: &Entropy,
) -> Option<Span> {
    below(SpanKind::Deliver, message, (place, times), entropy)
}

/// A child of the publish: in which queue, with which outcome, from when to when.
fn below(
    kind: SpanKind,
    message: &Message,
    ((queue, outcome), times): ((&str, &'static str), (Timestamp, Timestamp)),
    entropy: &Entropy,
) -> Option<Span> {
    let (trace, _) = parent(message.properties())?;
    let publish = Stay::of(message.properties())?.id;
    let ids = (trace, id(entropy), publish);
    Some(span(kind, ids, message, (queue.to_owned(), times, outcome)))
}

fn span(
    kind: SpanKind,
    (trace, id, parent): ([u8; 16], [u8; 8], [u8; 8]),
    message: &Message,
    (place, (start, end), outcome): (String, (Timestamp, Timestamp), &'static str),
) -> Span {
    let (routing_key, body_bytes) = (text(message.routing_key()), message.body().len());
    Span { trace, id, parent, kind, place, routing_key, body_bytes, start, end, outcome, queues: 0 }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn id(entropy: &Entropy) -> [u8; 8] {
    entropy.words().map(u64::to_be_bytes).into_iter().find(|id| *id != [0; 8]).unwrap_or([1; 8])
}

#[cfg(test)]
mod tests {
    use leveret_codec::{PropertiesBuilder, TableBuilder};

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn properties(traceparent: &str) -> Vec<u8> {
        let mut headers = TableBuilder::new();
        headers.insert(TRACEPARENT, Value::Str(traceparent.as_bytes()));
        PropertiesBuilder::default().headers(headers.build().as_ref()).build()
    }

    fn is_known(traceparent: &str) -> bool {
        parent(Properties::from_checked(&properties(traceparent))).is_some()
    }

    #[test]
    fn only_a_valid_parent_that_is_sampled_is_one() {
        assert!(is_known(&format!("00-{TRACE}-{SPAN}-01")));
        assert!(is_known(&format!("01-{TRACE}-{SPAN}-03-more")), "a later version");
        for wrong in [
            format!("00-{TRACE}-{SPAN}-00"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{SPAN}"),
            "nonsense".to_owned(),
            String::new(),
        ] {
            assert!(!is_known(&wrong), "{wrong}");
        }
    }

    #[test]
    fn a_stay_has_a_publish_a_time_in_a_queue_and_a_delivery_of_one_trace() {
        let entropy = Entropy::new([1; 32]);
        let at = |micros| Timestamp::from_micros(micros);
        let published = properties(&format!("00-{TRACE}-{SPAN}-01"));
        let marked = begun(at(10), Properties::from_checked(&published), &entropy).unwrap();
        let message = Message::compose(b"x", b"k", &marked, b"body");
        let publish = publish(at(11), &message, 1).unwrap();
        assert_eq!((publish.trace, publish.parent), (hex(TRACE).unwrap(), hex(SPAN).unwrap()));
        assert_eq!((publish.start, publish.end, publish.outcome), (at(10), at(11), "routed"));
        let queue = queue(at(30), &message, ("q", "delivered"), &entropy).unwrap();
        let deliver = deliver((at(30), at(50)), &message, ("q", "ack"), &entropy).unwrap();
        assert_eq!((queue.parent, deliver.parent), (publish.id, publish.id));
        assert_eq!((queue.start, queue.end, deliver.start, deliver.end), (at(10), at(30), at(30), at(50)));
        assert!(queue.id != deliver.id && queue.trace == deliver.trace);
        assert_eq!(message.shown_properties(), published, "nobody sees the mark");
        let again = moved(at(40), Properties::from_checked(&marked)).unwrap();
        let stay = Stay::of(Properties::from_checked(&again)).unwrap();
        assert_eq!((stay.id, stay.since), (publish.id, at(40)));
    }
}
