//! Counters of the broker as a whole, by protocol and by type of queues. Every series is there from the first scrape on, so
//! that `rate()` has something to begin with.

use std::io;

use leveret_core::model::{Losses, MessageStats, SIZE_BOUNDS, Stat};

use super::inventory::OfType;
use super::survey::Survey;
use super::text::{About, Classes, Kind, Label, Text, float};

const PROTOCOL: Label<'static> = ("protocol", "amqp091");
/// As in [`Inventory::types`](super::inventory::Inventory).
const TYPES: [&str; 2] = ["rabbit_classic_queue", "rabbit_quorum_queue"];

/// Writes all of them. `received_confirm` is what was published to be confirmed.
pub fn write(text: &mut Text<'_>, survey: &Survey, received_confirm: u64) -> io::Result<()> {
    let stats = &survey.stats;
    let of_protocol = [
        (gauge("global_publishers", "Current number of publishers"), survey.publishers),
        (gauge("global_consumers", "Current number of consumers"), survey.queues.consumers),
        (
            counter("global_messages_received_total", "Total number of messages received from publishers"),
            stats[Stat::Publish],
        ),
        (
            counter(
                "global_messages_received_confirm_total",
                "Total number of messages received from publishers expecting confirmations",
            ),
            received_confirm,
        ),
        (
            counter("global_messages_routed_total", "Total number of messages routed to queues or streams"),
            survey.queues.published(),
        ),
        (
            counter("global_messages_confirmed_total", "Total number of messages confirmed to publishers"),
            stats[Stat::Confirm],
        ),
        (
            counter(
                "global_messages_unroutable_dropped_total",
                "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
            ),
            stats[Stat::DropUnroutable],
        ),
        (
            counter(
                "global_messages_unroutable_returned_total",
                "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
            ),
            stats[Stat::ReturnUnroutable],
        ),
    ];
    for (about, value) in of_protocol {
        text.begin(&about)?;
        text.sample(about.name, &[PROTOCOL], float(value))?;
    }
    write_by_type(text, &survey.queues.types)?;
    write_dead_letters(text, &survey.queues.types)?;
    let bounds = SIZE_BOUNDS.map(float);
    let classes = Classes { bounds: &bounds, counts: &survey.sizes.classes, sum: float(survey.sizes.bytes) };
    text.histogram(
        &gauge("message_size_bytes", "Size of messages received from publishers"),
        &[PROTOCOL],
        &classes,
    )
}

type OfStats = fn(&MessageStats) -> u64;

const BY_TYPE: &[(&str, &str, OfStats)] = &[
    (
        "global_messages_delivered_total",
        "Total number of messages delivered to consumers",
        MessageStats::deliver_get,
    ),
    (
        "global_messages_delivered_consume_auto_ack_total",
        "Total number of messages delivered to consumers using basic.consume with automatic acknowledgment",
        |stats| stats[Stat::DeliverNoAck],
    ),
    (
        "global_messages_delivered_consume_manual_ack_total",
        "Total number of messages delivered to consumers using basic.consume with manual acknowledgment",
        |stats| stats[Stat::Deliver],
    ),
    (
        "global_messages_delivered_get_auto_ack_total",
        "Total number of messages delivered to consumers using basic.get with automatic acknowledgment",
        |stats| stats[Stat::GetNoAck],
    ),
    (
        "global_messages_delivered_get_manual_ack_total",
        "Total number of messages delivered to consumers using basic.get with manual acknowledgment",
        |stats| stats[Stat::Get],
    ),
    (
        "global_messages_get_empty_total",
        "Total number of times basic.get operations fetched no message",
        |stats| stats[Stat::GetEmpty],
    ),
    ("global_messages_redelivered_total", "Total number of messages redelivered to consumers", |stats| {
        stats[Stat::Redeliver]
    }),
    ("global_messages_acknowledged_total", "Total number of messages acknowledged by consumers", |stats| {
        stats[Stat::Ack]
    }),
];

fn write_by_type(text: &mut Text<'_>, types: &[OfType; 2]) -> io::Result<()> {
    for (name, help, value) in BY_TYPE {
        text.begin(&counter(name, help))?;
        for (name_of_type, of_type) in TYPES.iter().zip(types) {
            let labels = [PROTOCOL, ("queue_type", name_of_type)];
            text.sample(name, &labels, float(value(&of_type.stats)))?;
        }
    }
    Ok(())
}

type OfLosses = fn(&Losses) -> u64;

const BY_REASON: &[(&str, &str, OfLosses)] = &[
    (
        "global_messages_dead_lettered_expired_total",
        "Total number of messages dead-lettered due to message TTL exceeded",
        |lost| lost.expired,
    ),
    (
        "global_messages_dead_lettered_maxlen_total",
        "Total number of messages dead-lettered due to overflow drop-head or reject-publish-dlx",
        |lost| lost.max_length,
    ),
    (
        "global_messages_dead_lettered_rejected_total",
        "Total number of messages dead-lettered due to basic.reject or basic.nack",
        |lost| lost.rejected,
    ),
    (
        "global_messages_dead_lettered_delivery_limit_total",
        "Total number of messages dead-lettered due to delivery-limit exceeded",
        |lost| lost.delivery_limit,
    ),
];

fn write_dead_letters(text: &mut Text<'_>, types: &[OfType; 2]) -> io::Result<()> {
    for (name, help, value) in BY_REASON {
        text.begin(&counter(name, help))?;
        for (name_of_type, of_type) in TYPES.iter().zip(types) {
            for (strategy, lost) in [("at_most_once", &of_type.dead_lettered), ("disabled", &of_type.lost)] {
                let labels = [("queue_type", *name_of_type), ("dead_letter_strategy", strategy)];
                text.sample(name, &labels, float(value(lost)))?;
            }
        }
    }
    Ok(())
}

fn counter(name: &'static str, help: &'static str) -> About {
    About { name, kind: Kind::Counter, help }
}

fn gauge(name: &'static str, help: &'static str) -> About {
    About { name, kind: Kind::Gauge, help }
}
