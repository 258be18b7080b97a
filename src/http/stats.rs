//! `message_stats`: what has happened to messages, and how fast it happens now.
//!
//! RabbitMQ tells counts in groups: once one of a group has happened, all of it is told, zeros included; before that
//! nothing of it is.

use leveret_core::model::Stat;
use serde_json::{Value, json};

use super::numbers;
use super::request::Object;
use crate::rates::{Field, Moves, Range};

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
pub fn put_stats(row: &mut Object, subject: Subject, moves: &Moves, range: Option<Range>) {
    let told = stats_object(subject, moves, range);
    if !told.is_empty() {
        row.insert("message_stats".to_owned(), Value::Object(told));
    }
}

/// The counts of an object with their rates; empty if nothing has happened.
fn stats_object(subject: Subject, moves: &Moves, range: Option<Range>) -> Object {
    let mut told = Object::new();
    for group in subject.groups() {
        if group.iter().all(|stat| moves.value(&[Field::of(*stat)]) == 0) {
            continue;
        }
        for stat in *group {
            numbers::put(&mut told, stat.as_str(), (moves, &[Field::of(*stat)]), range);
        }
        if group.contains(&Stat::Deliver) {
            numbers::put(&mut told, "deliver_get", (moves, &Field::DELIVER_GET), range);
        }
    }
    told
}

/// A number that never moves, as if it could.
pub fn put_still(row: &mut Object, name: &str, count: u64) {
    row.insert(name.to_owned(), count.into());
    row.insert(format!("{name}_details"), json!({"rate": 0.0}));
}

#[cfg(test)]
mod tests {
    use leveret_core::model::MessageStats;

    use super::*;
    use crate::rates::{Moment, Rate, Reading};

    fn moves(stats: &MessageStats, rate: f64) -> Moves {
        let now = Moment { reading: Reading::of_stats(stats), ..Moment::default() };
        let per_second = |field| {
            let is_moving = [Field::of(Stat::Deliver), Field::of(Stat::GetNoAck)].contains(&field);
            #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
            (if is_moving { rate as i64 } else { 0 }, std::time::Duration::from_secs(1))
        };
        Moves { now, rates: Rate::new(per_second), history: Vec::new() }
    }

    #[test]
    fn a_group_is_told_whole_once_anything_of_it_has_happened() {
        let mut stats = MessageStats::default();
        assert!(stats_object(Subject::Queue, &moves(&stats, 0.0), None).is_empty());
        stats[Stat::Publish] = 3;
        let told = Value::Object(stats_object(Subject::Queue, &moves(&stats, 0.0), None));
        assert_eq!(told, json!({"publish": 3, "publish_details": {"rate": 0.0}}));
        stats[Stat::Get] = 1;
        let told = stats_object(Subject::Queue, &moves(&stats, 0.0), None);
        assert_eq!((told["ack"].as_u64(), told["deliver_get"].as_u64()), (Some(0), Some(1)));
        assert_eq!(told.len(), 2 * 9);
    }

    #[test]
    fn what_is_handed_out_is_as_fast_as_its_parts_together() {
        let mut stats = MessageStats::default();
        stats[Stat::Deliver] = 5;
        let told = stats_object(Subject::Channel, &moves(&stats, 3.0), None);
        assert_eq!(told["deliver_get_details"], json!({"rate": 6.0}));
        assert!(!told.contains_key("confirm"));
    }
}
