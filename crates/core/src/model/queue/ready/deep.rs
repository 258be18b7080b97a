//! What waits behind the front of a deep queue: slots, then the back, where new messages come.
//!
//! Invariants:
//! - Positions rise from slot to slot and on to the back; the range of one slot does not reach into another's.
//! - `len` and `bytes` count what is in the slots and the back; `bytes` only what is in memory.
//! - An entry without a place never becomes part of a page.
//! - `resting` names every page in which something expires and that nobody has asked for, by its first expiry: there may
//!   be many pages, and every turn wants to know the first.

use std::collections::{BTreeSet, VecDeque};

use crate::model::queue::Entry;
use crate::model::queue::peek::{Collector, Spot};
use crate::model::queue::ready::run::Run;
use crate::model::queue::ready::slot::{Slot, StoredPage};
use crate::store::PageId;
use crate::time::Timestamp;

/// Most messages of a page.
const PAGE_ENTRIES: usize = 4096;
/// Most memory that a page gives free, and takes when it comes back; with small budgets a quarter of them, so that
/// two pages that come back do not have to go again.
const PAGE_BYTES: usize = 1024 * 1024;
/// Fewer messages with a place, between others without, are not worth a page.
const FEW_ENTRIES: usize = 16;
/// Pages are asked for while they are among the first so many slots.
const ASK_SLOTS: usize = 2;

/// Slots and back of a deep queue.
#[derive(Debug, Default)]
pub struct Deep {
    slots: VecDeque<Slot>,
    back: Run,
    len: usize,
    /// Of the slots; the back knows its own.
    slot_bytes: usize,
    resting: BTreeSet<(Timestamp, PageId)>,
}

impl Deep {
    /// Nothing but these, as the back.
    pub fn behind(back: Run) -> Self {
        Self { len: back.len(), back, ..Self::default() }
    }

    /// Nothing but pages, in order.
    pub fn of_pages(pages: Vec<StoredPage>) -> Self {
        let len = pages.iter().map(|page| page.count).sum();
        let resting = pages.iter().filter_map(StoredPage::expiry).collect();
        Self { slots: pages.into_iter().map(Slot::page).collect(), len, resting, ..Self::default() }
    }

    /// How many wait here, in memory or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Memory of those that are in it.
    pub fn bytes(&self) -> usize {
        self.slot_bytes + self.back.bytes()
    }

    /// The slots, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The first slot.
    pub fn head(&self) -> Option<&Slot> {
        self.slots.front()
    }

    /// The newest messages.
    pub fn back(&mut self) -> &mut Run {
        &mut self.back
    }

    /// Everything that is in memory here.
    pub fn residents(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().map(Slot::resident).chain([&self.back]).flat_map(Run::iter)
    }

    /// Shows a look what is here from a position on.
    pub fn peek(&self, rank: u64, first: u64, into: &mut Collector) -> bool {
        let show = |run: &Run, into: &mut Collector| {
            run.from(first).all(|entry| into.message(Spot { rank, position: entry.position }, entry))
        };
        let at = self.slots.partition_point(|slot| slot.last() < first);
        for slot in self.slots.range(at..) {
            if let Slot::Page(page) = slot {
                let spot = Spot { rank, position: slot.first().max(first) };
                if !into.page(spot, page.stored.id, page.stored.count) {
                    return false;
                }
                // They belong between those of the page.
                for entry in page.returned.from(first) {
                    into.between(Spot { rank, position: entry.position }, entry);
                }
            } else if !show(slot.resident(), into) {
                return false;
            }
        }
        show(&self.back, into)
    }

    /// Asks for the page that a position is in. `false`: there is none.
    pub fn ask_for(&mut self, position: u64, fetch: impl FnOnce(PageId)) -> bool {
        let at = self.slots.partition_point(|slot| slot.last() < position);
        let Some(Slot::Page(page)) = self.slots.get_mut(at) else { return false };
        if position < page.stored.first {
            return false;
        }
        if !page.is_asked {
            page.ask(&mut self.resting);
            fetch(page.stored.id);
        }
        true
    }

