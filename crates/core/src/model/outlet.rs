//! Where queues leave what is meant for one connection.
//!
//! Owner: the connection, which empties it in its own turn. Bound: `HIGH_WATER_BYTES` of deliveries; when
//! full, queues stop delivering to it and nothing is dropped (direct replies, which no queue can keep, are:
//! see [`Outlet::reply`]). What has been taken but not yet been encoded still counts as waiting.
//!
//! Lock order: `Topology` → queue → outlet. Nothing else is locked while an outlet is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::id::{ChannelNumber, ConnectionId, ConsumerId, QueueId};
use crate::model::inquiry::Part;
use crate::model::queue::Entry;
use crate::model::{Message, QueueRef};

/// Deliveries waiting for one connection, in bytes of footprint, before its queues hold back.
const HIGH_WATER_BYTES: usize = 512 * 1024;

/// Queues go on when no more than this waits.
const LOW_WATER_BYTES: usize = HIGH_WATER_BYTES / 2;

/// Direct replies that find more than this waiting are dropped: their requester has stopped reading.
const REPLY_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// A message for one consumer.
#[derive(Debug)]
pub struct Delivery {
    /// The consumer's channel.
    pub channel: ChannelNumber,
    /// The consumer, by its place in the channel's table.
    pub consumer: u32,
    /// Whether it counts towards the channel's global prefetch.
    pub counted: bool,
    /// The message.
    pub entry: Entry,
}

/// Something other than a message that a connection must hear.
#[derive(Debug)]
pub enum Notice {
    /// The consumer's queue is gone.
    ConsumerCancelled {
        /// The consumer's channel.
        channel: ChannelNumber,
        /// The consumer, by its place in the channel's table.
        consumer: u32,
        /// The queue, for the place may have been given to another consumer meanwhile.
        queue: QueueId,
        /// The consumer's name there.
        id: ConsumerId,
    },
    /// An alarm was set or cleared.
    Alarm,
    /// The connection must go, for this reason.
    Forced(Arc<str>),
    /// The head of a queue that the connection waits for may be in memory.
    HeadMoved,
    /// The consumers of a queue that the connection publishes to have caught up with it.
    CaughtUp,
    /// Somebody wants to know what of a queue's messages the client holds.
    Asked(Part),
}

/// The outlet of one connection.
#[derive(Debug)]
pub struct Outlet {
    id: ConnectionId,
    /// See [`Outlet::note_clogged`].
    is_clogged: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    notices: Vec<Notice>,
    stalled: Vec<(QueueRef, ConsumerId)>,
    waiting_bytes: usize,
    /// The owner has been told and has not looked yet.
    awake: bool,
    /// The owner is ending: nothing passes any more.
    is_closed: bool,
}

impl State {
    /// Whether the owner must be told.
    fn wake(&mut self) -> bool {
        !std::mem::replace(&mut self.awake, true)
    }
}

