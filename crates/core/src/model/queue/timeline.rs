//! Messages that wait for their time: in memory what is due soon, in pages what is due later.
//!
//! ```text
//! now ─▶ near: by time, in memory │ far: pages, by the time of the first message in each
//! ```
//! When memory runs out, the later half of what is near leaves it, sorted by time, so that a page covers a short time;
//! pages of different moments of writing may cover the same. A page is asked for a little before the first message
//! in it is due, so millions that wait cost a page for each few thousand, and no timer each.
//!
//! Invariants: messages of one moment go in the order in which they came; a message that has no place in the log never
//! becomes part of a page; `near_bytes` is the sum of the footprints of what is near.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::queue::ready::StoredPage;
use crate::model::queue::{Doors, Entry};
use crate::store::PageId;
use crate::time::Timestamp;

/// Pages are asked for so long before something in them is due.
const LEAD: Duration = Duration::from_secs(2);
/// Most messages of a page.
const PAGE_ENTRIES: usize = 4096;
/// Most memory that a page gives free.
const PAGE_BYTES: usize = 1024 * 1024;

/// A moment, and the position of a message that is due then.
type Spot = (Timestamp, u64);

/// A page of what is due later.
#[derive(Debug)]
struct Far {
    stored: StoredPage,
    is_asked: bool,
}

/// Messages by the time when they are due.
#[derive(Debug, Default)]
pub struct Timeline {
    near: BTreeMap<Spot, Entry>,
    near_bytes: usize,
    /// By when the first message is due; the name keeps those of one moment apart.
    far: BTreeMap<(Timestamp, PageId), Far>,
    far_len: usize,
}

impl Timeline {
    /// Makes it what it was in an earlier life.
    pub fn restore(&mut self, pages: Vec<StoredPage>) {
        for page in pages {
            self.add_page(page);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.near.len() + self.far_len
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.near_bytes
    }

    /// A message for its time; one without is due at once.
    pub fn push(&mut self, mut entry: Entry) {
        entry.message.detach();
        self.near_bytes += entry.message.footprint_bytes();
        self.near.insert((entry.expires_at.unwrap_or_default(), entry.position), entry);
    }

    /// Takes a message that is due; pages in which one is due soon are asked for.
    pub fn take_due(&mut self, now: Timestamp, doors: &mut impl Doors) -> Option<Entry> {
        for ((due, _), page) in self.far.range_mut(..=(now + LEAD, PageId(u64::MAX))) {
            debug_assert!(*due <= now + LEAD);
            if !std::mem::replace(&mut page.is_asked, true) {
                doors.fetch(page.stored.id);
            }
        }
        let first = self.near.first_entry().filter(|first| first.key().0 <= now)?;
        let entry = first.remove();
        self.near_bytes -= entry.message.footprint_bytes();
        Some(entry)
    }

    /// When to look again for what is due. Pages on their way come by themselves.
    pub fn next_due(&self) -> Option<Timestamp> {
        let near = self.near.keys().next().map(|(at, _)| *at);
        let resting = self.far.iter().find(|(_, page)| !page.is_asked);
        let far = resting.map(|((at, _), _)| at.before(LEAD));
        near.into_iter().chain(far).min()
    }

    /// A page has come. `false`: nobody waits for it any more.
    pub fn handle_page(&mut self, page: PageId, entries: Vec<Entry>) -> bool {
        let found = self.far.iter().find(|(_, far)| far.stored.id == page).map(|(key, _)| *key);
        let Some(far) = found.and_then(|key| self.far.remove(&key)) else { return false };
        self.far_len -= far.stored.count;
        for entry in entries {
            self.push(entry);
        }
        true
    }

    /// Lets go of the later half of what is near, when it is more than the budget.
    pub fn page_out(&mut self, doors: &mut impl Doors) {
        let budget = doors.budget_bytes();
        if self.near_bytes <= budget {
            return;
        }
        let mut page = Vec::new();
        let mut page_bytes = 0;
        for (_, entry) in self.take_later(budget / 2) {
            if entry.message.place().is_none() {
                self.push(entry);
                continue;
            }
            page_bytes += entry.message.footprint_bytes();
            page.push(entry);
            if PAGE_ENTRIES <= page.len() || PAGE_BYTES <= page_bytes {
                self.put_page(&std::mem::take(&mut page), doors);
                page_bytes = 0;
            }
        }
        self.put_page(&page, doors);
    }

    /// Takes what is behind the first so many bytes.
    fn take_later(&mut self, keep_bytes: usize) -> BTreeMap<Spot, Entry> {
        let mut bytes = 0;
        let behind = self.near.iter().find(|(_, entry)| {
            bytes += entry.message.footprint_bytes();
            keep_bytes < bytes
        });
        let Some(split) = behind.map(|(spot, _)| *spot) else { return BTreeMap::new() };
        let later = self.near.split_off(&split);
        self.near_bytes -= later.values().map(|entry| entry.message.footprint_bytes()).sum::<usize>();
        later
    }

    fn put_page(&mut self, entries: &[Entry], doors: &mut impl Doors) {
        // Pages are written by position, and read into a timeline again.
        let mut by_position = entries.to_vec();
        by_position.sort_unstable_by_key(|entry| entry.position);
        if !by_position.is_empty()
            && let Some(stored) = StoredPage::of(doors.put_page(&by_position), &by_position)
        {
            self.add_page(stored);
        }
    }

    fn add_page(&mut self, stored: StoredPage) {
        self.far_len += stored.count;
        let at = stored.first_expiry.unwrap_or_default();
        self.far.insert((at, stored.id), Far { stored, is_asked: false });
    }

    /// Lets go of everything and says how much it was.
    pub fn clear(&mut self, doors: &mut impl Doors) -> usize {
        let count = self.len();
        for entry in self.near.values() {
            doors.settled(&entry.message);
        }
        for page in self.far.values() {
            doors.drop_page(page.stored.id);
        }
        *self = Self::default();
        count
    }
}
