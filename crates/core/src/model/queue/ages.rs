//! Since when messages wait, without a time in each of them.
//!
//! A queue notes now and then which position came when. What is between two notes came between their times, so an age
//! is known up to the distance of the notes: a second, or a sixteenth of the age if that is more.

use std::time::Duration;

use crate::time::Timestamp;

/// Notes are never closer than this.
const CLOSEST: Duration = Duration::from_secs(1);
/// With more notes than this every second one is forgotten, and the next ones are farther apart.
const MOST_NOTES: usize = 32;

/// Which positions came when.
#[derive(Clone, Debug, Default)]
pub struct Ages(Option<Box<Notes>>);

#[derive(Clone, Debug)]
struct Notes {
    /// Both rise.
    notes: Vec<(u64, Timestamp)>,
    distance: Duration,
}

impl Ages {
    /// Messages from this position on came now.
    #[inline]
    pub fn note(&mut self, now: Timestamp, position: u64) {
        match &mut self.0 {
            Some(known) if now < known.next() => {}
            _ => self.add(now, position),
        }
    }

    /// Nothing waits that came before.
    #[inline]
    pub fn clear(&mut self) {
        if let Some(known) = &mut self.0 {
            // The room is kept: a queue that is often empty is soon not.
            known.notes.clear();
            known.distance = CLOSEST;
        }
    }

    /// How long the message at a position has waited, at most; nothing is known of those that came before the notes
    /// began.
    pub fn of(&self, now: Timestamp, position: u64) -> Option<Duration> {
        let notes = &self.0.as_ref()?.notes;
        let at = notes.partition_point(|(first, _)| *first <= position).checked_sub(1)?;
        notes.get(at).map(|(_, came_at)| now.duration_since(*came_at))
    }

    #[cold]
    fn add(&mut self, now: Timestamp, position: u64) {
        let Notes { notes, distance } =
            &mut **self.0.get_or_insert_with(|| Box::new(Notes { notes: Vec::new(), distance: CLOSEST }));
        notes.push((position, now));
        if MOST_NOTES < notes.len() {
            let mut number = 0_u32;
            notes.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            *distance *= 2;
        }
    }
}

impl Notes {
    fn next(&self) -> Timestamp {
        self.notes.last().map_or(Timestamp::default(), |(_, at)| *at + self.distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn an_age_is_known_to_a_second_and_later_to_a_part_of_itself() {
        let mut ages = Ages::default();
        assert_eq!(ages.of(at(5), 0), None);
        for second in 10..100_000 {
            ages.note(at(second), second);
        }
        for (position, worst) in [(99_000, 8192), (50_000, 8192), (10, 8192)] {
            let age = ages.of(at(100_000), position).unwrap().as_secs();
            let is = 100_000 - position;
            assert!((is..is + worst).contains(&age), "{position}: {age} for {is}");
        }
        assert_eq!(ages.of(at(100_000), 9), None, "before the first note");
        assert!(ages.0.as_ref().unwrap().notes.len() <= MOST_NOTES);
        ages.clear();
        assert_eq!(ages.of(at(100_000), 50_000), None);
    }

    #[test]
    fn what_comes_within_a_second_is_not_told_apart() {
        let mut ages = Ages::default();
        ages.note(at(1), 0);
        ages.note(Timestamp::from_micros(1_900_000), 7);
        ages.note(at(2), 8);
        assert_eq!(ages.of(at(4), 7), Some(Duration::from_secs(3)));
        assert_eq!(ages.of(at(4), 8), Some(Duration::from_secs(2)));
    }
}
