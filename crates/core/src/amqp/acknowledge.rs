//! basic.ack, nack, reject, recover: what becomes of deliveries that a client holds.

use std::ops::Range;

use leveret_codec::hot::{Ack, Nack, Reject};
use leveret_codec::method::{Method, basic};

use crate::amqp::channel::{Channel, Mode};
use crate::amqp::session::Turn;
use crate::amqp::unacked::Held;
use crate::effect::Effects;
use crate::model::{QueueRef, Returned, Stat};
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

/// What is to become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Acknowledged.
    Settled,
    /// Rejected for good: dropped, or dead-lettered.
    Rejected,
    /// Back to its queue, handed back.
    Requeued,
    /// Back to its queue because the delivery has failed.
    Failed,
}

impl Fate {
    /// The word for it, in spans.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "ack",
            Self::Rejected => "reject",
            Self::Requeued | Self::Failed => "requeue",
        }
    }
}

impl Channel {
    /// basic.ack.
    pub fn ack(&mut self, turn: &mut Turn<'_>, ack: Ack) -> Ruling {
        self.decide(turn, ack.tag, ack.multiple, Fate::Settled)
    }

    /// basic.nack.
    pub fn nack(&mut self, turn: &mut Turn<'_>, nack: Nack) -> Ruling {
        let fate = if nack.requeue { Fate::Requeued } else { Fate::Rejected };
        self.decide(turn, nack.tag, nack.multiple, fate)
    }

    /// basic.reject.
    pub fn reject(&mut self, turn: &mut Turn<'_>, reject: Reject) -> Ruling {
        let fate = if reject.requeue { Fate::Failed } else { Fate::Rejected };
        self.decide(turn, reject.tag, false, fate)
    }

    /// Tag zero with `multiple` is everything; otherwise the tag itself must be outstanding.
    fn decide(&mut self, turn: &mut Turn<'_>, tag: u64, multiple: bool, fate: Fate) -> Ruling {
        if fate == Fate::Settled
            && !matches!(self.mode, Mode::Tx(_))
            && let Some(outstanding) = self.unacked.find(tag, multiple)
        {
            self.settle_in_place(turn, outstanding);
            if multiple {
                self.lateness.forget(if tag == 0 { u64::MAX } else { tag });
            }
            return Ok(());
        }
        let unknown = || Refusal::precondition_failed(format!("unknown delivery tag {tag}"));
        match (tag, multiple) {
            (0, true) => {
                let held = self.unacked.take_all();
                self.lateness.forget(u64::MAX);
                self.settle_all(turn, held, fate);
            }
            (tag, true) => {
                let held = match self.unacked.take_up_to(tag) {
                    Some(held) => held,
                    None if self.lateness.forgive(tag) => self.unacked.take_before(tag),
                    None => return Err(unknown()),
                };
                self.lateness.forget(tag);
                self.settle_all(turn, held, fate);
            }
            (tag, false) => match self.unacked.take(tag) {
                Some(held) => self.settle_all(turn, vec![held], fate),
                None if self.lateness.forgive(tag) => {}
                None => return Err(unknown()),
            },
        }
        Ok(())
    }

    /// The way of nearly every ack: nothing is moved, and no list is made.
    fn settle_in_place(&mut self, turn: &mut Turn<'_>, outstanding: Range<usize>) {
        let (mut counted, mut acked) = (0, 0);
        for held in self.unacked.range(outstanding.clone()) {
            acked += 1;
            counted += u32::from(held.counted);
            turn.tell_settled(held, "ack");
            turn.batch.settle(turn.now, held, &mut turn.out.effects);
        }
        self.unacked.forget(outstanding);
        self.count(Stat::Ack, acked, 0);
        self.note_held();
        self.give_credit_back(turn, counted);
    }

    /// So many deliveries count no more towards the limit that the consumers of the channel have together.
    fn give_credit_back(&mut self, turn: &mut Turn<'_>, counted: u32) {
        if 0 < counted {
            turn.flush();
            self.credit.give_back(counted);
            turn.resume_stalled();
        }
    }

    fn settle_all(&mut self, turn: &mut Turn<'_>, held: Vec<Held>, fate: Fate) {
        if let Mode::Tx(transaction) = &mut self.mode {
            transaction.settle(fate, held);
        } else {
            self.carry_out(turn, held, fate);
        }
        self.note_held();
    }

    /// Settles or requeues, outside or at the end of a transaction.
    pub fn carry_out(&mut self, turn: &mut Turn<'_>, held: Vec<Held>, fate: Fate) {
        let counted = held.iter().filter(|held| held.counted).count();
        for held in &held {
            turn.tell_settled(held, fate.as_str());
        }
        match fate {
            Fate::Settled => {
                self.count(Stat::Ack, held.len(), 0);
                for held in &held {
                    turn.batch.settle(turn.now, held, &mut turn.out.effects);
                }
            }
            Fate::Requeued => requeue(turn, held, false),
            Fate::Failed => requeue(turn, held, true),
            Fate::Rejected => reject(turn, held),
        }
        self.give_credit_back(turn, u32::try_from(counted).unwrap_or(u32::MAX));
    }

    /// basic.recover and recover-async. A transaction's acknowledgements are not touched.
    pub fn recover(&mut self, turn: &mut Turn<'_>, requeue: bool, reply: bool) -> Ruling {
        if !requeue {
            return Err(Refusal::not_implemented("requeue=false"));
        }
        let held = self.unacked.take_all();
        self.carry_out(turn, held, Fate::Requeued);
        self.note_held();
        if reply {
            turn.send(self.number, &Method::Basic(basic::AMQPMethod::RecoverOk(basic::RecoverOk {})));
        }
        Ok(())
    }
}

/// Brings deliveries back that a client has seen.
fn requeue(turn: &mut Turn<'_>, held: Vec<Held>, has_failed: bool) {
    let returned = held.into_iter().map(|held| seen(held, has_failed));
    give_back(turn, returned, QueueRef::requeue);
}

/// A delivery that comes back, of which its queue is to know that a client has seen it.
pub fn seen(held: Held, has_failed: bool) -> (QueueRef, Returned) {
    let Held { queue, consumer: from, mut entry, .. } = held;
    entry.redelivered = true;
    let returns = &mut entry.returns;
    returns.acquired = returns.acquired.saturating_add(1);
    returns.failed = returns.failed.saturating_add(u16::from(has_failed));
    (queue, Returned { from, has_failed, entry })
}

/// Tells queues of deliveries that were rejected for good.
fn reject(turn: &mut Turn<'_>, held: Vec<Held>) {
    let rejected = held
        .into_iter()
        .map(|Held { queue, consumer: from, entry, .. }| (queue, Returned { from, has_failed: true, entry }));
    give_back(turn, rejected, QueueRef::reject);
}

/// Brings deliveries back to their queues, each queue once.
pub fn give_back(
    turn: &mut Turn<'_>,
    deliveries: impl IntoIterator<Item = (QueueRef, Returned)>,
    give: impl Fn(&QueueRef, Timestamp, Vec<Returned>, &mut Effects),
) {
    turn.flush();
    let mut by_queue: Vec<(QueueRef, Vec<Returned>)> = Vec::new();
    for (queue, returned) in deliveries {
        match by_queue.iter_mut().rev().find(|(known, _)| *known == queue) {
            Some((_, entries)) => entries.push(returned),
            None => by_queue.push((queue, vec![returned])),
        }
    }
    for (queue, entries) in by_queue {
        give(&queue, turn.now, entries, &mut turn.out.effects);
    }
}
