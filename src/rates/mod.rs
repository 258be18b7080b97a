//! Rates: how fast what is counted changes, and how it did a while ago.
//!
//! ```text
//! sampler ──every 5 s──▶ census (connections, queues) ──▶ Rates ──▶ moves (rate, samples) ──▶ HTTP
//! ```
//! Invariants:
//! - Counters are never touched: the sampler reads what is counted anyway, on a thread that carries no traffic, and holds no
//!   lock over more than one queue.
//! - A rate is the change over the most recent interval between two samples, as RabbitMQ has it. What has not moved as
//!   long as is known has a rate at once: the change since the last sample over the time since, a second at least.
//! - Memory is bounded. What nothing has ever happened to costs nothing; what is there costs its last numbers (about 150
//!   bytes); changes are kept for ten minutes, but never more than [`MOST_CHANGES`] of them (32 MB): if there would be
//!   more, they are kept for a shorter time. The broker's own numbers are kept for a day.

mod census;
mod moves;
mod reading;
mod retained;
mod sampler;
mod track;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use leveret_core::model::QueueRef;
use leveret_core::{ChannelNumber, ConnectionId, QueueId, Timestamp};
use parking_lot::Mutex;

pub use census::{Census, OfVhost, settled};
pub use moves::{Moment, Moves, Range, Rate};
pub use reading::{Field, Reading};
use retained::Retained;
pub use sampler::{complete, keep};
use track::Track;

/// How often samples are taken.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// Samples for which changes are kept: ten minutes, and one more so that the farthest sample is known.
const MOST_PASSES: usize = 122;
/// Changes that are kept, of all objects together; 16 bytes each.
const MOST_CHANGES: usize = 2_000_000;
/// A rate since the last sample is over no less than this.
const LEAST_SPAN: Duration = Duration::from_secs(1);

/// What has a rate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A queue.
    Queue(QueueId),
    /// An exchange: its virtual host and its name.
    Exchange(Arc<str>, Box<[u8]>),
    /// A connection.
    Connection(ConnectionId),
    /// A channel.
    Channel(ConnectionId, ChannelNumber),
    /// A virtual host.
    Vhost(Arc<str>),
}

impl Key {
    /// That of a queue.
    pub fn of_queue(queue: &QueueRef) -> Self {
        Self::Queue(queue.facts().id)
    }

    /// That of an exchange.
    pub fn of_exchange(vhost: &str, name: &str) -> Self {
        Self::Exchange(vhost.into(), name.as_bytes().into())
    }
}

/// What a question for moves is about.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry {
    /// What is true now.
    pub now: Moment,
    /// Whether what was is asked for, too.
    pub with_history: bool,
}

/// The samples of one broker.
#[derive(Debug, Default)]
pub struct Rates(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When samples were taken, the latest last; those for which changes are kept.
    times: VecDeque<Timestamp>,
    /// The number of the latest of them.
    last: u32,
    tracks: HashMap<Key, Track>,
    broker: Retained,
    /// Those of all tracks.
    changes: usize,
}

impl Rates {
    /// How an object's numbers move.
    pub fn of(&self, key: &Key, inquiry: Inquiry) -> Moves {
        let state = self.0.lock();
        let track = state.tracks.get(key);
        let Some(last_at) = state.times.back().copied() else {
            return Moves { now: inquiry.now, rates: Rate::default(), history: Vec::new() };
        };
        let interval = last_at.duration_since(state.time_before_last());
        let since = LEAST_SPAN.max(inquiry.now.at.duration_since(last_at));
        let last = track.map(|track| track.at(state.last)).unwrap_or_default();
        let rates = Rate::new(|field| match track.and_then(|track| track.change(state.last, field)) {
            Some(by) => (by, interval),
            None => (change(inquiry.now.reading[field], last[field]), since),
        });
        let history = match track {
            Some(track) if inquiry.with_history => state.history(track),
            _ => Vec::new(),
        };
        Moves { now: inquiry.now, rates, history }
    }

    /// Forgets everything: rates begin anew.
    pub fn reset(&self) {
        *self.0.lock() = State::default();
    }

