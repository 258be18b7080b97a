//! What is read of one object at one moment: counts that rise, and levels that go up and down.

use std::ops::{Index, IndexMut};

use leveret_core::model::{Churn, ConnectionRecord, MessageStats, QueueLook, Stat};

/// One number of a [`Reading`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field(u8);

impl Field {
    /// How many there are; the first ones are those of [`Stat`].
    pub const COUNT: usize = Stat::COUNT + 16;

    /// Messages that wait.
    pub const READY: Self = Self::beyond_stats(0);
    /// Messages that are unacknowledged.
    pub const UNACKED: Self = Self::beyond_stats(1);
    /// Memory of the process, in bytes.
    pub const MEMORY: Self = Self::beyond_stats(2);
    /// Open file descriptors.
    pub const FILES: Self = Self::beyond_stats(3);
    /// Free space where the data directory is, in bytes.
    pub const DISK_FREE: Self = Self::beyond_stats(4);
    /// Bytes from peers.
    pub const RECEIVED: Self = Self::beyond_stats(5);
    /// Bytes to peers.
    pub const SENT: Self = Self::beyond_stats(6);
    /// Messages that were read from the disk.
    pub const DISK_READS: Self = Self::beyond_stats(7);
    /// Messages that were written to the disk.
    pub const DISK_WRITES: Self = Self::beyond_stats(8);
    /// Connections that came.
    pub const CONNECTIONS_CREATED: Self = Self::beyond_stats(9);
    /// Connections that went.
    pub const CONNECTIONS_CLOSED: Self = Self::beyond_stats(10);
    /// Channels that came.
    pub const CHANNELS_CREATED: Self = Self::beyond_stats(11);
    /// Channels that went.
    pub const CHANNELS_CLOSED: Self = Self::beyond_stats(12);
    /// Declarations of queues.
    pub const QUEUES_DECLARED: Self = Self::beyond_stats(13);
    /// Queues that came.
    pub const QUEUES_CREATED: Self = Self::beyond_stats(14);
    /// Queues that went.
    pub const QUEUES_DELETED: Self = Self::beyond_stats(15);

    /// What was handed out, as RabbitMQ sums it up.
    pub const DELIVER_GET: [Self; 4] = [
        Self::of(Stat::Deliver),
        Self::of(Stat::DeliverNoAck),
        Self::of(Stat::Get),
        Self::of(Stat::GetNoAck),
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).filter_map(|at| u8::try_from(at).ok()).map(Self)
    }

    /// That of a stat.
    pub const fn of(stat: Stat) -> Self {
        Self(stat as u8)
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are 29 of them")]
    const fn beyond_stats(at: u8) -> Self {
        Self(Stat::COUNT as u8 + at)
    }

    /// Its place among all of them.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether it goes up and down; others only rise.
    pub fn is_level(self) -> bool {
        (Self::READY..=Self::DISK_FREE).contains(&self)
    }
}

/// All numbers of one object; what it does not have is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading([u64; Field::COUNT]);

impl Default for Reading {
    fn default() -> Self {
        Self([0; Field::COUNT])
    }
}

impl Reading {
    /// Of a queue.
    pub fn of_queue(look: &QueueLook) -> Self {
        let mut reading = Self::of_stats(&look.stats);
        reading[Field::READY] = look.counts.ready as u64;
        reading[Field::UNACKED] = look.counts.unacked as u64;
        reading
    }

    /// Of a channel.
    pub fn of_stats(stats: &MessageStats) -> Self {
        let mut reading = Self::default();
        for stat in Stat::ALL {
            reading[Field::of(stat)] = stats[stat];
        }
        reading
    }

    /// Of an exchange: what came, and into how many queues it went.
    pub fn of_exchange((published, routed): (u64, u64)) -> Self {
        let mut reading = Self::default();
        reading[Field::of(Stat::PublishIn)] = published;
        reading[Field::of(Stat::PublishOut)] = routed;
        reading
    }

    /// Of a connection.
    pub fn of_connection(record: &ConnectionRecord) -> Self {
        let mut reading = Self::default();
        reading[Field::RECEIVED] = record.traffic.received_bytes.get();
        reading[Field::SENT] = record.traffic.sent_bytes.get();
        reading
    }

    /// Adds who came and went.
    pub fn set_churn(&mut self, churn: &Churn) {
        self[Field::CONNECTIONS_CREATED] = churn.connections_created;
        self[Field::CONNECTIONS_CLOSED] = churn.connections_closed;
        self[Field::CHANNELS_CREATED] = churn.channels_created;
        self[Field::CHANNELS_CLOSED] = churn.channels_closed;
    }

    /// Of several fields together.
    pub fn sum(&self, fields: &[Field]) -> u64 {
        fields.iter().map(|field| self[*field]).sum()
    }

    /// Whether nothing is there and nothing has happened.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Counts in it are not less than they were. (A sum that is read while its parts come and go may be, for a moment.)
    pub fn raise_to(&mut self, before: &Self) {
        for field in Field::all().filter(|field| !field.is_level()) {
            self[field] = self[field].max(before[field]);
        }
    }
}

impl std::ops::AddAssign for Reading {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a place for every field")]
impl Index<Field> for Reading {
    type Output = u64;

    fn index(&self, field: Field) -> &u64 {
        &self.0[field.index()]
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a place for every field")]
impl IndexMut<Field> for Reading {
    fn index_mut(&mut self, field: Field) -> &mut u64 {
        &mut self.0[field.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_place_of_its_own() {
        let mut reading = Reading::default();
        for (at, field) in Field::all().enumerate() {
            reading[field] = at as u64;
        }
        assert_eq!(reading[Field::of(Stat::ReturnUnroutable)], 12);
        assert_eq!((reading[Field::READY], reading[Field::QUEUES_DELETED]), (13, 28));
        assert_eq!(Field::all().count(), Field::COUNT);
        let levels: Vec<u64> =
            Field::all().filter(|field| field.is_level()).map(|field| reading[field]).collect();
        assert_eq!(levels, [13, 14, 15, 16, 17]);
    }

    #[test]
    fn a_count_does_not_fall_and_a_level_may() {
        let (mut before, mut now) = (Reading::default(), Reading::default());
        (before[Field::SENT], now[Field::SENT]) = (7, 5);
        (before[Field::READY], now[Field::READY]) = (7, 5);
        now.raise_to(&before);
        assert_eq!((now[Field::SENT], now[Field::READY]), (7, 5));
    }
}
