//! `message_stats`: what has happened to messages, and how fast it happens now.
//!
//! RabbitMQ tells counts in groups: once one of a group has happened, all of it is told, zeros included; before that
//! nothing of it is.

use leveret_core::model::{MessageStats, Stat};
use serde_json::{Value, json};

use super::request::Object;

/// Of each stat, so many a second.
pub type StatRates = [f64; Stat::COUNT];

/// What is told of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A queue.
    Queue,
    /// An exchange.
    Exchange,
    /// A channel.
    Channel,
}

/// From consumers' side.
const OUT: &[Stat] = &[
    Stat::Deliver,
    Stat::DeliverNoAck,
    Stat::Get,
    Stat::GetNoAck,
    Stat::GetEmpty,
    Stat::Redeliver,
    Stat::Ack,
];

impl Subject {
    const fn groups(self) -> &'static [&'static [Stat]] {
        match self {
            Self::Queue => &[&[Stat::Publish], OUT],
            Self::Exchange => &[&[Stat::PublishIn, Stat::PublishOut]],
            Self::Channel => {
                &[&[Stat::Publish, Stat::Confirm, Stat::ReturnUnroutable, Stat::DropUnroutable], OUT]
            }
        }
    }
}

/// Puts `message_stats` into a row, if anything has happened.
pub fn put_stats(row: &mut Object, subject: Subject, stats: &MessageStats, rates: Option<&StatRates>) {
    let told = stats_object(subject, stats, rates);
    if !told.is_empty() {
        row.insert("message_stats".to_owned(), Value::Object(told));
    }
}

/// The counts of an object with their rates; empty if nothing has happened.
pub fn stats_object(subject: Subject, stats: &MessageStats, rates: Option<&StatRates>) -> Object {
    let mut told = Object::new();
    for group in subject.groups() {
        if group.iter().all(|stat| stats[*stat] == 0) {
            continue;
        }
        for stat in *group {
            put(&mut told, stat.as_str(), stats[*stat], rate(rates, *stat));
        }
        if group.contains(&Stat::Deliver) {
            let parts = [Stat::Deliver, Stat::DeliverNoAck, Stat::Get, Stat::GetNoAck];
            let together = parts.iter().map(|stat| rate(rates, *stat)).sum();
            put(&mut told, "deliver_get", stats.deliver_get(), together);
        }
    }
    told
}

/// A number with what it changes by in a second.
pub fn put(row: &mut Object, name: &str, count: impl Into<Value>, per_second: f64) {
    row.insert(name.to_owned(), count.into());
    row.insert(format!("{name}_details"), json!({"rate": per_second}));
}

fn rate(rates: Option<&StatRates>, stat: Stat) -> f64 {
    rates.and_then(|rates| rates.get(stat as usize)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_told_whole_once_anything_of_it_has_happened() {
        let mut stats = MessageStats::default();
        assert!(stats_object(Subject::Queue, &stats, None).is_empty());
        stats[Stat::Publish] = 3;
        let told = Value::Object(stats_object(Subject::Queue, &stats, None));
        assert_eq!(told, json!({"publish": 3, "publish_details": {"rate": 0.0}}));
        stats[Stat::Get] = 1;
        let told = stats_object(Subject::Queue, &stats, None);
        assert_eq!((told["ack"].as_u64(), told["deliver_get"].as_u64()), (Some(0), Some(1)));
        assert_eq!(told.len(), 2 * 9);
    }

    #[test]
    fn what_is_handed_out_is_as_fast_as_its_parts_together() {
        let (mut stats, mut rates) = (MessageStats::default(), [0.0; Stat::COUNT]);
        stats[Stat::Deliver] = 5;
        rates[Stat::Deliver as usize] = 1.5;
        rates[Stat::GetNoAck as usize] = 0.5;
        let told = stats_object(Subject::Channel, &stats, Some(&rates));
        assert_eq!(told["deliver_get_details"], json!({"rate": 2.0}));
        assert!(!told.contains_key("confirm"));
    }
}
