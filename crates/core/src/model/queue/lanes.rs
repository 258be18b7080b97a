//! The waiting messages of an ordinary queue: a lane for each priority, and what is due when.
//!
//! Invariants:
//! - The next to go is the head of the highest lane that has messages; within a lane they go by position.
//! - A lane is *orderly* while no message in it is due before one ahead of it: then its head alone tells what is due.
//!   In a lane that is not, every message in memory that is due early stands in `early` too. `early` may also name
//!   messages that are gone; it is looked at with that in mind, and never names many more than are in memory.
//! - What has left memory is due by the second: a page is read once, for all that is due in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;

use smallvec::SmallVec;

use crate::model::queue::peek::Collector;
use crate::model::queue::ready::{Ready, StoredPage};
use crate::model::queue::{Doors, Entry};
use crate::store::PageId;
use crate::time::Timestamp;

/// Pages are looked at for what is due in them no more often than this.
const PAGE_GRAIN_MICROS: u64 = 1_000_000;
/// Names of messages that are gone are not worth forgetting below this.
const FEW_EARLY: usize = 64;

/// No priority is higher.
const HIGHEST_LEVEL: u64 = 255;

/// Messages of one priority.
#[derive(Debug)]
struct Lane {
    ready: Ready,
    /// When the last of all that came in since the queue was last empty is due; never, if one of them never is.
    horizon: Timestamp,
    is_orderly: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self { ready: Ready::default(), horizon: Timestamp::default(), is_orderly: true }
    }
}

impl Lane {
    /// A message comes in that is due then: when, if that is before one ahead of it.
    #[inline]
    fn admit(&mut self, expires_at: Option<Timestamp>) -> Option<Timestamp> {
        let at = expires_at.unwrap_or(Timestamp::NEVER);
        let is_early = at < self.horizon;
        self.is_orderly &= !is_early;
        self.horizon = self.horizon.max(at);
        expires_at.filter(|_| is_early)
    }

    /// When the next to go is due, as far as that is known or to be found out.
    fn head_due(&self) -> Option<Timestamp> {
        match self.ready.head() {
            Some(head) => head.expires_at,
            None => self.ready.head_page_due(),
        }
    }
}

/// A message that is due before one ahead of it: when, at which position, in which lane.
type Early = Reverse<(Timestamp, u64, usize)>;

/// The waiting messages of one queue.
#[derive(Debug, Default)]
pub struct Lanes {
    /// Lowest priority first; only up to the highest that was needed.
    levels: SmallVec<[Lane; 1]>,
    early: BinaryHeap<Early>,
    /// More names than so many are looked through for those that mean nothing any more.
    early_room: usize,
    body_bytes: u64,
    /// Whether anything in here could ever be due.
    may_expire: bool,
}

impl Lanes {
    /// Makes it what it was in an earlier life: pages of one lane, in order; whether that is orderly.
    pub fn restore(&mut self, level: usize, pages: Vec<StoredPage>, is_orderly: bool) {
        self.may_expire |= pages.iter().any(|page| page.first_expiry.is_some());
        self.body_bytes += pages.iter().map(|page| page.body_bytes).sum::<u64>();
        let lane = self.lane(level);
        *lane = Lane { ready: Ready::restored(pages), horizon: Timestamp::NEVER, is_orderly };
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.levels.iter().map(|lane| lane.ready.len()).sum()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(|lane| lane.ready.len() == 0)
    }

