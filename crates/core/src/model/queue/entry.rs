//! A message in a queue, on its way in and on its way back.

use std::time::Duration;

use crate::id::ConsumerId;
use crate::model::Message;
use crate::time::Timestamp;

/// A message in a queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the queue: rises by one with every publish.
    pub position: u64,
    /// Whether it was handed to a consumer before.
    pub redelivered: bool,
    /// How often it has come back.
    pub returns: Returns,
    /// When it may no longer be delivered. Kept through requeues.
    pub expires_at: Option<Timestamp>,
    /// The message.
    pub message: Message,
}

impl Entry {
    /// A message that has not been anywhere yet.
    pub fn new(position: u64, message: Message) -> Self {
        Self { position, redelivered: false, returns: Returns::default(), expires_at: None, message }
    }

    /// What it counts for in a limit on bytes.
    pub fn body_bytes(&self) -> u64 {
        self.message.body().len() as u64
    }
}

/// How often a message was handed out and came back. Kept in memory only: what a clean end of the broker leaves is
/// that there was a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returns {
    /// In all.
    pub acquired: u16,
    /// Because the delivery had failed: rejected, or its consumer lost.
    pub failed: u16,
}

/// A message on its way into a queue.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The message.
    pub message: Message,
    /// Its own `expiration`, as a time from now.
    pub expiration: Option<Duration>,
}

/// A delivery that comes back.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The consumer that had it; none if it was got.
    pub from: Option<ConsumerId>,
    /// Whether the delivery had failed, and counts as such.
    pub has_failed: bool,
    /// The message.
    pub entry: Entry,
}

/// Deliveries that are done with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many.
    pub count: u32,
    /// Bytes of their bodies.
    pub body_bytes: u64,
}

/// Why a queue gives up on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A consumer rejected it.
    Rejected,
    /// Its time was over.
    Expired,
    /// The queue was full.
    MaxLength,
    /// Too many deliveries of it had failed.
    DeliveryLimit,
    /// It had been held back, and its time has come.
    Delayed,
}

impl Reason {
    /// RabbitMQ's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::MaxLength => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
            Self::Delayed => "delayed",
        }
    }
}

/// What a `basic.get` finds.
#[derive(Debug)]
pub enum Got {
    /// The head.
    Message(Entry),
    /// Nothing waits.
    Nothing,
    /// The head is not in memory: ask again when its page is there.
    Later,
}

/// Numbers that clients are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting messages; unacknowledged ones are not among them.
    pub ready: usize,
    /// Delivered and not yet settled.
    pub unacked: usize,
    /// Consumers.
    pub consumers: usize,
}
