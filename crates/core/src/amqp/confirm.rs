//! Publisher confirms of one channel (RabbitMQ's class confirm).
//!
//! Invariant: publishes are confirmed in the order they came, so one `basic.ack` with `multiple` says it
//! all. A publish is confirmed once every queue has it, and, if it is persistent and some queue durable,
//! once the log has it: a later transient message waits for an earlier persistent one.

use std::collections::VecDeque;

/// How far an acknowledgement of the broker goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The highest sequence number.
    pub tag: u64,
    /// Whether it covers several.
    pub multiple: bool,
}

/// What a channel has published since `confirm.select`.
#[derive(Debug, Default)]
pub struct Confirms {
    published: u64,
    confirmed: u64,
    /// Publishes that wait for the log, with the append (of this connection) that carries each.
    waiting: VecDeque<(u64, u64)>,
}

impl Confirms {
    /// Counts a publish; `append` is the append it waits for, if it does.
    pub fn published(&mut self, append: Option<u64>) {
        self.published += 1;
        if let Some(append) = append {
            self.waiting.push_back((self.published, append));
        }
    }

    /// The log has every append up to this one.
    pub fn committed(&mut self, up_to: u64) {
        while self.waiting.front().is_some_and(|(_, append)| *append <= up_to) {
            self.waiting.pop_front();
        }
    }

    /// What can be told to the publisher now, and has not been.
    pub fn take(&mut self) -> Option<Confirmed> {
        let through = self.waiting.front().map_or(self.published, |(first, _)| first - 1);
        let multiple = self.confirmed + 1 < through;
        let news = self.confirmed < through;
        self.confirmed = through;
        news.then_some(Confirmed { tag: through, multiple })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persistent_message_holds_back_the_confirms_behind_it() {
        let mut confirms = Confirms::default();
        confirms.published(None);
        confirms.published(Some(7));
        confirms.published(None);
        assert_eq!(confirms.take(), Some(Confirmed { tag: 1, multiple: false }));
        assert_eq!(confirms.take(), None);
        confirms.committed(6);
        assert_eq!(confirms.take(), None);
        confirms.committed(7);
        assert_eq!(confirms.take(), Some(Confirmed { tag: 3, multiple: true }));
    }
}
