//! Consumers that are late: they hold a delivery for longer than they may.
//!
//! As in RabbitMQ 4.3, a late consumer is cancelled and everything it holds goes back to its queue; what it acknowledges
//! afterwards is accepted and means nothing. A client that does not understand being cancelled loses its channel with
//! 406, as before 4.3. Off unless somebody sets a time; there is no time for what was got.

use std::collections::BTreeSet;
use std::time::Duration;

use leveret_codec::method::{Method, MethodId, basic};

use crate::amqp::acknowledge::{give_back, seen};
use crate::amqp::channel::Channel;
use crate::amqp::channels::ChannelTable;
use crate::amqp::consumers::{Consumer, Source};
use crate::amqp::session::Turn;
use crate::amqp::unacked::Held;
use crate::id::{ConsumerId, QueueId};
use crate::model::QueueRef;
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

/// What a channel must know to find out who is late.
#[derive(Debug, Default)]
pub struct Lateness {
    /// When to look; nobody is late before.
    pub look_at: Option<Timestamp>,
    /// Deliveries that were taken back.
    taken_back: BTreeSet<u64>,
}

impl Lateness {
    /// A delivery that is to be settled by then.
    pub fn expect(&mut self, by: Timestamp) {
        self.look_at = Some(self.look_at.map_or(by, |at| at.min(by)));
    }

    /// A delivery is settled that is not held. `true`: it was taken back, so that is fine.
    pub fn forgive(&mut self, tag: u64) -> bool {
        self.taken_back.remove(&tag)
    }

    /// Everything up to this delivery is settled.
    pub fn forget(&mut self, up_to: u64) {
        if !self.taken_back.is_empty() {
            self.taken_back = self.taken_back.split_off(&up_to.saturating_add(1));
        }
    }
}

impl ChannelTable {
    /// Looks at the channels on which somebody may be late.
    pub fn handle_late(&mut self, turn: &mut Turn<'_>) {
        turn.flush();
        let now = turn.now;
        let due: Vec<_> = self.open_channels().filter(|channel| channel.lateness.is_due(now)).collect();
        let mut refused = Vec::new();
        for channel in due {
            if let Err(refusal) = channel.cancel_late(turn) {
                refused.push((channel.number, refusal));
            }
        }
        for (number, refusal) in refused {
            self.close(turn, number, &refusal, MethodId::BASIC_CONSUME);
        }
        self.look_at = self.open_channels().filter_map(|channel| channel.lateness.look_at).min();
    }
}

impl Lateness {
    fn is_due(&self, now: Timestamp) -> bool {
        self.look_at.is_some_and(|at| at <= now)
    }
}

impl Channel {
    /// Cancels the consumers that hold something for too long.
    fn cancel_late(&mut self, turn: &mut Turn<'_>) -> Ruling {
        let mut late: Vec<(QueueId, ConsumerId, Duration)> = Vec::new();
        for held in self.unacked.iter().filter(|held| held.settle_by <= turn.now) {
            let Some(consumer) = held.consumer else { continue };
            let queue = held.queue.facts().id;
            if late.iter().all(|(of, id, _)| (*of, *id) != (queue, consumer)) {
                late.push((queue, consumer, held.settle_by.duration_since(held.delivered_at)));
            }
        }
        for (queue, id, after) in late {
            let held = self.unacked.take_of(queue, id);
            self.lateness.taken_back.extend(held.iter().map(|held| held.tag));
            let counted = held.iter().filter(|held| held.counted).count();
            self.cancel_one(turn, (queue, id), held);
            // Others of the channel may have what it had.
            self.credit.give_back(u32::try_from(counted).unwrap_or(u32::MAX));
            turn.resume_stalled();
            if !turn.session.capabilities.consumer_cancel_notify {
                return Err(too_late(self.number, after));
            }
        }
        self.note_held();
        self.lateness.look_at = self.unacked.iter().map(|held| held.settle_by).min();
        self.lateness.look_at.take_if(|at| *at == Timestamp::NEVER);
        Ok(())
    }

    /// Ends a consumer, which may be gone already, and gives back what it held.
    fn cancel_one(&mut self, turn: &mut Turn<'_>, (queue, id): (QueueId, ConsumerId), held: Vec<Held>) {
        let mut returned: Vec<_> = held.into_iter().map(|held| seen(held, false)).collect();
        let place = self.consumers.find(queue, id);
        let consumer = place.and_then(|place| self.consumers.get(place)).cloned();
        let Some((place, consumer)) = place.zip(consumer) else {
            return give_back(turn, returned, QueueRef::requeue);
        };
        let Consumer { tag, source: Source::Queue { queue, .. }, .. } = &consumer else { return };
        let is_unused = queue.leave(turn.now, id, &mut turn.out.effects);
        returned.extend(self.take_waiting(turn, Some(place)));
        self.consumers.remove(place);
        self.tell_consumer_gone(turn, &consumer);
        give_back(turn, returned, QueueRef::requeue);
        queue.follow(turn.now, &mut turn.out.effects);
        let tag = String::from_utf8_lossy(tag);
        tracing::warn!(
            queue = &*queue.facts().name,
            channel = self.number,
            %tag,
            "cancelled a consumer: it did not acknowledge in time"
        );
        if is_unused {
            turn.delete_unused(queue);
        }
        if turn.session.capabilities.consumer_cancel_notify {
            let cancel = basic::Cancel { consumer_tag: tag.as_ref().into(), nowait: true };
            turn.send(self.number, &Method::Basic(basic::AMQPMethod::Cancel(cancel)));
        }
    }
}

fn too_late(channel: u16, after: Duration) -> Refusal {
    Refusal::precondition_failed(format!(
        "delivery acknowledgement on channel {channel} timed out. Timeout value used: {} ms. This timeout value can be \
         configured, see consumers doc guide to learn more",
        after.as_millis()
    ))
    .without_method()
}