    /// What is in memory around a position, and not among what comes next, becomes pages again.
    pub fn put_away(&mut self, position: u64, budget: usize, mut put: impl FnMut(&[Entry]) -> PageId) {
        let at = self.slots.partition_point(|slot| slot.last() < position);
        let is_near = at < ASK_SLOTS;
        let Some(Slot::Resident(run)) = self.slots.get_mut(at).filter(|_| !is_near) else { return };
        let mut run = std::mem::take(run);
        self.slot_bytes -= run.bytes();
        let behind = self.slots.split_off(at + 1);
        self.slots.pop_back();
        while !run.is_empty() {
            let slot = cut(&mut run, page_bytes(budget), &mut put);
            self.push_slot(slot);
        }
        self.slots.extend(behind);
    }

    /// A new message.
    pub fn push(&mut self, entry: Entry) {
        self.len += 1;
        self.back.push(entry);
    }

    /// Whether a message of this position belongs here, and not into the front.
    pub fn reaches(&self, position: u64) -> bool {
        let first = self.slots.front().map(Slot::first).or(self.back.head().map(|head| head.position));
        first.is_some_and(|first| first <= position)
    }

    /// A returned message.
    pub fn put_back(&mut self, entry: Entry) {
        self.len += 1;
        let at = self.slots.partition_point(|slot| slot.last() < entry.position);
        match self.slots.get_mut(at) {
            Some(slot) => {
                self.slot_bytes += entry.message.footprint_bytes();
                slot.resident_mut().put_back(entry);
            }
            None => self.back.put_back(entry),
        }
    }

    /// Takes the message of this position, if it is in memory.
    pub fn remove(&mut self, position: u64) -> Option<Entry> {
        let at = self.slots.partition_point(|slot| slot.last() < position);
        let Some(slot) = self.slots.get_mut(at) else {
            let entry = self.back.remove(position)?;
            self.len -= 1;
            return Some(entry);
        };
        let entry = slot.resident_mut().remove(position)?;
        self.len -= 1;
        self.slot_bytes -= entry.message.footprint_bytes();
        if slot.len() == 0 {
            self.slots.remove(at);
        }
        Some(entry)
    }

    /// When the first message of a page that is not on its way expires.
    pub fn first_page_expiry(&self) -> Option<Timestamp> {
        self.resting.first().map(|(first, _)| *first)
    }

    /// Asks for every page in which a message has expired.
    pub fn ask_due(&mut self, now: Timestamp, mut fetch: impl FnMut(PageId)) {
        if self.first_page_expiry().is_none_or(|first| now < first) {
            return;
        }
        for slot in &mut self.slots {
            if let Slot::Page(page) = slot
                && page.stored.first_expiry.is_some_and(|first| first <= now)
                && !page.is_asked
            {
                page.ask(&mut self.resting);
                fetch(page.stored.id);
            }
        }
    }

    /// Takes what comes next if it is in memory: the first slot, what was returned and comes before its page, or
    /// the back if there is no slot.
    pub fn take_next(&mut self) -> Option<Run> {
        let run = match self.slots.front_mut() {
            None => std::mem::take(&mut self.back),
            Some(Slot::Page(page)) => {
                let run = page.take_early()?;
                self.slot_bytes -= run.bytes();
                run
            }
            Some(Slot::Resident(run)) => {
                let run = std::mem::take(run);
                self.slots.pop_front();
                self.slot_bytes -= run.bytes();
                run
            }
        };
        self.len -= run.len();
        Some(run)
    }

    /// Drops the first slot if it is a page of which all has expired.
    pub fn drop_expired_page(&mut self, now: Timestamp) -> Option<StoredPage> {
        let slot =
            self.slots.pop_front_if(|slot| matches!(slot, Slot::Page(page) if page.has_expired(now)))?;
        self.len -= slot.len();
        match slot {
            Slot::Page(page) => {
                self.rouse(&page.stored);
                Some(page.stored)
            }
            Slot::Resident(_) => None,
        }
    }

