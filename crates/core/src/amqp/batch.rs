//! What one read of a connection collects for its queues: publishes, settlements, and who is to be told.
//!
//! A settlement only gives credit back, so it needs no order towards publishes. Whatever could observe a queue flushes
//! first.

use crate::amqp::unacked::Held;
use crate::effect::Effects;
use crate::id::{ChannelNumber, ConsumerId};
use crate::model::{Accepted, Arrival, Intake, Message, QueueRef, Settled, Vhost};
use crate::store::{Position, Store};
use crate::time::Timestamp;

/// What waits for the end of the read.
#[derive(Debug)]
pub struct Batch {
    intake: Intake,
    settlements: Option<Settlements>,
    confirming: Vec<ChannelNumber>,
}

/// A run of settlements of one consumer.
#[derive(Debug)]
struct Settlements {
    queue: QueueRef,
    from: Option<ConsumerId>,
    settled: Settled,
}

impl Batch {
    /// An empty one, whose messages go to this store.
    pub fn new(store: &dyn Store) -> Self {
        Self { intake: Intake::new(store), settlements: None, confirming: Vec::new() }
    }

    /// A message for all its queues, see [`Intake::publish`].
    pub fn publish(
        &mut self,
        now: Timestamp,
        queues: &[QueueRef],
        arrival: Arrival,
        effects: &mut Effects,
    ) -> Accepted {
        self.intake.publish(now, queues, arrival, effects)
    }

    /// A message of the broker's own, see [`Vhost::publish_report`]. Comes before the publish that it tells of, so that
    /// what is known of that one is known of the last.
    pub fn report(&mut self, now: Timestamp, vhost: &Vhost, message: Message, effects: &mut Effects) {
        vhost.publish_report(now, message, (&mut self.intake, effects));
    }

    /// See [`Intake::take_outrun`].
    pub fn take_outrun(&mut self) -> Option<QueueRef> {
        self.intake.take_outrun()
    }

    /// See [`Intake::await_write`].
    pub fn await_write(&mut self) -> Option<u64> {
        self.intake.await_write()
    }

    /// See [`Intake::committed`].
    pub fn committed(&mut self, committed: Position) -> Option<u64> {
        self.intake.committed(committed)
    }

    /// See [`Intake::awaits`].
    pub fn awaits(&self) -> Option<Position> {
        self.intake.awaits()
    }

    /// See [`Intake::give_up`].
    pub fn give_up(&mut self) {
        self.intake.give_up();
    }

    /// A delivery that was acknowledged.
    pub fn settle(&mut self, now: Timestamp, held: &Held, effects: &mut Effects) {
        effects.settles.extend(held.settle());
        let (queue, from, body_bytes) = (&held.queue, held.consumer, held.entry.body_bytes());
        match &mut self.settlements {
            Some(run) if run.queue == *queue && run.from == from => {
                run.settled.count += 1;
                run.settled.body_bytes += body_bytes;
            }
            _ => {
                self.flush_settlements(now, effects);
                let (queue, settled) = (queue.clone(), Settled { count: 1, body_bytes });
                self.settlements = Some(Settlements { queue, from, settled });
            }
        }
    }

    /// A channel has publishes to confirm when this batch is through.
    pub fn confirm(&mut self, channel: ChannelNumber) {
        if self.confirming.last() != Some(&channel) && !self.confirming.contains(&channel) {
            self.confirming.push(channel);
        }
    }

    /// The channels that have publishes to confirm, once.
    pub fn take_confirming(&mut self) -> Vec<ChannelNumber> {
        std::mem::take(&mut self.confirming)
    }

    /// Brings everything to its queues.
    pub fn flush(&mut self, now: Timestamp, effects: &mut Effects) {
        self.flush_settlements(now, effects);
        self.intake.flush(now, effects);
    }

    /// Nothing is going on: room is given back.
    pub fn rest(&mut self) {
        self.intake.rest();
    }

    fn flush_settlements(&mut self, now: Timestamp, effects: &mut Effects) {
        if let Some(Settlements { queue, from, settled }) = self.settlements.take() {
            queue.settle(now, from, settled, effects);
        }
    }
}
