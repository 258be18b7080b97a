//! One channel of a client, as the broker must see it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

use leveret_codec::MethodId;

use super::Missed;
use super::contents::PairNumber;
use super::topology::QueueNumber;
use crate::wire::Content;

/// A fact that must be on the disk before something is said; zero is none.
pub type Promise = u64;

/// An answer that is owed.
#[derive(Clone, Debug)]
pub enum Answer {
    Done(MethodId, Promise),
    Count(MethodId, RangeInclusive<usize>, Promise),
    Get { queue: QueueNumber, no_ack: bool },
}

#[derive(Clone, Debug)]
pub struct Consumer {
    pub queue: QueueNumber,
    pub no_ack: bool,
    /// Zero is no limit.
    pub prefetch: u16,
    pub held: usize,
    /// The latest that it was given of each level.
    pub last: BTreeMap<u8, PairNumber>,
}

impl Consumer {
    /// Whether its prefetch allows another delivery.
    pub fn has_room(&self) -> bool {
        self.prefetch == 0 || self.held < usize::from(self.prefetch)
    }
}

/// A delivery that is not acknowledged.
#[derive(Clone, Debug)]
pub struct Held {
    pub tag: u64,
    pub pair: PairNumber,
    pub consumer: Option<String>,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Settled,
    Rejected,
    Requeued,
}

#[derive(Clone, Debug, Default)]
pub enum Mode {
    #[default]
    Plain,
    Confirm {
        published: u64,
        /// Publishes that are not confirmed: number, message.
        waiting: VecDeque<(u64, u32)>,
    },
    Tx {
        publishes: Vec<(u64, Content, BTreeSet<QueueNumber>)>,
        decided: Vec<(Fate, Vec<Held>)>,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Closed,
    Open,
    /// Refused; the client has not been told.
    Refused,
    /// The client was told, and has not answered.
    Closing,
}

#[derive(Debug, Default)]
pub struct Channel {
    pub phase: Phase,
    pub mode: Mode,
    pub prefetch: u16,
    pub consumers: BTreeMap<String, Consumer>,
    pub unacked: BTreeMap<u64, Held>,
    pub last_tag: u64,
    pub answers: VecDeque<Answer>,
    /// Commits that are not answered.
    pub commits: VecDeque<Promise>,
}

impl Channel {
    /// Takes what an acknowledgement is about.
    pub fn take(&mut self, tag: u64, multiple: bool) -> Vec<Held> {
        if !multiple {
            return self.unacked.remove(&tag).into_iter().collect();
        }
        let later = self.unacked.split_off(&(tag + 1));
        std::mem::replace(&mut self.unacked, later).into_values().collect()
    }

    /// A consumer gets its room back.
    pub fn give_back(&mut self, held: &Held) {
        if let Some(consumer) = held.consumer.as_ref().and_then(|tag| self.consumers.get_mut(tag)) {
            consumer.held -= 1;
        }
    }

    /// The next delivery has this tag.
    pub fn next_tag(&mut self, tag: u64) -> Result<(), Missed> {
        self.last_tag += 1;
        if tag == self.last_tag {
            return Ok(());
        }
        Err(Missed(format!("delivery tag {tag} came after {}", self.last_tag - 1)))
    }

    /// Everything that a client has of it, when it ends.
    pub fn take_all(&mut self) -> Vec<Held> {
        let mut held: Vec<Held> = std::mem::take(&mut self.unacked).into_values().collect();
        if let Mode::Tx { decided, .. } = std::mem::take(&mut self.mode) {
            held.extend(decided.into_iter().flat_map(|(_, held)| held));
        }
        held
    }
}