    /// How the broker's own numbers move.
    pub fn of_broker(&self, inquiry: Inquiry) -> Moves {
        let state = self.0.lock();
        let recent = state.broker.recent();
        let mut latest = recent.iter().rev();
        let rates = match (latest.next(), latest.next()) {
            (Some(last), Some(before)) => {
                let interval = last.at.duration_since(before.at);
                let since = LEAST_SPAN.max(inquiry.now.at.duration_since(last.at));
                Rate::new(|field| {
                    let value = last.reading[field];
                    if recent.iter().any(|moment| moment.reading[field] != value) {
                        (change(value, before.reading[field]), interval)
                    } else {
                        (change(inquiry.now.reading[field], value), since)
                    }
                })
            }
            (Some(last), None) => {
                let since = LEAST_SPAN.max(inquiry.now.at.duration_since(last.at));
                Rate::new(|field| (change(inquiry.now.reading[field], last.reading[field]), since))
            }
            _ => Rate::default(),
        };
        let history = if inquiry.with_history { state.broker.history() } else { Vec::new() };
        Moves { now: inquiry.now, rates, history }
    }

    /// A sample of these objects; a sample may come in several parts, of which [`Rates::finish`] is the last.
    fn note(&self, readings: impl IntoIterator<Item = (Key, Reading)>) {
        let mut state = self.0.lock();
        let State { times, last, tracks, changes, .. } = &mut *state;
        let (pass, is_first) = (*last + 1, times.is_empty());
        for (key, reading) in readings {
            match tracks.get_mut(&key) {
                Some(track) => *changes += track.note(pass, reading),
                None if reading.is_nothing() => {}
                None if is_first => {
                    tracks.insert(key, Track::beginning_with(pass, &reading));
                }
                None => {
                    let mut track = Track::default();
                    *changes += track.note(pass, reading);
                    tracks.insert(key, track);
                }
            }
        }
    }

    /// The sample is whole: it was taken at this moment, and what it has not is gone.
    fn finish(&self, at: Timestamp, broker: Reading) {
        let mut state = self.0.lock();
        state.last += 1;
        state.times.push_back(at);
        state.broker.note(at, broker);
        let pass = state.last;
        let State { tracks, changes, .. } = &mut *state;
        tracks.retain(|_, track| {
            let stays = track.seen == pass;
            *changes -= if stays { 0 } else { track.changes() };
            stays
        });
        while MOST_PASSES < state.times.len() {
            state.forget_oldest();
        }
        state.forget_beyond(MOST_CHANGES);
    }
}

