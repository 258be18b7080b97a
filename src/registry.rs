//! Who must be woken: one [`Notify`] for each connection that is open.
//!
//! A wake says "look into your outlet" and nothing else; several of them before the task runs are one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use leveret_core::{ConnectionId, Effects};
use tokio::sync::Notify;

/// All open connections.
#[derive(Debug, Default)]
pub struct Registry {
    wakers: DashMap<ConnectionId, Arc<Notify>>,
    last_id: AtomicU64,
}

impl Registry {
    /// A new connection's identity, and what its task waits on.
    pub fn enter(&self) -> (ConnectionId, Arc<Notify>) {
        let id = ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        let waker = Arc::new(Notify::new());
        self.wakers.insert(id, waker.clone());
        (id, waker)
    }

    /// The connection is gone; wakes for it do nothing from now on.
    pub fn leave(&self, id: ConnectionId) {
        self.wakers.remove(&id);
    }

    /// Carries out what others must be told, once each.
    pub fn carry_out(&self, effects: &mut Effects) {
        for id in effects.wakes.drain(..) {
            if let Some(waker) = self.wakers.get(&id) {
                waker.notify_one();
            }
        }
    }

    /// Wakes everybody: something has changed that all of them look at.
    pub fn wake_all(&self) {
        for waker in &self.wakers {
            waker.notify_one();
        }
    }

    /// How many connections are open.
    pub fn len(&self) -> usize {
        self.wakers.len()
    }
}
