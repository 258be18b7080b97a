//! What is told of connections, their channels, and the exchanges that they publish to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use leveret_core::model::{ChannelRecord, ConnectionRecord, MessageStats, Stat};

use super::family::{Family, write_each};
use super::queues::families;
use super::text::{About, Kind, Text, float};

/// A connection's numbers.
#[derive(Clone, Debug, Default)]
pub struct ConnectionRow {
    pub name: Arc<str>,
    pub received: (u64, u64),
    pub sent: (u64, u64),
    pub channels: u64,
}

/// A channel's numbers.
#[derive(Clone, Debug, Default)]
pub struct ChannelRow {
    pub connection: Arc<str>,
    pub number: u16,
    pub stats: MessageStats,
    pub unacked: u64,
    pub unconfirmed: u64,
    pub uncommitted: u64,
    pub acks_uncommitted: u64,
    pub consumers: u64,
    /// Those of its consumers together.
    pub consumer_prefetch: u64,
    pub prefetch: u64,
}

/// An exchange's numbers: what came, what went into queues.
#[derive(Clone, Debug)]
pub struct ExchangeRow {
    pub vhost: Arc<str>,
    pub name: String,
    pub counts: (u64, u64),
}

const CONNECTION_COARSE: &[&str] = &["connection_coarse_metrics"];
const CONNECTION: &[&str] = &["connection_metrics"];
const CHANNEL: &[&str] = &["channel_metrics"];
const CHANNEL_EXCHANGE: &[&str] = &["channel_exchange_metrics"];
const CHANNEL_QUEUE: &[&str] = &["channel_queue_metrics"];
const EXCHANGE: &[&str] = &["exchange_metrics"];

pub const CONNECTIONS: &[Family<ConnectionRow>] = families![
    (Counter "connection_incoming_bytes_total", CONNECTION_COARSE, "Total number of bytes received on a connection", |row| float(row.received.0)),
    (Counter "connection_outgoing_bytes_total", CONNECTION_COARSE, "Total number of bytes sent on a connection", |row| float(row.sent.0)),
    (Counter "connection_incoming_packets_total", CONNECTION, "Total number of packets received on a connection", |row| float(row.received.1)),
    (Counter "connection_outgoing_packets_total", CONNECTION, "Total number of packets sent on a connection", |row| float(row.sent.1)),
    (Gauge "connection_channels", CONNECTION, "Channels on a connection", |row| float(row.channels)),
];

pub const CHANNELS: &[Family<ChannelRow>] = families![
    (Gauge "channel_consumers", CHANNEL, "Consumers on a channel", |row| float(row.consumers)),
    (Gauge "channel_messages_unacked", CHANNEL, "Delivered but not yet acknowledged messages", |row| float(row.unacked)),
    (Gauge "channel_messages_unconfirmed", CHANNEL, "Published but not yet confirmed messages", |row| float(row.unconfirmed)),
    (Gauge "channel_messages_uncommitted", CHANNEL, "Messages received in a transaction but not yet committed", |row| float(row.uncommitted)),
    (Gauge "channel_acks_uncommitted", CHANNEL, "Message acknowledgements in a transaction not yet committed", |row| float(row.acks_uncommitted)),
    (Gauge "consumer_prefetch", CHANNEL, "Limit of unacknowledged messages for each consumer", |row| float(row.consumer_prefetch)),
    (Gauge "channel_prefetch", CHANNEL, "Limit of unacknowledged messages for all consumers of a channel", |row| float(row.prefetch)),
    (Counter "channel_messages_published_total", CHANNEL_EXCHANGE, "Total number of messages published into an exchange on a channel", |row| float(row.stats[Stat::Publish])),
    (Counter "channel_messages_confirmed_total", CHANNEL_EXCHANGE, "Total number of messages published into an exchange and confirmed on the channel", |row| float(row.stats[Stat::Confirm])),
    (Counter "channel_messages_unroutable_returned_total", CHANNEL_EXCHANGE, "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable", |row| float(row.stats[Stat::ReturnUnroutable])),
    (Counter "channel_messages_unroutable_dropped_total", CHANNEL_EXCHANGE, "Total number of messages published as non-mandatory into an exchange and dropped as unroutable", |row| float(row.stats[Stat::DropUnroutable])),
    (Counter "channel_get_ack_total", CHANNEL_QUEUE, "Total number of messages fetched with basic.get in manual acknowledgement mode", |row| float(row.stats[Stat::Get])),
    (Counter "channel_get_total", CHANNEL_QUEUE, "Total number of messages fetched with basic.get in automatic acknowledgement mode", |row| float(row.stats[Stat::GetNoAck])),
    (Counter "channel_messages_delivered_ack_total", CHANNEL_QUEUE, "Total number of messages delivered to consumers in manual acknowledgement mode", |row| float(row.stats[Stat::Deliver])),
    (Counter "channel_messages_delivered_total", CHANNEL_QUEUE, "Total number of messages delivered to consumers in automatic acknowledgement mode", |row| float(row.stats[Stat::DeliverNoAck])),
    (Counter "channel_messages_redelivered_total", CHANNEL_QUEUE, "Total number of messages redelivered to consumers", |row| float(row.stats[Stat::Redeliver])),
    (Counter "channel_messages_acked_total", CHANNEL_QUEUE, "Total number of messages acknowledged by consumers", |row| float(row.stats[Stat::Ack])),
    (Counter "channel_get_empty_total", CHANNEL_QUEUE, "Total number of times basic.get operations fetched no message", |row| float(row.stats[Stat::GetEmpty])),
];