    /// A page that was asked for has come: its entries take its place. `None`: nobody waits for it any more.
    pub fn handle_page(&mut self, id: PageId, entries: Vec<Entry>) -> Option<StoredPage> {
        let found = self.slots.iter_mut().find_map(|slot| match slot {
            Slot::Page(page) if page.stored.id == id => Some((page.stored, slot)),
            _ => None,
        });
        let (stored, slot) = found?;
        self.len -= slot.len();
        self.slot_bytes -= slot.resident().bytes();
        let returned = std::mem::take(slot.resident_mut());
        let run = Run::of(entries.into_iter().chain(returned.into_entries()));
        self.len += run.len();
        self.slot_bytes += run.bytes();
        *slot = Slot::Resident(run);
        self.slots.retain(|slot| 0 < slot.len());
        self.rouse(&stored);
        Some(stored)
    }

    /// Asks for the first slot if it is a page, and for the next if there is room in memory for the first and more;
    /// not again for what is on its way.
    pub fn ask(&mut self, room_bytes: usize, mut fetch: impl FnMut(PageId)) {
        let mut coming_bytes = 0;
        for (at, slot) in self.slots.iter_mut().take(ASK_SLOTS).enumerate() {
            let Slot::Page(page) = slot else { continue };
            if 0 < at && room_bytes <= coming_bytes {
                break;
            }
            coming_bytes += page.stored.bytes;
            if !page.is_asked {
                page.ask(&mut self.resting);
                fetch(page.stored.id);
            }
        }
    }

    /// A page is here, or gone.
    fn rouse(&mut self, page: &StoredPage) {
        if let Some(expiry) = page.expiry() {
            self.resting.remove(&expiry);
        }
    }

    /// Lets the oldest of the back leave memory, a page at a time, until no more than `most_bytes` are here or what
    /// is left of the back is not worth it.
    pub fn page_out(&mut self, budget: usize, most_bytes: usize, mut put: impl FnMut(&[Entry]) -> PageId) {
        let least = PAGE_BYTES.min(budget / 8).max(1);
        while most_bytes < self.bytes() && least <= self.back.bytes() {
            let slot = cut(&mut self.back, page_bytes(budget), &mut put);
            self.push_slot(slot);
        }
    }

    /// Puts what was the end of the front in front of everything here, as pages.
    pub fn page_out_before(&mut self, mut tail: Run, budget: usize, mut put: impl FnMut(&[Entry]) -> PageId) {
        let slots = std::mem::take(&mut self.slots);
        self.len += tail.len();
        while !tail.is_empty() {
            let slot = cut(&mut tail, page_bytes(budget), &mut put);
            self.push_slot(slot);
        }
        self.slots.extend(slots);
    }

    /// A slot behind the others; runs that meet become one.
    fn push_slot(&mut self, slot: Slot) {
        self.slot_bytes += slot.resident().bytes();
        self.resting.extend(slot.resting().and_then(|page| page.stored.expiry()));
        match (self.slots.back_mut(), slot) {
            (Some(Slot::Resident(before)), Slot::Resident(run)) => before.append(run),
            (_, slot) => self.slots.push_back(slot),
        }
    }
}

fn page_bytes(budget: usize) -> usize {
    PAGE_BYTES.min(budget / 4).max(1)
}

/// Takes a slot's worth off the front of a run that is not empty: a page, or what can't be one.
fn cut(run: &mut Run, page_bytes: usize, put: &mut impl FnMut(&[Entry]) -> PageId) -> Slot {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        bytes += entry.message.footprint_bytes();
        entry.message.place().is_some() && bytes <= page_bytes
    };
    // A message that is larger than a page is a page.
    let placed = run.iter().take(PAGE_ENTRIES).take_while(fits).count();
    let placed = placed.max(usize::from(run.head().is_some_and(|head| head.message.place().is_some())));
    let is_cut_short = run.iter().nth(placed).is_some_and(|next| next.message.place().is_none());
    if 0 < placed && (FEW_ENTRIES <= placed || !is_cut_short) {
        let entries = run.take_first(placed);
        if let Some(stored) = StoredPage::of(put(&entries), &entries) {
            return Slot::page(stored);
        }
    }
    let bare = run.iter().skip(placed).take_while(|entry| entry.message.place().is_none()).count();
    Slot::Resident(Run::of(run.take_first(placed + bare)))
}
