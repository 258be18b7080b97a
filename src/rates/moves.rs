//! How an object's numbers move, as RabbitMQ tells it: `{"rate", "samples", "avg", "avg_rate"}`.

use std::time::Duration;

use leveret_core::Timestamp;
use serde_json::{Value, json};

use super::reading::{Field, Reading};

/// Samples reach so far back, so far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub age_secs: u64,
    pub increment_secs: u64,
}

/// A reading and its time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub reading: Reading,
}

/// How one object's numbers move.
#[derive(Clone, Debug)]
pub struct Moves {
    /// Now.
    pub now: Moment,
    /// Change a second, by field.
    pub rates: Rate,
    /// What it was, oldest first; empty if nobody asked.
    pub history: Vec<Moment>,
}

impl Moves {
    /// The sum of some fields, now.
    pub fn value(&self, fields: &[Field]) -> u64 {
        self.now.reading.sum(fields)
    }

    /// Their rate.
    pub fn rate(&self, fields: &[Field]) -> f64 {
        fields.iter().map(|field| self.rates.of(*field)).sum()
    }

    /// What RabbitMQ has under `X_details` for the sum of some fields.
    pub fn details(&self, fields: &[Field], range: Option<Range>) -> Value {
        let rate = self.rate(fields);
        let Some(range) = range else { return json!({"rate": rate}) };
        let samples = self.samples(fields, range);
        let values: Vec<f64> = samples.iter().map(|(_, value)| float(*value)).collect();
        let span = range.increment_secs.saturating_mul(values.len().saturating_sub(1) as u64);
        let change = values.first().zip(values.last()).map_or(0.0, |(newest, oldest)| newest - oldest);
        let avg_rate = if span == 0 { 0.0 } else { change / float(span) };
        let avg = values.iter().sum::<f64>() / float(values.len().max(1) as u64);
        let samples: Vec<Value> =
            samples.iter().map(|(at, value)| json!({"sample": value, "timestamp": at})).collect();
        json!({"rate": rate, "samples": samples, "avg_rate": avg_rate, "avg": avg})
    }

    /// Newest first, with times that are whole increments, in milliseconds. Before the first that is known there was
    /// nothing.
    fn samples(&self, fields: &[Field], range: Range) -> Vec<(u64, u64)> {
        let step = range.increment_secs.saturating_mul(1000).max(1);
        let newest = self.now.at.as_micros() / 1000 / step * step;
        let number = range.age_secs / range.increment_secs.max(1) + 1;
        let mut known = self.history.iter().rev().peekable();
        (0..number)
            .map(|back| {
                let at = newest.saturating_sub(back.saturating_mul(step));
                while known.next_if(|moment| at < moment.at.as_micros() / 1000).is_some() {}
                (at, known.peek().map_or(0, |moment| moment.reading.sum(fields)))
            })
            .collect()
    }
}

/// A change a second, by field.
#[derive(Clone, Copy, Debug)]
pub struct Rate([f64; Field::COUNT]);

impl Default for Rate {
    fn default() -> Self {
        Self([0.0; Field::COUNT])
    }
}

impl Rate {
    /// From the change of each field and the time that it took.
    pub fn new(change: impl Fn(Field) -> (i64, Duration)) -> Self {
        let mut rates = [0.0; Field::COUNT];
        for (rate, field) in rates.iter_mut().zip(Field::all()) {
            let (by, over) = change(field);
            if by != 0 && !over.is_zero() {
                *rate = signed(by) / over.as_secs_f64();
            }
        }
        Self(rates)
    }

    /// That of one field.
    pub fn of(&self, field: Field) -> f64 {
        self.0.get(field.index()).copied().unwrap_or_default()
    }
}

impl std::ops::Add for Rate {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
        self
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody reads the last of 53 bits")]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "nobody reads the last of 53 bits")]
fn signed(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(now_secs: u64, sent: &[(u64, u64)]) -> Moves {
        let moment = |second: u64, value: u64| {
            let mut reading = Reading::default();
            reading[Field::SENT] = value;
            Moment { at: Timestamp::from_micros(second * 1_000_000), reading }
        };
        let history = sent.iter().map(|(second, value)| moment(*second, *value)).collect();
        Moves { now: moment(now_secs, 0), rates: Rate::default(), history }
    }

    #[test]
    fn samples_are_the_newest_first_at_whole_increments() {
        let moves = moves(1022, &[(1004, 10), (1009, 20), (1014, 60), (1019, 60)]);
        let details = moves.details(&[Field::SENT], Some(Range { age_secs: 17, increment_secs: 5 }));
        let sample = |value: u64, at: u64| json!({"sample": value, "timestamp": at});
        let expected = json!({
            "rate": 0.0,
            "samples": [sample(60, 1_020_000), sample(60, 1_015_000), sample(20, 1_010_000), sample(10, 1_005_000)],
            "avg_rate": 50.0 / 15.0,
            "avg": 37.5,
        });
        assert_eq!(details, expected);
    }

    #[test]
    fn before_it_was_known_there_was_nothing() {
        let moves = moves(1000, &[(995, 7)]);
        let details = moves.details(&[Field::SENT], Some(Range { age_secs: 1000, increment_secs: 500 }));
        assert_eq!(
            details["samples"],
            json!([
                {"sample": 7, "timestamp": 1_000_000},
                {"sample": 0, "timestamp": 500_000},
                {"sample": 0, "timestamp": 0},
            ])
        );
        let one = moves.details(&[Field::SENT], Some(Range { age_secs: 1, increment_secs: 5 }));
        assert_eq!((&one["avg_rate"], &one["avg"]), (&json!(0.0), &json!(7.0)));
    }
}
