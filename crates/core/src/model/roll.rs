//! Who is connected, and what those have done who are gone.
//!
//! Invariant: what is summed up over all who are on the roll and over [`Roll::gone`] never falls: a channel leaves its
//! counts before it leaves its connection's record, and who looks at [`Roll::gone`] sees neither or both.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::id::ConnectionId;
use crate::model::record::{ChannelRecord, ConnectionRecord, Outflow};
use crate::model::sizes::SizeCounts;
use crate::model::stats::{MessageStats, Stat};

/// Who comes and goes, counted since the broker began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Churn {
    /// Connections that were opened.
    pub connections_created: u64,
    /// Connections that have ended.
    pub connections_closed: u64,
    /// Channels that were opened.
    pub channels_created: u64,
    /// Channels that have ended.
    pub channels_closed: u64,
}

/// What those have done in one virtual host who are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// In all.
    pub stats: MessageStats,
    /// Bytes from and to peers.
    pub bytes: (u64, u64),
    /// Reads and writes that it took.
    pub packets: (u64, u64),
    /// Published to exchanges, and from there into queues; by the exchange's name.
    pub exchanges: HashMap<Box<[u8]>, (u64, u64)>,
    tidy_at: usize,
}

/// So many names of exchanges are not worth a look at which of them are still there.
const FEW_EXCHANGES: usize = 1024;

impl Gone {
    /// Forgets exchanges that are gone, when names have become twice as many as there were when that was last done.
    fn tidy(&mut self, is_there: impl Fn(&[u8]) -> bool) {
        if self.tidy_at.max(FEW_EXCHANGES) <= self.exchanges.len() {
            self.exchanges.retain(|exchange, _| is_there(exchange));
            self.tidy_at = 2 * self.exchanges.len();
        }
    }

    fn add(&mut self, outflow: &Outflow) {
        let stats = outflow.stats();
        let (published, routed) = self.exchanges.entry(outflow.exchange.clone()).or_default();
        *published += stats[Stat::PublishIn];
        *routed += stats[Stat::PublishOut];
    }
}

/// All open connections.
#[derive(Debug, Default)]
pub struct Roll {
    connections: RwLock<BTreeMap<ConnectionId, Arc<ConnectionRecord>>>,
    connections_created: AtomicU64,
    connections_closed: AtomicU64,
    channels_created: AtomicU64,
    channels_closed: AtomicU64,
    gone: Mutex<HashMap<Arc<str>, Gone>>,
    gone_sizes: Mutex<SizeCounts>,
}

impl Roll {
    /// A connection is opened.
    pub fn enter(&self, record: Arc<ConnectionRecord>) {
        self.connections_created.fetch_add(1, Ordering::Relaxed);
        self.connections.write().insert(record.id, record);
    }

    /// A connection ends, after its channels.
    pub fn leave(&self, record: &ConnectionRecord) {
        let mut gone = self.gone.lock();
        let of_vhost = gone.entry(record.facts.vhost.clone()).or_default();
        of_vhost.bytes.0 += record.traffic.received_bytes.get();
        of_vhost.bytes.1 += record.traffic.sent_bytes.get();
        of_vhost.packets.0 += record.traffic.reads.get();
        of_vhost.packets.1 += record.traffic.writes.get();
        *self.gone_sizes.lock() += record.sizes.get();
        if self.connections.write().remove(&record.id).is_some() {
            self.connections_closed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A channel is opened.
    pub fn enter_channel(&self) {
        self.channels_created.fetch_add(1, Ordering::Relaxed);
    }

    /// A channel ends; `is_there` says whether there is an exchange of a name.
    pub fn leave_channel(
        &self,
        of: &ConnectionRecord,
        channel: &Arc<ChannelRecord>,
        is_there: impl Fn(&[u8]) -> bool,
    ) {
        self.channels_closed.fetch_add(1, Ordering::Relaxed);
        let mut gone = self.gone.lock();
        let of_vhost = gone.entry(of.facts.vhost.clone()).or_default();
        of_vhost.stats += channel.stats();
        channel.outflows().iter().for_each(|outflow| of_vhost.add(outflow));
        of_vhost.tidy(is_there);
        of.remove_channel(channel);
    }

    /// A channel of a virtual host counts what it has published to an exchange no more; the exchange does.
    pub fn keep_outflow(&self, vhost: &Arc<str>, outflow: &Outflow) {
        self.gone.lock().entry(vhost.clone()).or_default().add(outflow);
    }

    /// All that are open, the oldest first.
    pub fn connections(&self) -> Vec<Arc<ConnectionRecord>> {
        self.connections.read().values().cloned().collect()
    }

    /// One of them.
    pub fn connection(&self, id: ConnectionId) -> Option<Arc<ConnectionRecord>> {
        self.connections.read().get(&id).cloned()
    }

    /// How many are open.
    pub fn connection_count(&self) -> usize {
        self.connections.read().len()
    }

    /// Who came and went.
    pub fn churn(&self) -> Churn {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Churn {
            connections_created: count(&self.connections_created),
            connections_closed: count(&self.connections_closed),
            channels_created: count(&self.channels_created),
            channels_closed: count(&self.channels_closed),
        }
    }

    /// What those have done who are gone, by virtual host. One that was deleted stays in the list: sums never fall.
    pub fn gone(&self) -> HashMap<Arc<str>, Gone> {
        self.gone.lock().clone()
    }

    /// How large all publishes were.
    pub fn sizes(&self) -> SizeCounts {
        let mut sizes = *self.gone_sizes.lock();
        for record in self.connections() {
            sizes += record.sizes.get();
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::ConnectionFacts;

    #[test]
    fn names_of_exchanges_that_are_gone_are_not_remembered_for_ever() {
        let roll = Roll::default();
        let facts = ConnectionFacts { vhost: "/".into(), ..ConnectionFacts::default() };
        let connection = ConnectionRecord::new(ConnectionId(1), facts, Arc::default());
        for number in 0..100_u16 {
            let channel = Arc::new(ChannelRecord::new(number));
            for exchange in 0..64 {
                let (outflow, _) = channel.outflow(format!("{number}-{exchange}").as_bytes());
                outflow.published.add(1);
            }
            roll.leave_channel(&connection, &channel, |exchange| exchange.starts_with(b"7-"));
        }
        let gone = &roll.gone()["/"];
        assert_eq!(gone.stats[Stat::Publish], 6400, "sums never fall");
        assert!(gone.exchanges.len() <= FEW_EXCHANGES, "{}", gone.exchanges.len());
        assert!(gone.exchanges.contains_key(&b"7-63"[..]), "what is there is remembered");
    }
}
