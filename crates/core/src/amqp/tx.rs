//! Class tx: publishes and acknowledgements that take effect together at the commit.
//!
//! As in RabbitMQ, messages are checked and routed when they are published, and enqueued at the commit; a
//! tag that was acknowledged is no longer outstanding at once, and outstanding again after a rollback.

use std::time::Duration;

use leveret_codec::method::{Method, tx};

use crate::amqp::acknowledge::Fate;
use crate::amqp::channel::{Channel, Mode};
use crate::amqp::session::Turn;
use crate::amqp::unacked::Held;
use crate::effect::Output;
use crate::model::{Accepted, Arrival, ChannelMode, Message, QueueRef};
use crate::refusal::{Refusal, Ruling};

/// Where a message goes at the commit.
#[derive(Debug)]
pub enum TxTarget {
    /// Into the queues it was routed to.
    Queues(Vec<QueueRef>),
    /// To whoever waits under its routing key for a direct reply.
    Reply,
}

/// A message that waits for the commit.
#[derive(Debug)]
pub struct TxPublish {
    /// Where it goes.
    pub target: TxTarget,
    /// The message.
    pub message: Message,
    /// Its own expiration.
    pub expiration: Option<Duration>,
    /// It comes back if it reaches nothing.
    pub mandatory: bool,
}

/// What a channel has done since the last commit or rollback.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Messages, in order.
    pub publishes: Vec<TxPublish>,
    /// Deliveries that were decided about, in order.
    pub settled: Vec<(Fate, Vec<Held>)>,
    /// How many deliveries these are.
    settled_count: usize,
}

impl Transaction {
    /// How many publishes and acknowledgements wait for the commit.
    pub fn counts(&self) -> (u32, u32) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (count(self.publishes.len()), count(self.settled_count))
    }

    /// Deliveries are decided about.
    pub fn settle(&mut self, fate: Fate, held: Vec<Held>) {
        self.settled_count += held.len();
        self.settled.push((fate, held));
    }
}

impl Channel {
    /// Does what a method of this class asks.
    pub fn on_tx(&mut self, turn: &mut Turn<'_>, method: &tx::AMQPMethod) -> Ruling {
        use tx::AMQPMethod as M;
        turn.flush();
        match method {
            M::Select(_) => {
                match self.mode {
                    Mode::Plain => {
                        self.mode = Mode::Tx(Transaction::default());
                        self.record.set_mode(ChannelMode::Transactional);
                    }
                    Mode::Tx(_) => {}
                    Mode::Confirm(_) => {
                        return Err(Refusal::precondition_failed("cannot switch from confirm to tx mode"));
                    }
                }
                turn.send(self.number, &Method::Tx(M::SelectOk(tx::SelectOk {})));
            }
            M::Commit(_) => {
                let transaction = self.transaction()?;
                self.commit(turn, transaction)?;
            }
            M::Rollback(_) => {
                let transaction = self.transaction()?;
                self.unacked.restore(transaction.settled.into_iter().flat_map(|(_, held)| held).collect());
                turn.send(self.number, &Method::Tx(M::RollbackOk(tx::RollbackOk {})));
            }
            M::SelectOk(_) | M::CommitOk(_) | M::RollbackOk(_) => {
                return Err(Refusal::command_invalid("unimplemented method"));
            }
        }
        self.note_held();
        Ok(())
    }

    /// What has been done so far; the next begins empty.
    fn transaction(&mut self) -> Ruling<Transaction> {
        match &mut self.mode {
            Mode::Tx(transaction) => Ok(std::mem::take(transaction)),
            _ => Err(Refusal::precondition_failed("channel is not transactional")),
        }
    }

    /// If a full queue refuses a message, the rest takes effect all the same (as in RabbitMQ).
    fn commit(&mut self, turn: &mut Turn<'_>, transaction: Transaction) -> Ruling {
        let mut last_write = None;
        let mut is_refused = false;
        for TxPublish { target, message, expiration, mandatory } in transaction.publishes {
            match target {
                TxTarget::Reply => self.publish_reply(turn, mandatory, &message),
                TxTarget::Queues(targets) if targets.is_empty() => {
                    self.unroutable(turn, mandatory, &message);
                }
                TxTarget::Queues(targets) => {
                    let arrival = Arrival { message, expiration };
                    match turn.batch.publish(turn.now, &targets, arrival, &mut turn.out.effects) {
                        Accepted::Here => {}
                        Accepted::Unsafe => last_write = turn.batch.await_write(),
                        Accepted::Refused => is_refused = true,
                    }
                }
            }
        }
        for (fate, held) in transaction.settled {
            self.carry_out(turn, held, fate);
        }
        turn.flush();
        if is_refused {
            return Err(Refusal::precondition_failed("partial tx completion"));
        }
        // An answer never overtakes that of an earlier commit: a client takes the first for the first.
        match last_write.or(self.commits_waiting.back().copied()) {
            None => self.commit_ok(turn.out),
            Some(write) => self.commits_waiting.push_back(write),
        }
        Ok(())
    }

    /// The log has every write up to this one: commits that waited for it are answered.
    pub fn commits_committed(&mut self, up_to: u64, out: &mut Output) {
        while self.commits_waiting.front().is_some_and(|write| *write <= up_to) {
            self.commits_waiting.pop_front();
            self.commit_ok(out);
        }
    }

    fn commit_ok(&self, out: &mut Output) {
        let ok = Method::Tx(tx::AMQPMethod::CommitOk(tx::CommitOk {}));
        out.send(self.number, &ok);
    }
}
