//! What is told of queues.

use std::io;

use leveret_core::model::{QueueKind, QueueLook, QueueRef, Stat};

use super::family::Family;
use super::text::{About, Kind, Label, Text, float};

/// A queue and its numbers.
pub struct Row {
    pub queue: QueueRef,
    pub look: QueueLook,
}

macro_rules! families {
    ($(($kind:ident $name:literal, $asked:expr, $help:literal, $value:expr)),* $(,)?) => {
        &[$(Family {
            about: About { name: $name, kind: Kind::$kind, help: $help },
            asked_as: $asked,
            value: $value,
        }),*]
    };
}
pub(super) use families;

const COARSE: &[&str] = &["queue_coarse_metrics"];
const FINE: &[&str] = &["queue_metrics"];
const DELIVERY: &[&str] = &["queue_delivery_metrics"];
const CONSUMERS: &[&str] = &["queue_consumer_count", "queue_metrics"];
const PUBLISHED: &[&str] = &["queue_exchange_metrics", "channel_queue_exchange_metrics"];

/// All of them. The memory of a queue is that of the messages that wait in it.
pub const FAMILIES: &[Family<QueueLook>] = families![
    (Gauge "queue_messages_ready", COARSE, "Messages ready to be delivered to consumers", |look| float(look.counts.ready as u64)),
    (Gauge "queue_messages_unacked", COARSE, "Messages delivered to consumers but not yet acknowledged", |look| float(look.counts.unacked as u64)),
    (Gauge "queue_messages", COARSE, "Sum of ready and unacknowledged messages - total queue depth", |look| float((look.counts.ready + look.counts.unacked) as u64)),
    (Gauge "queue_consumers", CONSUMERS, "Consumers on a queue", |look| float(look.counts.consumers as u64)),
    (Gauge "queue_consumer_capacity", FINE, "Whether consumers could take messages at once", capacity),
    (Gauge "queue_consumer_utilisation", FINE, "Same as consumer capacity", capacity),
    (Gauge "queue_process_memory_bytes", FINE, "Memory that the messages of a queue take", |look| float(look.memory_bytes as u64)),
    (Gauge "queue_messages_bytes", FINE, "Size in bytes of ready and unacknowledged messages", |look| float(look.ready_body_bytes + look.unacked_body_bytes)),
    (Gauge "queue_messages_ready_bytes", FINE, "Size in bytes of ready messages", |look| float(look.ready_body_bytes)),
    (Gauge "queue_messages_unacked_bytes", FINE, "Size in bytes of all unacknowledged messages", |look| float(look.unacked_body_bytes)),
    (Counter "queue_messages_published_total", PUBLISHED, "Total number of messages published into a queue", |look| float(look.stats[Stat::Publish])),
    (Counter "queue_get_ack_total", DELIVERY, "Total number of messages fetched from a queue with basic.get in manual acknowledgement mode", |look| float(look.stats[Stat::Get])),
    (Counter "queue_get_total", DELIVERY, "Total number of messages fetched from a queue with basic.get in automatic acknowledgement mode", |look| float(look.stats[Stat::GetNoAck])),
    (Counter "queue_messages_delivered_ack_total", DELIVERY, "Total number of messages delivered from a queue to consumers in manual acknowledgement mode", |look| float(look.stats[Stat::Deliver])),
    (Counter "queue_messages_delivered_total", DELIVERY, "Total number of messages delivered from a queue to consumers in automatic acknowledgement mode", |look| float(look.stats[Stat::DeliverNoAck])),
    (Counter "queue_messages_redelivered_total", DELIVERY, "Total number of messages redelivered from a queue to consumers", |look| float(look.stats[Stat::Redeliver])),
    (Counter "queue_messages_acked_total", DELIVERY, "Total number of messages acknowledged by consumers on a queue", |look| float(look.stats[Stat::Ack])),
    (Counter "queue_get_empty_total", DELIVERY, "Total number of times basic.get operations fetched no message on a queue", |look| float(look.stats[Stat::GetEmpty])),
];

/// What is told of each queue, and summed up under another name or not at all.
const OLDEST: About = About {
    name: "queue_oldest_message_age_seconds",
    kind: Kind::Gauge,
    help: "How long the oldest ready message of a queue has waited, to a second or an eighth",
};

const INFO: About = About {
    name: "queue_info",
    kind: Kind::Gauge,
    help: "A metric with a constant '1' value that says what a queue is",
};

fn capacity(look: &QueueLook) -> f64 {
    let takes_all = look.counts.ready == 0 || look.is_waited_for;
    if look.counts.consumers != 0 && takes_all { 1.0 } else { 0.0 }
}

/// Writes those families that are asked for, of each queue by itself.
pub fn write(text: &mut Text<'_>, rows: &[Row], is_asked_for: impl Fn(&[&str]) -> bool) -> io::Result<()> {
    let families = || FAMILIES.iter().filter(|family| is_asked_for(family.asked_as));
    if families().next().is_none() || rows.is_empty() {
        return Ok(());
    }
    for family in families() {
        text.begin(&family.about)?;
        for Row { queue, look } in rows {
            let facts = queue.facts();
            let labels = [("vhost", &*facts.vhost), ("queue", &*facts.name)];
            text.sample(family.about.name, &labels, (family.value)(look))?;
        }
    }
    text.begin(&INFO)?;
    for Row { queue, .. } in rows {
        let facts = queue.facts();
        let labels: [Label<'_>; 4] = [
            ("vhost", &facts.vhost),
            ("queue", &facts.name),
            ("queue_type", type_of(facts.traits.kind)),
            ("membership", "leader"),
        ];
        text.sample(INFO.name, &labels, 1.0)?;
    }
    if !is_asked_for(FINE) {
        return Ok(());
    }
    let mut own = text.named("leveret_");
    own.begin(&OLDEST)?;
    for Row { queue, look } in rows {
        let facts = queue.facts();
        let labels = [("vhost", &*facts.vhost), ("queue", &*facts.name)];
        if let Some(age) = look.oldest {
            own.sample(OLDEST.name, &labels, age.as_secs_f64())?;
        }
    }
    Ok(())
}

/// RabbitMQ's name for a type of queues.
pub const fn type_of(kind: QueueKind) -> &'static str {
    match kind {
        QueueKind::Classic | QueueKind::Delay => "rabbit_classic_queue",
        QueueKind::Quorum => "rabbit_quorum_queue",
    }
}
