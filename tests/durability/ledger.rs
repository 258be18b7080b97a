//! What was said to the broker and what it has promised, message by message and queue by queue; and whether what
//! is there after a restart agrees with it.
//!
//! ```text
//! sent ──confirmed──▶ owed ──ack sent──▶ settled
//!   └─not persistent─▶ fleeting            │ may be there once more, and is owed then
//! after a restart: what is there is owed, what is not is gone and never comes back
//! ```

use std::collections::HashSet;

use crate::numbered::Numbered;

/// The queues that messages go to.
pub const QUEUES: [&str; 4] = ["one", "two", "left", "right"];

/// The ways to the queues: exchange, routing key, the queues at its end.
pub const ROUTES: [(&str, &str, &[usize]); 4] =
    [("", "one", &[0]), ("", "two", &[1]), ("ledger.direct", "to two", &[1]), ("ledger.fanout", "", &[2, 3])];

/// What is known of one message in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Published, and nothing promised.
    Sent,
    /// Not persistent: no restart may bring it back.
    Fleeting,
    /// Confirmed, or found after a restart: it must be there.
    Owed,
    /// An acknowledgement is on its way.
    Settled,
    /// It was not there after a restart.
    Gone,
}

struct Sent {
    route: usize,
    /// One for each queue of the route.
    fates: Vec<Fate>,
}

/// A message that a queue has.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub message: Numbered,
    pub redelivered: bool,
}

/// The books.
#[derive(Default)]
pub struct Ledger {
    /// By publisher, then by number.
    sent: Vec<Vec<Sent>>,
    /// How many each publisher had sent when the process was started that runs now.
    sent_before: Vec<usize>,
}

impl Ledger {
    pub fn new(publishers: usize) -> Self {
        Self { sent: (0..publishers).map(|_| Vec::new()).collect(), sent_before: vec![0; publishers] }
    }

    /// A process has been started.
    pub fn restarted(&mut self) {
        self.sent_before = self.sent.iter().map(Vec::len).collect();
    }

    /// How many messages were ever sent.
    pub fn len(&self) -> usize {
        self.sent.iter().map(Vec::len).sum()
    }

    /// The next message of a publisher is about to be sent.
    pub fn send(&mut self, publisher: u32, route: usize, is_persistent: bool) -> Numbered {
        let sent = &mut self.sent[publisher as usize];
        let number = u32::try_from(sent.len()).unwrap();
        let fate = if is_persistent { Fate::Sent } else { Fate::Fleeting };
        sent.push(Sent { route, fates: vec![fate; ROUTES[route].2.len()] });
        Numbered { publisher, number }
    }

    /// The broker has confirmed it.
    pub fn confirm(&mut self, message: Numbered) {
        let sent = &mut self.sent[message.publisher as usize][message.number as usize];
        for fate in &mut sent.fates {
            if *fate == Fate::Sent {
                *fate = Fate::Owed;
            }
        }
    }

    /// Its acknowledgement is about to be sent.
    pub fn settle(&mut self, queue: usize, message: Numbered) {
        *self.fate(queue, message).unwrap() = Fate::Settled;
    }

    /// A queue delivers for the first time to its only consumer.
    pub fn arrive(&mut self, queue: usize, found: Found, order: &mut Order) -> Result<(), String> {
        order.take(queue, found.message)?;
        let message = found.message;
        let was_sent_before = self
            .sent_before
            .get(message.publisher as usize)
            .is_some_and(|before| (message.number as usize) < *before);
        if found.redelivered != was_sent_before {
            let name = QUEUES[queue];
            let age = if was_sent_before { "before" } else { "since" };
            return Err(format!(
                "{message:?} of {name:?} was sent {age} the restart: redelivered = {}",
                found.redelivered
            ));
        }
        match self.fate(queue, message) {
            None => Err(never_sent(queue, message)),
            Some(Fate::Gone) => Err(came_back(queue, message)),
            Some(_) => Ok(()),
        }
    }

    /// This is all that a queue has after a restart: must it be so?
    pub fn account(&mut self, queue: usize, all: &[Found]) -> Result<(), String> {
        let mut order = Order::default();
        let mut present = HashSet::new();
        for found in all {
            let message = found.message;
            order.take(queue, message)?;
            if !found.redelivered {
                return Err(format!("{message:?} may have been delivered before, and does not say so"));
            }
            let fate = self.fate(queue, message).ok_or_else(|| never_sent(queue, message))?;
            match fate {
                Fate::Gone => return Err(came_back(queue, message)),
                Fate::Fleeting => return Err(format!("{message:?} was not persistent")),
                Fate::Sent | Fate::Owed | Fate::Settled => *fate = Fate::Owed,
            }
            present.insert(message);
        }
        let lost = self.write_off(queue, &present);
        if lost.is_empty() {
            return Ok(());
        }
        let (name, count, first) = (QUEUES[queue], lost.len(), &lost[..lost.len().min(10)]);
        Err(format!(
            "{name:?} has lost {count} messages that it had promised, {} are there: {first:?}",
            all.len()
        ))
    }

