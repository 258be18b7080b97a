//! From what the log holds to a broker that serves: definitions first, then the messages of each queue.
//!
//! No body is read: a queue begins as a list of pages and reads them when somebody wants a message.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::time::Duration;

use leveret_core::model::{Broker, QueueRef, RestoredPage};
use leveret_core::{PageId, Timestamp};
use leveret_storage::{Log, OpenError, Recovery, Restored};

use super::definition::{self, Unreadable};
use super::page::{PageWriter, Stub};
use super::store::core_place;

/// A page holds at most so many entries.
const PAGE_ENTRIES: usize = 4096;
/// And messages of at most about so many bytes.
const PAGE_BYTES: usize = 1024 * 1024;

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
    queues.into_values().for_each(|refill| refill.finish(log));
    Ok(counts)
}

/// A queue that is getting its messages back.
struct Refill {
    queue: QueueRef,
    next_position: u64,
    pages: Vec<RestoredPage>,
    writer: PageWriter,
    count: usize,
    bytes: usize,
    first_expiry: Option<Timestamp>,
}

impl Refill {
    fn new(queue: QueueRef) -> Self {
        Self {
            queue,
            next_position: 0,
            pages: Vec::new(),
            writer: PageWriter::default(),
            count: 0,
            bytes: 0,
            first_expiry: None,
        }
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
        self.count += 1;
        self.bytes += restored.place.len as usize;
        self.first_expiry = self.first_expiry.into_iter().chain(stub.expires_at).min();
        if self.count == PAGE_ENTRIES || PAGE_BYTES <= self.bytes {
            self.turn_page(log);
        }
    }

    /// The shorter of the message's own time and the queue's holds, from when it was published.
    fn expires_at(&self, restored: &Restored) -> Option<Timestamp> {
        let own = restored.expiration.map(Duration::from_micros);
        let ttl = own.into_iter().chain(self.queue.facts().settings.message_ttl).min()?;
        Some(Timestamp::from_micros(restored.published_at) + ttl)
    }

    fn turn_page(&mut self, log: &Log) {
        let page = log.put_page(std::mem::take(&mut self.writer).finish());
        self.pages.push(RestoredPage {
            id: PageId(page.0),
            count: std::mem::take(&mut self.count),
            bytes: std::mem::take(&mut self.bytes),
            first_expiry: self.first_expiry.take(),
        });
    }

    fn finish(mut self, log: &Log) {
        if 0 < self.count {
            self.turn_page(log);
        }
        self.queue.restore(self.pages, self.next_position);
    }
}

/// The ids of messages that were handed to a consumer before, for a clean end.
pub fn delivered_before(broker: &Broker) -> Vec<NonZeroU64> {
    broker.delivered_before()
}