impl Outlet {
    /// An empty outlet.
    pub fn new(id: ConnectionId) -> Self {
        Self { id, is_clogged: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Whose it is.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether frames wait for the peer to read.
    pub fn is_clogged(&self) -> bool {
        self.is_clogged.load(Ordering::Relaxed)
    }

    /// Whether the socket takes no more at the moment.
    pub fn note_clogged(&self, is_clogged: bool) {
        // Looked at first: mostly it stays as it is, and others read it.
        if self.is_clogged() != is_clogged {
            self.is_clogged.store(is_clogged, Ordering::Relaxed);
        }
    }

    /// The connection ends. While its consumers leave one after the other, nothing may go to those that are still
    /// there: with one that does not acknowledge it would be lost.
    pub fn close(&self) {
        self.state.lock().is_closed = true;
    }

    /// Leaves a notice. `true`: the owner must be woken.
    #[must_use]
    pub fn notify(&self, notice: Notice) -> bool {
        let mut state = self.state.lock();
        state.notices.push(notice);
        state.wake()
    }

    /// Leaves a direct reply, which has no queue to wait in. `None`: dropped, too much waits already.
    #[must_use]
    pub fn reply(&self, channel: ChannelNumber, consumer: u32, message: Message) -> Option<bool> {
        let mut state = self.state.lock();
        if REPLY_LIMIT_BYTES < state.waiting_bytes {
            return None;
        }
        state.waiting_bytes += message.footprint_bytes();
        let entry = Entry::new(0, message);
        state.deliveries.push_back(Delivery { channel, consumer, counted: false, entry });
        Some(state.wake())
    }

    /// The owner looks: deliveries are appended to `inbox`, notices returned.
    pub fn drain(&self, inbox: &mut VecDeque<Delivery>) -> Vec<Notice> {
        let mut state = self.state.lock();
        state.awake = false;
        if inbox.is_empty() {
            std::mem::swap(inbox, &mut state.deliveries);
        } else {
            inbox.append(&mut state.deliveries);
        }
        std::mem::take(&mut state.notices)
    }

    /// Nothing is going on: room for deliveries is given back.
    pub fn rest(&self) {
        let mut state = self.state.lock();
        if state.deliveries.is_empty() {
            state.deliveries = VecDeque::new();
        }
    }

    /// The owner has encoded (or given back) deliveries of this footprint; returns who may go on.
    #[must_use]
    pub fn release(&self, bytes: usize) -> Vec<(QueueRef, ConsumerId)> {
        let mut state = self.state.lock();
        state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
        if state.waiting_bytes <= LOW_WATER_BYTES { std::mem::take(&mut state.stalled) } else { Vec::new() }
    }

    /// Everybody who was turned away, whatever waits: their channel has credit again.
    #[must_use]
    pub fn take_stalled(&self) -> Vec<(QueueRef, ConsumerId)> {
        std::mem::take(&mut self.state.lock().stalled)
    }
}

/// One limit for all consumers of a channel (`basic.qos` with `global`), as RabbitMQ 3.13 has it.
#[derive(Debug, Default)]
pub struct ChannelCredit {
    /// Zero: no limit.
    limit: AtomicU32,
    used: AtomicU32,
}

impl ChannelCredit {
    /// Sets the limit; `used` deliveries count towards it from the start.
    pub fn set(&self, limit: u16, used: u32) {
        self.used.store(used, Ordering::Relaxed);
        self.limit.store(u32::from(limit), Ordering::Relaxed);
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.limit.load(Ordering::Relaxed) != 0
    }

    /// `count` deliveries were settled or returned.
    pub fn give_back(&self, count: u32) {
        let less = |used: u32| Some(used.saturating_sub(count));
        // The closure always returns a value, so the update can't fail.
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn is_open(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        limit == 0 || self.used.load(Ordering::Relaxed) < limit
    }

    fn take(&self) -> bool {
        let limited = self.is_limited();
        if limited {
            self.used.fetch_add(1, Ordering::Relaxed);
        }
        limited
    }
}

/// A consumer's way out of a queue.
#[derive(Clone, Debug)]
pub struct Door {
    /// The connection's outlet.
    pub outlet: Arc<Outlet>,
    /// The consumer's channel.
    pub channel: ChannelNumber,
    /// The consumer, by its place in the channel's table.
    pub consumer: u32,
    /// The channel's global prefetch; none for a consumer that does not acknowledge.
    pub credit: Option<Arc<ChannelCredit>>,
}

impl Door {
    /// Whether nothing passes because the peer does not read, or does not acknowledge.
    pub fn waits_for_peer(&self) -> bool {
        self.outlet.is_clogged() || self.credit.as_ref().is_some_and(|credit| !credit.is_open())
    }

    /// Opens the door for one turn of the queue: the outlet stays locked, so that a batch costs one lock.
    pub fn open(&self) -> OpenDoor<'_> {
        OpenDoor { door: self, state: self.outlet.state.lock() }
    }
}

/// A door whose outlet is locked.
pub struct OpenDoor<'a> {
    door: &'a Door,
    state: parking_lot::MutexGuard<'a, State>,
}

impl OpenDoor<'_> {
    /// The connection behind it.
    pub fn owner(&self) -> ConnectionId {
        self.door.outlet.id
    }

    /// Whether a message may pass. If not, `who` is remembered and resumed when one may.
    pub fn accepts(&mut self, who: impl FnOnce() -> (QueueRef, ConsumerId)) -> bool {
        if self.state.is_closed {
            return false;
        }
        let has_credit = self.door.credit.as_ref().is_none_or(|credit| credit.is_open());
        let open = has_credit && self.state.waiting_bytes < HIGH_WATER_BYTES;
        if !open {
            self.state.stalled.push(who());
        }
        open
    }

    /// Passes a message. `true`: the owner must be woken.
    #[must_use]
    pub fn deliver(&mut self, entry: Entry) -> bool {
        self.state.waiting_bytes += entry.message.footprint_bytes();
        let &Door { channel, consumer, .. } = self.door;
        let counted = self.door.credit.as_ref().is_some_and(|credit| credit.take());
        self.state.deliveries.push_back(Delivery { channel, consumer, counted, entry });
        self.state.wake()
    }
}
