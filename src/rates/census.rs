//! Everything that is counted, summed up once.
//!
//! What clients did is summed over their channels, and over those that are gone; what waits is summed over queues. Sums
//! are of no one moment: what comes and goes meanwhile may be in one and not in another.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use leveret_core::Effects;
use leveret_core::model::{Broker, ConnectionRecord, QueueLook, QueueRef, Stat};

use super::reading::{Field, Reading};
use crate::session::Shared;

/// What a virtual host comes to.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfVhost {
    /// Its counts and what waits there.
    pub reading: Reading,
    /// Connections to it.
    pub connections: usize,
    /// Channels of those.
    pub channels: usize,
    /// Consumers of its queues.
    pub consumers: usize,
    /// Queues.
    pub queues: usize,
}

/// The sums.
#[derive(Debug, Default)]
pub struct Census {
    /// By virtual host; one that was deleted is there for what had been done in it.
    pub vhosts: BTreeMap<Arc<str>, OfVhost>,
    /// What came to exchanges, and how much of it went into queues; by virtual host and name.
    pub exchanges: HashMap<(Arc<str>, Box<[u8]>), (u64, u64)>,
}

impl Census {
    /// Of this moment.
    pub fn take(shared: &Shared) -> Self {
        let mut census = Self::default();
        for record in shared.core.roll().connections() {
            census.add_connection(&record);
        }
        let mut effects = Effects::default();
        for vhost in shared.core.vhosts() {
            for queue in vhost.routes().queues() {
                let look = queue.look(shared.clock.now(), &mut effects);
                census.add_queue(queue, &look);
            }
            shared.carry_out(&mut effects);
        }
        census.add_gone(&shared.core);
        census
    }

    /// A connection with its channels.
    pub fn add_connection(&mut self, record: &ConnectionRecord) {
        let vhost = self.vhosts.entry(record.facts.vhost.clone()).or_default();
        vhost.connections += 1;
        vhost.reading += Reading::of_connection(record);
        for channel in record.channels() {
            vhost.channels += 1;
            vhost.reading += Reading::of_stats(&channel.stats());
            for outflow in channel.outflows() {
                let key = (record.facts.vhost.clone(), outflow.exchange.clone());
                let stats = outflow.stats();
                let sum = self.exchanges.entry(key).or_default();
                sum.0 += stats[Stat::PublishIn];
                sum.1 += stats[Stat::PublishOut];
            }
        }
    }

    /// A queue.
    pub fn add_queue(&mut self, queue: &QueueRef, look: &QueueLook) {
        let vhost = self.vhosts.entry(queue.facts().vhost.clone()).or_default();
        vhost.queues += 1;
        vhost.consumers += look.counts.consumers;
        vhost.reading[Field::READY] += look.counts.ready as u64;
        vhost.reading[Field::UNACKED] += look.counts.unacked as u64;
    }

    /// Those who are gone. Last: who goes meanwhile is counted twice for a moment, and not never.
    pub fn add_gone(&mut self, core: &Broker) {
        for (name, gone) in core.roll().gone() {
            for (exchange, (published, routed)) in gone.exchanges {
                let sum = self.exchanges.entry((name.clone(), exchange)).or_default();
                sum.0 += published;
                sum.1 += routed;
            }
            let vhost = self.vhosts.entry(name).or_default();
            vhost.reading += Reading::of_stats(&gone.stats);
            vhost.reading[Field::RECEIVED] += gone.bytes.0;
            vhost.reading[Field::SENT] += gone.bytes.1;
        }
    }

    /// The sums of those virtual hosts that are asked for.
    pub fn sum(&self, is_asked_for: impl Fn(&str) -> bool) -> OfVhost {
        let mut sum = OfVhost::default();
        for (_, vhost) in self.vhosts.iter().filter(|(name, _)| is_asked_for(name)) {
            sum.reading += vhost.reading;
            sum.connections += vhost.connections;
            sum.channels += vhost.channels;
            sum.consumers += vhost.consumers;
            sum.queues += vhost.queues;
        }
        sum
    }
}
