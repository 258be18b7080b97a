//! What the rules want done by others, as data.
//!
//! Effects are pushed into a sink that the caller owns and reuses, and are carried out once every lock
//! is gone, in any order. Deliveries alone go straight into the consumer's [`Outlet`](crate::model::Outlet)
//! under the queue's lock, so that two of them can't swap; and messages are in the log before their queues see
//! them (`store`), so what is settled here has been appended. Some effects are rules again: the caller has the broker
//! carry those out first ([`Broker::carry_out`](crate::model::Broker::carry_out)).

use std::num::NonZeroU64;
use std::sync::Arc;

use leveret_codec::Outgoing;
use leveret_codec::method::{self, Method};

use crate::id::{ChannelNumber, ConnectionId};
use crate::model::{DeadLetterTo, Message, QueueRef, Reason, Span, WeakQueueRef};
use crate::store::PageId;
use crate::time::Timestamp;

/// One queue is done with a message that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The message in that queue, by the name that its place gave it.
    pub id: NonZeroU64,
    /// Whether it would come back after a restart if the log did not hear of this.
    pub durable: bool,
}

impl Settle {
    /// What the log must hear when a queue is done with this message.
    pub fn of(message: &Message) -> Option<Self> {
        message.place().map(|place| Self { id: place.id, durable: message.is_durable() })
    }
}

/// A queue needs a page: read it and call [`QueueRef::handle_page`], or [`QueueRef::handle_page_lost`].
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Who needs it.
    pub queue: QueueRef,
    /// The page.
    pub page: PageId,
}

/// A queue gives up on a message, which is to be published again. Until that is in the log, the log has the original.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The queue.
    pub queue: QueueRef,
    /// The message.
    pub message: Message,
    /// Why.
    pub reason: Reason,
    /// Where it goes.
    pub to: Arc<DeadLetterTo>,
}

/// Everything a turn of a machine asks of the world outside.
#[derive(Debug, Default)]
pub struct Effects {
    /// Connections whose outlet is no longer empty: their tasks must look into it.
    pub wakes: Vec<ConnectionId>,
    /// For the log; nobody waits for these.
    pub settles: Vec<Settle>,
    /// Pages that queues need back.
    pub fetches: Vec<Fetch>,
    /// Pages that nobody wants any more, with everything in them: the log is to settle that.
    pub dropped_pages: Vec<PageId>,
    /// For the broker: messages to be published again.
    pub dead_letters: Vec<DeadLetter>,
    /// For the broker: when queues want to be looked at.
    pub deadlines: Vec<(Timestamp, WeakQueueRef)>,
    /// For the broker: queues that nobody has used for too long.
    pub unused: Vec<QueueRef>,
    /// What is to be told of messages' stays; nothing unless spans are on.
    pub spans: Vec<Span>,
    /// The next deadline of the broker is an earlier one than it was.
    pub is_due_earlier: bool,
}

impl Effects {
    /// Whether there is something for [`Broker::carry_out`](crate::model::Broker::carry_out); events that have been noted
    /// ([`Events::has_noted`](crate::model::Events::has_noted)) are another reason to call it.
    pub fn has_rules(&self) -> bool {
        !(self.dead_letters.is_empty() && self.deadlines.is_empty() && self.unused.is_empty())
    }
}

/// What one connection produces: bytes for its own socket, effects for everybody else.
#[derive(Debug, Default)]
pub struct Output {
    /// Frames for the connection's socket.
    pub frames: Outgoing,
    /// What others must be told.
    pub effects: Effects,
}

impl Output {
    /// Sends a method.
    pub fn send(&mut self, channel: ChannelNumber, method: &Method) {
        method::encode(channel, method, self.frames.buffer());
    }
}
