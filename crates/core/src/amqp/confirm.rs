//! Publisher confirms of one channel (RabbitMQ's class confirm).
//!
//! Invariant: publishes are confirmed in the order they came, so one `basic.ack` with `multiple` says it
//! all. A publish is confirmed once every queue has it, and, if it is persistent and some queue durable,
//! once the log has it: a later transient message waits for an earlier persistent one. If the log fails, what
//! waited for it is refused with `basic.nack` (it may be in its queues all the same).

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

/// Publishes in a row that wait for one write of their connection.
#[derive(Debug)]
struct Run {
    first: u64,
    last: u64,
    write: u64,
}

/// What a channel has published since `confirm.select`.
#[derive(Debug, Default)]
pub struct Confirms {
    published: u64,
    confirmed: u64,
    /// Those that wait for the log, oldest first.
    waiting: VecDeque<Run>,
}

impl Confirms {
    /// Counts a publish; `write` is the write that carries it into the log, if it must wait for one.
    pub fn published(&mut self, write: Option<u64>) {
        self.published += 1;
        let (number, Some(write)) = (self.published, write) else { return };
        match self.waiting.back_mut() {
            Some(run) if run.write == write && run.last + 1 == number => run.last = number,
            _ => self.waiting.push_back(Run { first: number, last: number, write }),
        }
    }

    /// The log has everything up to this write.
    pub fn committed(&mut self, up_to: u64) {
        while self.waiting.front().is_some_and(|run| run.write <= up_to) {
            self.waiting.pop_front();
        }
    }

    /// What can be told to the publisher now, and has not been.
    pub fn take(&mut self) -> Option<Confirmed> {
        let through = self.waiting.front().map_or(self.published, |run| run.first - 1);
        self.advance(through)
    }

    /// The log has failed: what waits for it never comes. Everything is decided now, in order.
    pub fn fail(&mut self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut lost = self.confirmed;
        for Run { first, last, .. } in std::mem::take(&mut self.waiting) {
            if lost + 1 < first {
                verdicts.extend(self.advance(lost).map(Verdict::Nack));
                verdicts.extend(self.advance(first - 1).map(Verdict::Ack));
            }
            lost = last;
        }
        verdicts.extend(self.advance(lost).map(Verdict::Nack));
        verdicts.extend(self.advance(self.published).map(Verdict::Ack));
        verdicts
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
        assert_eq!(confirms.take(), Some(one(1)));
        assert_eq!(confirms.take(), None);
        confirms.committed(6);
        assert_eq!(confirms.take(), None);
        confirms.committed(7);
        assert_eq!(confirms.take(), Some(up_to(3)));
    }

    #[test]
    fn a_window_of_one_write_costs_one_place() {
        let mut confirms = Confirms::default();
        (0..1000).for_each(|_| confirms.published(Some(1)));
        (0..1000).for_each(|_| confirms.published(Some(2)));
        assert_eq!(confirms.waiting.len(), 2);
        confirms.committed(1);
        assert_eq!(confirms.take(), Some(up_to(1000)));
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
        assert_eq!(confirms.fail(), expected);
        assert_eq!((confirms.fail(), confirms.take()), (vec![], None));
    }
}
