//! Where a channel's publishes go, with the last answers remembered.
//!
//! A channel mostly publishes to one exchange with few keys. As long as neither the topology nor any
//! permission has changed, the checks and the matches of earlier publishes hold for the next.

mod keys;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use leveret_codec::Properties;
use leveret_routing::{Matched, Routed};

use crate::amqp::session::Session;
use crate::model::{
    Access, ChannelRecord, ExchangeKind, Outflow, QueueRef, Resource, Routes, User, delay_of, no_exchange,
};
use crate::refusal::{Refusal, Ruling};
use keys::{KnownKey, KnownKeys};

/// The route of a channel's last publish.
pub struct RouteMemory {
    record: Arc<ChannelRecord>,
    /// Where publishes to the exchange are counted.
    outflow: Option<Arc<Outflow>>,
    routes: Option<Routes>,
    generation: u64,
    permission_epoch: u64,
    exchange: Vec<u8>,
    keys: KnownKeys,
    /// The user, if there are keys that it may not use with this exchange.
    guarded: Option<Arc<User>>,
    /// Where messages wait that ask for a delay, if the exchange grants one.
    holder: Option<QueueRef>,
}

impl RouteMemory {
    /// Nothing has been published yet.
    pub fn new(record: Arc<ChannelRecord>) -> Self {
        Self {
            record,
            outflow: None,
            routes: None,
            generation: 0,
            permission_epoch: 0,
            exchange: Vec::new(),
            keys: KnownKeys::default(),
            guarded: None,
            holder: None,
        }
    }

    /// Counts messages that have gone to so many queues each, after [`RouteMemory::enter`].
    #[inline]
    pub fn count(&self, messages: u64, queues: usize) {
        if let Some(outflow) = &self.outflow {
            outflow.published.add(messages);
            outflow.routed.add(messages * queues as u64);
        }
    }

    /// Checks that the user may publish to this exchange and that it is there. Remembered if it was so for
    /// the last publish.
    pub fn enter(&mut self, session: &Session, exchange: &[u8], routing_key: &[u8]) -> Ruling {
        let (generation, epoch) = (session.vhost.generation(), session.broker.permission_epoch());
        let is_current = self.routes.is_some()
            && self.generation == generation
            && self.permission_epoch == epoch
            && self.exchange == exchange;
        if is_current {
            self.keys.enter(routing_key);
            return Ok(());
        }
        self.keys.forget();
        self.keys.enter(routing_key);
        self.routes = None;
        // Keys may be any bytes; an exchange of a name that is no text can't have been declared.
        let name = &String::from_utf8_lossy(exchange);
        session.check(Access::Write, Resource::Exchange(name))?;
        let routes = session.vhost.routes();
        self.guarded = None;
        if !name.is_empty() {
            match routes.exchange(exchange) {
                None => return Err(no_exchange(name, session.vhost.name())),
                Some(view) if view.is_internal() => {
                    return Err(Refusal::access_refused(format!(
                        "cannot publish to internal exchange '{name}' in vhost '{}'",
                        session.vhost.name()
                    )));
                }
                Some(view) if view.kind() == ExchangeKind::Topic => self.guarded = guarded(session, name),
                Some(_) => {}
            }
        }
        self.holder = session.vhost.holders().of(exchange);
        if self.outflow.as_ref().is_none_or(|outflow| *outflow.exchange != *exchange) {
            let (outflow, forgotten) = self.record.outflow(exchange);
            self.outflow = Some(outflow);
            if let Some(forgotten) = forgotten {
                session.broker.roll().keep_outflow(&session.record.facts.vhost, &forgotten);
            }
        }
        exchange.clone_into(&mut self.exchange);
        (self.generation, self.permission_epoch) = (generation, epoch);
        self.routes = Some(routes);
        Ok(())
    }

    /// Refuses unless the user may use these keys with this exchange, after [`RouteMemory::enter`]. `more_keys` are
    /// those of the CC and BCC headers; that the routing key is permitted is remembered.
    pub fn check_keys(&mut self, session: &Session, more_keys: &[Vec<u8>]) -> Ruling {
        let Some(user) = &self.guarded else { return Ok(()) };
        let exchange = String::from_utf8_lossy(&self.exchange);
        let check = |key: &[u8]| user.check_topic(Access::Write, (session.vhost.name(), &exchange), key);
        let known = self.keys.current_mut();
        if !known.is_permitted {
            check(&known.key)?;
            known.is_permitted = true;
        }
        more_keys.iter().try_for_each(|key| check(key))
    }

    /// Where a message is to wait first, and how long, after [`RouteMemory::enter`].
    pub fn delay(&self, properties: Properties<'_>) -> Option<(&QueueRef, Duration)> {
        let holder = self.holder.as_ref()?;
        delay_of(properties).map(|delay| (holder, delay))
    }

    /// Finds the queues that a message reaches, after [`RouteMemory::enter`]. `more_keys` are those of its CC and
    /// BCC headers.
    pub fn find(&mut self, more_keys: &[Vec<u8>], properties: Properties<'_>) {
        let KnownKey { key, matched, is_matched, .. } = self.keys.current_mut();
        if *is_matched && more_keys.is_empty() {
            return;
        }
        let Some(routes) = &self.routes else { return matched.clear() };
        let mut keys: smallvec::SmallVec<[&[u8]; 4]> = smallvec::smallvec![key.as_slice()];
        keys.extend(more_keys.iter().map(Vec::as_slice));
        // The exchange was there when this snapshot was entered.
        let found = routes.route(&self.exchange, Routed { keys: &keys, properties }, matched);
        let is_decided = more_keys.is_empty() && !matched.depends_on_more_than_keys();
        *is_matched = found.is_ok() && is_decided;
    }

    /// Whether all that was found out for the last message holds for one with the same exchange, key and properties, and
    /// nobody but queues takes it.
    pub fn is_settled(&self, session: &Session) -> bool {
        let (generation, epoch) = (session.vhost.generation(), session.broker.permission_epoch());
        let KnownKey { matched, is_matched, .. } = self.keys.current();
        *is_matched
            && self.generation == generation
            && self.permission_epoch == epoch
            && matched.recent().is_empty()
            && !matched.is_empty()
    }

    /// A moment of rest: keys are looked up anew.
    pub fn rest(&mut self) {
        self.keys.forget();
    }

    /// What was found last.
    pub fn matched(&self) -> &Matched<QueueRef> {
        &self.keys.current().matched
    }

    /// If the topology has changed since [`RouteMemory::enter`], takes the new one, for the message that was let in by
    /// the old; the next one is checked again. `true`: it is to be found again.
    pub fn catch_up(&mut self, session: &Session) -> bool {
        let is_late = session.vhost.generation() != self.generation;
        if is_late {
            self.routes = Some(session.vhost.routes());
            self.keys.current_mut().is_matched = false;
        }
        is_late
    }
}

fn guarded(session: &Session, exchange: &str) -> Option<Arc<User>> {
    let user = session.user().ok()?;
    user.topic_permissions(session.vhost.name(), exchange).is_some().then_some(user)
}

impl fmt::Debug for RouteMemory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        write!(out, "RouteMemory({} {})", text(&self.exchange), text(&self.keys.current().key))
    }
}
