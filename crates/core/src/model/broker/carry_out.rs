//! Effects that are rules again: events, dead letters, deadlines, queues that nobody uses any more.

use crate::effect::Effects;
use crate::model::broker::Broker;
use crate::model::queue_ref::DeleteConditions;
use crate::time::Timestamp;

/// Queues that are looked at in one turn of the clock's owner; others have their turns between.
const DEADLINES_A_TURN: usize = 256;

impl Broker {
    /// Carries out the effects that are the broker's own, and what follows from them, until only those are left that the
    /// caller must see to. Call when every lock is gone, before anything else is made of the effects.
    pub fn carry_out(&self, now: Timestamp, effects: &mut Effects) {
        while !effects.dead_letters.is_empty() || !effects.unused.is_empty() || self.events().has_noted() {
            self.publish_events(now, effects);
            let letters = std::mem::take(&mut effects.dead_letters);
            self.publish_dead_letters(now, letters, effects);
            for queue in std::mem::take(&mut effects.unused) {
                let conditions =
                    DeleteConditions { if_unused: true, if_expired: true, ..DeleteConditions::default() };
                if let Some(vhost) = self.vhost(&queue.facts().vhost) {
                    // Somebody uses it again: then it stays, which is what the refusal says.
                    let _ = vhost.delete_queue(now, &queue, conditions, effects);
                }
            }
        }
        if !effects.deadlines.is_empty() {
            effects.is_due_earlier |= self.schedule.add(effects.deadlines.drain(..));
        }
    }

    /// When [`Broker::handle_deadlines`] is to be called next. `Effects::is_due_earlier` says when this has changed.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.schedule.next()
    }

    /// Looks at the queues whose time has come; some of them, if they are many: then the next deadline has passed.
    pub fn handle_deadlines(&self, now: Timestamp, effects: &mut Effects) {
        for _ in 0..DEADLINES_A_TURN {
            let Some(queue) = self.schedule.take_due(now) else { break };
            if let Some(queue) = queue.upgrade() {
                queue.handle_deadline(now, effects);
            }
        }
        self.carry_out(now, effects);
    }

    /// The broker begins to serve what it had in an earlier life, or was defined before it: its queues' times run from
    /// now.
    pub fn begin(&self, now: Timestamp, effects: &mut Effects) {
        for queue in self.queues_where(|_| true) {
            queue.touch(now, effects);
        }
        self.carry_out(now, effects);
    }
}
