//! Which queue is consumed by whom.
//!
//! Publishers remember what they have found here, and ask again when the generation has changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};

use parking_lot::Mutex;

use super::outlet::Outlet;

/// The queues of a relay.
#[derive(Default)]
pub struct Subscriptions {
    queues: Mutex<HashMap<Vec<u8>, Option<Subscription>>>,
    generation: AtomicU64,
}

/// The one consumer of a queue.
#[derive(Clone)]
pub struct Subscription {
    pub consumer_tag: Vec<u8>,
    pub outlet: Arc<Outlet>,
}

/// What a queue's name leads to.
pub enum Found {
    NoQueue,
    NoConsumer,
    Consumer(Subscription),
}

impl Subscriptions {
    /// Rises with every change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// Makes sure that there is such a queue, and says how many consume it.
    pub fn declare(&self, queue: &[u8]) -> u32 {
        self.change(|queues| u32::from(queues.entry(queue.to_vec()).or_default().is_some()))
    }

    pub fn delete(&self, queue: &[u8]) {
        self.change(|queues| queues.remove(queue));
    }

    pub fn find(&self, queue: &[u8]) -> Found {
        match self.queues.lock().get(queue) {
            None => Found::NoQueue,
            Some(None) => Found::NoConsumer,
            Some(Some(subscription)) => Found::Consumer(subscription.clone()),
        }
    }

    /// Says whether the queue is there and had no consumer.
    pub fn add(&self, queue: &[u8], subscription: Subscription) -> bool {
        self.change(|queues| match queues.get_mut(queue) {
            Some(slot @ None) => {
                *slot = Some(subscription);
                true
            }
            Some(Some(_)) | None => false,
        })
    }

    /// A client cancels one subscription, or goes with all of them.
    pub fn remove(&self, outlet: &Arc<Outlet>, consumer_tag: Option<&[u8]>) {
        let goes = |subscription: &Subscription| {
            Arc::ptr_eq(&subscription.outlet, outlet)
                && consumer_tag.is_none_or(|tag| tag == subscription.consumer_tag)
        };
        self.change(|queues| {
            for slot in queues.values_mut().filter(|slot| slot.as_ref().is_some_and(goes)) {
                *slot = None;
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<Vec<u8>, Option<Subscription>>) -> T) -> T {
        let mut queues = self.queues.lock();
        let outcome = change(&mut queues);
        self.generation.fetch_add(1, Release);
        outcome
    }
}
