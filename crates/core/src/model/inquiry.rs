//! Asks connections what of a queue's messages their clients hold: a queue counts them, but only the channel that a
//! message was delivered on has it.
//!
//! Invariant: an inquiry is complete when every connection that was asked has answered or is gone; a connection that goes
//! lets go of its [`Part`], unheard or not. Nobody waits for anybody else, and nothing is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::effect::Effects;
use crate::id::ChannelNumber;
use crate::model::broker::Broker;
use crate::model::outlet::Notice;
use crate::model::queue::Entry;
use crate::model::queue_ref::QueueRef;
use crate::time::Timestamp;

/// A message that a client holds.
#[derive(Clone, Debug)]
pub struct HeldMessage {
    /// The connection's name.
    pub connection: Arc<str>,
    /// The user of it.
    pub user: String,
    /// The channel.
    pub channel: ChannelNumber,
    /// The client's name for the consumer; none if it was got.
    pub consumer_tag: Option<String>,
    /// The client's name for the delivery.
    pub delivery_tag: u64,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// The message.
    pub entry: Entry,
}

/// A question to all connections.
pub struct Inquiry {
    queue: QueueRef,
    most: usize,
    found: Mutex<Vec<HeldMessage>>,
    /// Parts that are not through, and who hands them out.
    waiting: AtomicUsize,
    completed: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "Inquiry({}, {} to answer)",
            self.queue.facts().name,
            self.waiting.load(Ordering::Relaxed)
        )
    }
}

impl Inquiry {
    /// Whether everybody has answered.
    pub fn is_complete(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// What has been answered so far, in the order in which queues had the messages.
    pub fn found(&self) -> Vec<HeldMessage> {
        let mut found = self.found.lock().clone();
        found.sort_by_key(|held| (held.entry.position, held.delivered_at));
        found
    }
}

/// One connection's share of an inquiry; dropped, it is through.
#[derive(Debug)]
pub struct Part(Arc<Inquiry>);

impl Part {
    /// The queue in question.
    pub fn queue(&self) -> &QueueRef {
        &self.0.queue
    }

    /// A message that a client holds. `false`: enough are known.
    pub fn tell(&self, held: impl FnOnce() -> HeldMessage) -> bool {
        let mut found = self.0.found.lock();
        let has_room = found.len() < self.0.most;
        if has_room {
            found.push(held());
        }
        has_room
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.0.completed)();
        }
    }
}

impl Broker {
    /// Asks who holds messages of a queue, and wants to hear of so many at most. `completed` is called once, when
    /// everybody has answered, maybe before this returns.
    pub fn inquire(
        &self,
        (queue, most): (&QueueRef, usize),
        completed: impl Fn() + Send + Sync + 'static,
        effects: &mut Effects,
    ) -> Arc<Inquiry> {
        let inquiry = Arc::new(Inquiry {
            queue: queue.clone(),
            most,
            found: Mutex::default(),
            waiting: AtomicUsize::new(1),
            completed: Box::new(completed),
        });
        // Not complete before everybody has been asked.
        let own = Part(inquiry.clone());
        for connection in self.roll().connections() {
            let holds = |unacked: u32| unacked != 0;
            let mut channels = connection.channels().into_iter();
            if connection.facts.vhost != queue.facts().vhost
                || !channels.any(|channel| holds(channel.unacked.load(Ordering::Relaxed)))
            {
                continue;
            }
            let Some(outlet) = self.outlet(connection.id) else { continue };
            inquiry.waiting.fetch_add(1, Ordering::AcqRel);
            if outlet.notify(Notice::Asked(Part(inquiry.clone()))) {
                effects.wakes.push(connection.id);
            }
        }
        drop(own);
        inquiry
    }
}
