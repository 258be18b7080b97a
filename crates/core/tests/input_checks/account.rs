//! The account of one queue: which messages wait in it, and which have left it unsettled.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::kinds::Kind;

/// A message in one queue.
#[derive(Clone, Copy, Debug)]
pub struct Copied {
    pub number: u64,
    pub priority: u8,
    /// When it came, among all that came.
    pub position: u64,
    pub was_seen: bool,
    pub expires_at: Option<u64>,
}

/// What a queue says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub ready: usize,
    pub unacked: usize,
    pub consumers: usize,
}

#[derive(Debug)]
pub struct Account {
    pub kind: &'static Kind,
    /// Counts its lives: what was delivered from an earlier one is none of this one's.
    pub generation: u64,
    pub exists: bool,
    pub is_bound: bool,
    /// In the order in which they came.
    pub consumers: Vec<u64>,
    ready: BTreeMap<u64, Copied>,
    /// It can't be said any more which messages have left it: some were on their way to a client that did not read.
    pub is_vague: bool,
    /// What was on its way came back, and comes late.
    pub is_disordered: bool,
    /// Expired or dropped while it was vague: they may come all the same.
    doubtful: BTreeMap<u64, Copied>,
}

impl Account {
    pub fn new(kind: &'static Kind) -> Self {
        Self {
            kind,
            generation: 0,
            exists: true,
            is_bound: false,
            consumers: Vec::new(),
            ready: BTreeMap::new(),
            is_vague: false,
            is_disordered: false,
            doubtful: BTreeMap::new(),
        }
    }

    /// Begins another life, or ends this one.
    pub fn set_exists(&mut self, exists: bool) {
        *self = Self { generation: self.generation + 1, exists, ..Self::new(self.kind) };
    }

    pub fn arrive(&mut self, copied: Copied) {
        if self.exists {
            self.ready.insert(copied.number, copied);
        }
    }

    pub fn take(&mut self, number: u64) -> Option<Copied> {
        self.ready.remove(&number).or_else(|| self.doubtful.remove(&number).filter(|_| self.is_vague))
    }

    pub fn purge(&mut self) {
        self.ready.clear();
        self.doubtful.clear();
    }

    pub fn is_due(copied: &Copied, now: u64) -> bool {
        copied.expires_at.is_some_and(|at| at <= now)
    }

    /// The next to be delivered.
    pub fn head(&self) -> Option<&Copied> {
        self.ready.values().min_by_key(|copied| (Reverse(copied.priority), copied.position))
    }

    /// Compares with what the queue says, `held` being what its clients have of it. `may_hide`: some of it may be on
    /// its way to a client that does not read. What has left unsettled since is returned.
    pub fn settle(&mut self, said: Said, held: usize, may_hide: Hiding, now: Now) -> Vec<Copied> {
        let name = self.kind.name;
        let hidden = said.unacked.checked_sub(held).unwrap_or_else(|| {
            panic!("{name} counts {} unacknowledged, its clients hold {held}", said.unacked)
        });
        assert!(hidden == 0 || may_hide != Hiding::Nothing, "{name} holds {hidden} back that nobody has");
        assert_eq!(said.consumers, self.consumers.len(), "the consumers of {name}");
        // What comes back to a queue that refuses is not refused.
        if let Some(limit) = self.kind.max_length.filter(|_| !self.kind.rejects) {
            assert!(said.ready <= limit, "{} messages in {name}, {limit} is its limit", said.ready);
        }
        if may_hide == Hiding::WhatNeedsNoAck {
            self.is_vague = true;
        }
        let there = hidden + said.ready;
        let missing = self.ready.len().checked_sub(there);
        if self.is_vague {
            return Vec::new();
        }
        let missing =
            missing.unwrap_or_else(|| panic!("{there} messages in {name}, not {}", self.ready.len()));
        if 0 < missing && 0 < hidden {
            assert!(self.may_lose(now.millis), "{missing} messages are lost in {name}");
            self.is_vague = true;
            return Vec::new();
        }
        let left: Vec<Copied> = (0..missing).map(|_| self.lose(now)).collect();
        // Wherever in the queue it is: expiry is exact here, but for what has left memory.
        let by = now.millis.saturating_sub(now.grace_millis);
        let late = self.ready.values().find(|copied| Self::is_due(copied, by));
        assert!(hidden != 0 || late.is_none(), "{late:?} has expired in {name}, and is there");
        left
    }

    fn may_lose(&self, now: u64) -> bool {
        self.kind.max_length.is_some() || self.ready.values().any(|copied| Self::is_due(copied, now))
    }

    /// One message leaves unsettled: the head, or the last to come if the queue refuses what is too much.
    fn lose(&mut self, now: Now) -> Copied {
        let name = self.kind.name;
        let head = *self.head().unwrap_or_else(|| panic!("nothing is left to lose in {name}"));
        let due = |copied: &&Copied| Self::is_due(copied, now.millis);
        let lost = match self.ready.values().find(due) {
            Some(due) => *due,
            None if self.kind.rejects => {
                let last = *self.ready.values().max_by_key(|copied| copied.position).unwrap();
                assert!(now.step_began <= last.position, "{last:?} was in {name}, and is lost");
                last
            }
            None => {
                assert!(self.kind.max_length.is_some(), "{head:?} is lost in {name}");
                head
            }
        };
        self.ready.remove(&lost.number);
        lost
    }

    /// So many are not due yet.
    pub fn lasting_count(&self, now: u64) -> usize {
        self.ready.values().filter(|copied| !Self::is_due(copied, now)).count()
    }

    /// So many at least can be delivered.
    pub fn ready_count(&self) -> usize {
        self.ready.len()
    }
}

/// The time, and the first position that this step gave away.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub millis: u64,
    /// How much later than it is due a message may go: what has left memory goes by the second.
    pub grace_millis: u64,
    pub step_began: u64,
}

/// What may be on its way to a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hiding {
    Nothing,
    WhatIsAcked,
    WhatNeedsNoAck,
}
