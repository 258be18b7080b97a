//! A queue that is getting its messages back, as pages of lanes.
//!
//! Where messages go by priority, or their bodies are counted, each must be looked at once; for all others what the
//! index of the log says is enough.

use std::time::Duration;

use leveret_core::model::{Message, QueueRef, RestoredLane, Returns, StoredPage};
use leveret_core::{PageId, Timestamp};
use leveret_storage::{Log, Restored};

use super::page::{PageWriter, Stub};
use super::store::{core_place, storage_place};

/// A page holds at most so many entries.
const PAGE_ENTRIES: usize = 4096;
/// And messages of at most about so many bytes.
const PAGE_BYTES: usize = 1024 * 1024;
/// What an entry takes in memory besides its message's bytes, roughly.
const ENTRY_BYTES: usize = 64;
/// So many messages are looked at together.
const READ_ENTRIES: usize = 1024;
/// What a record of one queue is besides its message, in bytes.
const RECORD_BYTES: u32 = 46;

/// A queue and what it has got back.
pub struct Refill {
    queue: QueueRef,
    next_position: u64,
    lanes: Vec<Lane>,
    must_read: bool,
    unread: Vec<Stub>,
}

/// The messages of one priority.
struct Lane {
    pages: Vec<StoredPage>,
    writer: PageWriter,
    /// What the page that is being written will be, once it has a name.
    open: Option<StoredPage>,
    /// When the last so far is due.
    horizon: Timestamp,
    is_orderly: bool,
}

impl Refill {
    /// Nothing yet.
    pub fn new(queue: QueueRef) -> Self {
        let traits = queue.facts().traits;
        let must_read = 0 < traits.max_priority || queue.settings().max_length_bytes.is_some();
        Self { queue, next_position: 0, lanes: Vec::new(), must_read, unread: Vec::new() }
    }

    /// The next message.
    pub fn push(&mut self, log: &Log, restored: Restored) {
        let stub = Stub {
            place: core_place(restored.place),
            durable: true,
            position: self.next_position,
            redelivered: restored.redelivered,
            returns: Returns { acquired: u16::from(restored.redelivered), failed: 0 },
            expires_at: self.expires_at(&restored),
        };
        self.next_position += 1;
        if !self.must_read {
            let about = stub.place.len.saturating_sub(RECORD_BYTES);
            return self.lane(0).push(log, &stub, about.into());
        }
        self.unread.push(stub);
        if self.unread.len() == READ_ENTRIES {
            self.read(log);
        }
    }

    /// The queue is what it was.
    pub fn finish(mut self, log: &Log) {
        self.read(log);
        let lanes = self.lanes.into_iter().map(|mut lane| {
            lane.turn_page(log);
            RestoredLane { pages: lane.pages, is_orderly: lane.is_orderly }
        });
        self.queue.restore(lanes.collect(), self.next_position);
    }

    /// The shorter of the message's own time and the queue's holds, from when it was published.
    fn expires_at(&self, restored: &Restored) -> Option<Timestamp> {
        let own = restored.expiration.map(Duration::from_micros);
        let ttl = own.into_iter().chain(self.queue.settings().message_ttl).min()?;
        Some(Timestamp::from_micros(restored.published_at) + ttl)
    }

    /// Looks at messages to find out where they belong. One that can't be read keeps its place in the lowest lane, and
    /// is missed when its turn comes.
    fn read(&mut self, log: &Log) {
        let stubs = std::mem::take(&mut self.unread);
        let places: Vec<_> = stubs.iter().map(|stub| storage_place(stub.place)).collect();
        for (stub, stored) in stubs.iter().zip(log.read(&places)) {
            let message = stored.ok().and_then(|stored| {
                Message::restored(stored.bytes, stored.head_len, stub.place, stub.durable)
            });
            let level = message.as_ref().map_or(0, |message| self.queue.facts().traits.level(message));
            let body_bytes = message.map_or(0, |message| message.body().len() as u64);
            self.lane(level).push(log, stub, body_bytes);
        }
    }

    #[expect(clippy::indexing_slicing, reason = "it was made a line before")]
    fn lane(&mut self, level: usize) -> &mut Lane {
        if self.lanes.len() <= level {
            self.lanes.resize_with(level + 1, Lane::new);
        }
        &mut self.lanes[level]
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            pages: Vec::new(),
            writer: PageWriter::default(),
            open: None,
            horizon: Timestamp::default(),
            is_orderly: true,
        }
    }

    fn push(&mut self, log: &Log, stub: &Stub, body_bytes: u64) {
        self.writer.push(stub);
        let due = stub.expires_at.unwrap_or(Timestamp::NEVER);
        self.is_orderly &= self.horizon <= due || stub.expires_at.is_none();
        self.horizon = self.horizon.max(due);
        let page = self.open.get_or_insert_with(|| begun(stub));
        page.count += 1;
        page.bytes += stub.place.len as usize + ENTRY_BYTES;
        page.body_bytes += body_bytes;
        page.last = stub.position;
        page.has_redelivered |= stub.redelivered;
        // Of the first and the last to expire; the last only if all do.
        page.first_expiry = page.first_expiry.into_iter().chain(stub.expires_at).min();
        page.last_expiry = page.last_expiry.zip(stub.expires_at).map(|(last, own)| last.max(own));
        if page.count == PAGE_ENTRIES || PAGE_BYTES <= page.bytes {
            self.turn_page(log);
        }
    }

    fn turn_page(&mut self, log: &Log) {
        let Some(page) = self.open.take() else { return };
        let id = log.put_page(std::mem::take(&mut self.writer).finish());
        self.pages.push(StoredPage { id: PageId(id.0), ..page });
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
        body_bytes: 0,
    }
}
