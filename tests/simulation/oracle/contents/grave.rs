//! Dead letters: which messages may have died, and what came of them in the morgue.
//!
//! When a message dies that nobody rejects is the broker's business; the oracle hears of it when its ghost comes out of
//! the morgue. It knows who may have died, why, and that
//! - nobody rises who had no reason to die, and, but for a crash, nobody twice;
//! - who has not come out of his queue must come out of the morgue;
//! - over a crash the original is there, or the ghost, or both: whose ghost and whose end the log may not have had is
//!   *owed* until one of them comes.

use super::{Contents, End, Missed, Pair, PairNumber, State};
use crate::names;
use crate::oracle::QueueNumber;
use crate::wire::{Content, Message};

/// What is known of the death of a message in a queue.
#[derive(Clone, Debug, Default)]
pub struct Grave {
    /// What rose from it.
    ghosts: Vec<PairNumber>,
    /// Its ghost has been heard of in this life.
    is_dead: bool,
    /// It may have died before, and its ghost may still come.
    pub echoes: bool,
    /// The original has come, or a ghost.
    pub has_come: bool,
    /// One of them must.
    pub is_owed: bool,
    /// Of a ghost: it may be another one of the same, so that it is not missed once it was given back.
    pub is_vague: bool,
}

/// A ghost that may come.
pub enum Ghost {
    /// One that was heard of.
    Known { of: PairNumber, ghost: PairNumber },
    /// One that was not.
    New { of: PairNumber },
}

impl Contents {
    fn may_die_of(&self, pair: &Pair, reason: &str, now: u64) -> bool {
        let kind = names::queue(self.queues[pair.queue.0].name);
        let may = match reason {
            "expired" => pair.is_expired(now),
            "maxlen" => kind.max_length.is_some(),
            "delivery_limit" => kind.delivery_limit.is_some() && pair.redelivered,
            _ => false,
        };
        kind.buries && may
    }

    /// Whether its queue may have given it up by now.
    pub fn may_die(&self, pair: &Pair, now: u64) -> bool {
        ["expired", "maxlen", "delivery_limit"].iter().any(|reason| self.may_die_of(pair, reason, now))
    }

    /// Whether a ghost of it may come that nobody has heard of.
    pub fn may_rise(&self, pair: &Pair, now: u64) -> bool {
        pair.grave.echoes || (Self::is_unburied(pair) && self.may_die(pair, now))
    }

    fn is_unburied(pair: &Pair) -> bool {
        !pair.grave.is_dead && matches!(pair.state, State::Waiting | State::Purged | State::Gone)
    }

    /// The ghost that came out of the morgue, if it may be there.
    pub fn ghost(&self, now: u64, message: &Message) -> Option<Ghost> {
        let (from, reason) = message.death.as_ref()?;
        let published = self.published.get(&message.number()?)?;
        let is_from = |of: &&PairNumber| self.queues[self.pairs[of.0].queue.0].name == from;
        let of = *published.pairs.iter().find(is_from)?;
        let pair = &self.pairs[of.0];
        let waits = |ghost: &&PairNumber| self.pairs[ghost.0].state == State::Waiting;
        // Of several the one that must be there: the others may be.
        let waiting = pair.grave.ghosts.iter().filter(waits);
        if let Some(ghost) = waiting.min_by_key(|ghost| self.pairs[ghost.0].doubt) {
            return Some(Ghost::Known { of, ghost: *ghost });
        }
        let may = pair.grave.echoes || (Self::is_unburied(pair) && self.may_die_of(pair, reason, now));
        may.then_some(Ghost::New { of })
    }

    /// A ghost comes out of the morgue. If it was not heard of before, this is the `fact` of its death.
    pub fn risen(
        &mut self,
        now: u64,
        morgue: QueueNumber,
        message: &Message,
        fact: u64,
    ) -> Result<(PairNumber, Content), Missed> {
        let found = self.ghost(now, message);
        let (of, ghost) = match found {
            Some(Ghost::Known { of, ghost }) => {
                // Which of several it is, nobody can tell after a crash.
                self.pairs[of.0].doubt |= self.pairs[of.0].grave.echoes;
                (of, ghost)
            }
            Some(Ghost::New { of }) => (of, self.bury(of, morgue, fact)),
            None => return Err(Missed(format!("{message:?} rose, and should not have"))),
        };
        self.pairs[of.0].grave.has_come = true;
        let pair = &mut self.pairs[ghost.0];
        (pair.state, pair.doubt, pair.redelivered) = (State::Held, false, true);
        Ok((ghost, self.published[&pair.message].content))
    }

