//! A log that has committed everything at once: what persistence costs in the rules, and nothing else.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use leveret_core::model::{Definition, Entry, Message};
use leveret_core::{PageId, Place, Position, Record, Store, Writer};

/// Handles of one log.
#[derive(Clone, Debug, Default)]
pub struct AtOnce(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    end: AtomicU64,
    last_id: AtomicU64,
}

impl AtOnce {
    fn advance(&self) -> Position {
        Position(self.0.end.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Store for AtOnce {
    fn keeps(&self) -> bool {
        true
    }

    fn writer(&self) -> Box<dyn Writer> {
        Box::new(Encoder { log: self.clone(), places: 0 })
    }

    fn define(&self, _changes: &[Definition]) -> Position {
        self.advance()
    }

    fn committed(&self) -> Position {
        Position(self.0.end.load(Ordering::Relaxed))
    }

    fn has_failed(&self) -> bool {
        false
    }

    /// Never called: a queue without a budget does not page.
    fn put_page(&self, _entries: &[Entry]) -> PageId {
        PageId(0)
    }

    fn queue_budget_bytes(&self) -> usize {
        usize::MAX
    }
}

/// Counts what it would encode.
#[derive(Debug)]
struct Encoder {
    log: AtOnce,
    places: usize,
}

impl Writer for Encoder {
    fn message(&mut self, _message: &Message, record: &Record<'_>) {
        self.places += record.queues.len();
    }

    fn write(&mut self, places: &mut Vec<Place>) -> Position {
        for _ in 0..std::mem::take(&mut self.places) {
            let id = self.log.0.last_id.fetch_add(1, Ordering::Relaxed) + 1;
            places.push(Place { id: NonZeroU64::new(id).unwrap(), offset: 0, len: 0 });
        }
        self.log.advance()
    }
}
