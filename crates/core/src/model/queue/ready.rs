//! Messages waiting in one lane of a queue, by position, in memory or not.
//!
//! ```text
//! front (in memory)  │ slot │ slot │ slot │ …  │ back (in memory)
//! ◀── goes out                page or run              new ones ◀──
//! ```
//! A queue that fits into its budget is all front. Beyond it, what is between the first half of the budget and the
//! newest messages leaves memory in pages, and comes back before the front is used up.
//!
//! Invariants:
//! - Positions rise from the front through the slots to the back. A returned message goes back to its old position,
//!   wherever that is.
//! - While the front is empty, what comes next is a page, or there is nothing.
//! - What is counted is what waits, whether it is in memory or not; `bytes` is what is in memory.

mod deep;
mod run;
mod slot;

use std::num::NonZeroU64;

use crate::effect::Settle;
use crate::model::queue::peek::{Collector, Spot};
use crate::model::queue::{Doors, Entry};
use crate::store::PageId;
use crate::time::Timestamp;
use deep::Deep;
use run::Run;
use slot::Slot;

pub use slot::StoredPage;

/// The waiting messages.
#[derive(Debug, Default)]
pub struct Ready {
    front: Run,
    /// None while everything is in front.
    deep: Option<Box<Deep>>,
}

impl Ready {
    /// Pages of an earlier life, in order: nothing of them is in memory.
    pub fn restored(pages: Vec<StoredPage>) -> Self {
        let deep = (!pages.is_empty()).then(|| Box::new(Deep::of_pages(pages)));
        Self { front: Run::default(), deep }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.front.len() + self.deep.as_ref().map_or(0, |deep| deep.len())
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.front.bytes() + self.deep.as_ref().map_or(0, |deep| deep.bytes())
    }

    /// The next to go, if it is in memory.
    pub fn head(&self) -> Option<&Entry> {
        self.front.head()
    }

    /// Whether the next to go is not in memory and its time has come.
    pub fn is_page_due(&self, now: Timestamp) -> bool {
        self.head_page().is_some_and(|page| page.head_expiry().is_some_and(|at| at <= now))
    }

    /// When what is next is due, if it is in a page that nobody has asked for.
    pub fn head_page_due(&self) -> Option<Timestamp> {
        self.head_page().filter(|page| !page.is_asked)?.head_expiry()
    }

    /// Whether it has this page.
    pub fn has_page(&self, page: PageId) -> bool {
        self.pages().any(|stored| stored.id == page)
    }

