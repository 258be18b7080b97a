//! One object over time: what it was at the last sample, and what changed from sample to sample before.
//!
//! Only changes are kept, so what nothing happens to costs what it was last, and an object that was busy once becomes
//! small again when its changes are too old to be asked for.

use std::collections::VecDeque;

use super::reading::{Field, Reading};

/// A number that was different at one sample than at the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    pass: u32,
    field: Field,
    by: i64,
}

/// What is remembered of an object.
#[derive(Debug, Default)]
pub struct Track {
    /// At the last sample; what was zero is left out.
    last: Box<[(Field, u64)]>,
    /// The latest last.
    changes: VecDeque<Change>,
    /// The last sample at which it was there.
    pub seen: u32,
}

impl Track {
    /// Of something that was there when the first sample was taken: how it came to be what it is, nobody knows.
    pub fn beginning_with(pass: u32, reading: &Reading) -> Self {
        let mut track = Self { seen: pass, ..Self::default() };
        track.set_last(reading);
        track
    }

    /// What it is at the next sample; says how many more changes are kept.
    pub fn note(&mut self, pass: u32, mut reading: Reading) -> usize {
        self.seen = pass;
        let last = self.last();
        reading.raise_to(&last);
        if reading == last {
            return 0;
        }
        let before = self.changes.len();
        for field in Field::all().filter(|field| reading[*field] != last[*field]) {
            let by = reading[field].wrapping_sub(last[field]).cast_signed();
            self.changes.push_back(Change { pass, field, by });
        }
        self.set_last(&reading);
        self.changes.len() - before
    }

    fn set_last(&mut self, reading: &Reading) {
        let fields = Field::all().map(|field| (field, reading[field]));
        self.last = fields.filter(|(_, value)| *value != 0).collect();
    }

    /// Forgets what changed before a sample; says how many changes that were.
    pub fn forget_before(&mut self, pass: u32) -> usize {
        let before = self.changes.len();
        while self.changes.front().is_some_and(|change| change.pass < pass) {
            self.changes.pop_front();
        }
        let gone = before - self.changes.len();
        if self.changes.is_empty() {
            self.changes = VecDeque::new();
        }
        gone
    }

    /// What it was at the last sample.
    pub fn last(&self) -> Reading {
        let mut reading = Reading::default();
        for (field, value) in &self.last {
            reading[*field] = *value;
        }
        reading
    }

    /// What it was at a sample.
    pub fn at(&self, pass: u32) -> Reading {
        self.history(std::iter::once(pass)).pop().unwrap_or_default()
    }

    /// By how much a number changed at a sample; `None` where it has not changed as long as is known.
    pub fn change(&self, pass: u32, field: Field) -> Option<i64> {
        // Later ones belong to a sample that is not whole yet.
        let known = self.changes.iter().rev().filter(|change| change.field == field && change.pass <= pass);
        known.take(1).map(|change| if change.pass == pass { change.by } else { 0 }).next()
    }

    /// How many changes are kept.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// What it was at each of these samples, which end with the last one; oldest first.
    pub fn history(&self, passes: impl DoubleEndedIterator<Item = u32>) -> Vec<Reading> {
        let mut reading = self.last();
        let mut changes = self.changes.iter().rev().peekable();
        let mut readings: Vec<Reading> = passes
            .rev()
            .map(|pass| {
                while let Some(change) = changes.next_if(|change| pass < change.pass) {
                    reading[change.field] = reading[change.field].wrapping_sub(change.by.cast_unsigned());
                }
                reading
            })
            .collect();
        readings.reverse();
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(messages: u64) -> Reading {
        let mut reading = Reading::default();
        reading[Field::READY] = messages;
        reading
    }

    #[test]
    fn changes_lead_back_to_what_was() {
        let mut track = Track::default();
        let noted: Vec<usize> = [(1, 5), (2, 5), (3, 2), (4, 9)]
            .iter()
            .map(|(pass, value)| track.note(*pass, ready(*value)))
            .collect();
        assert_eq!(noted, [1, 0, 1, 1]);
        assert_eq!(track.history(0..=4), [0, 5, 5, 2, 9].map(ready));
        let changes = [1, 2, 3, 4].map(|pass| track.change(pass, Field::READY));
        assert_eq!(changes, [Some(5), Some(0), Some(-3), Some(7)]);
        assert_eq!(track.change(4, Field::UNACKED), None);
        // Of a sample that is not whole yet nothing is known.
        assert_eq!((track.change(3, Field::READY), track.at(3)), (Some(-3), ready(2)));
        assert_eq!((track.change(0, Field::READY), track.at(0)), (None, ready(0)));
    }

    #[test]
    fn what_is_forgotten_was_as_it_was_before_the_first_change_that_is_known() {
        let mut track = Track::beginning_with(1, &ready(3));
        for (pass, value) in [(2, 4), (3, 6)] {
            track.note(pass, ready(value));
        }
        assert_eq!((track.forget_before(3), track.changes()), (1, 1));
        assert_eq!(track.history(1..=3), [4, 4, 6].map(ready));
        assert_eq!(track.forget_before(4), 1);
        assert_eq!((track.change(3, Field::READY), track.last()), (None, ready(6)));
    }
}
