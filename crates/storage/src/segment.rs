//! What is known of a segment in memory: which of its pairs are alive, and whom its records speak about.
//!
//! Invariants:
//! - Pairs are born in the order of their ordinals and die once; that a pair died twice changes nothing.
//! - `live` is the number of bits set.

use std::collections::BTreeSet;

use crate::record::{HEADER_BYTES, set_runs};

const WORD_BITS: u32 = u64::BITS;

/// One bit a pair: whether it is alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveBits {
    words: Vec<u64>,
    pairs: u32,
    live: u32,
}

impl LiveBits {
    /// So many more pairs, alive or dead from the beginning.
    pub fn extend(&mut self, count: u32, alive: bool) {
        let (first, end) = (self.pairs, self.pairs + count);
        self.words.resize(end.div_ceil(WORD_BITS) as usize, 0);
        self.pairs = end;
        if alive {
            for (at, mask) in masks(first, count) {
                if let Some(word) = self.words.get_mut(at) {
                    *word |= mask;
                }
            }
            self.live += count;
        }
    }

    /// These pairs die; how many of them had been alive. Pairs that never were are none.
    pub fn kill(&mut self, first: u32, count: u32) -> u32 {
        let count = count.min(self.pairs.saturating_sub(first));
        let mut killed = 0;
        for (at, mask) in masks(first, count) {
            if let Some(word) = self.words.get_mut(at) {
                killed += (*word & mask).count_ones();
                *word &= !mask;
            }
        }
        self.live -= killed;
        killed
    }

    /// Of the pairs that there are, all but those in the runs die.
    pub fn keep_only(&mut self, runs: &[(u32, u32)]) {
        let mut from = 0;
        for (first, count) in runs {
            self.kill(from, first.saturating_sub(from));
            from = first.saturating_add(*count).max(from);
        }
        self.kill(from, self.pairs.saturating_sub(from));
    }

    /// Whether the pair is alive.
    pub fn is_live(&self, ordinal: u32) -> bool {
        let word = self.words.get((ordinal / WORD_BITS) as usize).copied().unwrap_or_default();
        word >> (ordinal % WORD_BITS) & 1 == 1
    }

    /// The pairs that are alive: first ordinals and how many follow.
    pub fn runs(&self) -> Vec<(u32, u32)> {
        set_runs(self.words.iter().copied())
    }

    /// The bits, 64 a word, of which the last may have some to spare.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// So many pairs with these bits, if there are so many and no more.
    pub fn from_words(words: Vec<u64>, pairs: u32) -> Option<Self> {
        let spare = (WORD_BITS - pairs % WORD_BITS) % WORD_BITS;
        let fits = words.len() == pairs.div_ceil(WORD_BITS) as usize
            && words.last().is_none_or(|last| last.leading_zeros() >= spare);
        let live = words.iter().map(|word| word.count_ones()).sum();
        fits.then_some(Self { words, pairs, live })
    }

    /// How many pairs there are.
    pub fn pairs(&self) -> u32 {
        self.pairs
    }

    /// How many of them are alive.
    pub fn live(&self) -> u32 {
        self.live
    }
}

/// The words that hold these bits, and which of theirs these are.
fn masks(first: u32, count: u32) -> impl Iterator<Item = (usize, u64)> {
    let end = first + count;
    (first / WORD_BITS..end.div_ceil(WORD_BITS)).filter(move |_| count != 0).map(move |word| {
        let begins = word * WORD_BITS;
        let low = first.saturating_sub(begins);
        let high = (end - begins).min(WORD_BITS);
        (word as usize, u64::MAX >> (WORD_BITS - (high - low)) << low)
    })
}

/// A segment of the log.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its pairs.
    pub pairs: LiveBits,
    /// Where the next record begins.
    pub end: u32,
    /// How many bytes its messages are, with those that are dead.
    pub message_bytes: u64,
    /// The segments that it must not go before, unless what it says of their pairs is said again: all but itself
    /// whose pairs its records settle.
    pub about: BTreeSet<u32>,
}

impl Segment {
    /// One without records.
    pub fn new() -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a constant of 64")]
        let end = HEADER_BYTES as u32;
        Self { pairs: LiveBits::default(), end, message_bytes: 0, about: BTreeSet::new() }
    }

    /// Whether a record is in it.
    pub fn is_begun(&self) -> bool {
        HEADER_BYTES < self.end as usize
    }

    /// How many bytes its live messages are, if they are no longer and no shorter than the dead.
    pub fn live_bytes(&self) -> u64 {
        let pairs = u64::from(self.pairs.pairs().max(1));
        u64::try_from(u128::from(self.message_bytes) * u128::from(self.pairs.live()) / u128::from(pairs))
            .unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Extend(u32, bool),
        Kill(u32, u32),
        Keep(Vec<(u32, u32)>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..200u32, any::<bool>()).prop_map(|(count, alive)| Step::Extend(count, alive)),
            3 => (0..500u32, 0..200u32).prop_map(|(first, count)| Step::Kill(first, count)),
            1 => proptest::collection::vec((0..500u32, 0..100u32), 0..4).prop_map(|mut runs| {
                runs.sort_unstable();
                Step::Keep(runs)
            }),
        ]
    }

    proptest! {
        #[test]
        fn bits_do_what_a_list_of_bools_does(steps in proptest::collection::vec(step(), 0..20)) {
            let mut bits = LiveBits::default();
            let mut model: Vec<bool> = Vec::new();
            for step in steps {
                match step {
                    Step::Extend(count, alive) => {
                        bits.extend(count, alive);
                        model.resize(model.len() + count as usize, alive);
                    }
                    Step::Kill(first, count) => {
                        let killed = bits.kill(first, count);
                        let mut expected = 0;
                        for alive in model.iter_mut().skip(first as usize).take(count as usize) {
                            expected += u32::from(std::mem::take(alive));
                        }
                        prop_assert_eq!(killed, expected);
                    }
                    Step::Keep(runs) => {
                        bits.keep_only(&runs);
                        for (at, alive) in model.iter_mut().enumerate() {
                            let at = u32::try_from(at).unwrap();
                            *alive &= runs.iter().any(|(first, count)| (*first..first + count).contains(&at));
                        }
                    }
                }
                let ordinals = 0..u32::try_from(model.len()).unwrap();
                prop_assert_eq!(bits.pairs(), ordinals.end);
                prop_assert_eq!(ordinals.map(|at| bits.is_live(at)).collect::<Vec<_>>(), model.clone());
                prop_assert_eq!(bits.live() as usize, model.iter().filter(|alive| **alive).count());
                let runs = bits.runs();
                let mut again = LiveBits::default();
                again.extend(bits.pairs(), true);
                again.keep_only(&runs);
                prop_assert_eq!(&again, &bits);
            }
        }
    }
}
