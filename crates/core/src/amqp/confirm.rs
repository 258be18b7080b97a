//! Publisher confirms of one channel (RabbitMQ's class confirm).
//!
//! Invariant: publishes are confirmed in the order they came, so one `basic.ack` with `multiple` says it
//! all. A publish is confirmed once every queue has it, and, if it is persistent and some queue durable,
//! once the log has it: a later transient message waits for an earlier persistent one. If the log fails, what
//! waited for it is refused with `basic.nack` (it may be in its queues all the same), as is at once what a full queue
//! does not take.

use std::collections::VecDeque;

/// How far an acknowledgement of the broker goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The highest sequence number.
    pub tag: u64,
    /// Whether it covers several.
    pub multiple: bool,
}

/// What the broker says of publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has them.
    Ack(Confirmed),
    /// It can't say that it will still have them tomorrow.
    Nack(Confirmed),
}

/// Publishes in a row that are not simply there.
#[derive(Debug)]
struct Run {
    first: u64,
    last: u64,
    outcome: Outcome,
}

/// What is to be said of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// They are there when this write of their connection is committed.
    Waiting(u64),
    /// A queue was full.
    Refused,
}

/// What a channel has published since `confirm.select`.
#[derive(Debug, Default)]
pub struct Confirms {
    published: u64,
    confirmed: u64,
    /// The last write that the log is known to have.
    committed: u64,
    /// Those that wait for the log, or are to be refused, oldest first.
    runs: VecDeque<Run>,
}

impl Confirms {
    /// How many publishes the publisher has been told about.
    pub fn told(&self) -> u64 {
        self.confirmed
    }

    /// How many it waits to be told about.
    pub fn untold(&self) -> u32 {
        u32::try_from(self.published - self.confirmed).unwrap_or(u32::MAX)
    }

    /// Counts a publish; `write` is the write that carries it into the log, if it must wait for one.
    pub fn published(&mut self, write: Option<u64>) {
        self.published += 1;
        if let Some(write) = write {
            self.note(Outcome::Waiting(write));
        }
    }

    /// Counts a publish that a queue has refused.
    pub fn refused(&mut self) {
        self.published += 1;
        self.note(Outcome::Refused);
    }

    fn note(&mut self, outcome: Outcome) {
        let number = self.published;
        match self.runs.back_mut() {
            Some(run) if run.outcome == outcome && run.last + 1 == number => run.last = number,
            _ => self.runs.push_back(Run { first: number, last: number, outcome }),
        }
    }

    /// The log has everything up to this write.
    pub fn committed(&mut self, up_to: u64) {
        self.committed = self.committed.max(up_to);
    }

    /// What can be told to the publisher now, and has not been.
    pub fn take(&mut self) -> Option<Verdict> {
        let is_there =
            |run: &mut Run| matches!(run.outcome, Outcome::Waiting(write) if write <= self.committed);
        while self.runs.pop_front_if(is_there).is_some() {}
        let Some(run) = self.runs.front() else { return self.advance(self.published).map(Verdict::Ack) };
        let (first, last, outcome) = (run.first, run.last, run.outcome);
        if let Some(before) = self.advance(first - 1) {
            return Some(Verdict::Ack(before));
        }
        if outcome != Outcome::Refused {
            return None;
        }
        self.runs.pop_front();
        self.advance(last).map(Verdict::Nack)
    }

    /// The log has failed: what waits for it never comes. Everything is decided from now on.
    pub fn fail(&mut self) {
        for run in &mut self.runs {
            run.outcome = Outcome::Refused;
        }
        // Those in a row are refused together.
        let mut runs: VecDeque<Run> = VecDeque::new();
        for run in std::mem::take(&mut self.runs) {
            match runs.back_mut() {
                Some(before) if before.last + 1 == run.first => before.last = run.last,
                _ => runs.push_back(run),
            }
        }
        self.runs = runs;
    }

    fn advance(&mut self, through: u64) -> Option<Confirmed> {
        let multiple = self.confirmed + 1 < through;
        let news = self.confirmed < through;
        self.confirmed = self.confirmed.max(through);
        news.then_some(Confirmed { tag: through, multiple })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(tag: u64) -> Confirmed {
        Confirmed { tag, multiple: false }
    }

    fn up_to(tag: u64) -> Confirmed {
        Confirmed { tag, multiple: true }
    }

    #[test]
    fn a_persistent_message_holds_back_the_confirms_behind_it() {
        let mut confirms = Confirms::default();
        confirms.published(None);
        confirms.published(Some(7));
        confirms.published(None);
        assert_eq!(confirms.take(), Some(Verdict::Ack(one(1))));
        assert_eq!(confirms.take(), None);
        confirms.committed(6);
        assert_eq!(confirms.take(), None);
        confirms.committed(7);
        assert_eq!(confirms.take(), Some(Verdict::Ack(up_to(3))));
    }

    #[test]
    fn a_window_of_one_write_costs_one_place() {
        let mut confirms = Confirms::default();
        (0..1000).for_each(|_| confirms.published(Some(1)));
        (0..1000).for_each(|_| confirms.published(Some(2)));
        assert_eq!(confirms.runs.len(), 2);
        confirms.committed(1);
        assert_eq!(confirms.take(), Some(Verdict::Ack(up_to(1000))));
    }

    #[test]
    fn when_the_log_fails_only_what_waited_for_it_is_given_up() {
        let mut confirms = Confirms::default();
        for write in [None, Some(1), Some(2), None, None, Some(2), None] {
            confirms.published(write);
        }
        let expected = [
            Verdict::Ack(one(1)),
            Verdict::Nack(up_to(3)),
            Verdict::Ack(up_to(5)),
            Verdict::Nack(one(6)),
            Verdict::Ack(one(7)),
        ];
        confirms.fail();
        let heard: Vec<Verdict> = std::iter::from_fn(|| confirms.take()).collect();
        assert_eq!(heard, expected);
    }

    #[test]
    fn what_a_full_queue_refuses_is_said_between_what_is_there() {
        let mut confirms = Confirms::default();
        confirms.published(None);
        confirms.published(None);
        confirms.refused();
        confirms.refused();
        confirms.published(Some(1));
        confirms.refused();
        let told = |confirms: &mut Confirms| std::iter::from_fn(|| confirms.take()).collect::<Vec<_>>();
        assert_eq!(told(&mut confirms), [Verdict::Ack(up_to(2)), Verdict::Nack(up_to(4))]);
        confirms.committed(1);
        assert_eq!(told(&mut confirms), [Verdict::Ack(one(5)), Verdict::Nack(one(6))]);
    }
}