impl State {
    /// The latest interval is kept whatever it takes: rates come from it.
    fn forget_beyond(&mut self, most_changes: usize) {
        while most_changes < self.changes && 2 < self.times.len() {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        self.times.pop_front();
        let kept = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        // A change is told with the sample that first has it: of the oldest sample it is known what it was, not how it
        // came to be so.
        let oldest = (self.last + 2).saturating_sub(kept);
        for track in self.tracks.values_mut() {
            self.changes -= track.forget_before(oldest);
        }
    }

    fn time_before_last(&self) -> Timestamp {
        let times = &self.times;
        times.iter().rev().nth(1).or(times.back()).copied().unwrap_or_default()
    }

    fn history(&self, track: &Track) -> Vec<Moment> {
        let kept = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        let passes = (self.last + 1).saturating_sub(kept)..=self.last;
        let readings = track.history(passes);
        let moments = self.times.iter().zip(readings).map(|(at, reading)| Moment { at: *at, reading });
        let mut moments: Vec<Moment> = moments.collect();
        // What was before that is forgotten; it was no less than nothing.
        if kept < self.last
            && let Some(first) = moments.first_mut()
        {
            first.at = Timestamp::default();
        }
        moments
    }
}

fn change(now: u64, before: u64) -> i64 {
    now.wrapping_sub(before).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::Queue(QueueId(1));

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn sent(value: u64) -> Reading {
        let mut reading = Reading::default();
        reading[Field::SENT] = value;
        reading
    }

    fn sample(rates: &Rates, seconds: u64, value: u64) {
        rates.note([(KEY, sent(value))]);
        rates.finish(at(seconds), sent(value));
    }

    fn rate_of_one(rates: &Rates, seconds: u64, value: u64) -> f64 {
        let now = Moment { at: at(seconds), reading: sent(value) };
        rates.of(&KEY, Inquiry { now, with_history: false }).rate(&[Field::SENT])
    }

    fn rate(rates: &Rates, seconds: u64, value: u64) -> f64 {
        let inquiry = Inquiry { now: Moment { at: at(seconds), reading: sent(value) }, with_history: false };
        let (one, broker) = (rates.of(&KEY, inquiry), rates.of_broker(inquiry));
        assert_eq!(one.rate(&[Field::SENT]).to_bits(), broker.rate(&[Field::SENT]).to_bits());
        one.rate(&[Field::SENT])
    }

    fn is(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    #[test]
    fn a_rate_is_the_change_over_the_last_interval() {
        let rates = Rates::default();
        for (seconds, value) in [(0, 100), (5, 200), (10, 250)] {
            sample(&rates, seconds, value);
        }
        assert!(is(rate(&rates, 12, 1000), 10.0));
        sample(&rates, 15, 250);
        assert!(is(rate(&rates, 15, 250), 0.0));
    }

    #[test]
    fn what_was_idle_has_a_rate_before_the_next_sample() {
        let rates = Rates::default();
        assert!(is(rate(&rates, 0, 10), 0.0));
        sample(&rates, 0, 0);
        assert!(is(rate(&rates, 2, 10), 5.0));
        // Over a second at least.
        assert!(is(rate(&rates, 0, 10), 10.0));
        sample(&rates, 5, 30);
        assert!(is(rate(&rates, 6, 300), 6.0));
    }

    #[test]
    fn while_a_sample_is_taken_rates_are_those_of_the_one_before() {
        let rates = Rates::default();
        for (seconds, value) in [(0, 0), (5, 50)] {
            sample(&rates, seconds, value);
        }
        rates.note([(KEY, sent(500)), (Key::Queue(QueueId(2)), sent(500))]);
        assert!(is(rate(&rates, 10, 500), 10.0));
        let now = Moment { at: at(10), reading: sent(500) };
        let new = rates.of(&Key::Queue(QueueId(2)), Inquiry { now, with_history: false });
        assert!(is(new.rate(&[Field::SENT]), 100.0));
    }

    #[test]
    fn what_was_there_at_the_beginning_has_not_just_come() {
        let rates = Rates::default();
        sample(&rates, 0, 1_000_000);
        assert!(is(rate(&rates, 1, 1_000_000), 0.0));
        sample(&rates, 5, 1_000_005);
        assert!(is(rate(&rates, 5, 1_000_005), 1.0));
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let rates = Rates::default();
        sample(&rates, 0, 0);
        sample(&rates, 5, 1);
        assert_eq!(rates.0.lock().changes, 1);
        rates.finish(at(10), sent(1));
        let state = rates.0.lock();
        assert_eq!((state.changes, state.tracks.len()), (0, 0));
    }

    #[test]
    fn where_much_happens_less_of_the_past_is_kept_but_never_the_last_interval() {
        let rates = Rates::default();
        for pass in 0..10 {
            sample(&rates, pass * 5, pass * 10);
        }
        let mut state = rates.0.lock();
        for (most, kept) in [(9, 9), (4, 4), (0, 1)] {
            state.forget_beyond(most);
            assert_eq!((state.changes, state.times.len()), (kept, kept + 1), "{most}");
        }
        drop(state);
        assert!(is(rate_of_one(&rates, 46, 90), 2.0));
    }

    #[test]
    fn changes_are_kept_for_ten_minutes() {
        let rates = Rates::default();
        for pass in 0..200 {
            sample(&rates, pass * 5, pass);
        }
        let now = Moment { at: at(995), reading: sent(199) };
        let history = rates.of(&KEY, Inquiry { now, with_history: true }).history;
        assert_eq!((history.len(), history[0].at), (MOST_PASSES, at(0)));
        let seen: Vec<u64> = history.iter().map(|moment| moment.reading[Field::SENT]).collect();
        assert_eq!(seen, (78..200).collect::<Vec<u64>>());
        assert_eq!(rates.0.lock().changes, MOST_PASSES - 1);
    }
}
