//! What the rules want done by others, as data.
//!
//! Effects are pushed into a sink that the caller owns and reuses, and are carried out once every lock
//! is gone. Deliveries alone go straight into the consumer's [`Outlet`](crate::model::Outlet) under the
//! queue's lock, so that two of them can't swap.

use leveret_codec::Outgoing;
use leveret_codec::method::{self, Method};
use smallvec::SmallVec;

use crate::id::{ChannelNumber, ConnectionId, QueueId, RecordId};
use crate::model::Message;

/// A persistent message that was taken by durable queues and belongs into the log.
#[derive(Clone, Debug)]
pub struct Append {
    /// What the settlements will call it.
    pub record: RecordId,
    /// The durable queues it went to.
    pub queues: SmallVec<[QueueId; 2]>,
    /// The message itself.
    pub message: Message,
}

/// A logged message is no longer needed by one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The message.
    pub record: RecordId,
    /// The queue that is done with it.
    pub queue: QueueId,
}

/// Everything a turn of a machine asks of the world outside.
#[derive(Debug, Default)]
pub struct Effects {
    /// Connections whose outlet is no longer empty: their tasks must look into it.
    pub wakes: Vec<ConnectionId>,
    /// For the log, in this order.
    pub appends: Vec<Append>,
    /// For the log; nobody waits for these.
    pub settles: Vec<Settle>,
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
