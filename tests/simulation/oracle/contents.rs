//! The messages of all queues: what became of each, once for each queue it went to.
//!
//! Invariant: pairs (message, queue) are numbered in the order in which they came into their queue, and that is the
//! order in which they leave it, each level by itself, but for those that were returned.

use std::collections::BTreeSet;

mod grave;

use super::Missed;
use super::topology::QueueNumber;
use crate::names::{self, Name};
use crate::wire::{Content, Message};

/// A message in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairNumber(usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In its queue, or on its way to a consumer.
    Waiting,
    /// A client has it.
    Held,
    /// Purged; the log is told when its page has been looked at.
    Purged,
    /// Done with; the log was told with this fact.
    Settled(u64),
    Gone,
}

#[derive(Clone, Debug)]
pub struct Pair {
    pub message: u32,
    pub queue: QueueNumber,
    pub state: State,
    /// It may have been lost or settled: it need not come, but may.
    pub doubt: bool,
    /// It was handed to a client before.
    pub redelivered: bool,
    /// It may have been on its way to another consumer, and come back behind its successors.
    pub returned: bool,
    /// How far up it stands in its queue.
    pub level: u8,
    expires_at: Option<u64>,
    /// What it was to the log; it means something if it is kept.
    fact: u64,
    is_kept: bool,
    grave: grave::Grave,
}

impl Pair {
    fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// How a life has ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The log has everything up to this fact.
    pub synced: u64,
    pub was_clean: bool,
    pub now: u64,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    pub name: Name,
    pub durable: bool,
    /// What the broker calls it.
    pub id: u64,
    pub is_deleted: bool,
    pub consumers: usize,
    /// Of them, those that do not acknowledge.
    pub careless: usize,
    contents: BTreeSet<PairNumber>,
}

/// A message that was published.
#[derive(Clone, Debug)]
struct Published {
    content: Content,
    /// What it was to the log; zero if it was not for the log.
    fact: u64,
    pairs: Vec<PairNumber>,
}

#[derive(Debug, Default)]
pub struct Contents {
    queues: Vec<Queue>,
    pairs: Vec<Pair>,
    published: std::collections::HashMap<u32, Published>,
    purged: Vec<PairNumber>,
}

impl Contents {
    pub fn declare(&mut self, name: Name, id: u64) -> QueueNumber {
        let durable = names::queue(name).durable;
        let contents = BTreeSet::new();
        self.queues.push(Queue { name, durable, id, is_deleted: false, consumers: 0, careless: 0, contents });
        QueueNumber(self.queues.len() - 1)
    }

    pub fn queue(&mut self, QueueNumber(at): QueueNumber) -> &mut Queue {
        &mut self.queues[at]
    }

    pub fn pair(&mut self, PairNumber(at): PairNumber) -> &mut Pair {
        &mut self.pairs[at]
    }

    /// A durable queue by what the broker calls it.
    pub fn queue_of_id(&self, id: u64) -> Option<QueueNumber> {
        self.queues.iter().rposition(|queue| queue.durable && queue.id == id).map(QueueNumber)
    }

    /// A message comes into queues; for the log it is the next `fact`. Whether it is for the log.
    pub fn publish(&mut self, now: u64, content: Content, queues: &BTreeSet<QueueNumber>, fact: u64) -> bool {
        let mut is_logged = false;
        let mut pairs = Vec::new();
        for queue in queues {
            let QueueNumber(at) = *queue;
            if self.queues[at].is_deleted {
                continue;
            }
            let kind = names::queue(self.queues[at].name);
            let is_kept = (content.persistent || kind.is_quorum()) && kind.durable;
            is_logged |= is_kept;
            let number = PairNumber(self.pairs.len());
            let ttl = content.expiration_millis.into_iter().chain(kind.ttl_millis);
            self.pairs.push(Pair {
                message: content.number,
                queue: *queue,
                state: State::Waiting,
                doubt: false,
                redelivered: false,
                returned: false,
                level: kind.level(content.priority),
                expires_at: ttl.min().map(|millis| now + millis * 1000),
                fact,
                is_kept,
                grave: grave::Grave::default(),
            });
            self.queues[at].contents.insert(number);
            pairs.push(number);
        }
        let fact = if is_logged { fact } else { 0 };
        self.published.insert(content.number, Published { content, fact, pairs });
        is_logged
    }

