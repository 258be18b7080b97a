//! The messages that wait in a queue, in the order in which they go.

use std::num::NonZeroU64;

use crate::model::queue::lanes::Lanes;
use crate::model::queue::peek::Collector;
use crate::model::queue::ready::StoredPage;
use crate::model::queue::timeline::Timeline;
use crate::model::queue::{Doors, Entry};
use crate::model::settings::QueueKind;
use crate::store::PageId;
use crate::time::Timestamp;

/// The waiting messages of one queue.
#[derive(Debug)]
pub enum Waiting {
    /// By priority and position; time is only the end of them.
    Lanes(Lanes),
    /// By the time when they are due; nobody takes one before.
    Timeline(Timeline),
}

/// One method, whatever the order.
macro_rules! either {
    ($self:ident, $waiting:ident => $call:expr) => {
        match $self {
            Waiting::Lanes($waiting) => $call,
            Waiting::Timeline($waiting) => $call,
        }
    };
}

impl Waiting {
    /// Nothing waits.
    pub fn new(kind: QueueKind) -> Self {
        match kind {
            QueueKind::Classic | QueueKind::Quorum => Self::Lanes(Lanes::default()),
            QueueKind::Delay => Self::Timeline(Timeline::default()),
        }
    }

    /// See [`Lanes::restore`].
    pub fn restore(&mut self, level: usize, pages: Vec<StoredPage>, is_orderly: bool) {
        match self {
            Self::Lanes(lanes) => lanes.restore(level, pages, is_orderly),
            Self::Timeline(timeline) => timeline.restore(pages),
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        either!(self, waiting => waiting.len())
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        either!(self, waiting => waiting.is_empty())
    }

    /// Bytes of their bodies, in memory or not; not counted where there are no limits.
    pub fn body_bytes(&self) -> u64 {
        match self {
            Self::Lanes(lanes) => lanes.body_bytes(),
            Self::Timeline(_) => 0,
        }
    }

    /// Memory they hold, in bytes.
    pub fn bytes(&self) -> usize {
        either!(self, waiting => waiting.bytes())
    }

    /// The next to go, if it is in memory.
    #[inline]
    pub fn head(&self) -> Option<&Entry> {
        match self {
            Self::Lanes(lanes) => lanes.head(),
            Self::Timeline(_) => None,
        }
    }

    /// Takes the next to go, if it is in memory.
    #[inline]
    pub fn pop(&mut self) -> Option<Entry> {
        match self {
            Self::Lanes(lanes) => lanes.pop(),
            Self::Timeline(_) => None,
        }
    }

    /// Shows a look what waits.
    pub fn peek(&self, into: &mut Collector) {
        either!(self, waiting => waiting.peek(into));
    }

    /// Takes the message of a position, if it is in memory; nobody takes anything from a timeline.
    pub fn take(&mut self, position: u64) -> Option<Entry> {
        match self {
            Self::Lanes(lanes) => lanes.take(position),
            Self::Timeline(_) => None,
        }
    }

    /// Asks for the page that a position may be in. `false`: there is none.
    pub fn ask_for(&mut self, position: u64, doors: &mut impl Doors) -> bool {
        match self {
            Self::Lanes(lanes) => lanes.ask_for(position, doors),
            Self::Timeline(_) => false,
        }
    }

    /// See [`Lanes::put_away`].
    pub fn put_away(&mut self, position: u64, doors: &mut impl Doors) {
        if let Self::Lanes(lanes) = self {
            lanes.put_away(position, doors);
        }
    }

    /// See [`Lanes::forget`].
    pub fn forget(&mut self) {
        if let Self::Lanes(lanes) = self {
            lanes.forget();
        }
    }

    /// A new message, behind all others of its priority.
    #[inline]
    pub fn push(&mut self, level: usize, entry: Entry) {
        match self {
            Self::Lanes(lanes) => lanes.push(level, entry),
            Self::Timeline(timeline) => timeline.push(entry),
        }
    }

    /// See [`Lanes::note_passed`].
    #[inline]
    pub fn note_passed(&mut self, level: usize, expires_at: Option<Timestamp>) {
        if let Self::Lanes(lanes) = self {
            lanes.note_passed(level, expires_at);
        }
    }

    /// A returned message, at its old position; nobody takes anything from a timeline that could come back.
    pub fn put_back(&mut self, level: usize, entry: Entry) {
        match self {
            Self::Lanes(lanes) => lanes.put_back(level, entry),
            Self::Timeline(timeline) => timeline.push(entry),
        }
    }

    /// See [`Ready::park_from`](super::ready::Ready::park_from).
    pub fn park_from(&mut self, position: u64) {
        if let Self::Lanes(lanes) = self {
            lanes.park_from(position);
        }
    }

    /// Lets go of all of them and says how many there were.
    pub fn clear(&mut self, doors: &mut impl Doors) -> usize {
        either!(self, waiting => waiting.clear(doors))
    }

    /// See [`Lanes::take_due`].
    pub fn take_due(&mut self, now: Timestamp, drops_pages: bool, doors: &mut impl Doors) -> Option<Entry> {
        match self {
            Self::Lanes(lanes) => lanes.take_due(now, drops_pages, doors),
            Self::Timeline(timeline) => timeline.take_due(now, doors),
        }
    }

    /// Whether the next to go is not in memory and may be due.
    pub fn is_page_due(&self, now: Timestamp) -> bool {
        match self {
            Self::Lanes(lanes) => lanes.is_page_due(now),
            Self::Timeline(_) => false,
        }
    }

    /// When to look again for what is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        either!(self, waiting => waiting.next_due())
    }

    /// See [`Lanes::ask_head`].
    pub fn ask_head(&mut self, doors: &mut impl Doors) {
        if let Self::Lanes(lanes) = self {
            lanes.ask_head(doors);
        }
    }

    /// A page has come: its entries take its place, as many as could be read. `false`: nobody waits for it any more.
    pub fn handle_page(&mut self, page: PageId, entries: Vec<Entry>) -> bool {
        either!(self, waiting => waiting.handle_page(page, entries))
    }

    /// See [`Lanes::refill`].
    pub fn refill(&mut self, doors: &mut impl Doors) {
        if let Self::Lanes(lanes) = self {
            lanes.refill(doors);
        }
    }

    /// Lets go of memory beyond the budget, as far as messages have a place where they can be read again.
    pub fn page_out(&mut self, doors: &mut impl Doors) {
        either!(self, waiting => waiting.page_out(doors));
    }

    /// See [`Lanes::delivered_before`]; nothing of a timeline was.
    pub fn delivered_before(&self) -> (Vec<NonZeroU64>, Vec<PageId>) {
        match self {
            Self::Lanes(lanes) => lanes.delivered_before(),
            Self::Timeline(_) => (Vec::new(), Vec::new()),
        }
    }
}
