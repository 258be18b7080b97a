//! Where a channel's publishes go, with the last answer remembered.
//!
//! A channel mostly publishes to one exchange with one key. As long as neither the topology nor any
//! permission has changed, the checks and the match of the last publish hold for the next.

use std::fmt;
use std::time::Duration;

use leveret_codec::Properties;
use leveret_routing::{Matched, Routed};

use crate::amqp::session::Session;
use crate::model::{Access, QueueRef, Resource, Routes, delay_of, no_exchange};
use crate::refusal::{Refusal, Ruling};

/// The route of a channel's last publish.
#[derive(Default)]
pub struct RouteMemory {
    routes: Option<Routes>,
    generation: u64,
    permission_epoch: u64,
    exchange: Vec<u8>,
    routing_key: Vec<u8>,
    /// Whether `matched` is what this exchange and key give, whatever the message.
    is_matched: bool,
    matched: Matched<QueueRef>,
    /// Where messages wait that ask for a delay, if the exchange grants one.
    holder: Option<QueueRef>,
}

impl RouteMemory {
    /// Checks that the user may publish to this exchange and that it is there. Remembered if it was so for
    /// the last publish.
    pub fn enter(&mut self, session: &Session, exchange: &[u8], routing_key: &[u8]) -> Ruling {
        let (generation, epoch) = (session.vhost.generation(), session.broker.permission_epoch());
        let is_current = self.routes.is_some()
            && self.generation == generation
            && self.permission_epoch == epoch
            && self.exchange == exchange;
        if is_current && self.routing_key == routing_key {
            return Ok(());
        }
        self.is_matched = false;
        routing_key.clone_into(&mut self.routing_key);
        if is_current {
            return Ok(());
        }
        self.routes = None;
        // Keys may be any bytes; an exchange of a name that is no text can't have been declared.
        let name = &String::from_utf8_lossy(exchange);
        session.check(Access::Write, Resource::Exchange(name))?;
        let routes = session.vhost.routes();
        if !name.is_empty() {
            match routes.exchange(exchange) {
                None => return Err(no_exchange(name, session.vhost.name())),
                Some(view) if view.is_internal() => {
                    return Err(Refusal::access_refused(format!(
                        "cannot publish to internal exchange '{name}' in vhost '{}'",
                        session.vhost.name()
                    )));
                }
                Some(_) => {}
            }
        }
        self.holder = session.vhost.holders().of(exchange);
        exchange.clone_into(&mut self.exchange);
        (self.generation, self.permission_epoch) = (generation, epoch);
        self.routes = Some(routes);
        Ok(())
    }

    /// Where a message is to wait first, and how long, after [`RouteMemory::enter`].
    pub fn delay(&self, properties: Properties<'_>) -> Option<(&QueueRef, Duration)> {
        let holder = self.holder.as_ref()?;
        delay_of(properties).map(|delay| (holder, delay))
    }

    /// Finds the queues that a message reaches, after [`RouteMemory::enter`]. `more_keys` are those of its CC and
    /// BCC headers.
    pub fn find(&mut self, more_keys: &[Vec<u8>], properties: Properties<'_>) -> &Matched<QueueRef> {
        if self.is_matched && more_keys.is_empty() {
            return &self.matched;
        }
        let Some(routes) = &self.routes else {
            self.matched.clear();
            return &self.matched;
        };
        let mut keys: smallvec::SmallVec<[&[u8]; 4]> = smallvec::smallvec![self.routing_key.as_slice()];
        keys.extend(more_keys.iter().map(Vec::as_slice));
        // The exchange was there when this snapshot was entered.
        let found = routes.route(&self.exchange, Routed { keys: &keys, properties }, &mut self.matched);
        let is_decided = more_keys.is_empty() && !self.matched.depends_on_more_than_keys();
        self.is_matched = found.is_ok() && is_decided;
        &self.matched
    }
}

impl fmt::Debug for RouteMemory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        write!(out, "RouteMemory({} {})", text(&self.exchange), text(&self.routing_key))
    }
}