pub const EXCHANGES: &[Family<ExchangeRow>] = families![
    (Counter "exchange_messages_published_total", EXCHANGE, "Total number of messages published into an exchange", |row| float(row.counts.0)),
];

/// What is known of all exchanges together.
pub const EXCHANGES_TOGETHER: &[Family<ChannelRow>] = families![
    (Counter "exchange_messages_published_total", EXCHANGE, "Total number of messages published into an exchange", |row| float(row.stats[Stat::Publish])),
    (Counter "exchange_messages_confirmed_total", EXCHANGE, "Total number of messages published into an exchange and confirmed", |row| float(row.stats[Stat::Confirm])),
    (Counter "exchange_messages_unroutable_returned_total", EXCHANGE, "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable", |row| float(row.stats[Stat::ReturnUnroutable])),
    (Counter "exchange_messages_unroutable_dropped_total", EXCHANGE, "Total number of messages published as non-mandatory into an exchange and dropped as unroutable", |row| float(row.stats[Stat::DropUnroutable])),
];

impl ConnectionRow {
    /// Of an open connection.
    pub fn new(record: &ConnectionRecord) -> Self {
        let traffic = &record.traffic;
        Self {
            name: record.facts.name.clone(),
            received: (traffic.received_bytes.get(), traffic.reads.get()),
            sent: (traffic.sent_bytes.get(), traffic.writes.get()),
            channels: record.channel_count() as u64,
        }
    }
}

impl ChannelRow {
    /// Of an open channel.
    pub fn new(connection: &ConnectionRecord, record: &ChannelRecord) -> Self {
        let consumers = record.consumers();
        Self {
            connection: connection.facts.name.clone(),
            number: record.number,
            stats: record.stats(),
            unacked: record.unacked.load(Ordering::Relaxed).into(),
            unconfirmed: record.unconfirmed.load(Ordering::Relaxed).into(),
            uncommitted: record.uncommitted.load(Ordering::Relaxed).into(),
            acks_uncommitted: record.acks_uncommitted.load(Ordering::Relaxed).into(),
            consumers: consumers.len() as u64,
            consumer_prefetch: consumers.iter().map(|consumer| u64::from(consumer.prefetch)).sum(),
            prefetch: record.global_prefetch.load(Ordering::Relaxed).into(),
        }
    }

    /// Of channels that are gone, and did this.
    pub fn gone(stats: MessageStats) -> Self {
        Self { stats, ..Self::default() }
    }
}

/// Writes those families that are asked for, of each connection by itself.
pub fn write_connections(
    text: &mut Text<'_>,
    rows: &[ConnectionRow],
    is_asked_for: impl Fn(&[&str]) -> bool,
) -> io::Result<()> {
    let families = CONNECTIONS.iter().filter(|family| is_asked_for(family.asked_as));
    // The label is called so in RabbitMQ.
    write_each(text, families, rows, |row, write| write(&[("channel", &row.name)]))
}

/// The same of channels.
pub fn write_channels(
    text: &mut Text<'_>,
    rows: &[ChannelRow],
    is_asked_for: impl Fn(&[&str]) -> bool,
) -> io::Result<()> {
    let families = CHANNELS.iter().filter(|family| is_asked_for(family.asked_as));
    write_each(text, families, rows, |row, write| {
        write(&[("channel", &format!("{} ({})", row.connection, row.number))])
    })
}

/// The same of exchanges.
pub fn write_exchanges(
    text: &mut Text<'_>,
    rows: &[ExchangeRow],
    is_asked_for: impl Fn(&[&str]) -> bool,
) -> io::Result<()> {
    let families = EXCHANGES.iter().filter(|family| is_asked_for(family.asked_as));
    write_each(text, families, rows, |row, write| write(&[("vhost", &row.vhost), ("exchange", &row.name)]))
}
