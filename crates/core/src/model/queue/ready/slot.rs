//! What stands between the front and the back of a deep queue: pages, and runs that can't be pages.

use std::collections::BTreeSet;

use crate::model::queue::Entry;
use crate::model::queue::ready::run::Run;
use crate::store::PageId;
use crate::time::Timestamp;

/// A page, and what must be known of it without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPage {
    /// Its name.
    pub id: PageId,
    /// How many messages are in it.
    pub count: usize,
    /// What they take in memory, in bytes of [footprint](crate::model::Message::footprint_bytes).
    pub bytes: usize,
    /// The position of its first message.
    pub first: u64,
    /// The position of its last message.
    pub last: u64,
    /// When the first of them expires, wherever it stands.
    pub first_expiry: Option<Timestamp>,
    /// When the last of them will have expired, if all of them expire.
    pub last_expiry: Option<Timestamp>,
    /// Whether some of them were delivered before.
    pub has_redelivered: bool,
    /// Bytes of their bodies.
    pub body_bytes: u64,
}

impl StoredPage {
    /// What there is to know of these entries, which are in position; `None` if there are none.
    pub fn of(id: PageId, entries: &[Entry]) -> Option<Self> {
        let (first, last) = (entries.first()?, entries.last()?);
        let expiries = entries.iter().map(|entry| entry.expires_at);
        let latest = |a: Option<Timestamp>, b: Option<Timestamp>| a.zip(b).map(|(a, b)| a.max(b));
        Some(Self {
            id,
            count: entries.len(),
            bytes: entries.iter().map(|entry| entry.message.footprint_bytes()).sum(),
            first: first.position,
            last: last.position,
            first_expiry: entries.iter().filter_map(|entry| entry.expires_at).min(),
            last_expiry: expiries.reduce(latest).flatten(),
            has_redelivered: entries.iter().any(|entry| entry.redelivered),
            body_bytes: entries.iter().map(Entry::body_bytes).sum(),
        })
    }

    /// When the first of it expires, and its name.
    pub fn expiry(&self) -> Option<(Timestamp, PageId)> {
        self.first_expiry.map(|first| (first, self.id))
    }
}

/// A page in its place in the queue.
#[derive(Debug)]
pub struct Page {
    /// What is known of it.
    pub stored: StoredPage,
    /// Whether it is on its way back.
    pub is_asked: bool,
    /// Messages that were returned and belong between those of the page (or right before them).
    pub returned: Run,
}

impl Page {
    /// It is on its way from now on, and does not rest any more.
    pub fn ask(&mut self, resting: &mut BTreeSet<(Timestamp, PageId)>) {
        self.is_asked = true;
        if let Some(expiry) = self.stored.expiry() {
            resting.remove(&expiry);
        }
    }

    /// When the first of it expires.
    pub fn head_expiry(&self) -> Option<Timestamp> {
        match self.returned.head() {
            Some(head) if head.position < self.stored.first => head.expires_at,
            _ => self.stored.first_expiry,
        }
    }

    /// Takes what was returned and comes before all of the page.
    pub fn take_early(&mut self) -> Option<Run> {
        let count = self.returned.iter().take_while(|entry| entry.position < self.stored.first).count();
        (0 < count).then(|| Run::of(self.returned.take_first(count)))
    }

    /// Whether all of it has expired, so that nobody needs to read it.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.returned.is_empty() && self.stored.last_expiry.is_some_and(|last| last <= now)
    }
}

/// One place between front and back.
#[derive(Debug)]
pub enum Slot {
    /// Messages that have left memory.
    Page(Page),
    /// Messages that are here: they have no place in the log, or have just been read.
    Resident(Run),
}

impl Slot {
    /// A page that has nothing to do yet.
    pub fn page(stored: StoredPage) -> Self {
        Self::Page(Page { stored, is_asked: false, returned: Run::default() })
    }

    /// The position of the first message that can be in it.
    pub fn first(&self) -> u64 {
        match self {
            Self::Page(page) => {
                page.returned.head().map_or(u64::MAX, |head| head.position).min(page.stored.first)
            }
            Self::Resident(run) => run.head().map_or(u64::MAX, |head| head.position),
        }
    }

    /// The position of the last.
    pub fn last(&self) -> u64 {
        match self {
            Self::Page(page) => page.stored.last,
            Self::Resident(run) => run.last_position().unwrap_or_default(),
        }
    }

    /// How many messages are in it.
    pub fn len(&self) -> usize {
        match self {
            Self::Page(page) => page.stored.count + page.returned.len(),
            Self::Resident(run) => run.len(),
        }
    }

    /// The page that it is, if it is one that nobody has asked for.
    pub fn resting(&self) -> Option<&Page> {
        match self {
            Self::Page(page) if !page.is_asked => Some(page),
            _ => None,
        }
    }

    /// What of it is in memory.
    pub fn resident(&self) -> &Run {
        match self {
            Self::Page(page) => &page.returned,
            Self::Resident(run) => run,
        }
    }

    /// The same, for returned messages.
    pub fn resident_mut(&mut self) -> &mut Run {
        match self {
            Self::Page(page) => &mut page.returned,
            Self::Resident(run) => run,
        }
    }
}
