//! What is known of a connection, its channels and its consumers by those who look at them from outside.
//!
//! Invariants:
//! - The connection's task alone writes; it takes no lock per message. What it counts is read while it goes on counting.
//! - A record outlives what it is about by as long as somebody looks at it, and says nothing about that any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering};

use bytes::Bytes;
use leveret_codec::Table;
use parking_lot::Mutex;

use crate::id::{ChannelNumber, ConnectionId, ConsumerId};
use crate::model::queue_ref::QueueRef;
use crate::model::sizes::Sizes;
use crate::model::stats::{Counter, Counters, MessageStats, Stat};
use crate::time::Timestamp;

/// Exchanges that a channel's publishes are counted by; more share what is left over.
const MOST_OUTFLOWS: usize = 64;

/// What a connection has settled when it was opened; it never changes.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFacts {
    /// Its name: `127.0.0.1:50432 -> 127.0.0.1:5672`.
    pub name: Arc<str>,
    /// The name that its client gave it.
    pub client_name: Option<String>,
    /// The user it logged in as.
    pub user: String,
    /// The virtual host it opened.
    pub vhost: Arc<str>,
    /// How it said who it is.
    pub mechanism: String,
    /// What the client said of itself.
    pub client_properties: Table,
    /// When it was opened.
    pub connected_at: Timestamp,
    /// Most channels; zero is no limit.
    pub channel_max: u16,
    /// Largest frame, in bytes; zero is no limit.
    pub frame_max_bytes: u32,
    /// Heartbeat interval, in seconds; zero is none.
    pub heartbeat_secs: u16,
    /// Whether it speaks TLS.
    pub is_tls: bool,
}

/// How a connection is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnectionState {
    /// Nothing is in its way.
    #[default]
    Running = 0,
    /// It publishes faster than consumers are served, and waits.
    Flow = 1,
    /// It publishes, and waits for the end of an alarm.
    Blocked = 2,
}

/// What goes through a connection's socket, from its first byte on.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Bytes from the peer.
    pub received_bytes: Counter,
    /// Reads that brought something.
    pub reads: Counter,
    /// Bytes to the peer.
    pub sent_bytes: Counter,
    /// Writes that took something.
    pub writes: Counter,
}

/// An open connection.
#[derive(Debug)]
pub struct ConnectionRecord {
    /// Which one.
    pub id: ConnectionId,
    /// What was settled when it was opened.
    pub facts: ConnectionFacts,
    /// What has gone through its socket.
    pub traffic: Arc<Traffic>,
    /// How large its publishes are.
    pub sizes: Sizes,
    state: AtomicU8,
    channels: Mutex<Vec<Arc<ChannelRecord>>>,
}

impl ConnectionRecord {
    /// One that has just been opened.
    pub fn new(id: ConnectionId, facts: ConnectionFacts, traffic: Arc<Traffic>) -> Self {
        Self {
            id,
            facts,
            traffic,
            sizes: Sizes::default(),
            state: AtomicU8::new(ConnectionState::Running as u8),
            channels: Mutex::default(),
        }
    }

    /// How it is doing.
    pub fn state(&self) -> ConnectionState {
        match self.state.load(Ordering::Relaxed) {
            0 => ConnectionState::Running,
            1 => ConnectionState::Flow,
            _ => ConnectionState::Blocked,
        }
    }

    /// How it is doing from now on.
    #[inline]
    pub fn set_state(&self, state: ConnectionState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Its channels, in the order in which they were opened.
    pub fn channels(&self) -> Vec<Arc<ChannelRecord>> {
        self.channels.lock().clone()
    }

    /// How many channels it has.
    pub fn channel_count(&self) -> usize {
        self.channels.lock().len()
    }

    /// A channel is opened.
    pub fn add_channel(&self, channel: Arc<ChannelRecord>) {
        self.channels.lock().push(channel);
    }

    /// A channel is closed.
    pub fn remove_channel(&self, channel: &Arc<ChannelRecord>) {
        let mut channels = self.channels.lock();
        channels.retain(|known| !Arc::ptr_eq(known, channel));
        if channels.is_empty() {
            *channels = Vec::new();
        }
    }
}

/// Whether publishes of a channel are answered, and when they take effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ChannelMode {
    /// Not answered.
    #[default]
    Plain = 0,
    /// Confirmed.
    Confirm = 1,
    /// Collected for a commit.
    Transactional = 2,
}

/// What a channel has published to one exchange.
#[derive(Debug)]
pub struct Outflow {
    /// The exchange; empty is the default one.
    pub exchange: Box<[u8]>,
    /// Messages.
    pub published: Counter,
    /// Into how many queues they went, taken together.
    pub routed: Counter,
}

