//! What a queue was told to be, and how it is to behave.
//!
//! [`QueueTraits`] come from the declaration and never change. [`QueueSettings`] can change under a living queue: they
//! are what its declaration says, merged with the policies that apply to it.

mod pool;

use std::sync::Arc;
use std::time::Duration;

use crate::model::Message;
pub use pool::SettingsPool;

/// What a queue promises about its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QueueKind {
    /// Persistent messages in durable queues survive, others need not.
    #[default]
    Classic,
    /// All messages survive, and failed deliveries are counted. On one broker that is a durable queue.
    Quorum,
    /// Nobody consumes: messages wait for their time, and are published again then. No client declares one; delayed
    /// exchanges have them.
    Delay,
}

impl QueueKind {
    /// The word of `x-queue-type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
            Self::Delay => "delay",
        }
    }

    /// How RabbitMQ's refusals name it.
    pub const fn module(self) -> &'static str {
        match self {
            Self::Classic => "rabbit_classic_queue",
            Self::Quorum => "rabbit_quorum_queue",
            Self::Delay => "delay",
        }
    }
}

/// What never changes about a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTraits {
    /// `x-queue-type`.
    pub kind: QueueKind,
    /// `x-max-priority`: there are so many levels besides the lowest. A quorum queue always has 31.
    pub max_priority: u8,
    /// What a message without a priority has (4 in a quorum queue).
    pub default_priority: u8,
    /// `x-single-active-consumer`.
    pub single_active_consumer: bool,
}

impl QueueTraits {
    /// Whether some messages go before others that came earlier.
    pub fn has_priorities(&self) -> bool {
        self.max_priority != 0
    }

    /// The lane of a message: absent is the default, too high is the highest.
    pub fn level(&self, message: &Message) -> usize {
        if self.max_priority == 0 {
            return 0;
        }
        let own = message.properties().priority();
        own.unwrap_or(self.default_priority).min(self.max_priority).into()
    }
}

/// What happens to publishes when a queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// Room is made at the head.
    #[default]
    DropHead,
    /// The publish is refused.
    RejectPublish,
    /// The publish is refused, and dead-lettered.
    RejectPublishDlx,
}

impl Overflow {
    /// The word of `x-overflow`, as a queue of this kind takes it: quorum queues do not know the last (RabbitMQ).
    pub fn parse(word: &[u8], kind: QueueKind) -> Option<Self> {
        match (word, kind) {
            (b"drop-head", _) | (b"reject-publish-dlx", QueueKind::Quorum) => Some(Self::DropHead),
            (b"reject-publish", _) => Some(Self::RejectPublish),
            (b"reject-publish-dlx", _) => Some(Self::RejectPublishDlx),
            _ => None,
        }
    }
}

/// Where messages go that a queue gives up on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeadLetterTo {
    /// The exchange; it need not be there.
    pub exchange: String,
    /// The key they are published with; their own if there is none.
    pub routing_key: Option<String>,
}

/// How often a message may come back from failed deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryLimit {
    /// As often as it likes.
    Unlimited,
    /// So often; one more and it is dead-lettered.
    Returns(u32),
}

/// What can change about a queue while it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueueSettings {
    /// How long a message may stay.
    pub message_ttl: Option<Duration>,
    /// How long the queue may go unused.
    pub expires: Option<Duration>,
    /// Most waiting messages.
    pub max_length: Option<u64>,
    /// Most bytes of waiting bodies.
    pub max_length_bytes: Option<u64>,
    /// What happens beyond that; `None` is nobody's word, and drops from the head.
    pub overflow: Option<Overflow>,
    /// Where what it gives up on goes.
    pub dead_letter: Option<Arc<DeadLetterTo>>,
    /// How many failures a message may have; `None` is nobody's word: 20 in a quorum queue, any number in others.
    pub delivery_limit: Option<DeliveryLimit>,
    /// How long a consumer may hold a message; `None` is what the broker's settings say.
    pub consumer_timeout: Option<Duration>,
}

/// Failures are counted up to one more than this; a higher limit is taken for this one.
const MOST_FAILURES: u32 = u16::MAX as u32 - 1;

/// RabbitMQ's limit for quorum queues of which nobody said anything else.
const QUORUM_DELIVERY_LIMIT: u32 = 20;

impl QueueSettings {
    /// Whether a full queue says no to publishers.
    pub fn refuses(&self) -> bool {
        let is_limited = self.max_length.is_some() || self.max_length_bytes.is_some();
        is_limited && matches!(self.overflow, Some(Overflow::RejectPublish | Overflow::RejectPublishDlx))
    }

    /// Whether so much is more than may wait.
    pub fn is_exceeded(&self, count: usize, body_bytes: u64) -> bool {
        self.max_length.is_some_and(|max| max < count as u64)
            || self.max_length_bytes.is_some_and(|max| max < body_bytes)
    }

    /// How often a message may fail, in a queue of this kind.
    pub fn most_failures(&self, kind: QueueKind) -> Option<u32> {
        match (self.delivery_limit, kind) {
            (Some(DeliveryLimit::Returns(limit)), _) => Some(limit.min(MOST_FAILURES)),
            (None, QueueKind::Quorum) => Some(QUORUM_DELIVERY_LIMIT),
            (Some(DeliveryLimit::Unlimited), _) | (None, QueueKind::Classic | QueueKind::Delay) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_beyond_what_is_counted_can_still_be_exceeded() {
        let delivery_limit = Some(DeliveryLimit::Returns(1_000_000));
        let settings = QueueSettings { delivery_limit, ..QueueSettings::default() };
        let most = settings.most_failures(QueueKind::Quorum).unwrap();
        assert!(most < u32::from(u16::MAX), "{most}");
    }
}