    /// Bytes of their bodies, in memory or not.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|lane| lane.ready.bytes()).sum()
    }

    /// The next to go, if it is in memory.
    #[inline]
    pub fn head(&self) -> Option<&Entry> {
        self.highest()?.ready.head()
    }

    /// Takes the next to go, if it is in memory.
    #[inline]
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.highest_mut()?.ready.pop()?;
        self.body_bytes -= entry.body_bytes();
        Some(entry)
    }

    /// Shows a look what waits, the highest priority first.
    pub fn peek(&self, into: &mut Collector) {
        for (level, lane) in self.levels.iter().enumerate().rev() {
            let rank = HIGHEST_LEVEL.saturating_sub(level as u64);
            if let Some(first) = into.first_of(rank)
                && !lane.ready.peek(rank, first, into)
            {
                return;
            }
        }
    }

    /// Takes the message of a position, if it is in memory.
    pub fn take(&mut self, position: u64) -> Option<Entry> {
        let entry = self.levels.iter_mut().find_map(|lane| lane.ready.remove(position))?;
        self.body_bytes -= entry.body_bytes();
        Some(entry)
    }

    /// Asks for the page that a position may be in. `false`: there is none.
    pub fn ask_for(&mut self, position: u64, doors: &mut impl Doors) -> bool {
        // Pages of several lanes may reach over it; it is in one of them at most.
        self.levels.iter_mut().fold(false, |asked, lane| lane.ready.ask_for(position, doors) | asked)
    }

    /// See [`Ready::put_away`].
    pub fn put_away(&mut self, position: u64, doors: &mut impl Doors) {
        let budget = self.lane_budget(doors);
        self.levels.iter_mut().for_each(|lane| lane.ready.put_away(position, budget, doors));
    }

    /// Nothing that was here will come back: what it was due need not be remembered.
    pub fn forget(&mut self) {
        if self.may_expire || self.levels.iter().any(|lane| lane.horizon != Timestamp::default()) {
            self.may_expire = false;
            self.early = BinaryHeap::new();
            for lane in &mut self.levels {
                (lane.horizon, lane.is_orderly) = (Timestamp::default(), true);
            }
        }
    }

    /// A new message, behind all others of its priority.
    #[inline]
    pub fn push(&mut self, level: usize, entry: Entry) {
        self.body_bytes += entry.body_bytes();
        let lane = self.lane(level);
        let early = lane.admit(entry.expires_at).map(|at| (at, entry.position));
        let may_expire = entry.expires_at.is_some();
        lane.ready.push(entry);
        self.may_expire |= may_expire;
        if let Some((at, position)) = early {
            self.note_early(at, level, position);
        }
    }

    /// A new message went straight to a consumer; it may come back.
    #[inline]
    pub fn note_passed(&mut self, level: usize, expires_at: Option<Timestamp>) {
        self.lane(level).admit(expires_at);
    }

    /// A returned message, at its old position; see [`Ready::put_back`].
    pub fn put_back(&mut self, level: usize, entry: Entry) {
        self.body_bytes += entry.body_bytes();
        let lane = self.lane(level);
        let early = entry.expires_at.filter(|_| !lane.is_orderly).map(|at| (at, entry.position));
        let may_expire = entry.expires_at.is_some();
        lane.ready.put_back(entry);
        self.may_expire |= may_expire;
        if let Some((at, position)) = early {
            self.note_early(at, level, position);
        }
    }

    /// See [`Ready::park_from`].
    pub fn park_from(&mut self, position: u64) {
        self.levels.iter_mut().for_each(|lane| lane.ready.park_from(position));
    }

    /// Lets go of all of them and says how many there were.
    pub fn clear(&mut self, doors: &mut impl Doors) -> usize {
        let count = self.len();
        self.levels.iter_mut().for_each(|lane| lane.ready.clear(doors));
        self.early = BinaryHeap::new();
        self.body_bytes = 0;
        count
    }

    /// Takes a message that is due by `now`: of those in memory the one that was due first. Pages in which there are
    /// more are asked for, and dropped unread if all is due in them and `drops_pages`.
    pub fn take_due(&mut self, now: Timestamp, drops_pages: bool, doors: &mut impl Doors) -> Option<Entry> {
        if !self.may_expire {
            return None;
        }
        self.look_at_pages(now, drops_pages, doors);
        loop {
            let heads = self.levels.iter().enumerate().filter_map(|(level, lane)| {
                let head = lane.ready.head()?;
                Some((head.expires_at?, head.position, level))
            });
            let early = self.early.peek().map(|Reverse(early)| *early);
            let (at, position, level) = heads.chain(early).min()?;
            if now < at {
                return None;
            }
            if early == Some((at, position, level)) {
                self.early.pop();
            }
            let found = self.levels.get_mut(level).and_then(|lane| lane.ready.remove(position));
            if let Some(entry) = found {
                self.body_bytes -= entry.body_bytes();
                return Some(entry);
            }
        }
    }

    fn look_at_pages(&mut self, now: Timestamp, drops_pages: bool, doors: &mut impl Doors) {
        for lane in &mut self.levels {
            while lane.ready.head().is_none() && lane.ready.is_page_due(now) {
                let dropped = if drops_pages { lane.ready.drop_expired_page(now, doors) } else { None };
                let Some(page) = dropped else {
                    lane.ready.ask_head(doors);
                    break;
                };
                self.body_bytes -= page.body_bytes;
            }
            if !lane.is_orderly {
                lane.ready.ask_due(now.floor(PAGE_GRAIN_MICROS), doors);
            }
        }
    }

    /// Whether the next to go is not in memory and may be due.
    pub fn is_page_due(&self, now: Timestamp) -> bool {
        self.may_expire && self.levels.iter().any(|lane| lane.ready.is_page_due(now))
    }

    /// When to look again for what is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        if !self.may_expire {
            return None;
        }
        let heads = self.levels.iter().filter_map(Lane::head_due);
        let disorderly = self.levels.iter().filter(|lane| !lane.is_orderly);
        let pages = disorderly.filter_map(|lane| lane.ready.first_page_expiry());
        let pages = pages.map(|at| at.ceil(PAGE_GRAIN_MICROS));
        let early = self.early.peek().map(|Reverse((at, ..))| *at);
        heads.chain(pages).chain(early).min()
    }

    /// Somebody wants the next to go: asks for it if it is not in memory.
    pub fn ask_head(&mut self, doors: &mut impl Doors) {
        if let Some(lane) = self.highest_mut() {
            lane.ready.ask_head(doors);
        }
    }

    /// A page has come: its entries take its place, as many as could be read. `false`: nobody waits for it any more.
    pub fn handle_page(&mut self, page: PageId, entries: Vec<Entry>) -> bool {
        let due: Vec<(Timestamp, u64)> =
            entries.iter().filter_map(|entry| Some((entry.expires_at?, entry.position))).collect();
        let body_bytes: u64 = entries.iter().map(Entry::body_bytes).sum();
        let mut entries = Some(entries);
        let mut found = None;
        for (level, lane) in self.levels.iter_mut().enumerate() {
            if lane.ready.has_page(page) {
                found = lane.ready.handle_page(page, entries.take().unwrap_or_default());
                let is_orderly = lane.is_orderly;
                let early = due.iter().filter(|_| !is_orderly);
                self.early.extend(early.map(|(at, position)| Reverse((*at, *position, level))));
                break;
            }
        }
        let Some(stored) = found else { return false };
        self.body_bytes = (self.body_bytes + body_bytes).saturating_sub(stored.body_bytes);
        self.forget_names();
        true
    }

    /// See [`Ready::refill`]; the highest priority is what goes next.
    pub fn refill(&mut self, doors: &mut impl Doors) {
        let budget = self.lane_budget(doors);
        if let Some(lane) = self.highest_mut() {
            lane.ready.refill(budget, doors);
        }
    }

    /// See [`Ready::page_out`]. Lanes share the budget.
    pub fn page_out(&mut self, doors: &mut impl Doors) {
        let budget = self.lane_budget(doors);
        self.levels.iter_mut().for_each(|lane| lane.ready.page_out(budget, doors));
    }

    /// See [`Ready::delivered_before`].
    pub fn delivered_before(&self) -> (Vec<NonZeroU64>, Vec<PageId>) {
        let (mut messages, mut pages) = (Vec::new(), Vec::new());
        for lane in &self.levels {
            let (own_messages, own_pages) = lane.ready.delivered_before();
            messages.extend(own_messages);
            pages.extend(own_pages);
        }
        (messages, pages)
    }

    fn lane_budget(&self, doors: &impl Doors) -> usize {
        let used = self.levels.iter().filter(|lane| 0 < lane.ready.len()).count();
        doors.budget_bytes() / used.max(1)
    }

    #[expect(clippy::indexing_slicing, reason = "it was made a line before")]
    fn lane(&mut self, level: usize) -> &mut Lane {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Lane::default);
        }
        &mut self.levels[level]
    }

    #[inline]
    fn highest(&self) -> Option<&Lane> {
        self.levels.iter().rev().find(|lane| 0 < lane.ready.len())
    }

    #[inline]
    fn highest_mut(&mut self) -> Option<&mut Lane> {
        self.levels.iter_mut().rev().find(|lane| 0 < lane.ready.len())
    }

    fn note_early(&mut self, at: Timestamp, level: usize, position: u64) {
        self.early.push(Reverse((at, position, level)));
        self.forget_names();
    }

    /// Names that are too many are made anew of what is in memory; what is in pages comes back with them.
    fn forget_names(&mut self) {
        if self.early.len() <= self.early_room.max(FEW_EARLY) {
            return;
        }
        let mut looked_at = 0;
        let mut early = std::mem::take(&mut self.early).into_vec();
        early.clear();
        for (level, lane) in self.levels.iter().enumerate().filter(|(_, lane)| !lane.is_orderly) {
            early.extend(lane.ready.residents().filter_map(|entry| {
                looked_at += 1;
                Some(Reverse((entry.expires_at?, entry.position, level)))
            }));
        }
        early.shrink_to(2 * early.len());
        self.early = early.into();
        self.early_room = 2 * looked_at;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Message;

    #[test]
    fn the_names_of_messages_that_are_gone_are_forgotten_while_pages_come() {
        let mut lanes = Lanes::default();
        let due = Timestamp::default() + Duration::from_hours(1);
        let entries = |page: u64| -> Vec<Entry> {
            let positions = page * 100..(page + 1) * 100;
            let message = || Message::compose(b"", b"q", &[0, 0], b"");
            let entry = |position| Entry { expires_at: Some(due), ..Entry::new(position, message()) };
            positions.map(entry).collect()
        };
        let stored = |page| StoredPage::of(PageId(page), &entries(page)).unwrap();
        lanes.restore(0, (0..100).map(stored).collect(), false);
        for page in 0..100 {
            assert!(lanes.handle_page(PageId(page), entries(page)));
            while lanes.pop().is_some() {}
            assert!(lanes.early.len() < 1000, "{} are named of {}", lanes.early.len(), lanes.len());
        }
        assert!(lanes.is_empty());
    }
}
