//! Everything that a page is about, looked at once.

use std::time::Duration;

use fancy_regex::Regex;
use leveret_core::Effects;
use leveret_core::model::{
    ConnectionState, Losses, MessageStats, QueueKind, QueueLook, SizeCounts, Stat, Vhost,
};

use super::clients::{self, ChannelRow, ConnectionRow, ExchangeRow};
use super::family::Sums;
use super::queues;
use crate::session::Shared;

/// Which objects are told of one by one.
#[derive(Default)]
pub struct Scope {
    /// None: all are summed up instead.
    pub each: bool,
    /// Of these virtual hosts; empty is all.
    pub vhosts: Vec<String>,
    /// Queues of these names.
    pub queue: Option<Regex>,
}

impl Scope {
    /// Whether a virtual host is one of them.
    pub fn has_vhost(&self, name: &str) -> bool {
        self.vhosts.is_empty() || self.vhosts.iter().any(|wanted| wanted == name)
    }

    fn has_queue(&self, name: &str) -> bool {
        // A pattern that gives up (too much backtracking) is in no name.
        self.queue.as_ref().is_none_or(|regex| regex.is_match(name).unwrap_or(false))
    }
}

/// What has happened in queues of one type.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfType {
    /// To messages.
    pub stats: MessageStats,
    /// What they gave up, that went on as dead letters.
    pub dead_lettered: Losses,
    /// What they gave up, that was gone.
    pub lost: Losses,
}

/// What there is.
pub struct Survey {
    pub queues: Vec<queues::Row>,
    pub connections: Vec<ConnectionRow>,
    pub channels: Vec<ChannelRow>,
    pub exchanges: Vec<ExchangeRow>,
    pub of_queues: Sums<QueueLook>,
    pub of_connections: Sums<ConnectionRow>,
    pub of_channels: Sums<ChannelRow>,
    pub of_exchanges: Sums<ChannelRow>,
    /// What clients did, those that are gone as well.
    pub stats: MessageStats,
    /// Publishes that wait for their confirm.
    pub unconfirmed: u64,
    /// By type: classic, quorum.
    pub types: [OfType; 2],
    /// Connections by state: running, flow, blocked.
    pub states: [u64; 3],
    pub channel_count: u64,
    pub publishers: u64,
    pub consumers: u64,
    pub queue_count: u64,
    pub oldest: Option<Duration>,
    pub sizes: SizeCounts,
}

impl Survey {
    /// Of this moment.
    pub fn take(shared: &Shared, scope: &Scope) -> Self {
        let mut survey = Self::of_nothing();
        survey.sizes = shared.core.roll().sizes();
        survey.look_at_connections(shared, scope);
        let mut effects = Effects::default();
        for vhost in shared.core.vhosts() {
            survey.look_at_queues(shared, (&vhost, scope), &mut effects);
            shared.carry_out(&mut effects);
        }
        // Last: who goes meanwhile is counted twice for a moment, and not never.
        survey.add_gone(shared);
        if scope.each {
            survey.look_at_exchanges(shared, scope);
        }
        survey
    }

    fn of_nothing() -> Self {
        Self {
            queues: Vec::new(),
            connections: Vec::new(),
            channels: Vec::new(),
            exchanges: Vec::new(),
            of_queues: Sums::new(queues::FAMILIES),
            of_connections: Sums::new(clients::CONNECTIONS),
            of_channels: Sums::new(clients::CHANNELS),
            of_exchanges: Sums::new(clients::EXCHANGES_TOGETHER),
            stats: MessageStats::default(),
            unconfirmed: 0,
            types: [OfType::default(); 2],
            states: [0; 3],
            channel_count: 0,
            publishers: 0,
            consumers: 0,
            queue_count: 0,
            oldest: None,
            sizes: SizeCounts::default(),
        }
    }

    fn look_at_connections(&mut self, shared: &Shared, scope: &Scope) {
        for record in shared.core.roll().connections() {
            let row = ConnectionRow::new(&record);
            self.of_connections.add(&row);
            let [running, flow, blocked] = &mut self.states;
            *match record.state() {
                ConnectionState::Running => running,
                ConnectionState::Flow => flow,
                ConnectionState::Blocked => blocked,
            } += 1;
            let is_told_of = scope.each && scope.has_vhost(&record.facts.vhost);
            if is_told_of {
                self.connections.push(row);
            }
            for channel in record.channels() {
                let row = ChannelRow::new(&record, &channel);
                self.channel_count += 1;
                self.publishers += u64::from(row.stats[Stat::Publish] != 0);
                self.unconfirmed += row.unconfirmed;
                self.add_channel(&row);
                if is_told_of {
                    self.channels.push(row);
                }
            }
        }
    }

    fn add_channel(&mut self, row: &ChannelRow) {
        self.stats += row.stats;
        self.of_channels.add(row);
        self.of_exchanges.add(row);
    }

    fn look_at_queues(&mut self, shared: &Shared, (vhost, scope): (&Vhost, &Scope), effects: &mut Effects) {
        let is_told_of = scope.each && scope.has_vhost(vhost.name());
        let now = shared.clock.now();
        for queue in vhost.routes().queues() {
            let look = queue.look(now, effects);
            self.queue_count += 1;
            self.consumers += look.counts.consumers as u64;
            self.oldest = self.oldest.max(look.oldest);
            self.of_queues.add(&look);
            let [classic, quorum] = &mut self.types;
            let of_type = if queue.facts().traits.kind == QueueKind::Quorum { quorum } else { classic };
            of_type.stats += look.stats;
            *(if look.dead_letters { &mut of_type.dead_lettered } else { &mut of_type.lost }) += look.lost;
            if is_told_of && scope.has_queue(&queue.facts().name) {
                self.queues.push(queues::Row { queue: queue.clone(), look });
            }
        }
    }

    fn add_gone(&mut self, shared: &Shared) {
        let past = shared.core.past();
        let [classic, quorum] = &mut self.types;
        for (of_type, (stats, lost), dead_lettered) in
            [(classic, past.classic, past.dead_lettered.0), (quorum, past.quorum, past.dead_lettered.1)]
        {
            of_type.stats += stats;
            of_type.dead_lettered += dead_lettered;
            of_type.lost += less(lost, dead_lettered);
            self.of_queues.add(&QueueLook { stats, ..QueueLook::default() });
        }
        for gone in shared.core.roll().gone().into_values() {
            self.add_channel(&ChannelRow::gone(gone.stats));
            let (received, sent) = ((gone.bytes.0, 0), (gone.bytes.1, 0));
            self.of_connections.add(&ConnectionRow { received, sent, ..ConnectionRow::default() });
        }
    }

    fn look_at_exchanges(&mut self, shared: &Shared, scope: &Scope) {
        let mut census = crate::rates::Census::default();
        for record in shared.core.roll().connections() {
            census.add_connection(&record);
        }
        census.add_gone(&shared.core);
        let exchanges = census.exchanges.into_iter().filter(|((vhost, _), _)| scope.has_vhost(vhost));
        self.exchanges = exchanges
            .map(|((vhost, name), counts)| {
                let name = String::from_utf8_lossy(&name).into_owned();
                ExchangeRow { vhost, name, counts }
            })
            .collect();
    }
}

fn less(all: Losses, some: Losses) -> Losses {
    Losses {
        expired: all.expired.saturating_sub(some.expired),
        max_length: all.max_length.saturating_sub(some.max_length),
        rejected: all.rejected.saturating_sub(some.rejected),
        delivery_limit: all.delivery_limit.saturating_sub(some.delivery_limit),
    }
}
