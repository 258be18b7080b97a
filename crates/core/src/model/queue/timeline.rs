//! Messages that wait for their time: in memory what is due soon, in pages what is due later.
//!
//! ```text
//! now ─▶ near: by time, in memory │ far: pages, by the time of the first message in each
//! ```
//! When memory runs out, the later half of what is near leaves it, sorted by time, so that a page covers a short time;
//! pages of different moments of writing may cover the same. A page is asked for a little before the first message
//! in it is due if there is room for it, else when that is due: so millions that wait cost a page for each few thousand,
//! and no timer each, and what has come back does not have to go again.
//!
//! Invariants: messages of one moment that are in memory go in the order in which they came; a message that has no place
//! in the log never becomes part of a page; `near_bytes` is the sum of the footprints of what is near, `placed_bytes` of
//! those of it that have a place.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use crate::model::queue::peek::{Collector, Spot as At};
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
    placed_bytes: usize,
    /// By when the first message is due; the name keeps those of one moment apart.
    far: BTreeMap<(Timestamp, PageId), Far>,
    far_len: usize,
    /// A page that would be asked for by now waits for room.
    is_full: bool,
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
        self.near_bytes += footprint(&entry);
        self.placed_bytes += placed_footprint(&entry);
        self.near.insert((entry.expires_at.unwrap_or_default(), entry.position), entry);
    }

    /// Shows a look what waits: what is near, and every page in which there may be something between.
    pub fn peek(&self, into: &mut Collector) {
        let after = into.after().map(|after| (Timestamp::from_micros(after.rank), after.position));
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        for ((due, position), entry) in self.near.range((behind, Bound::Unbounded)) {
            if !into.message(At { rank: due.as_micros(), position: *position }, entry) {
                break;
            }
        }
        let until = into.until().map_or(Timestamp::NEVER, |until| Timestamp::from_micros(until.rank));
        let from = after.map_or(Timestamp::default(), |(due, _)| due);
        for far in self.far.range(..=(until, PageId(u64::MAX))).map(|(_, far)| far) {
            if far.stored.last_expiry.is_none_or(|last| from <= last) {
                into.scattered(far.stored.id);
            }
        }
    }

    /// Takes a message that is due. When there is none, pages in which one is due soon are asked for.
    pub fn take_due(&mut self, now: Timestamp, doors: &mut impl Doors) -> Option<Entry> {
        let Some(first) = self.near.first_entry().filter(|first| first.key().0 <= now) else {
            self.ask(now, doors);
            return None;
        };
        let entry = first.remove();
        self.near_bytes -= footprint(&entry);
        self.placed_bytes -= placed_footprint(&entry);
        Some(entry)
    }

    fn ask(&mut self, now: Timestamp, doors: &mut impl Doors) {
        let room = doors.budget_bytes() / 2;
        let mut bytes = self.near_bytes;
        self.is_full = false;
        for ((due, _), page) in self.far.range_mut(..=(now + LEAD, PageId(u64::MAX))) {
            if !page.is_asked {
                if now < *due && room <= bytes {
                    self.is_full = true;
                    return;
                }
                page.is_asked = true;
                doors.fetch(page.stored.id);
            }
            bytes += page.stored.bytes;
        }
    }

    /// When to look again for what is due. Pages on their way come by themselves.
    pub fn next_due(&self) -> Option<Timestamp> {
        let near = self.near.keys().next().map(|(at, _)| *at);
        let resting = self.far.iter().find(|(_, page)| !page.is_asked);
        let far = resting.map(|((at, _), _)| if self.is_full { *at } else { at.before(LEAD) });
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
        // What must stay is not looked at again and again for the little that could go.
        if self.near_bytes <= budget || self.placed_bytes <= budget / 4 * 3 {
            return;
        }
        let mut page = Vec::new();
        let mut page_bytes = 0;
        for (_, entry) in self.take_later(budget / 2) {
            if entry.message.place().is_none() {
                self.push(entry);
                continue;
            }
            page_bytes += footprint(&entry);
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
            bytes += footprint(entry);
            keep_bytes < bytes
        });
        let Some(split) = behind.map(|(spot, _)| *spot) else { return BTreeMap::new() };
        let later = self.near.split_off(&split);
        self.near_bytes -= later.values().map(footprint).sum::<usize>();
        self.placed_bytes -= later.values().map(placed_footprint).sum::<usize>();
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