    /// Whether a message is there to be delivered.
    pub fn has(&self, now: u64, queue: QueueNumber, message: &Message) -> bool {
        if self.queues[queue.0].name == names::MORGUE {
            return self.ghost(now, message).is_some();
        }
        let Some(number) = message.number() else { return false };
        let pairs = self.published.get(&number).map(|published| published.pairs.iter());
        let mut pairs = pairs.into_iter().flatten().map(|pair| &self.pairs[pair.0]);
        pairs.any(|pair| pair.queue == queue && pair.state == State::Waiting)
    }

    /// The pair that a delivery must be of, and what it must be.
    pub fn delivered(
        &mut self,
        queue: QueueNumber,
        message: u32,
        redelivered: bool,
    ) -> Result<(PairNumber, Content), Missed> {
        let name = self.queues[queue.0].name;
        let Some(published) = self.published.get(&message) else {
            return Err(Missed(format!("m{message} in {name} was never published")));
        };
        let pair = published.pairs.iter().copied().find(|pair| self.pairs[pair.0].queue == queue);
        let Some(number) = pair else {
            return Err(Missed(format!("m{message} was not for {name}, and is in it")));
        };
        let content = published.content;
        let pair = &mut self.pairs[number.0];
        if pair.state != State::Waiting {
            return Err(Missed(format!("m{message} of {name} came again, it was {:?}", pair.state)));
        }
        if pair.redelivered != redelivered {
            return Err(Missed(format!("m{message} of {name} came with redelivered={redelivered}")));
        }
        (pair.state, pair.doubt, pair.redelivered) = (State::Held, false, true);
        pair.grave.has_come = true;
        Ok((number, content))
    }

