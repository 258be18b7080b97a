//! Brings pages of deep queues back, and settles those that nobody will read.
//!
//! Invariants:
//! - Everything here happens outside every lock of the rules: a slow disk holds up the queue that asked.
//! - What waits for a consumer goes before what is only to be thrown away.
//! - A page is forgotten when its entries are in their queue again or settled, and not before.

use std::collections::VecDeque;
use std::sync::Arc;

use leveret_core::model::{Broker, Entry, Message};
use leveret_core::{Effects, Fetch, PageId, Timestamp};
use leveret_storage::{Log, MessageId};
use parking_lot::{Condvar, Mutex};

use super::page::{self, Stub};
use super::store::{storage_page, storage_place};

/// What is to be done with pages.
#[derive(Debug, Default)]
pub struct Jobs {
    waiting: Mutex<Waiting>,
    has_come: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    fetches: VecDeque<Fetch>,
    dropped: VecDeque<PageId>,
    is_over: bool,
}

/// One thing to be done.
#[derive(Debug)]
pub enum Job {
    /// A queue wants a page back.
    Fetch(Fetch),
    /// Nobody wants it any more.
    Drop(PageId),
}

impl Waiting {
    fn next(&mut self) -> Option<Job> {
        let fetch = self.fetches.pop_front().map(Job::Fetch);
        fetch.or_else(|| self.dropped.pop_front().map(Job::Drop))
    }
}

impl Jobs {
    /// Takes what the rules ask for.
    pub fn take_from(&self, effects: &mut Effects) {
        if effects.fetches.is_empty() && effects.dropped_pages.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        waiting.fetches.extend(effects.fetches.drain(..));
        waiting.dropped.extend(effects.dropped_pages.drain(..));
        self.has_come.notify_one();
    }

    /// The next thing to do, if there is one.
    pub fn next(&self) -> Option<Job> {
        self.waiting.lock().next()
    }

    /// The next thing to do, waited for; `None`: there will be no more.
    pub fn wait(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(job) = waiting.next() {
                return Some(job);
            }
            if waiting.is_over {
                return None;
            }
            self.has_come.wait(&mut waiting);
        }
    }

    /// Nothing more will come.
    pub fn finish(&self) {
        self.waiting.lock().is_over = true;
        self.has_come.notify_all();
    }
}

/// Does the work.
#[derive(Clone)]
pub struct Pager {
    log: Arc<Log>,
}

impl Pager {
    /// One that reads from this log.
    pub fn new(log: Arc<Log>) -> Self {
        Self { log }
    }

    /// Does one thing; what the rules want done after it is in `effects`.
    pub fn work(&self, now: Timestamp, job: Job, effects: &mut Effects) {
        match job {
            Job::Fetch(fetch) => self.fetch(now, fetch, effects),
            Job::Drop(page) => self.drop_page(page),
        }
    }

    fn fetch(&self, now: Timestamp, fetch: Fetch, effects: &mut Effects) {
        let Fetch { queue, page } = fetch;
        let Some(stubs) = self.stubs(page) else {
            tracing::error!(
                queue = &*queue.facts().name,
                page = page.0,
                "lost a page of the queue's index until the next start: its messages are in the log"
            );
            queue.handle_page_lost(now, page, effects);
            return;
        };
        let entries = self.read(&queue.facts().name, &stubs);
        if queue.handle_page(now, page, entries, effects) {
            self.log.remove_page(storage_page(page));
        }
    }

    /// The entries of a page; those whose messages can't be read are left out, and said to be.
    fn read(&self, queue: &str, stubs: &[Stub]) -> Vec<Entry> {
        self.entries(stubs, |stub, why| {
            tracing::error!(queue, id = stub.place.id, why, "cannot read a message back");
        })
    }

    /// The same for who only looks: what can't be read has been settled since, and its record may be gone.
    pub fn peek(&self, stubs: &[Stub]) -> Vec<Entry> {
        self.entries(stubs, |stub, why| tracing::debug!(id = stub.place.id, why, "a message went unseen"))
    }

    fn entries(&self, stubs: &[Stub], mut lost: impl FnMut(&Stub, String)) -> Vec<Entry> {
        let places: Vec<_> = stubs.iter().map(|stub| storage_place(stub.place)).collect();
        let stored = self.log.read(&places);
        let entries = stubs.iter().zip(stored).filter_map(|(stub, stored)| {
            let message = stored.map_err(|error| error.to_string()).and_then(|stored| {
                Message::restored(stored.bytes, stored.head_len, stub.place, stub.durable)
                    .ok_or_else(|| "its record is no message".to_owned())
            });
            match message {
                Ok(message) => Some(Entry {
                    position: stub.position,
                    redelivered: stub.redelivered,
                    returns: stub.returns,
                    expires_at: stub.expires_at,
                    message,
                }),
                Err(why) => {
                    lost(stub, why);
                    None
                }
            }
        });
        entries.collect()
    }

    /// Settles what is in a page.
    fn drop_page(&self, page: PageId) {
        let (mut durable, mut spilled) = (Vec::new(), Vec::new());
        for stub in self.stubs(page).unwrap_or_default() {
            let ids = if stub.durable { &mut durable } else { &mut spilled };
            ids.push(MessageId(stub.place.id));
        }
        self.log.settle(&durable, &spilled);
        self.log.remove_page(storage_page(page));
    }

    /// Every durable message that was handed to a consumer before and is in its queue again.
    pub fn delivered_before(&self, broker: &Broker) -> Vec<MessageId> {
        let found = broker.delivered_before();
        let in_memory = found.messages.into_iter();
        let stubs = found.pages.into_iter().flat_map(|page| self.stubs(page).unwrap_or_default());
        let in_pages = stubs.filter(|stub| stub.durable && stub.redelivered).map(|stub| stub.place.id);
        in_memory.chain(in_pages).map(MessageId).collect()
    }

    /// What is in a page; `None` if it is not there.
    pub fn stubs(&self, page: PageId) -> Option<Vec<Stub>> {
        page::read(&self.log.page(storage_page(page))?)
    }
}
