//! Who must be told: one [`Bell`] for each connection that is open.
//!
//! A ring says "look into your outlet" and nothing else; several of them before the task looks are one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dashmap::DashMap;
use leveret_core::{ConnectionId, Effects};
use leveret_storage::Waiter;
use tokio::sync::Notify;

/// Wakes one task. The flag spares a busy task the lock inside [`Notify`] at every ring and every look.
#[derive(Debug, Default)]
pub struct Bell {
    has_rung: AtomicBool,
    waiting: Notify,
}

impl Bell {
    /// Rings; the task will see it now or when it next looks.
    pub fn ring(&self) {
        if !self.has_rung.swap(true, Ordering::AcqRel) {
            self.waiting.notify_one();
        }
    }

    /// Whether it has rung since it was last asked.
    pub fn take(&self) -> bool {
        self.has_rung.load(Ordering::Relaxed) && self.has_rung.swap(false, Ordering::AcqRel)
    }

    /// Returns after a ring, or for no reason. May be dropped and called again.
    pub async fn rung(&self) {
        if !self.has_rung.load(Ordering::Acquire) {
            self.waiting.notified().await;
        }
    }
}

impl Waiter for Bell {
    fn wake(&self) {
        self.ring();
    }
}

/// All open connections.
#[derive(Debug, Default)]
pub struct Registry {
    bells: DashMap<ConnectionId, Arc<Bell>>,
    last_id: AtomicU64,
}

impl Registry {
    /// A new connection's identity, and what its task listens to.
    pub fn enter(&self) -> (ConnectionId, Arc<Bell>) {
        let id = ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        let bell = Arc::new(Bell::default());
        self.bells.insert(id, bell.clone());
        (id, bell)
    }

    /// The connection is gone; rings for it go nowhere from now on.
    pub fn leave(&self, id: ConnectionId) {
        self.bells.remove(&id);
    }

    /// Rings for those who must look into their outlets.
    pub fn carry_out(&self, effects: &mut Effects) {
        for id in effects.wakes.drain(..) {
            if let Some(bell) = self.bells.get(&id) {
                bell.ring();
            }
        }
    }

    /// Rings for everybody: something has changed that all of them look at.
    pub fn ring_all(&self) {
        for bell in &self.bells {
            bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn wakes(ids: &[ConnectionId]) -> Effects {
        Effects { wakes: ids.to_vec(), ..Effects::default() }
    }

    fn is_rung(bell: &Bell) -> bool {
        let future = std::pin::pin!(bell.rung());
        future.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn rings_before_a_look_are_one() {
        let registry = Registry::default();
        let (id, bell) = registry.enter();
        assert!(!is_rung(&bell) && !bell.take());
        registry.carry_out(&mut wakes(&[id, id, id]));
        assert!(is_rung(&bell) && bell.take());
        assert!(!bell.take());
    }

    #[test]
    fn only_the_connection_that_was_meant_is_woken() {
        let registry = Registry::default();
        let ((one, bell_of_one), (_, bell_of_two)) = (registry.enter(), registry.enter());
        registry.carry_out(&mut wakes(&[one]));
        assert!(bell_of_one.take() && !bell_of_two.take());
        registry.ring_all();
        assert!(bell_of_one.take() && bell_of_two.take());
    }

    #[test]
    fn a_ring_for_a_connection_that_has_left_goes_nowhere() {
        let registry = Registry::default();
        let (id, bell) = registry.enter();
        registry.leave(id);
        registry.carry_out(&mut wakes(&[id]));
        assert!(!bell.take());
        assert_ne!(registry.enter().0, id);
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken_by_a_ring() {
        let registry = Registry::default();
        let (id, bell) = registry.enter();
        let task = tokio::spawn(async move {
            while !bell.take() {
                bell.rung().await;
            }
        });
        tokio::task::yield_now().await;
        registry.carry_out(&mut wakes(&[id]));
        task.await.unwrap();
    }
}
