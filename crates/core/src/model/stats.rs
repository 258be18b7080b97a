//! What has happened to messages, counted.
//!
//! Invariants:
//! - A [`Counter`] is written by one task alone (or under one lock), so an increment is a load, an addition and a store;
//!   anybody may read it at any time.
//! - Counts never fall while what they count for is there; what goes leaves its counts with whoever sums up.

use std::ops::{Add, AddAssign, Index, IndexMut};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted, in RabbitMQ's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stat {
    /// Published: to an exchange by a channel, or into a queue.
    Publish,
    /// Into an exchange.
    PublishIn,
    /// From an exchange into queues; once a queue.
    PublishOut,
    /// Publishes that were confirmed.
    Confirm,
    /// Delivered to a consumer that acknowledges.
    Deliver,
    /// Delivered to a consumer that does not.
    DeliverNoAck,
    /// Got, to be acknowledged.
    Get,
    /// Got, and done with.
    GetNoAck,
    /// Gets that found nothing.
    GetEmpty,
    /// Of those delivered or got: not for the first time.
    Redeliver,
    /// Acknowledged.
    Ack,
    /// Unroutable, and nobody wanted it back.
    DropUnroutable,
    /// Unroutable, and returned.
    ReturnUnroutable,
}

impl Stat {
    /// How many there are.
    pub const COUNT: usize = 13;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Publish,
        Self::PublishIn,
        Self::PublishOut,
        Self::Confirm,
        Self::Deliver,
        Self::DeliverNoAck,
        Self::Get,
        Self::GetNoAck,
        Self::GetEmpty,
        Self::Redeliver,
        Self::Ack,
        Self::DropUnroutable,
        Self::ReturnUnroutable,
    ];

    /// RabbitMQ's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::PublishIn => "publish_in",
            Self::PublishOut => "publish_out",
            Self::Confirm => "confirm",
            Self::Deliver => "deliver",
            Self::DeliverNoAck => "deliver_no_ack",
            Self::Get => "get",
            Self::GetNoAck => "get_no_ack",
            Self::GetEmpty => "get_empty",
            Self::Redeliver => "redeliver",
            Self::Ack => "ack",
            Self::DropUnroutable => "drop_unroutable",
            Self::ReturnUnroutable => "return_unroutable",
        }
    }
}

/// A count of each, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageStats([u64; Stat::COUNT]);

impl MessageStats {
    /// Everything that was handed out: RabbitMQ's `deliver_get`.
    pub fn deliver_get(&self) -> u64 {
        [Stat::Deliver, Stat::DeliverNoAck, Stat::Get, Stat::GetNoAck].iter().map(|stat| self[*stat]).sum()
    }

    /// Whether nothing has happened yet.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

// A stat is an index into an array that has a place for each: what lints call indexing can't fail here.
#[expect(clippy::indexing_slicing, reason = "there is a place for every stat")]
impl Index<Stat> for MessageStats {
    type Output = u64;

    fn index(&self, stat: Stat) -> &u64 {
        &self.0[stat as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a place for every stat")]
impl IndexMut<Stat> for MessageStats {
    fn index_mut(&mut self, stat: Stat) -> &mut u64 {
        &mut self.0[stat as usize]
    }
}

impl AddAssign for MessageStats {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

impl Add for MessageStats {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::iter::Sum for MessageStats {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// A count with one writer.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts so many more. For its one writer.
    #[inline]
    pub fn add(&self, more: u64) {
        // No read-modify-write: nobody else writes.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A counter for each stat.
#[derive(Debug, Default)]
pub struct Counters([Counter; Stat::COUNT]);

impl Counters {
    /// Counts so many more. For their one writer.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "there is a place for every stat")]
    pub fn add(&self, stat: Stat, more: u64) {
        self.0[stat as usize].add(more);
    }

    /// All counts.
    pub fn get(&self) -> MessageStats {
        MessageStats(self.0.each_ref().map(Counter::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stat_has_a_place_and_a_name_of_its_own() {
        let counters = Counters::default();
        for (at, stat) in Stat::ALL.into_iter().enumerate() {
            counters.add(stat, at as u64 + 1);
        }
        let stats = counters.get();
        for (at, stat) in Stat::ALL.into_iter().enumerate() {
            assert_eq!(stats[stat], at as u64 + 1, "{}", stat.as_str());
        }
        let mut names = Stat::ALL.map(Stat::as_str).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Stat::COUNT);
    }

    #[test]
    fn what_was_handed_out_is_delivered_or_got() {
        let mut stats = MessageStats::default();
        for (stat, count) in
            [(Stat::Deliver, 1), (Stat::DeliverNoAck, 2), (Stat::Get, 4), (Stat::GetNoAck, 8)]
        {
            stats[stat] = count;
        }
        stats[Stat::Redeliver] = 100;
        assert_eq!((stats + stats).deliver_get(), 30);
    }
}
