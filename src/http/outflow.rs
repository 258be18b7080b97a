//! What has come to each exchange, and what went on from there into queues: summed up over those who publish and those
//! who are gone.

use std::collections::HashMap;
use std::sync::Arc;

use leveret_core::model::{Broker, Stat};

/// Published and routed, by virtual host and exchange.
#[derive(Default)]
pub struct Outflows(HashMap<Arc<str>, ByExchange>);

type ByExchange = HashMap<Box<[u8]>, (u64, u64)>;

impl Outflows {
    /// Of all exchanges.
    pub fn of_all(core: &Broker) -> Self {
        // Who leaves between the two looks is counted once more, or once less, in this answer.
        let gone = core.roll().gone();
        let mut all = Self(gone.into_iter().map(|(vhost, gone)| (vhost, gone.exchanges)).collect());
        for connection in core.roll().connections() {
            for outflow in connection.channels().iter().flat_map(|channel| channel.outflows()) {
                let stats = outflow.stats();
                let of_vhost = all.0.entry(connection.facts.vhost.clone()).or_default();
                let (published, routed) = of_vhost.entry(outflow.exchange.clone()).or_default();
                *published += stats[Stat::PublishIn];
                *routed += stats[Stat::PublishOut];
            }
        }
        all
    }

    /// Of one exchange.
    pub fn of(&self, vhost: &str, exchange: &str) -> (u64, u64) {
        let of_vhost = self.0.get(vhost);
        of_vhost.and_then(|all| all.get(exchange.as_bytes())).copied().unwrap_or_default()
    }
}
