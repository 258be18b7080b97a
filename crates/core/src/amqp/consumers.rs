//! The consumers of one channel.
//!
//! Invariant: a consumer stays in this table until nothing can come through its door any more, and what had
//! come has been dealt with; so a delivery always finds its consumer, and a place may be taken again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::amqp::template::Template;
use crate::id::{ConsumerId, QueueId};
use crate::model::{ChannelRecord, QueueRef};

/// What a consumer consumes.
#[derive(Clone, Debug)]
pub enum Source {
    /// A queue.
    Queue {
        /// The queue.
        queue: QueueRef,
        /// The consumer's name there.
        id: ConsumerId,
        /// Deliveries count as acknowledged.
        auto_ack: bool,
    },
    /// Direct replies to an address of this name.
    Replies(String),
}

impl Source {
    /// The queue's name, or the address.
    pub fn name(&self) -> &str {
        match self {
            Self::Queue { queue, .. } => &queue.facts().name,
            Self::Replies(address) => address,
        }
    }
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The client's name for it, unique on the channel.
    pub tag: Bytes,
    /// What it consumes.
    pub source: Source,
    /// How long it may hold a delivery.
    pub timeout: Option<Duration>,
    /// What its last delivery looked like.
    pub template: Option<Box<Template>>,
}

impl Consumer {
    /// Whether it is the one that has this name in this queue.
    pub fn is(&self, of: QueueId, name: ConsumerId) -> bool {
        matches!(&self.source, Source::Queue { queue, id, .. } if queue.facts().id == of && *id == name)
    }
}

/// The consumers of a channel, by place and by tag.
#[derive(Debug)]
pub struct ConsumerTable {
    record: Arc<ChannelRecord>,
    places: Vec<Option<Consumer>>,
    by_tag: HashMap<Bytes, u32>,
}

impl ConsumerTable {
    /// Nobody consumes yet.
    pub fn new(record: Arc<ChannelRecord>) -> Self {
        Self { record, places: Vec::new(), by_tag: HashMap::new() }
    }

    /// The client's name for a queue's consumer.
    pub fn tag_of(&self, queue: QueueId, id: ConsumerId) -> Option<&Bytes> {
        self.places.iter().flatten().find(|consumer| consumer.is(queue, id)).map(|consumer| &consumer.tag)
    }

    /// The place that the next consumer will have.
    pub fn next_place(&self) -> u32 {
        let free = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// Puts a consumer at the place that [`ConsumerTable::next_place`] gave.
    pub fn insert(&mut self, place: u32, consumer: Consumer) {
        let at = place as usize;
        if self.places.len() <= at {
            self.places.resize(at + 1, None);
        }
        self.by_tag.insert(consumer.tag.clone(), place);
        if let Some(slot) = self.places.get_mut(at) {
            *slot = Some(consumer);
        }
    }

    /// The consumer at a place.
    pub fn get(&self, place: u32) -> Option<&Consumer> {
        self.places.get(place as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut Consumer> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    /// The place of a tag.
    pub fn place_of(&self, tag: &[u8]) -> Option<u32> {
        self.by_tag.get(tag).copied()
    }

    /// The place of the consumer that has this name in this queue.
    pub fn find(&self, of: QueueId, name: ConsumerId) -> Option<u32> {
        let is =
            |consumer: &Option<Consumer>| consumer.as_ref().is_some_and(|consumer| consumer.is(of, name));
        self.places.iter().position(is).and_then(|at| u32::try_from(at).ok())
    }

    /// Takes a consumer out.
    pub fn remove(&mut self, place: u32) -> Option<Consumer> {
        let consumer = self.places.get_mut(place as usize)?.take()?;
        self.by_tag.remove(&consumer.tag);
        self.record.remove_consumer(&consumer.tag);
        Some(consumer)
    }

    /// All consumers.
    pub fn iter(&self) -> impl Iterator<Item = &Consumer> {
        self.places.iter().flatten()
    }
}
