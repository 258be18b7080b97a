//! Who looks after the rules' deadlines: one task for the whole broker.

use std::sync::Arc;

use leveret_core::Effects;

use crate::clock::Timer;
use crate::session::Shared;

/// Lets the rules do what is due, for as long as it is not dropped.
pub async fn keep(shared: Arc<Shared>) {
    let mut timer = Timer::new(shared.clock.clone());
    let mut effects = Effects::default();
    loop {
        shared.deadline_moved.take();
        let next = shared.core.next_deadline();
        let now = shared.clock.now();
        if next.is_some_and(|next| next <= now) {
            shared.core.handle_deadlines(now, &mut effects);
            shared.carry_out(&mut effects);
            // There may be many at once: connections have their turns in between.
            tokio::task::yield_now().await;
            continue;
        }
        timer.set(next);
        tokio::select! {
            () = shared.deadline_moved.rung() => {}
            () = timer.elapsed() => {}
        }
    }
}
