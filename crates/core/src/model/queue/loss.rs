//! What a queue gives up: messages that are due, that are too many, that nobody could handle.
//!
//! Where the queue has somewhere to send them they are dead-lettered, and settled by whoever does that; otherwise they
//! are done with at once.

use crate::model::Message;
use crate::model::queue::{Doors, Entry, Queue, Reason};
use crate::model::settings::{Overflow, QueueKind};
use crate::time::Timestamp;

impl Queue {
    /// Gives up on one message.
    pub(super) fn lose(&mut self, entry: Entry, reason: Reason, doors: &mut impl Doors) {
        self.tally.lose(reason);
        match &self.settings.dead_letter {
            Some(to) => doors.dead_letter(entry.message, reason, to.clone()),
            None => doors.settled(&entry.message),
        }
    }

    /// Everything that is due by `then` goes. `true`: the next to go may be another now.
    pub(super) fn lose_due(&mut self, then: Timestamp, doors: &mut impl Doors) -> bool {
        // A page that nobody is to hear of need not be read.
        let drops_pages = self.settings.dead_letter.is_none();
        let before = self.waiting.len();
        let reason = if self.traits.kind == QueueKind::Delay { Reason::Delayed } else { Reason::Expired };
        while let Some(entry) = self.waiting.take_due(then, drops_pages, doors) {
            self.lose(entry, reason, doors);
        }
        self.waiting.len() != before
    }

    /// What is beyond the limits goes, the next to go first. What is not in memory is asked for, and goes then.
    pub(super) fn lose_excess(&mut self, doors: &mut impl Doors) {
        if self.settings.refuses() {
            // Nothing came in that was too much; what comes back may be, and stays (as in RabbitMQ).
            return;
        }
        while self.settings.is_exceeded(self.waiting.len(), self.waiting.body_bytes())
            && !self.waiting.is_empty()
        {
            let Some(entry) = self.waiting.pop() else { return self.waiting.ask_head(doors) };
            self.lose(entry, Reason::MaxLength, doors);
        }
    }

    /// A full queue says no to a message.
    pub(super) fn refuse(&mut self, message: Message, doors: &mut impl Doors) {
        self.tally.lose(Reason::MaxLength);
        match &self.settings.dead_letter {
            Some(to) if self.settings.overflow == Some(Overflow::RejectPublishDlx) => {
                doors.dead_letter(message, Reason::MaxLength, to.clone());
            }
            _ => doors.settled(&message),
        }
    }
}