    /// Takes the next to go, if it is in memory.
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.front.pop()?;
        if self.front.is_empty() && self.deep.is_some() {
            self.advance();
        }
        Some(entry)
    }

    /// A new message, behind all others.
    pub fn push(&mut self, entry: Entry) {
        match &mut self.deep {
            None => self.front.push(entry),
            Some(deep) => deep.push(entry),
        }
    }

    /// A returned message, at its old position. Cheap when it belongs near the front; give several in
    /// falling order of position.
    pub fn put_back(&mut self, entry: Entry) {
        match self.deep.as_mut().filter(|deep| deep.reaches(entry.position)) {
            None => self.front.put_back(entry),
            Some(deep) => deep.put_back(entry),
        }
    }

    /// Detaches the messages from `position` on, which are the newest, from the buffers they were read into.
    pub fn park_from(&mut self, position: u64) {
        match &mut self.deep {
            None => self.front.park_from(position),
            Some(deep) => deep.back().park_from(position),
        }
    }

    /// Lets go of all of them.
    pub fn clear(&mut self, doors: &mut impl Doors) {
        for entry in self.residents() {
            doors.settled(&entry.message);
        }
        for page in self.pages() {
            doors.drop_page(page.id);
        }
        *self = Self::default();
    }

    /// Lets go of the page that the next to go is in, if all of it has expired.
    pub fn drop_expired_page(&mut self, now: Timestamp, doors: &mut impl Doors) -> Option<StoredPage> {
        let deep = self.deep.as_mut().filter(|_| self.front.is_empty())?;
        let page = deep.drop_expired_page(now)?;
        doors.drop_page(page.id);
        self.advance();
        Some(page)
    }

    /// Takes the message of this position, if it is in memory.
    pub fn remove(&mut self, position: u64) -> Option<Entry> {
        let entry = match self.deep.as_mut().filter(|deep| deep.reaches(position)) {
            None => self.front.remove(position),
            Some(deep) => deep.remove(position),
        };
        self.advance();
        entry
    }

    /// Shows a look what waits from a position on. `false`: it has seen enough.
    pub fn peek(&self, rank: u64, first: u64, into: &mut Collector) -> bool {
        let mut front = self.front.from(first);
        front.all(|entry| into.message(Spot { rank, position: entry.position }, entry))
            && self.deep.as_ref().is_none_or(|deep| deep.peek(rank, first, into))
    }

    /// Asks for the page that a position is in. `false`: there is none.
    pub fn ask_for(&mut self, position: u64, doors: &mut impl Doors) -> bool {
        self.deep.as_mut().is_some_and(|deep| deep.ask_for(position, |page| doors.fetch(page)))
    }

    /// What is in memory around a position leaves it, if more is in memory than should be.
    pub fn put_away(&mut self, position: u64, budget: usize, doors: &mut impl Doors) {
        if budget < self.bytes()
            && let Some(deep) = &mut self.deep
        {
            deep.put_away(position, budget, |entries| doors.put_page(entries));
        }
    }

    /// When the first message expires of a page that nobody has asked for.
    pub fn first_page_expiry(&self) -> Option<Timestamp> {
        self.deep.as_ref()?.first_page_expiry()
    }

    /// Asks for every page in which a message has expired.
    pub fn ask_due(&mut self, now: Timestamp, doors: &mut impl Doors) {
        if let Some(deep) = &mut self.deep {
            deep.ask_due(now, |page| doors.fetch(page));
        }
    }

    /// Somebody wants the next to go: asks for it if it is not in memory.
    pub fn ask_head(&mut self, doors: &mut impl Doors) {
        if let Some(deep) = self.deep.as_mut().filter(|_| self.front.is_empty()) {
            deep.ask(0, |page| doors.fetch(page));
        }
    }

    /// A page has come: its entries take its place, as many as could be read. `None`: nobody waits for it any more.
    pub fn handle_page(&mut self, page: PageId, entries: Vec<Entry>) -> Option<StoredPage> {
        let stored = self.deep.as_mut().and_then(|deep| deep.handle_page(page, entries));
        self.advance();
        stored
    }

    /// Somebody consumes: what comes next is brought into the front while that holds less than a quarter of the
    /// budget.
    pub fn refill(&mut self, budget: usize, doors: &mut impl Doors) {
        while self.front.bytes() < budget / 4
            && let Some(deep) = &mut self.deep
        {
            match deep.take_next() {
                Some(run) => self.append(run),
                None => {
                    return deep
                        .ask((budget / 2).saturating_sub(self.front.bytes()), |page| doors.fetch(page));
                }
            }
        }
    }

    /// Lets go of memory beyond the budget, as far as messages have a place where they can be read again.
    pub fn page_out(&mut self, budget: usize, doors: &mut impl Doors) {
        if self.bytes() <= budget {
            return;
        }
        if budget < self.front.bytes() {
            let tail = self.front.split_behind(budget / 2);
            match &mut self.deep {
                _ if tail.is_empty() => {}
                None => self.deep = Some(Box::new(Deep::behind(tail))),
                Some(deep) => deep.page_out_before(tail, budget, |entries| doors.put_page(entries)),
            }
        }
        let most_bytes = budget.saturating_sub(self.front.bytes());
        if let Some(deep) = &mut self.deep {
            deep.page_out(budget, most_bytes, |entries| doors.put_page(entries));
        }
    }

    /// What was delivered before and would be delivered as if it were new after a restart: messages by name, pages in
    /// which there are such.
    pub fn delivered_before(&self) -> (impl Iterator<Item = NonZeroU64>, impl Iterator<Item = PageId>) {
        let seen = self.residents().filter(|entry| entry.redelivered);
        let durable = seen.filter_map(|entry| Settle::of(&entry.message)).filter(|settle| settle.durable);
        let pages = self.pages().filter(|page| page.has_redelivered);
        (durable.map(|settle| settle.id), pages.map(|page| page.id))
    }

    /// Those that are in memory.
    pub fn residents(&self) -> impl Iterator<Item = &Entry> {
        self.front.iter().chain(self.deep.iter().flat_map(|deep| deep.residents()))
    }

    fn pages(&self) -> impl Iterator<Item = &StoredPage> {
        self.deep.iter().flat_map(|deep| deep.slots()).filter_map(|slot| match slot {
            Slot::Page(page) => Some(&page.stored),
            Slot::Resident(_) => None,
        })
    }

    /// The page that the next to go is in.
    fn head_page(&self) -> Option<&slot::Page> {
        match self.deep.as_ref().filter(|_| self.front.is_empty())?.head()? {
            Slot::Page(page) => Some(page),
            Slot::Resident(_) => None,
        }
    }

    /// Brings what is in memory forward to an empty front.
    fn advance(&mut self) {
        while self.front.is_empty()
            && let Some(run) = self.deep.as_mut().and_then(|deep| deep.take_next())
        {
            self.append(run);
        }
    }

    fn append(&mut self, run: Run) {
        self.front.append(run);
        // The last run was the back: everything is in front again.
        self.deep.take_if(|deep| deep.len() == 0);
    }
}
