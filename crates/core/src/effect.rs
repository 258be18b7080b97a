//! What the rules want done by others, as data.
//!
//! Effects are pushed into a sink that the caller owns and reuses, and are carried out once every lock
//! is gone, in any order. Deliveries alone go straight into the consumer's [`Outlet`](crate::model::Outlet)
//! under the queue's lock, so that two of them can't swap; and messages are in the log before their queues see
//! them (`store`), so what is settled here has been appended.

use std::num::NonZeroU64;

use leveret_codec::Outgoing;
use leveret_codec::method::{self, Method};

use crate::id::{ChannelNumber, ConnectionId};
use crate::model::{Message, QueueRef};
use crate::store::PageId;

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
