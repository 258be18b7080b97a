//! Everything that is counted, summed up once.
//!
//! What clients did is summed over their channels, and over those that are gone; what waits is summed over queues. Sums
//! are of no one moment: what comes and goes meanwhile may be in one and not in another.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use leveret_core::Effects;
use leveret_core::model::{Broker, ConnectionRecord, Gone, QueueLook, QueueRef, Stat};

use super::Key;
use super::reading::{Field, Reading};
use crate::session::Shared;

/// Objects that are looked at before others have their turn.
const AT_ONCE: usize = 128;
/// How often what clients did is read until nobody has gone meanwhile.
const MOST_TRIES: usize = 4;

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

/// An exchange: its virtual host and its name.
type ExchangeKey = (Arc<str>, Box<[u8]>);

/// The sums.
#[derive(Debug, Default)]
pub struct Census {
    /// By virtual host; one that was deleted is there for what had been done in it.
    pub vhosts: BTreeMap<Arc<str>, OfVhost>,
    /// What came to exchanges, and how much of it went into queues.
    pub exchanges: HashMap<ExchangeKey, (u64, u64)>,
}

/// Reads what those have done who are connected, and what those have who are gone, so that nobody is in both or in
/// neither: if somebody goes meanwhile it is read again. `read` begins anew each time.
///
/// Where so many come and go that no reading is ever a settled one, the last may have somebody twice.
pub fn settled<T>(
    core: &Broker,
    mut read: impl FnMut(&[Arc<ConnectionRecord>]) -> T,
) -> (T, HashMap<Arc<str>, Gone>) {
    let mut before = core.roll().gone();
    let mut tries = 0;
    loop {
        // Whoever goes leaves its counts and the roll at once, as seen from `gone`.
        let open = read(&core.roll().connections());
        let after = core.roll().gone();
        tries += 1;
        if before == after || tries == MOST_TRIES {
            return (open, after);
        }
        before = after;
    }
}

impl Census {
    /// Of this moment.
    pub fn take(shared: &Shared) -> Self {
        Self::take_and_note(shared, |_| ())
    }

    /// The same; hands over what is read of connections, channels and queues on the way.
    pub fn take_and_note(shared: &Shared, mut note: impl FnMut(Vec<(Key, Reading)>)) -> Self {
        let mut census = Self::of_clients(&shared.core);
        for records in shared.core.roll().connections().chunks(AT_ONCE) {
            note(records.iter().flat_map(|record| readings(record)).collect());
        }
        let mut effects = Effects::default();
        for vhost in shared.core.vhosts() {
            // A snapshot: what is declared meanwhile is in the next one.
            let routes = vhost.routes();
            let queues: Vec<&QueueRef> = routes.queues().collect();
            for queues in queues.chunks(AT_ONCE) {
                let now = shared.clock.now();
                let look = |queue: &&QueueRef| {
                    let look = queue.look(now, &mut effects);
                    census.add_queue(queue, &look);
                    (Key::of_queue(queue), Reading::of_queue(&look))
                };
                note(queues.iter().map(look).collect());
                shared.carry_out(&mut effects);
                std::thread::yield_now();
            }
        }
        census
    }

    /// Only what clients did, who are connected or gone.
    pub fn of_clients(core: &Broker) -> Self {
        let (mut census, gone) = settled(core, |records| {
            let mut census = Self::default();
            for record in records {
                census.add_connection(record);
            }
            census
        });
        census.add_gone(gone);
        census
    }

    /// A connection with its channels.
    fn add_connection(&mut self, record: &ConnectionRecord) {
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
    fn add_queue(&mut self, queue: &QueueRef, look: &QueueLook) {
        let vhost = self.vhosts.entry(queue.facts().vhost.clone()).or_default();
        vhost.queues += 1;
        vhost.consumers += look.counts.consumers;
        vhost.reading[Field::READY] += look.counts.ready as u64;
        vhost.reading[Field::UNACKED] += look.counts.unacked as u64;
    }

    /// Those who are gone.
    fn add_gone(&mut self, gone: HashMap<Arc<str>, Gone>) {
        for (name, gone) in gone {
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

/// Those of a connection and of its channels.
fn readings(record: &ConnectionRecord) -> Vec<(Key, Reading)> {
    let channels = record.channels();
    let channels = channels
        .iter()
        .map(|channel| (Key::Channel(record.id, channel.number), Reading::of_stats(&channel.stats())));
    channels.chain([(Key::Connection(record.id), Reading::of_connection(record))]).collect()
}
