//! Which of a producer's messages the broker has not confirmed yet.
//!
//! Invariant: every tag below `lowest` is settled, and `lowest` itself is not; `ahead` tells which of the
//! tags after it are. A broker may confirm in any order, one by one or many at a time.

use std::collections::VecDeque;

/// The confirms that a channel waits for.
#[derive(Debug)]
pub struct Unconfirmed {
    lowest: u64,
    next: u64,
    ahead: VecDeque<bool>,
    settled_ahead: u64,
}

impl Unconfirmed {
    /// A channel on which `confirm.select` has just been sent: tags count from one.
    pub fn new(window: u32) -> Self {
        Self { lowest: 1, next: 1, ahead: VecDeque::with_capacity(window as usize), settled_ahead: 0 }
    }

    /// How many messages wait.
    pub fn len(&self) -> u64 {
        self.next - self.lowest - self.settled_ahead
    }

    pub fn published(&mut self, messages: u64) {
        self.next += messages;
        self.ahead.extend((0..messages).map(|_| false));
    }

    /// Takes a confirm, and says how many messages it settles. What is no longer, or not yet, waiting counts nothing.
    pub fn settle(&mut self, tag: u64, multiple: bool) -> u64 {
        let before = self.len();
        if multiple {
            // Zero means everything so far, as in basic.ack (§3.1.8, 1.8.3.13).
            let up_to = if tag == 0 { self.next - 1 } else { tag };
            while self.lowest <= up_to && self.pop_lowest() {}
        } else if let Some(settled) = self.slot(tag)
            && !*settled
        {
            *settled = true;
            self.settled_ahead += 1;
        }
        while self.ahead.front() == Some(&true) {
            self.pop_lowest();
        }
        before - self.len()
    }

    fn slot(&mut self, tag: u64) -> Option<&mut bool> {
        let at = tag.checked_sub(self.lowest)?;
        self.ahead.get_mut(usize::try_from(at).ok()?)
    }

    fn pop_lowest(&mut self) -> bool {
        let Some(settled) = self.ahead.pop_front() else { return false };
        self.lowest += 1;
        self.settled_ahead -= u64::from(settled);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirms_count_each_message_once_in_any_order() {
        let mut waiting = Unconfirmed::new(10);
        waiting.published(6);
        assert_eq!((waiting.settle(3, false), waiting.len()), (1, 5));
        assert_eq!((waiting.settle(3, false), waiting.len()), (0, 5));
        assert_eq!((waiting.settle(2, true), waiting.len()), (2, 3));
        assert_eq!((waiting.settle(6, false), waiting.settle(4, false), waiting.len()), (1, 1, 1));
        assert_eq!((waiting.settle(0, true), waiting.len()), (1, 0));
    }

    #[test]
    fn a_confirm_of_nothing_counts_nothing() {
        let mut waiting = Unconfirmed::new(10);
        assert_eq!((waiting.settle(1, false), waiting.settle(9, true), waiting.settle(0, true)), (0, 0, 0));
        waiting.published(2);
        assert_eq!((waiting.settle(7, false), waiting.settle(7, true), waiting.len()), (0, 2, 0));
        waiting.published(1);
        assert_eq!((waiting.settle(2, true), waiting.settle(0, false), waiting.len()), (0, 0, 1));
    }
}