/// An open channel.
#[derive(Debug)]
pub struct ChannelRecord {
    /// Its number.
    pub number: ChannelNumber,
    /// What has happened on it; publishes are counted by [`Outflow`].
    pub counters: Counters,
    /// Unacknowledged deliveries.
    pub unacked: AtomicU32,
    /// Publishes that wait for their confirm.
    pub unconfirmed: AtomicU32,
    /// Publishes that wait for a commit.
    pub uncommitted: AtomicU32,
    /// Acknowledgements that wait for a commit.
    pub acks_uncommitted: AtomicU32,
    /// What the next consumer's prefetch will be; zero is no limit.
    pub prefetch: AtomicU16,
    /// The limit for all consumers together; zero is none.
    pub global_prefetch: AtomicU16,
    mode: AtomicU8,
    outflows: Mutex<Outflows>,
    consumers: Mutex<Vec<Arc<ConsumerRecord>>>,
}

#[derive(Debug, Default)]
struct Outflows {
    known: Vec<Arc<Outflow>>,
    /// What was published to exchanges that are counted no more; boxed, for there hardly ever are such.
    forgotten: Option<Box<MessageStats>>,
}

impl ChannelRecord {
    /// One that has just been opened.
    pub fn new(number: ChannelNumber) -> Self {
        Self {
            number,
            counters: Counters::default(),
            unacked: AtomicU32::new(0),
            unconfirmed: AtomicU32::new(0),
            uncommitted: AtomicU32::new(0),
            acks_uncommitted: AtomicU32::new(0),
            prefetch: AtomicU16::new(0),
            global_prefetch: AtomicU16::new(0),
            mode: AtomicU8::new(ChannelMode::Plain as u8),
            outflows: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    /// What its publishes mean.
    pub fn mode(&self) -> ChannelMode {
        match self.mode.load(Ordering::Relaxed) {
            0 => ChannelMode::Plain,
            1 => ChannelMode::Confirm,
            _ => ChannelMode::Transactional,
        }
    }

    /// What its publishes mean from now on.
    pub fn set_mode(&self, mode: ChannelMode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Where publishes to an exchange are counted, until this is asked for another one; and one that is counted here no
    /// more, because there are too many.
    pub fn outflow(&self, exchange: &[u8]) -> (Arc<Outflow>, Option<Arc<Outflow>>) {
        let mut outflows = self.outflows.lock();
        if let Some(known) = outflows.known.iter().find(|known| *known.exchange == *exchange) {
            return (known.clone(), None);
        }
        let mut forgotten = None;
        if MOST_OUTFLOWS <= outflows.known.len() {
            let oldest = outflows.known.remove(0);
            **outflows.forgotten.get_or_insert_default() += oldest.stats();
            forgotten = Some(oldest);
        }
        let outflow = Arc::new(Outflow {
            exchange: exchange.into(),
            published: Counter::default(),
            routed: Counter::default(),
        });
        outflows.known.push(outflow.clone());
        (outflow, forgotten)
    }

    /// What it has published, by exchange.
    pub fn outflows(&self) -> Vec<Arc<Outflow>> {
        self.outflows.lock().known.clone()
    }

    /// Everything that has happened on it.
    pub fn stats(&self) -> MessageStats {
        let outflows = self.outflows.lock();
        let published: MessageStats = outflows.known.iter().map(|outflow| outflow.stats()).sum();
        let forgotten = outflows.forgotten.as_deref().copied().unwrap_or_default();
        let mut stats = self.counters.get() + published + forgotten;
        // Those are an exchange's.
        (stats[Stat::PublishIn], stats[Stat::PublishOut]) = (0, 0);
        stats
    }

    /// Its consumers.
    pub fn consumers(&self) -> Vec<Arc<ConsumerRecord>> {
        self.consumers.lock().clone()
    }

    /// How many consumers it has.
    pub fn consumer_count(&self) -> usize {
        self.consumers.lock().len()
    }

    /// Somebody consumes.
    pub fn add_consumer(&self, consumer: ConsumerRecord) {
        self.consumers.lock().push(Arc::new(consumer));
    }

    /// A consumer is gone.
    pub fn remove_consumer(&self, tag: &[u8]) {
        let mut consumers = self.consumers.lock();
        consumers.retain(|consumer| consumer.tag != tag);
        if consumers.is_empty() {
            *consumers = Vec::new();
        }
    }
}

impl Outflow {
    /// As counts of a channel and of an exchange.
    pub fn stats(&self) -> MessageStats {
        let mut stats = MessageStats::default();
        let published = self.published.get();
        (stats[Stat::Publish], stats[Stat::PublishIn]) = (published, published);
        stats[Stat::PublishOut] = self.routed.get();
        stats
    }
}

/// A consumer of a queue.
#[derive(Debug)]
pub struct ConsumerRecord {
    /// The client's name for it.
    pub tag: Bytes,
    /// The queue.
    pub queue: QueueRef,
    /// Its name there.
    pub id: ConsumerId,
    /// Whether deliveries are to be acknowledged.
    pub acknowledges: bool,
    /// Whether nobody else may consume.
    pub exclusive: bool,
    /// Most unacknowledged deliveries; zero is no limit.
    pub prefetch: u16,
    /// Its arguments.
    pub arguments: Table,
    /// How long it may hold a delivery, in milliseconds; none is for ever.
    pub timeout_millis: Option<u64>,
}