    /// What is not there is gone; says which of it was promised.
    fn write_off(&mut self, queue: usize, present: &HashSet<Numbered>) -> Vec<Numbered> {
        let mut lost = Vec::new();
        for (publisher, all) in (0..).zip(&mut self.sent) {
            for (number, sent) in (0..).zip(all) {
                let message = Numbered { publisher, number };
                let Some(fate) = sent.fate(queue) else { continue };
                if present.contains(&message) {
                    continue;
                }
                if *fate == Fate::Owed {
                    lost.push(message);
                }
                *fate = Fate::Gone;
            }
        }
        lost
    }

    fn fate(&mut self, queue: usize, message: Numbered) -> Option<&mut Fate> {
        let all = self.sent.get_mut(message.publisher as usize)?;
        all.get_mut(message.number as usize)?.fate(queue)
    }
}

impl Sent {
    fn fate(&mut self, queue: usize) -> Option<&mut Fate> {
        let at = ROUTES[self.route].2.iter().position(|of| *of == queue)?;
        self.fates.get_mut(at)
    }
}

/// The last message of each publisher that was seen in one queue.
#[derive(Default)]
pub struct Order(Vec<Option<u32>>);

impl Order {
    /// Each publisher's messages come in the order of their numbers, and none comes twice.
    fn take(&mut self, queue: usize, message: Numbered) -> Result<(), String> {
        let at = message.publisher as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        match self.0[at].replace(message.number) {
            Some(last) if message.number <= last => {
                Err(format!("{:?} has {message:?} after number {last}", QUEUES[queue]))
            }
            _ => Ok(()),
        }
    }
}

fn never_sent(queue: usize, message: Numbered) -> String {
    format!("nobody has sent {message:?} to {:?}", QUEUES[queue])
}

fn came_back(queue: usize, message: Numbered) -> String {
    format!("{message:?} was gone from {:?} after an earlier restart, and came back", QUEUES[queue])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO_ONE: usize = 0;
    const FANOUT: usize = 3;

    /// Three messages to `one`, confirmed.
    fn three() -> Ledger {
        let mut ledger = Ledger::new(1);
        for _ in 0..3 {
            let message = ledger.send(0, TO_ONE, true);
            ledger.confirm(message);
        }
        ledger
    }

    fn found(numbers: &[u32]) -> Vec<Found> {
        let found =
            |number: &u32| Found { message: Numbered { publisher: 0, number: *number }, redelivered: true };
        numbers.iter().map(found).collect()
    }

    #[test]
    fn what_was_promised_is_there_and_stays() {
        let mut ledger = three();
        ledger.account(0, &found(&[0, 1, 2])).unwrap();
        ledger.account(0, &found(&[0, 1, 2])).unwrap();
        ledger.account(1, &[]).unwrap();
    }

    #[test]
    fn a_lost_message_is_found() {
        assert!(three().account(0, &found(&[0, 2])).unwrap_err().contains("has lost 1 "));
    }

    #[test]
    fn a_message_lost_from_one_of_two_queues_is_found() {
        let mut ledger = Ledger::new(1);
        let message = ledger.send(0, FANOUT, true);
        ledger.confirm(message);
        ledger.account(2, &found(&[0])).unwrap();
        assert!(ledger.account(3, &[]).unwrap_err().contains("\"right\" has lost 1 "));
    }

    #[test]
    fn messages_that_are_doubled_swapped_or_not_ours_are_found() {
        for wrong in [&[0, 1, 1, 2][..], &[0, 2, 1], &[0, 1, 2, 3]] {
            three().account(0, &found(wrong)).unwrap_err();
        }
        three().account(1, &found(&[0])).unwrap_err();
    }

    #[test]
    fn a_settled_message_may_come_back_once_and_is_owed_then() {
        let mut ledger = three();
        ledger.settle(0, Numbered { publisher: 0, number: 1 });
        ledger.account(0, &found(&[0, 1, 2])).unwrap();
        assert!(ledger.account(0, &found(&[0, 2])).unwrap_err().contains("has lost 1 "));
    }

    #[test]
    fn what_was_gone_once_stays_gone() {
        let mut ledger = three();
        ledger.send(0, TO_ONE, true);
        ledger.settle(0, Numbered { publisher: 0, number: 1 });
        ledger.account(0, &found(&[0, 2])).unwrap();
        for back in [&[0, 1, 2][..], &[0, 2, 3]] {
            assert!(ledger.account(0, &found(back)).unwrap_err().contains("came back"));
        }
    }

    #[test]
    fn what_is_not_persistent_does_not_survive() {
        let mut ledger = three();
        let message = ledger.send(0, TO_ONE, false);
        ledger.confirm(message);
        assert!(ledger.account(0, &found(&[0, 1, 2, 3])).unwrap_err().contains("was not persistent"));
        ledger.account(0, &found(&[0, 1, 2])).unwrap();
    }

    #[test]
    fn redelivered_says_whether_there_was_a_restart_between() {
        let mut ledger = three();
        let mut first = found(&[0]).remove(0);
        ledger.arrive(0, first, &mut Order::default()).unwrap_err();
        ledger.restarted();
        ledger.arrive(0, first, &mut Order::default()).unwrap();
        first.redelivered = false;
        ledger.arrive(0, first, &mut Order::default()).unwrap_err();
        ledger.account(0, &[first]).unwrap_err();
    }
}
