//! What recent-history exchanges (RabbitMQ's x-recent-history) have kept for queues that are bound later.
//!
//! Invariants:
//! - A history holds the latest messages that came to its exchange, oldest first, whatever they matched and whether or
//!   not they were returned; never more than its length. They have bytes of their own if they are small, as in a queue.
//! - The histories of a virtual host are those of its recent-history exchanges: one begins empty with its exchange and
//!   goes with it. They are in memory alone and begin empty after a restart too.
//!
//! A message that one connection publishes while another binds a queue reaches the queue: seldom twice, as a message and
//! as history, never not at all.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use leveret_codec::Value;
use leveret_routing::{ExchangeName, Matched, Routed};
use parking_lot::{Mutex, RwLock};

use crate::model::Vhost;
use crate::model::queue::Arrival;
use crate::model::queue_ref::QueueRef;
use crate::model::topology::Target;

/// A header that keeps a message out of every history.
const NO_STORE: &[u8] = b"x-recent-history-no-store";

/// A message that came to an exchange.
#[derive(Clone, Debug)]
pub struct Recent {
    /// As it goes into queues.
    pub arrival: Arrival,
    /// The keys it was published with besides its own.
    pub more_keys: Vec<Vec<u8>>,
}

/// The latest messages of one exchange.
#[derive(Debug)]
struct History {
    length: usize,
    messages: Mutex<VecDeque<Recent>>,
}

impl History {
    fn add(&self, message: Recent) {
        let mut messages = self.messages.lock();
        messages.push_back(message);
        let too_many = messages.len().saturating_sub(self.length);
        let gone: Vec<Recent> = messages.drain(..too_many).collect();
        // What goes may be large: not under the lock.
        drop(messages);
        drop(gone);
    }
}

/// The histories of one virtual host, by exchange.
#[derive(Debug, Default)]
pub struct Histories(RwLock<HashMap<ExchangeName, Arc<History>>>);

impl Histories {
    /// An exchange is there that keeps so many messages.
    pub fn begin(&self, exchange: &str, length: usize) {
        let history = History { length, messages: Mutex::default() };
        self.0.write().insert(exchange.into(), Arc::new(history));
    }

    /// An exchange is gone, which may have kept messages.
    pub fn end(&self, exchange: &str) {
        self.0.write().remove(exchange.as_bytes());
    }

    /// What an exchange has kept, oldest first.
    fn of(&self, exchange: &str) -> Vec<Recent> {
        let history = self.0.read().get(exchange.as_bytes()).cloned();
        history.map_or_else(Vec::new, |history| history.messages.lock().iter().cloned().collect())
    }
}

/// A new binding whose source had messages for its destination.
#[derive(Debug, Default)]
pub struct Replay {
    messages: Vec<Recent>,
    target: Option<Target>,
}

impl Replay {
    /// Everything that `source` has kept, for what has just been bound to it.
    pub fn of(histories: &Histories, source: &str, target: Target) -> Self {
        Self { messages: histories.of(source), target: Some(target) }
    }
}

impl Vhost {
    /// A message has come to exchanges that keep their latest; [`Matched::recent`] names them.
    pub fn remember(&self, exchanges: &[ExchangeName], mut recent: Recent) {
        let message = &mut recent.arrival.message;
        let headers = message.properties().headers();
        if headers.and_then(|headers| headers.get(NO_STORE)) == Some(Value::Bool(true)) {
            return;
        }
        message.detach();
        for exchange in exchanges {
            let history = self.histories().0.read().get(exchange.as_bytes()).cloned();
            if let Some(history) = history {
                history.add(recent.clone());
            }
        }
    }

    /// Brings to a destination what it was bound too late for, oldest first. An exchange is asked where each goes.
    pub fn replay(&self, replay: Replay, mut publish: impl FnMut(&[QueueRef], Arrival)) {
        let Replay { messages, target } = replay;
        let mut matched = Matched::new();
        for recent in messages {
            match &target {
                None => {}
                Some(Target::Queue(queue)) => publish(std::slice::from_ref(queue), recent.arrival),
                Some(Target::Exchange(name)) => {
                    self.route_recent(name, &recent, &mut matched);
                    if !matched.is_empty() {
                        publish(matched.as_slice(), recent.arrival);
                    }
                }
            }
        }
    }

    fn route_recent(&self, exchange: &str, recent: &Recent, matched: &mut Matched<QueueRef>) {
        let message = &recent.arrival.message;
        let keys: Vec<&[u8]> = std::iter::once(message.routing_key())
            .chain(recent.more_keys.iter().map(Vec::as_slice))
            .collect();
        let routed = Routed { keys: &keys, properties: message.properties() };
        if self.routes().route(exchange.as_bytes(), routed, matched).is_err() {
            // It was deleted a moment ago.
            matched.clear();
        }
        if !matched.recent().is_empty() {
            self.remember(matched.recent(), recent.clone());
        }
    }
}
