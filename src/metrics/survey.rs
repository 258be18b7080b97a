//! Everything that a page is about, looked at once.

use std::sync::Arc;

use leveret_core::model::{ConnectionRecord, ConnectionState, MessageStats, SizeCounts, Stat};

use super::clients::{self, ChannelRow, ConnectionRow, ExchangeRow};
use super::family::Sums;
use super::inventory::Inventory;
use crate::http::Pattern;
use crate::rates::{self, Census};
use crate::session::Shared;

/// Which objects are told of one by one.
#[derive(Default)]
pub struct Scope {
    /// None: all are summed up instead.
    pub each: bool,
    /// Of these virtual hosts; empty is all.
    pub vhosts: Vec<String>,
    /// Queues of these names.
    pub queue: Option<Pattern>,
}

impl Scope {
    /// Whether a virtual host is one of them.
    pub fn has_vhost(&self, name: &str) -> bool {
        self.vhosts.is_empty() || self.vhosts.iter().any(|wanted| wanted == name)
    }

    /// Whether a queue is one of them.
    pub fn has_queue(&self, name: &str) -> bool {
        self.queue.as_ref().is_none_or(|pattern| pattern.is_in(name))
    }

    /// Whether it took too long to see which queues these are.
    pub fn has_given_up(&self) -> bool {
        self.queue.as_ref().is_some_and(Pattern::has_given_up)
    }
}

/// What there is.
pub struct Survey {
    pub queues: Inventory,
    pub connections: Vec<ConnectionRow>,
    pub channels: Vec<ChannelRow>,
    pub exchanges: Vec<ExchangeRow>,
    pub of_connections: Sums<ConnectionRow>,
    pub of_channels: Sums<ChannelRow>,
    pub of_exchanges: Sums<ChannelRow>,
    /// What clients did, those that are gone as well.
    pub stats: MessageStats,
    /// Publishes that wait for their confirm.
    pub unconfirmed: u64,
    /// Connections by state: running, flow, blocked.
    pub states: [u64; 3],
    pub channel_count: u64,
    pub publishers: u64,
    /// How large all publishes were.
    pub sizes: SizeCounts,
}

impl Survey {
    /// Of this moment.
    pub fn take(shared: &Shared, scope: &Scope) -> Self {
        let mut survey = Self::of(Inventory::take(shared, scope));
        survey.look_at_connections(shared, scope);
        if scope.each {
            survey.look_at_exchanges(shared, scope);
        }
        survey
    }

    fn of(queues: Inventory) -> Self {
        Self {
            queues,
            connections: Vec::new(),
            channels: Vec::new(),
            exchanges: Vec::new(),
            of_connections: Sums::new(clients::CONNECTIONS),
            of_channels: Sums::new(clients::CHANNELS),
            of_exchanges: Sums::new(clients::EXCHANGES_TOGETHER),
            stats: MessageStats::default(),
            unconfirmed: 0,
            states: [0; 3],
            channel_count: 0,
            publishers: 0,
            sizes: SizeCounts::default(),
        }
    }

    fn look_at_connections(&mut self, shared: &Shared, scope: &Scope) {
        let ((rows, sizes), gone) = rates::settled(&shared.core, |records| {
            let row = |record: &Arc<ConnectionRecord>| {
                let channels: Vec<ChannelRow> =
                    record.channels().iter().map(|channel| ChannelRow::new(record, channel)).collect();
                (record.clone(), ConnectionRow::new(record), channels)
            };
            (records.iter().map(row).collect::<Vec<_>>(), shared.core.roll().sizes())
        });
        self.sizes = sizes;
        for (record, connection, channels) in rows {
            let [running, flow, blocked] = &mut self.states;
            *match record.state() {
                ConnectionState::Running => running,
                ConnectionState::Flow => flow,
                ConnectionState::Blocked => blocked,
            } += 1;
            self.of_connections.add(&connection);
            for row in &channels {
                self.channel_count += 1;
                self.publishers += u64::from(row.stats[Stat::Publish] != 0);
                self.unconfirmed += row.unconfirmed;
                self.add_channel(row);
            }
            if scope.each && scope.has_vhost(&record.facts.vhost) {
                self.connections.push(connection);
                self.channels.extend(channels);
            }
        }
        for gone in gone.into_values() {
            self.add_channel(&ChannelRow::gone(gone.stats));
            let received = (gone.bytes.0, gone.packets.0);
            let sent = (gone.bytes.1, gone.packets.1);
            self.of_connections.add(&ConnectionRow { received, sent, ..ConnectionRow::default() });
        }
    }

    fn add_channel(&mut self, row: &ChannelRow) {
        self.stats += row.stats;
        self.of_channels.add(row);
        self.of_exchanges.add(row);
    }

    fn look_at_exchanges(&mut self, shared: &Shared, scope: &Scope) {
        let census = Census::of_clients(&shared.core);
        let exchanges = census.exchanges.into_iter().filter(|((vhost, _), _)| scope.has_vhost(vhost));
        self.exchanges = exchanges
            .map(|((vhost, name), counts)| {
                let name = String::from_utf8_lossy(&name).into_owned();
                ExchangeRow { vhost, name, counts }
            })
            .collect();
    }
}