    /// Those that are in a queue, or on their way out of it.
    fn waiting(&self, queue: QueueNumber) -> impl Iterator<Item = PairNumber> + '_ {
        let contents = self.queues[queue.0].contents.iter().copied();
        contents.filter(|PairNumber(at)| self.pairs[*at].state == State::Waiting)
    }

    /// How many messages a queue may say it has. What is on its way to consumers it does not count.
    pub fn count(&self, now: u64, queue: QueueNumber) -> std::ops::RangeInclusive<usize> {
        let most = self.waiting(queue).count();
        if self.queues[queue.0].name == names::MORGUE {
            // Dead letters arrive when nobody is looking.
            return 0..=most + self.pairs.iter().filter(|pair| self.may_rise(pair, now)).count();
        }
        let least =
            self.waiting(queue).filter(|PairNumber(at)| !self.is_optional(&self.pairs[*at], now)).count();
        let has_consumers = 0 < self.queues[queue.0].consumers;
        if has_consumers { 0..=most } else { least..=most }
    }

    /// Whether nobody may miss it where it is.
    fn is_optional(&self, pair: &Pair, now: u64) -> bool {
        pair.doubt || pair.is_expired(now) || self.may_die(pair, now)
    }

    /// The oldest message of a queue, before `end`, that must still be there to be taken.
    pub fn first_waiting(&self, now: u64, queue: QueueNumber, end: Option<PairNumber>) -> Option<u32> {
        if 0 < self.queues[queue.0].consumers || self.queues[queue.0].name == names::MORGUE {
            return None;
        }
        let rank = |number: PairNumber| (std::cmp::Reverse(self.pairs[number.0].level), number);
        let before = self.waiting(queue).filter(|number| end.is_none_or(|end| rank(*number) < rank(end)));
        let missed = before
            .filter(|PairNumber(at)| !self.is_optional(&self.pairs[*at], now))
            .min_by_key(|it| rank(*it));
        missed.map(|PairNumber(at)| self.pairs[at].message)
    }

    /// It was found empty: what was in doubt is not there. The log may be about to hear of it, as of this `fact`.
    pub fn found_empty(&mut self, queue: QueueNumber, fact: u64) {
        // What has died is somewhere else.
        let buries = names::queue(self.queues[queue.0].name).buries;
        if self.queues[queue.0].consumers == 0 && self.queues[queue.0].name != names::MORGUE {
            for PairNumber(at) in self.waiting(queue).collect::<Vec<_>>() {
                if !buries || self.pairs[at].doubt {
                    self.pairs[at].state = State::Settled(fact);
                }
            }
        }
    }

    /// A consumer's channel ends: what was on its way goes back, or is gone with it.
    pub fn consumer_ended(&mut self, queue: QueueNumber, no_ack: bool) {
        if no_ack && self.queues[queue.0].name == names::MORGUE {
            self.doubt_the_dead();
        }
        for PairNumber(at) in self.waiting(queue).collect::<Vec<_>>() {
            self.pairs[at].returned = true;
            self.pairs[at].doubt |= no_ack;
            self.pairs[at].grave.is_owed &= !no_ack;
        }
    }

    /// A client gives a message back.
    pub fn requeue(&mut self, PairNumber(at): PairNumber) {
        let pair = &mut self.pairs[at];
        (pair.state, pair.returned) = (State::Waiting, true);
        pair.doubt |= self.queues[pair.queue.0].is_deleted || pair.grave.is_vague;
    }

    /// Everything that waits goes. Of what is on its way to a consumer nobody knows.
    pub fn purge(&mut self, now: u64, queue: QueueNumber) {
        let has_consumers = 0 < self.queues[queue.0].consumers;
        for number in self.waiting(queue).collect::<Vec<_>>() {
            let may_die = self.may_die(&self.pairs[number.0], now);
            let pair = &mut self.pairs[number.0];
            pair.grave.echoes |= may_die;
            pair.grave.is_owed = false;
            if has_consumers {
                pair.doubt = true;
            } else {
                pair.state = State::Purged;
                self.purged.push(number);
            }
        }
    }

    /// No page waits to be looked at any more: what was purged has been settled, with this fact. Whether there was any.
    pub fn pages_done(&mut self, fact: u64) -> bool {
        let was_purged = !self.purged.is_empty();
        for PairNumber(at) in self.purged.drain(..) {
            if self.pairs[at].state == State::Purged {
                self.pairs[at].state = State::Settled(fact);
            }
        }
        was_purged
    }

    /// When a message's fact was, for what rests on it.
    pub fn fact_of(&self, message: u32) -> u64 {
        self.published.get(&message).map_or(0, |published| published.fact)
    }

    /// A new life, of the queues that `survives` names; the log has everything up to `synced`.
    pub fn restart(&mut self, survives: impl Fn(QueueNumber) -> bool, end: &End) {
        let End { synced, was_clean, now } = *end;
        self.purged.clear();
        if self.queues.iter().any(|queue| queue.name == names::MORGUE && 0 < queue.careless) {
            self.doubt_the_dead();
        }
        let all: Vec<PairNumber> =
            self.queues.iter().flat_map(|queue| queue.contents.iter().copied()).collect();
        for number in all {
            self.reopen_grave(number, end);
        }
        for at in 0..self.queues.len() {
            let careless = 0 < self.queues[at].careless;
            let queue = &mut self.queues[at];
            (queue.consumers, queue.careless) = (0, 0);
            let is_morgue = queue.name == names::MORGUE;
            let survives = queue.durable && survives(QueueNumber(at));
            queue.is_deleted = !survives;
            for PairNumber(number) in std::mem::take(&mut queue.contents) {
                let is_mortal = self.may_die(&self.pairs[number], now);
                let pair = &mut self.pairs[number];
                let is_persistent = self.published[&pair.message].content.persistent;
                let is_settled = matches!(pair.state, State::Settled(fact) if fact <= synced);
                if !survives || !pair.is_kept || is_settled || pair.state == State::Gone {
                    pair.state = State::Gone;
                    pair.grave.is_owed &= survives;
                    continue;
                }
                let is_lost_dead = is_mortal && !is_persistent;
                let is_careless = careless && pair.state == State::Waiting;
                pair.grave.is_owed &= !is_careless;
                let was_settled = matches!(pair.state, State::Settled(_) | State::Purged);
                pair.doubt |=
                    was_settled || pair.grave.is_vague || synced < pair.fact || is_careless || is_lost_dead;
                // In which order messages died nobody knows here.
                (pair.state, pair.returned) = (State::Waiting, is_morgue);
                pair.redelivered |= !was_clean;
                self.queues[at].contents.insert(PairNumber(number));
            }
        }
    }

    /// Fails if something is left that should have been taken.
    pub fn check_drained(&self, now: u64, queue: QueueNumber) -> Result<(), Missed> {
        let name = self.queues[queue.0].name;
        for PairNumber(at) in &self.queues[queue.0].contents {
            let pair = &self.pairs[*at];
            let may_vanish = pair.doubt || (pair.is_expired(now) && !names::queue(name).buries);
            let is_missed = pair.state == State::Waiting && !may_vanish;
            if is_missed || pair.state == State::Held {
                return Err(Missed(format!("m{} never came out of {name}: {pair:?}", pair.message)));
            }
        }
        Ok(())
    }
}
