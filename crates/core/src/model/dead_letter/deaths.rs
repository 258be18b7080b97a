//! The history of a dead-lettered message, as RabbitMQ writes it into its headers.
//!
//! `x-death` is an array of tables, the latest event first, one for each queue and reason; a repetition raises `count`,
//! moves the event to the front and leaves the rest of it as it was. `x-first-death-*` never change, `x-last-death-*`
//! with every event. What a client wrote under these names is no history: it is replaced.

use leveret_codec::Value;
use leveret_codec::field::{ArrayBuilder, Entry, Table, TableBuilder, TableRef};

use crate::model::hidden::{BLIND_COPIES, FOREIGN_DEATHS, SPENT_COPIES};
use crate::model::queue::Reason;
use crate::time::Timestamp;

/// The header that has the history.
pub const DEATHS: &[u8] = b"x-death";
const FIRST: [&str; 3] = ["x-first-death-reason", "x-first-death-queue", "x-first-death-exchange"];
const LAST: [&str; 3] = ["x-last-death-reason", "x-last-death-queue", "x-last-death-exchange"];

/// Whether a header belongs to a history.
pub fn is_of_history(name: &[u8]) -> bool {
    name == DEATHS || FIRST.iter().chain(&LAST).any(|known| known.as_bytes() == name)
}

/// One death.
pub struct Event<'a> {
    /// When.
    pub now: Timestamp,
    /// The queue that gave up on it.
    pub queue: &'a str,
    /// Why.
    pub reason: Reason,
    /// The exchange that it had been published to.
    pub exchange: &'a [u8],
    /// The keys that it had been published with, as far as receivers may know.
    pub routing_keys: &'a [Vec<u8>],
    /// The expiration that it had.
    pub original_expiration: Option<&'a [u8]>,
}

/// A history, the latest event first.
#[derive(Debug)]
pub struct Deaths {
    events: Vec<Table>,
    /// Reason, queue and exchange of the first.
    first: Option<[Vec<u8>; 3]>,
    last: [Vec<u8>; 3],
}

impl Deaths {
    /// The history in these headers, if it is one.
    pub fn of(headers: Option<TableRef<'_>>) -> Self {
        let headers = headers.filter(|headers| headers.get(FOREIGN_DEATHS).is_none());
        let events = match headers.and_then(|headers| headers.get(DEATHS)) {
            Some(Value::Array(events)) => events.iter().filter_map(|event| match event {
                Value::Table(event) => Some(Table::from(event)),
                _ => None,
            }),
            _ => return Self { events: Vec::new(), first: None, last: Default::default() },
        };
        let text = |name: &str| {
            let value = headers.and_then(|headers| headers.get(name.as_bytes()));
            value.and_then(|value| value.as_bytes()).unwrap_or_default().to_vec()
        };
        Self { events: events.collect(), first: Some(FIRST.map(text)), last: LAST.map(text) }
    }

    /// One more death.
    pub fn add(&mut self, event: &Event<'_>) {
        let of_event = [event.reason.as_str().as_bytes(), event.queue.as_bytes(), event.exchange];
        let of_event = of_event.map(<[u8]>::to_vec);
        let same = |known: &Table| {
            text(known, b"queue") == Some(event.queue.as_bytes())
                && text(known, b"reason") == Some(event.reason.as_str().as_bytes())
        };
        let entry = match self.events.iter().position(same) {
            Some(at) => repeated(&self.events.remove(at)),
            None => first_time(event),
        };
        self.events.insert(0, entry);
        self.first.get_or_insert_with(|| of_event.clone());
        self.last = of_event;
    }

    /// Whether the message has died in this queue before, and has not been rejected since or there.
    pub fn is_cycle(&self, queue: &str) -> bool {
        for event in &self.events {
            if text(event, b"reason") == Some(Reason::Rejected.as_str().as_bytes()) {
                return false;
            }
            if text(event, b"queue") == Some(queue.as_bytes()) {
                return true;
            }
        }
        false
    }

    /// These headers with the history in them. `is_renamed`: other keys than its own are without effect from now on.
    pub fn written_into(&self, headers: Option<TableRef<'_>>, is_renamed: bool) -> Table {
        let mut written = TableBuilder::new();
        let mut had_copies = false;
        for entry in headers.into_iter().flat_map(TableRef::entries) {
            let Entry { key, .. } = entry;
            let is_copies = key == b"CC" || key == BLIND_COPIES;
            had_copies |= is_copies;
            let goes = is_of_history(key)
                || key == FOREIGN_DEATHS
                || (is_renamed && (key == BLIND_COPIES || key == SPENT_COPIES));
            if !goes {
                written.insert_raw(entry);
            }
        }
        if is_renamed && had_copies {
            written.insert(SPENT_COPIES, Value::Void);
        }
        let mut events = ArrayBuilder::new();
        for event in &self.events {
            events.push(Value::Table(event.as_ref()));
        }
        written.insert(DEATHS, Value::Array(events.as_ref()));
        let ends = FIRST.iter().zip(self.first.iter().flatten()).chain(LAST.iter().zip(&self.last));
        for (name, value) in ends {
            written.insert(name, Value::Str(value));
        }
        written.build()
    }
}

fn text<'a>(event: &'a Table, name: &[u8]) -> Option<&'a [u8]> {
    event.as_ref().get(name)?.as_bytes()
}

/// The same event, once more.
fn repeated(event: &Table) -> Table {
    let mut again = TableBuilder::new();
    for entry in event.as_ref().entries() {
        if entry.key == b"count" {
            let count = event.as_ref().get(b"count").and_then(|count| count.as_integer()).unwrap_or_default();
            again.insert(b"count", Value::I64(count.saturating_add(1)));
        } else {
            again.insert_raw(entry);
        }
    }
    again.build()
}

fn first_time(event: &Event<'_>) -> Table {
    let mut keys = ArrayBuilder::new();
    for key in event.routing_keys {
        keys.push(Value::Str(key));
    }
    let mut table = TableBuilder::new();
    if let Some(expiration) = event.original_expiration {
        table.insert("original-expiration", Value::Str(expiration));
    }
    table
        .insert("count", Value::I64(1))
        .insert("reason", Value::Str(event.reason.as_str().as_bytes()))
        .insert("queue", Value::Str(event.queue.as_bytes()))
        .insert("time", Value::Timestamp(event.now.as_micros() / 1_000_000))
        .insert("exchange", Value::Str(event.exchange))
        .insert("routing-keys", Value::Array(keys.as_ref()));
    table.build()
}