    /// It is dead, and its ghost is in the morgue.
    fn bury(&mut self, of: PairNumber, morgue: QueueNumber, fact: u64) -> PairNumber {
        let ghost = PairNumber(self.pairs.len());
        let pair = &mut self.pairs[of.0];
        if pair.state == State::Waiting && pair.grave.echoes {
            // It may be a ghost from before a crash, and the original be there.
            pair.doubt = true;
        } else {
            if matches!(pair.state, State::Waiting | State::Held) {
                pair.state = State::Settled(fact);
            }
            pair.grave.is_dead = true;
        }
        pair.grave.ghosts.push(ghost);
        let (message, is_vague) = (pair.message, pair.grave.echoes);
        let all = pair.grave.ghosts.clone();
        self.pairs.push(Pair {
            message,
            queue: morgue,
            state: State::Waiting,
            doubt: false,
            redelivered: true,
            returned: true,
            level: 0,
            expires_at: None,
            fact,
            is_kept: self.published[&message].content.persistent,
            grave: Grave::default(),
        });
        for known in all.iter().filter(|_| is_vague) {
            // A ghost that a client has just given back may have come again before that is known here.
            let known = &mut self.pairs[known.0];
            known.grave.is_vague = true;
            known.doubt |= known.state == State::Waiting;
        }
        self.queues[morgue.0].contents.insert(ghost);
        ghost
    }

    /// A client rejects a message for good: it is dead where that means something, otherwise gone, as of this `fact`.
    pub fn reject(&mut self, number: PairNumber, fact: u64) {
        let queue = &self.queues[self.pairs[number.0].queue.0];
        let buries = names::queue(queue.name).buries && !queue.is_deleted;
        let morgue = self.queues.iter().rposition(|queue| queue.name == names::MORGUE).map(QueueNumber);
        match morgue.filter(|_| buries) {
            Some(morgue) => drop(self.bury(number, morgue, fact)),
            None => self.pairs[number.0].state = State::Settled(fact),
        }
    }

    /// A ghost that nobody has heard of may have been on its way to somebody who does not acknowledge.
    pub fn doubt_the_dead(&mut self) {
        for at in 0..self.pairs.len() {
            let may_have_risen = self.may_rise(&self.pairs[at], u64::MAX);
            let pair = &mut self.pairs[at];
            pair.doubt |= may_have_risen;
            pair.grave.is_owed &= !may_have_risen;
        }
    }

    /// The life in which it may have died is over.
    pub fn reopen_grave(&mut self, number: PairNumber, end: &End) {
        let may_die = self.may_die(&self.pairs[number.0], end.now);
        let pair = &self.pairs[number.0];
        let is_settled =
            |ghost: &PairNumber| matches!(self.pairs[ghost.0].state, State::Settled(_) | State::Gone);
        let was_in_doubt = matches!(pair.state, State::Settled(fact) if end.synced < fact);
        let is_owed = pair.grave.is_dead
            && was_in_doubt
            && pair.fact <= end.synced
            && !pair.doubt
            && self.published[&pair.message].content.persistent
            && !pair.grave.ghosts.iter().any(is_settled);
        let is_dead = pair.grave.is_dead && !was_in_doubt;
        let grave = &mut self.pairs[number.0].grave;
        grave.echoes |= !end.was_clean && (may_die || grave.is_dead);
        if is_owed {
            (grave.is_owed, grave.has_come) = (true, false);
        }
        grave.is_dead = is_dead;
    }

    /// Fails if neither an original has come nor its ghost, and one of them had to.
    pub fn check_owed(&self) -> Result<(), Missed> {
        for pair in self.pairs.iter().filter(|pair| pair.grave.is_owed && !pair.grave.has_come) {
            let queue = &self.queues[pair.queue.0];
            if !queue.is_deleted {
                let (message, name) = (pair.message, queue.name);
                return Err(Missed(format!("m{message} died in {name}, and was lost: {pair:?}")));
            }
        }
        Ok(())
    }

    /// How many dead letters there were.
    pub fn ghosts(&self) -> usize {
        self.pairs.iter().map(|pair| pair.grave.ghosts.len()).sum()
    }
}
