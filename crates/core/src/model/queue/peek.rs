//! Waiting messages as those see them who only look: nothing is taken, moved, marked or brought into memory.
//!
//! What is in memory is shown as it is; of what is not, the names of its pages are told, for the reader to look into.
//! So a look costs what is shown, however deep the queue is.
//!
//! Invariant: [`Spot`]s rise in the order in which messages go, and a message keeps its own: who goes on behind the last
//! spot it has seen misses nothing that was there all the time, and sees nothing twice.

use std::time::Duration;

use crate::model::queue::ages::Ages;
use crate::model::queue::{Doors, Entry, Queue};
use crate::store::PageId;
use crate::time::Timestamp;

/// A place in the order in which messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// How many levels of priority go before its own; where time orders, when it is due.
    pub rank: u64,
    /// Among those, the position.
    pub position: u64,
}

/// Something that a look has found.
#[derive(Clone, Debug)]
pub enum Peeked {
    /// A message in memory.
    Message(Spot, Entry),
    /// Messages that are not.
    Page {
        /// Their rank; none where each has its own, which is when it is due.
        rank: Option<u64>,
        /// Their name.
        page: PageId,
    },
}

/// What a look has found, not quite in order: what is in pages belongs between the messages.
#[derive(Clone, Debug, Default)]
pub struct Peek {
    /// Messages and pages behind the spot that was asked for.
    pub found: Vec<Peeked>,
    /// There is more, from this spot on.
    pub until: Option<Spot>,
    /// The position that the next message will get.
    pub next_position: u64,
    now: Timestamp,
    ages: Ages,
}

impl Peek {
    /// How long the message at a position has waited, as far as that is known.
    pub fn age(&self, position: u64) -> Option<Duration> {
        self.ages.of(self.now, position)
    }
}

/// What becomes of a message that is asked for by its position.
#[derive(Clone, Debug)]
pub enum Taken {
    /// It is the caller's, to be settled or brought back.
    Message(Entry),
    /// It does not wait here any more.
    Gone,
    /// It is on its way into memory: ask again.
    Later,
}

/// Collects what is found behind a spot, as long as there is room.
pub struct Collector {
    after: Option<Spot>,
    room: usize,
    found: Vec<Peeked>,
    until: Option<Spot>,
}

impl Collector {
    /// The first position of this rank that is wanted; `None`: none of it is.
    pub fn first_of(&self, rank: u64) -> Option<u64> {
        match self.after {
            Some(after) if rank < after.rank => None,
            Some(after) if rank == after.rank => after.position.checked_add(1),
            _ => Some(0),
        }
    }

    /// The spot behind which messages are wanted.
    pub fn after(&self) -> Option<Spot> {
        self.after
    }

    /// Where it had enough.
    pub fn until(&self) -> Option<Spot> {
        self.until
    }

    /// A message. `false`: enough has been found, and it is not wanted any more.
    pub fn message(&mut self, spot: Spot, entry: &Entry) -> bool {
        if !self.has_room(spot, 1) {
            return false;
        }
        self.found.push(Peeked::Message(spot, entry.clone()));
        true
    }

    /// A page, which begins at this spot; likewise.
    pub fn page(&mut self, spot: Spot, page: PageId, count: usize) -> bool {
        if !self.has_room(spot, count) {
            return false;
        }
        self.found.push(Peeked::Page { rank: Some(spot.rank), page });
        true
    }

    /// A message between those of a page that was wanted.
    pub fn between(&mut self, spot: Spot, entry: &Entry) {
        self.found.push(Peeked::Message(spot, entry.clone()));
    }

    /// A page whose messages may be anywhere: it takes no room.
    pub fn scattered(&mut self, page: PageId) {
        self.found.push(Peeked::Page { rank: None, page });
    }

    fn has_room(&mut self, spot: Spot, count: usize) -> bool {
        if self.room == 0 {
            self.until.get_or_insert(spot);
            return false;
        }
        self.room = self.room.saturating_sub(count);
        true
    }
}

impl Queue {
    /// Looks at about so many messages behind a spot, in the order in which they will go.
    pub fn peek(&self, now: Timestamp, after: Option<Spot>, most: usize) -> Peek {
        let mut collector = Collector { after, room: most, found: Vec::new(), until: None };
        self.waiting.peek(&mut collector);
        let Collector { found, until, .. } = collector;
        Peek { found, until, next_position: self.next_position, now, ages: self.ages.clone() }
    }

    /// Takes the message of a position, wherever it stands; it is counted as got, until it is settled or comes back.
    pub fn take(&mut self, now: Timestamp, position: u64, doors: &mut impl Doors) -> Taken {
        self.touch(now);
        self.tidy(now, doors);
        let Some(entry) = self.waiting.take(position) else {
            return if self.waiting.ask_for(position, doors) { Taken::Later } else { Taken::Gone };
        };
        if entry.expires_at.is_some_and(|at| at <= now) {
            // It goes when those go that were due before it.
            self.waiting.put_back(self.traits.level(&entry.message), entry);
            return Taken::Gone;
        }
        self.tally.get(&entry, false);
        self.unacked += 1;
        self.dispatch(now, doors);
        Taken::Message(entry)
    }

    /// What was brought into memory to take something out of it leaves memory again.
    pub fn put_away(&mut self, position: u64, doors: &mut impl Doors) {
        self.waiting.put_away(position, doors);
    }
}
