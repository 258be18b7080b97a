//! From what the log holds to a broker that serves: definitions first, then the messages of each queue.
//!
//! No body is read: a queue begins as a list of pages and reads them when somebody wants a message.

use std::collections::HashMap;
use std::time::Duration;

use leveret_core::model::{Broker, QueueRef, StoredPage};
use leveret_core::{PageId, Timestamp};
use leveret_storage::{Log, OpenError, Recovery, Restored};

use super::definition::{self, Unreadable};
use super::page::{PageWriter, Stub};
use super::store::core_place;

/// A page holds at most so many entries.
const PAGE_ENTRIES: usize = 4096;
/// And messages of at most about so many bytes.
const PAGE_BYTES: usize = 1024 * 1024;
/// What an entry takes in memory besides its message's bytes, roughly.
const ENTRY_BYTES: usize = 64;

/// Why a data directory's content cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A definition that this version does not understand.
    #[error(transparent)]
    Definition(#[from] Unreadable),
    /// Definitions that contradict each other.
    #[error("the definitions in the log cannot be restored: {0}")]
    Broker(#[from] leveret_core::model::RestoreError),
}

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Definitions of any kind.
    pub definitions: usize,
    /// Durable queues.
    pub queues: usize,
    /// Messages, counted once for each queue they are in.
    pub messages: usize,
}

/// Brings everything back into an empty broker.
pub fn restore(broker: &Broker, log: &Log, recovery: &mut Recovery) -> Result<Counts, RestoreError> {
    let stored = recovery.definitions()?;
    let decode = |(key, value): &(Vec<u8>, Vec<u8>)| definition::decode(key, value);
    let definitions = stored.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let mut counts = Counts { definitions: definitions.len(), ..Counts::default() };
    broker.restore(definitions)?;
    let mut queues: HashMap<u64, Refill> =
        broker.durable_queues().into_iter().map(|queue| (queue.facts().id.0, Refill::new(queue))).collect();
    counts.queues = queues.len();
    recovery.messages(&mut |restored| {
        let Some(refill) = queues.get_mut(&restored.queue) else { return false };
        counts.messages += 1;
        refill.push(log, &restored);
        true
    })?;
    for refill in queues.into_values() {
        refill.finish(log);
    }
    Ok(counts)
}

/// A queue that is getting its messages back.
struct Refill {
    queue: QueueRef,
    next_position: u64,
    pages: Vec<StoredPage>,
    writer: PageWriter,
    /// What the page that is being written will be, once it has a name.
    open: Option<StoredPage>,
}

impl Refill {
    fn new(queue: QueueRef) -> Self {
        Self { queue, next_position: 0, pages: Vec::new(), writer: PageWriter::default(), open: None }
    }

    fn push(&mut self, log: &Log, restored: &Restored) {
        let stub = Stub {
            place: core_place(restored.place),
            durable: true,
            position: self.next_position,
            redelivered: restored.redelivered,
            expires_at: self.expires_at(restored),
        };
        self.writer.push(&stub);
        self.next_position += 1;
        let page = self.open.get_or_insert_with(|| begun(&stub));
        page.count += 1;
        page.bytes += restored.place.len as usize + ENTRY_BYTES;
        page.last = stub.position;
        page.has_redelivered |= stub.redelivered;
        // Of the first and the last to expire; the last only if all do.
        page.first_expiry = page.first_expiry.into_iter().chain(stub.expires_at).min();
        page.last_expiry = page.last_expiry.zip(stub.expires_at).map(|(last, own)| last.max(own));
        if page.count == PAGE_ENTRIES || PAGE_BYTES <= page.bytes {
            self.turn_page(log);
        }
    }

    /// The shorter of the message's own time and the queue's holds, from when it was published.
    fn expires_at(&self, restored: &Restored) -> Option<Timestamp> {
        let own = restored.expiration.map(Duration::from_micros);
        let ttl = own.into_iter().chain(self.queue.settings().message_ttl).min()?;
        Some(Timestamp::from_micros(restored.published_at) + ttl)
    }

    fn turn_page(&mut self, log: &Log) {
        let Some(page) = self.open.take() else { return };
        let id = log.put_page(std::mem::take(&mut self.writer).finish());
        self.pages.push(StoredPage { id: PageId(id.0), ..page });
    }

    fn finish(mut self, log: &Log) {
        self.turn_page(log);
        self.queue.restore(self.pages, self.next_position);
    }
}

/// A page before its first entry, which is to be counted yet.
fn begun(first: &Stub) -> StoredPage {
    StoredPage {
        id: PageId(0),
        count: 0,
        bytes: 0,
        first: first.position,
        last: first.position,
        first_expiry: None,
        last_expiry: first.expires_at,
        has_redelivered: false,
    }
}
