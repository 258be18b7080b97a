//! The broker's own numbers over time: dense for the last minutes, sparse for the last day.

use std::collections::VecDeque;
use std::time::Duration;

use leveret_core::Timestamp;

use super::moves::Moment;
use super::reading::Reading;

/// How far apart samples are, and for how long they are kept (RabbitMQ's `sample_retention_policies`), in seconds.
const TIERS: [(u64, u64); 4] = [(5, 600), (60, 3600), (600, 28_800), (1800, 86_400)];

const LONGEST: u64 = 86_400;

/// The samples of one day: 280 at most.
#[derive(Debug, Default)]
pub struct Retained {
    tiers: [VecDeque<Moment>; TIERS.len()],
    /// The first samples are gone.
    is_full: bool,
}

impl Retained {
    /// A sample.
    pub fn note(&mut self, at: Timestamp, mut reading: Reading) {
        if let Some(last) = self.last() {
            reading.raise_to(&last.reading);
        }
        let is_finest = |seconds: u64| seconds == TIERS[0].0;
        for (tier, (step, length)) in self.tiers.iter_mut().zip(TIERS) {
            let step = Duration::from_secs(step);
            if tier.back().is_none_or(|last| is_finest(step.as_secs()) || step <= at.duration_since(last.at))
            {
                tier.push_back(Moment { at, reading });
            }
            // One more than fits, so that the farthest sample that is asked for is known.
            let oldest = at.before(Duration::from_secs(length) + step);
            while tier.front().is_some_and(|first| first.at < oldest) {
                tier.pop_front();
                self.is_full |= length == LONGEST;
            }
        }
    }

    /// The latest sample.
    pub fn last(&self) -> Option<&Moment> {
        self.tiers.first()?.back()
    }

    /// The latest samples, as dense as they are; oldest first.
    pub fn recent(&self) -> &VecDeque<Moment> {
        let [recent, ..] = &self.tiers;
        recent
    }

    /// All samples, each stretch of time as dense as it is known; oldest first.
    pub fn history(&self) -> Vec<Moment> {
        let mut latest_first: Vec<Moment> = Vec::with_capacity(280);
        for tier in &self.tiers {
            let until = latest_first.last().map_or(Timestamp::NEVER, |oldest| oldest.at);
            latest_first.extend(tier.iter().rev().filter(|moment| moment.at < until));
        }
        if self.is_full
            && let Some(oldest) = latest_first.last_mut()
        {
            // What was before that is forgotten; it was no less than nothing.
            oldest.at = Timestamp::default();
        }
        latest_first.reverse();
        latest_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::reading::Field;

    #[test]
    fn a_day_is_kept_sparsely_and_the_last_minutes_densely() {
        let mut retained = Retained::default();
        for second in (0..100_000).step_by(5) {
            let mut reading = Reading::default();
            reading[Field::SENT] = second;
            retained.note(Timestamp::from_micros(second * 1_000_000), reading);
        }
        let history = retained.history();
        assert!(history.len() <= 280, "{}", history.len());
        assert!(history.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert!(
            history[1..]
                .iter()
                .all(|moment| moment.at.as_micros() == moment.reading[Field::SENT] * 1_000_000)
        );
        let last = retained.last().unwrap().at;
        let ages = [600, 3600, 28_800, 86_400].map(|age| {
            let since = last.before(Duration::from_secs(age));
            history.iter().filter(|moment| since <= moment.at).count()
        });
        assert_eq!(ages, [121, 172, 215, 248]);
    }
}
