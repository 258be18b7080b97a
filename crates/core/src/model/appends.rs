//! What one connection gives to the log, and what it waits for there.
//!
//! Messages are encoded when they are published and written before they reach their queues, all of a batch at
//! once. Writes are counted: publishes and commits wait for the write that carries them, and the log's positions
//! say how many writes it has.
//!
//! Invariant: `uncommitted` holds every write that somebody waits for and the log does not have, oldest first.

use std::collections::VecDeque;

use crate::model::Message;
use crate::store::{Place, Position, Record, Store, Writer};

/// A connection keeps room for at least so many messages of one write.
const KEEP_PAIRS: usize = 64;

/// A message in one queue's arrivals that is to get a place.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Where the queue is in the batch.
    pub queue: usize,
    /// Where the message is among the queue's arrivals.
    pub arrival: usize,
    /// What its record says.
    pub durable: bool,
}

/// The appends of one connection.
#[derive(Debug)]
pub struct Appends {
    writer: Box<dyn Writer>,
    /// What was encoded and not written yet.
    pairs: Vec<Pair>,
    /// Room for the answers.
    places: Vec<Place>,
    /// How often was written.
    writes: u64,
    /// Whether somebody waits for the next write.
    is_awaited: bool,
    uncommitted: VecDeque<(u64, Position)>,
}

impl Appends {
    /// Nothing yet; `None` if nothing is kept.
    pub fn new(store: &dyn Store) -> Option<Self> {
        store.keeps().then(|| Self {
            writer: store.writer(),
            pairs: Vec::new(),
            places: Vec::new(),
            writes: 0,
            is_awaited: false,
            uncommitted: VecDeque::new(),
        })
    }

    /// Encodes a message; each queue of the record is to have its [`Pair`] with [`Appends::expect`], in order.
    pub fn message(&mut self, message: &Message, record: &Record<'_>) {
        self.writer.message(message, record);
    }

    /// Which arrival the next place is for.
    pub fn expect(&mut self, pair: Pair) {
        self.pairs.push(pair);
    }

    /// The number of the next write, which somebody waits for.
    pub fn await_next(&mut self) -> u64 {
        self.is_awaited = true;
        self.writes + 1
    }

    /// Writes what was encoded and gives each arrival its place; none, if the log has failed.
    pub fn write(&mut self, mut give: impl FnMut(Pair, Place)) {
        if self.pairs.is_empty() {
            return;
        }
        let position = self.writer.write(&mut self.places);
        self.writes += 1;
        if std::mem::take(&mut self.is_awaited) {
            self.uncommitted.push_back((self.writes, position));
        }
        let room = KEEP_PAIRS.max(2 * self.pairs.len());
        for (pair, place) in self.pairs.drain(..).zip(self.places.drain(..)) {
            give(pair, place);
        }
        self.pairs.shrink_to(room);
        self.places.shrink_to(room);
    }

    /// The log has come so far: the number of the last write that it has, if that is news to anybody.
    pub fn committed(&mut self, committed: Position) -> Option<u64> {
        let count = self.uncommitted.partition_point(|(_, position)| *position <= committed);
        self.uncommitted.drain(..count).next_back().map(|(write, _)| write)
    }

    /// The earliest position that somebody waits for.
    pub fn awaits(&self) -> Option<Position> {
        self.uncommitted.front().map(|(_, position)| *position)
    }

    /// The log has failed: nobody waits any more.
    pub fn give_up(&mut self) {
        self.uncommitted.clear();
    }

    /// Nothing is going on: room is given back.
    pub fn rest(&mut self) {
        self.pairs = Vec::new();
        self.places = Vec::new();
    }
}
