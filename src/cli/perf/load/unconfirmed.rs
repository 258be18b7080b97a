//! Which of a producer's messages the broker has not confirmed yet.
//!
//! Invariant: every tag below `lowest` is settled, and `lowest` itself is not; `since` tells for each tag from there on
//! when its message was due, or that it is settled. A broker may confirm in any order, one by one or many at a time.

use std::collections::VecDeque;

use crate::cli::perf::latency::Nanos;

/// No message is due at this instant.
const SETTLED: Nanos = 0;

/// The confirms that a channel waits for.
#[derive(Debug)]
pub struct Unconfirmed {
    lowest: u64,
    next: u64,
    since: VecDeque<Nanos>,
    settled_ahead: u64,
}

impl Unconfirmed {
    /// A channel on which `confirm.select` has just been sent: tags count from one.
    pub fn new(window: u32) -> Self {
        Self { lowest: 1, next: 1, since: VecDeque::with_capacity(window as usize), settled_ahead: 0 }
    }

    /// How many messages wait.
    pub fn len(&self) -> u64 {
        self.next - self.lowest - self.settled_ahead
    }

    /// More messages wait, since these instants; none is zero.
    pub fn published(&mut self, since: impl ExactSizeIterator<Item = Nanos>) {
        self.next += since.len() as u64;
        self.since.extend(since);
    }

    /// Takes a confirm, tells since when each message waited that it settles, and says how many they are. What is
    /// no longer, or not yet, waiting counts nothing.
    pub fn settle(&mut self, tag: u64, multiple: bool, mut settled: impl FnMut(Nanos)) -> u64 {
        let before = self.len();
        if multiple {
            // Zero means everything so far, as in basic.ack (§3.1.8, 1.8.3.13).
            let up_to = if tag == 0 { self.next - 1 } else { tag };
            while self.lowest <= up_to
                && let Some(since) = self.pop_lowest()
            {
                if since != SETTLED {
                    settled(since);
                }
            }
        } else if let Some(slot) = self.slot(tag)
            && *slot != SETTLED
        {
            settled(std::mem::replace(slot, SETTLED));
            self.settled_ahead += 1;
        }
        while self.since.front() == Some(&SETTLED) {
            self.pop_lowest();
        }
        before - self.len()
    }

    fn slot(&mut self, tag: u64) -> Option<&mut Nanos> {
        let at = tag.checked_sub(self.lowest)?;
        self.since.get_mut(usize::try_from(at).ok()?)
    }

    fn pop_lowest(&mut self) -> Option<Nanos> {
        let since = self.since.pop_front()?;
        self.lowest += 1;
        self.settled_ahead -= u64::from(since == SETTLED);
        Some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many messages a confirm settles.
    fn settle(waiting: &mut Unconfirmed, tag: u64, multiple: bool) -> u64 {
        let mut told = 0;
        let settled = waiting.settle(tag, multiple, |_| told += 1);
        assert_eq!(settled, told);
        settled
    }

    #[test]
    fn confirms_count_each_message_once_in_any_order() {
        let mut waiting = Unconfirmed::new(10);
        waiting.published([1; 6].into_iter());
        assert_eq!((settle(&mut waiting, 3, false), waiting.len()), (1, 5));
        assert_eq!((settle(&mut waiting, 3, false), waiting.len()), (0, 5));
        assert_eq!((settle(&mut waiting, 2, true), waiting.len()), (2, 3));
        let singly = (settle(&mut waiting, 6, false), settle(&mut waiting, 4, false));
        assert_eq!((singly, waiting.len()), ((1, 1), 1));
        assert_eq!((settle(&mut waiting, 0, true), waiting.len()), (1, 0));
    }

    #[test]
    fn a_confirm_of_nothing_counts_nothing() {
        let mut waiting = Unconfirmed::new(10);
        for (tag, multiple) in [(1, false), (9, true), (0, true)] {
            assert_eq!(settle(&mut waiting, tag, multiple), 0);
        }
        waiting.published([1; 2].into_iter());
        assert_eq!((settle(&mut waiting, 7, false), settle(&mut waiting, 7, true), waiting.len()), (0, 2, 0));
        waiting.published([1].into_iter());
        assert_eq!((settle(&mut waiting, 2, true), settle(&mut waiting, 0, false), waiting.len()), (0, 0, 1));
    }

    #[test]
    fn each_message_is_told_with_the_instant_it_waited_since() {
        let mut waiting = Unconfirmed::new(10);
        waiting.published([10, 20, 30, 40].into_iter());
        let mut told = Vec::new();
        for (tag, multiple) in [(2, false), (3, true), (0, true)] {
            waiting.settle(tag, multiple, |since| told.push(since));
        }
        assert_eq!(told, [20, 10, 30, 40]);
    }
}
