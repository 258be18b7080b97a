//! The log as the rules see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use leveret_core::model::{Definition, Entry, Message};
use leveret_core::{PageId, Place, Position, Record, Store, Writer};
use leveret_storage::{Batch, Log, MessageId, NewMessage};
use smallvec::SmallVec;

use super::definition;
use super::page::{PageWriter, Stub};

/// The log behind the rules' seam.
pub struct LogStore {
    log: Arc<Log>,
    queue_budget_bytes: AtomicUsize,
}

impl LogStore {
    /// A queue may hold so many bytes in memory, until it is told otherwise.
    pub fn new(log: Arc<Log>, queue_budget_bytes: usize) -> Self {
        Self { log, queue_budget_bytes: AtomicUsize::new(queue_budget_bytes) }
    }

    /// Changes what a queue may hold in memory.
    pub fn set_queue_budget_bytes(&self, bytes: usize) {
        self.queue_budget_bytes.store(bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for LogStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LogStore")
    }
}

impl Store for LogStore {
    fn keeps(&self) -> bool {
        true
    }

    fn writer(&self) -> Box<dyn Writer> {
        Box::new(LogWriter { log: self.log.clone(), batch: Batch::default(), places: Vec::new() })
    }

    fn define(&self, changes: &[Definition]) -> Position {
        let mut batch = Batch::default();
        for change in changes {
            let (key, value) = definition::encode(change);
            batch.define(key.as_bytes(), value.as_deref().map(str::as_bytes));
        }
        appended(self.log.append(&mut batch, &mut Vec::new()))
    }

    fn committed(&self) -> Position {
        Position(self.log.committed().0)
    }

    fn has_failed(&self) -> bool {
        self.log.has_failed()
    }

    fn put_page(&self, entries: &[Entry]) -> PageId {
        let mut page = PageWriter::default();
        for stub in entries.iter().filter_map(Stub::of) {
            page.push(&stub);
        }
        PageId(self.log.put_page(page.finish()).0)
    }

    fn queue_budget_bytes(&self) -> usize {
        self.queue_budget_bytes.load(Ordering::Relaxed)
    }
}

/// One connection's way into the log.
struct LogWriter {
    log: Arc<Log>,
    batch: Batch,
    places: Vec<leveret_storage::Place>,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LogWriter")
    }
}

impl Writer for LogWriter {
    fn message(&mut self, message: &Message, record: &Record<'_>) {
        let queues: SmallVec<[u64; 4]> = record.queues.iter().map(|queue| queue.0).collect();
        self.batch.message(&NewMessage {
            durable: record.durable,
            published_at: record.published_at.as_micros(),
            expiration: record
                .expiration
                .map(|after| u64::try_from(after.as_micros()).unwrap_or(u64::MAX - 1)),
            queues: &queues,
            head: &message.head_parts(),
            body: message.body(),
        });
    }

    fn write(&mut self, places: &mut Vec<Place>) -> Position {
        self.places.clear();
        let position = appended(self.log.append(&mut self.batch, &mut self.places));
        places.extend(self.places.iter().map(|place| core_place(*place)));
        position
    }
}

/// A log that has failed never commits anything any more; it has said so itself.
fn appended(result: Result<leveret_storage::Position, leveret_storage::LogFailed>) -> Position {
    result.map_or(Position::NEVER, |position| Position(position.0))
}

/// The same place in the words of the rules.
pub fn core_place(place: leveret_storage::Place) -> Place {
    Place { id: place.id.0, offset: place.offset, len: place.len }
}

/// The same place in the words of the log.
pub fn storage_place(place: Place) -> leveret_storage::Place {
    leveret_storage::Place { id: MessageId(place.id), offset: place.offset, len: place.len }
}

/// The same page in the words of the log.
pub fn storage_page(page: PageId) -> leveret_storage::PageId {
    leveret_storage::PageId(page.0)
}
