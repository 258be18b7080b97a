//! Since when messages wait, without a time in each of them.
//!
//! A queue notes now and then which position came when. What is between two notes came between their times, so an age is
//! known up to their distance: a second, or an eighth of the age if that is more. As time goes by fewer notes are needed
//! of what is long ago: those that are not are forgotten, and so are those of messages that are gone. A backlog of a
//! day takes some hundred notes.

use std::time::Duration;

use crate::time::Timestamp;

/// Notes are never closer than this.
const CLOSEST: Duration = Duration::from_secs(1);
/// They may be farther apart by this part of their age.
const PART_OF_AGE: u32 = 8;

/// Which positions came when; both rise.
#[derive(Clone, Debug, Default)]
pub struct Ages(Vec<(u64, Timestamp)>);

impl Ages {
    /// Messages from this position on came now; `head` is the first that waits, if it is known.
    #[inline]
    pub fn note(&mut self, now: Timestamp, position: u64, head: Option<u64>) {
        if self.0.last().is_none_or(|(_, at)| *at + CLOSEST <= now) {
            self.add(now, position, head);
        }
    }

    /// Nothing waits that came before.
    #[inline]
    pub fn clear(&mut self) {
        // The room is kept: a queue that is often empty is soon not.
        self.0.clear();
    }

    /// How long the message at a position has waited, at most; nothing is known of those that came before the notes
    /// began.
    pub fn of(&self, now: Timestamp, position: u64) -> Option<Duration> {
        self.0.get(self.note_of(position)?).map(|(_, came_at)| now.duration_since(*came_at))
    }

    /// The last note that is not behind a position.
    fn note_of(&self, position: u64) -> Option<usize> {
        self.0.partition_point(|(first, _)| *first <= position).checked_sub(1)
    }

    #[cold]
    fn add(&mut self, now: Timestamp, position: u64, head: Option<u64>) {
        if let Some(of_head) = head.and_then(|head| self.note_of(head)) {
            self.0.drain(..of_head);
        }
        self.0.push((position, now));
        self.thin_out(now);
    }

    /// Forgets every note without which its neighbours are still close enough for their age.
    fn thin_out(&mut self, now: Timestamp) {
        let mut kept: Vec<(u64, Timestamp)> = Vec::with_capacity(self.0.len());
        let mut notes = self.0.iter().copied().peekable();
        while let Some(note) = notes.next() {
            let is_spare = kept.last().zip(notes.peek()).is_some_and(|((_, before), (_, after))| {
                let allowed = CLOSEST.max(now.duration_since(*after) / PART_OF_AGE);
                after.duration_since(*before) <= allowed
            });
            if !is_spare {
                kept.push(note);
            }
        }
        self.0 = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// What is told of every message that came at a second, one a second, when it is `now`.
    fn check(ages: &Ages, now: u64, since: u64) {
        for position in since..now {
            let (told, is) = (ages.of(at(now), position).unwrap().as_secs(), now - position);
            let allowed = is + 1 + is / u64::from(PART_OF_AGE);
            assert!((is..=allowed).contains(&told), "at {now}: {position} is {is} old, {told} is told");
        }
    }

    #[test]
    fn every_age_is_known_to_a_second_or_an_eighth_of_itself_however_long_the_backlog() {
        let mut ages = Ages::default();
        assert_eq!(ages.of(at(5), 0), None);
        for second in 10..100_000 {
            ages.note(at(second), second, Some(10));
            if [50, 500, 5_000, 50_000, 99_999].contains(&second) {
                check(&ages, second, 10);
            }
        }
        assert!(ages.0.len() < 200, "{} notes of a day", ages.0.len());
        assert_eq!(ages.of(at(100_000), 9), None, "before the first note");
        ages.clear();
        assert_eq!(ages.of(at(100_000), 50_000), None);
    }

    #[test]
    fn notes_of_what_is_gone_are_forgotten_though_the_queue_is_never_empty() {
        let mut ages = Ages::default();
        for second in 10..10_000 {
            ages.note(at(second), second, Some(second.saturating_sub(3).max(10)));
        }
        assert!(ages.0.len() < 10, "{} notes of three seconds", ages.0.len());
        check(&ages, 10_000, 9_997);
    }

    #[test]
    fn what_comes_within_a_second_is_not_told_apart() {
        let mut ages = Ages::default();
        ages.note(at(1), 0, Some(0));
        ages.note(Timestamp::from_micros(1_900_000), 7, Some(0));
        ages.note(at(2), 8, Some(0));
        assert_eq!(ages.of(at(4), 7), Some(Duration::from_secs(3)));
        assert_eq!(ages.of(at(4), 8), Some(Duration::from_secs(2)));
    }
}
