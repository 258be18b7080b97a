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
    /// The share of who asks.
    fn first(queue: &QueueRef, most: usize, completed: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inquiry {
            queue: queue.clone(),
            most,
            found: Mutex::default(),
            waiting: AtomicUsize::new(1),
            completed: Box::new(completed),
        }))
    }

    /// A share of who is asked, too.
    fn another(&self) -> Self {
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        Self(self.0.clone())
    }

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
        // Not complete before everybody has been asked.
        let own = Part::first(queue, most, completed);
        for connection in self.roll().connections() {
            let holds = |unacked: u32| unacked != 0;
            let mut channels = connection.channels().into_iter();
            if connection.facts.vhost != queue.facts().vhost
                || !channels.any(|channel| holds(channel.unacked.load(Ordering::Relaxed)))
            {
                continue;
            }
            let Some(outlet) = self.outlet(connection.id) else { continue };
            if outlet.notify(Notice::Asked(own.another())) {
                effects.wakes.push(connection.id);
            }
        }
        own.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ConnectionId, QueueId};
    use crate::model::broker::BrokerSettings;
    use crate::model::outlet::Outlet;
    use crate::model::topology::QueueSpec;
    use crate::store::NoStore;

    #[test]
    fn an_inquiry_is_complete_when_the_last_who_was_asked_has_answered_or_is_gone() {
        let broker = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
        broker.add_vhost("/");
        let spec = QueueSpec {
            name: "q".to_owned(),
            durable: false,
            auto_delete: false,
            owner: None,
            arguments: leveret_codec::Table::default(),
        };
        let (queue, _) = broker.vhost("/").unwrap().declare_queue(QueueId(1), spec).unwrap();
        let completed = Arc::new(AtomicUsize::new(0));
        let counter = completed.clone();
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let own = Part::first(&queue, 1, count);
        let inquiry = own.0.clone();
        let (outlet, answered) = (Outlet::new(ConnectionId(1)), own.another());
        let _ = outlet.notify(Notice::Asked(own.another()));
        drop(own);
        assert!(!inquiry.is_complete());
        drop(answered);
        assert!(!inquiry.is_complete() && completed.load(Ordering::Relaxed) == 0);
        // A connection that ends without having looked.
        drop(outlet);
        assert!(inquiry.is_complete() && completed.load(Ordering::Relaxed) == 1);
        let nobody = broker.inquire((&queue, 1), || (), &mut Effects::default());
        assert!(nobody.is_complete() && nobody.found().is_empty());
    }
}