fn footprint(entry: &Entry) -> usize {
    entry.message.footprint_bytes()
}

fn placed_footprint(entry: &Entry) -> usize {
    if entry.message.place().is_some() { footprint(entry) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::sync::Arc;

    use super::*;
    use crate::id::ConsumerId;
    use crate::model::Message;
    use crate::model::queue::Reason;
    use crate::model::settings::DeadLetterTo;
    use crate::store::Place;

    const BUDGET: usize = 4 * 1024 * 1024;
    const BODY_BYTES: usize = 16 * 1024;
    const SECOND: Duration = Duration::from_secs(1);

    /// A log that keeps its pages.
    #[derive(Default)]
    struct Pages {
        written: Vec<Vec<Entry>>,
        asked: Vec<PageId>,
    }

    impl Pages {
        /// Brings what was asked for.
        fn bring(&mut self, timeline: &mut Timeline) {
            for page in std::mem::take(&mut self.asked) {
                let entries = self.written[usize::try_from(page.0).unwrap()].clone();
                assert!(timeline.handle_page(page, entries));
            }
            timeline.page_out(self);
        }
    }

    impl Doors for Pages {
        fn waits_for_peer(&self, _: ConsumerId) -> bool {
            false
        }

        fn accepts(&mut self, _: ConsumerId) -> bool {
            false
        }

        fn deliver(&mut self, _: ConsumerId, _: Entry) {}

        fn settled(&mut self, _: &Message) {}

        fn dead_letter(&mut self, _: Message, _: Reason, _: Arc<DeadLetterTo>) {}

        fn budget_bytes(&self) -> usize {
            BUDGET
        }

        fn put_page(&mut self, entries: &[Entry]) -> PageId {
            self.written.push(entries.to_vec());
            PageId(self.written.len() as u64 - 1)
        }

        fn fetch(&mut self, page: PageId) {
            self.asked.push(page);
        }

        fn drop_page(&mut self, _: PageId) {}
    }

    fn entry(position: u64, at: Timestamp, is_placed: bool) -> Entry {
        let mut message = Message::compose(b"x", b"k", &[0, 0], &[0; BODY_BYTES]);
        if is_placed {
            let id = NonZeroU64::new(position + 1).unwrap();
            message.set_place(Place { id, offset: 0, len: 0 }, true);
        }
        Entry { expires_at: Some(at), ..Entry::new(position, message) }
    }

    /// What is due, over as many turns as it takes.
    fn take_all(timeline: &mut Timeline, now: Timestamp, pages: &mut Pages) -> Vec<u64> {
        let mut taken = Vec::new();
        loop {
            while let Some(entry) = timeline.take_due(now, pages) {
                taken.push(entry.position);
            }
            if pages.asked.is_empty() {
                return taken;
            }
            pages.bring(timeline);
        }
    }

    #[test]
    fn more_of_one_moment_than_fits_is_read_once_and_comes_when_it_is_due() {
        let (mut timeline, mut pages) = (Timeline::default(), Pages::default());
        let due = Timestamp::default() + 10 * SECOND;
        for position in 0..2000 {
            timeline.push(entry(position, due, true));
            timeline.page_out(&mut pages);
        }
        let written = pages.written.len();
        let soon = due.before(SECOND);
        for _ in 0..20 {
            assert!(timeline.take_due(soon, &mut pages).is_none());
            pages.bring(&mut timeline);
            assert!(timeline.bytes() <= BUDGET);
        }
        assert_eq!(pages.written.len(), written, "what has come back stays");
        assert_eq!(timeline.next_due(), Some(due), "there is nothing to do before");
        let mut taken = take_all(&mut timeline, due, &mut pages);
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..2000));
    }

    #[test]
    fn messages_that_must_stay_do_not_make_a_page_of_each_that_can_go() {
        let (mut timeline, mut pages) = (Timeline::default(), Pages::default());
        let due = |position: u64| Timestamp::default() + SECOND * u32::try_from(position + 10).unwrap();
        for position in 0..600 {
            timeline.push(entry(position, due(position), 180 < position));
            timeline.page_out(&mut pages);
        }
        assert!(pages.written.len() < 30, "{} pages were written", pages.written.len());
        assert!(timeline.bytes() <= BUDGET + BUDGET / 2);
    }
}
