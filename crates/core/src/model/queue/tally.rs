//! What has happened in one queue, counted under its lock.
//!
//! What came is not counted: positions rise by one with every message.

use crate::model::queue::{Doors, Entry, Queue, Reason};
use crate::model::queue_ref::QueueLook;
use crate::model::stats::{MessageStats, Stat};
use crate::time::Timestamp;

/// Messages that a queue has given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Their time was over.
    pub expired: u64,
    /// The queue was full.
    pub max_length: u64,
    /// A consumer rejected them.
    pub rejected: u64,
    /// Too many deliveries had failed.
    pub delivery_limit: u64,
}

impl Losses {
    /// One more.
    pub fn add(&mut self, reason: Reason) {
        match reason {
            Reason::Expired => self.expired += 1,
            Reason::MaxLength => self.max_length += 1,
            Reason::Rejected => self.rejected += 1,
            Reason::DeliveryLimit => self.delivery_limit += 1,
            // It was only on its way.
            Reason::Delayed => {}
        }
    }
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.expired += other.expired;
        self.max_length += other.max_length;
        self.rejected += other.rejected;
        self.delivery_limit += other.delivery_limit;
    }
}

/// The counts of one queue.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The position of the first message that came since the broker began.
    pub first_position: u64,
    /// Delivered, to be acknowledged.
    pub delivered: u64,
    /// Delivered, and done with.
    pub delivered_no_ack: u64,
    /// Got, to be acknowledged.
    pub got: u64,
    /// Got, and done with.
    pub got_no_ack: u64,
    /// Gets that found nothing.
    pub got_nothing: u64,
    /// Of those handed out: not for the first time.
    pub redelivered: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Bytes of the bodies that are unacknowledged.
    pub unacked_bytes: u64,
    /// Given up; most queues never do. Boxed, because there may be very many queues.
    lost: Option<Box<Losses>>,
}

impl Tally {
    /// A message is given up.
    pub fn lose(&mut self, reason: Reason) {
        self.lost.get_or_insert_default().add(reason);
    }

    /// A message goes to a consumer.
    #[inline]
    pub fn give(&mut self, entry: &Entry, is_acked: bool) {
        if is_acked {
            self.delivered_no_ack += 1;
        } else {
            self.delivered += 1;
            self.unacked_bytes += entry.body_bytes();
        }
        self.redelivered += u64::from(entry.redelivered);
    }

    /// A message is got.
    pub fn get(&mut self, entry: &Entry, is_acked: bool) {
        if is_acked {
            self.got_no_ack += 1;
        } else {
            self.got += 1;
            self.unacked_bytes += entry.body_bytes();
        }
        self.redelivered += u64::from(entry.redelivered);
    }

    /// Messages come back.
    pub fn take_back<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) {
        let bytes = entries.map(Entry::body_bytes).sum();
        self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
    }

    /// The counts, when the next message gets this position.
    pub fn stats(&self, next_position: u64) -> MessageStats {
        let mut stats = MessageStats::default();
        stats[Stat::Publish] = next_position.saturating_sub(self.first_position);
        stats[Stat::Deliver] = self.delivered;
        stats[Stat::DeliverNoAck] = self.delivered_no_ack;
        stats[Stat::Get] = self.got;
        stats[Stat::GetNoAck] = self.got_no_ack;
        stats[Stat::GetEmpty] = self.got_nothing;
        stats[Stat::Redeliver] = self.redelivered;
        stats[Stat::Ack] = self.acked;
        stats
    }
}

impl Queue {
    /// Its numbers and what has happened, for who only looks; what has expired is gone first.
    pub fn look(&mut self, now: Timestamp, doors: &mut impl Doors) -> QueueLook {
        let counts = self.counts(now, doors);
        QueueLook {
            counts,
            ready_body_bytes: self.waiting.body_bytes(),
            unacked_body_bytes: self.tally.unacked_bytes,
            memory_bytes: self.waiting.bytes(),
            stats: self.tally.stats(self.next_position),
            lost: self.tally.lost.as_deref().copied().unwrap_or_default(),
            oldest: self.waiting.head().and_then(|head| self.ages.of(now, head.position)),
            head_timestamp: self.waiting.head().and_then(|head| head.message.properties().timestamp()),
            active: self.consumers.active(),
            exclusive: self.consumers.exclusive(),
            dead_letters: self.settings.dead_letter.is_some(),
            is_waited_for: self.consumers.eligible().is_some(),
        }
    }
}
