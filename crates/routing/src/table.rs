//! The routing table of one virtual host.
//!
//! Invariant: each binding is in three places, and a change reaches all: the source's set (identity,
//! listing), the source's matcher (routing) and the destination's set (deletion). Both its exchanges
//! are declared; that its queue exists is the caller's word.

use std::fmt;
use std::sync::Arc;

use leveret_codec::field::Table;

use crate::binding::{BindError, Binding, Destination, Removed};
use crate::exchange::{Exchange, ExchangeView};
use crate::exchange_name::ExchangeName;
use crate::graph::{self, Matched, NoSuchExchange};
use crate::handle::QueueHandle;
use crate::matcher::Routed;
use crate::persistent::{Map, Seed};
use crate::rule::ExchangeRule;

/// Exchanges, queues by name, and the bindings between them. See the crate's documentation.
#[derive(Clone)]
pub struct RoutingTable<Q> {
    seed: Seed,
    exchanges: Map<ExchangeName, Arc<Exchange<Q>>>,
    queues: Map<Arc<[u8]>, Q>,
    bindings_to: Map<Destination<Q>, Map<Arc<Binding<Q>>, ()>>,
}

impl<Q: QueueHandle> Default for RoutingTable<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q: QueueHandle> RoutingTable<Q> {
    /// An empty table, without the `amq.*` exchanges. Its hashes are keyed with constants: right for
    /// tests; a broker that strangers declare things on uses [`Self::with_entropy`].
    pub fn new() -> Self {
        Self::with_entropy([
            0x243f_6a88_85a3_08d3,
            0x1319_8a2e_0370_7344,
            0xa409_3822_299f_31d0,
            0x082e_fa98_ec4e_6c89,
        ])
    }

    /// An empty table whose hashes nobody can aim at. The order of everything listed or reached depends on
    /// the entropy, the history and the handles' own hashes: a handle that hashes as its address makes a
    /// run unrepeatable.
    pub fn with_entropy(entropy: [u64; 4]) -> Self {
        Self {
            seed: Seed::from_entropy(entropy),
            exchanges: Map::default(),
            queues: Map::default(),
            bindings_to: Map::default(),
        }
    }

    /// Adds an exchange. If it is there already, it gets the new alternate and visibility (a policy may
    /// change the former) and keeps its kind, which the caller has compared, and its bindings. The
    /// default exchange is always there and not declared.
    pub fn declare_exchange(
        &mut self,
        name: ExchangeName,
        rule: impl Into<ExchangeRule>,
        alternate: Option<ExchangeName>,
        internal: bool,
    ) {
        if let Some(exchange) = self.get_mut(name.as_bytes()) {
            exchange.alternate = alternate;
            exchange.internal = internal;
            return;
        }
        let exchange = Exchange::new(name.clone(), &rule.into(), alternate, internal);
        self.exchanges.insert(&self.seed, name, Arc::new(exchange));
    }

    /// What is known of an exchange; none for the default exchange.
    pub fn exchange(&self, name: &[u8]) -> Option<ExchangeView<'_, Q>> {
        self.get(name).map(Exchange::view)
    }

    /// All declared exchanges.
    pub fn exchanges(&self) -> impl Iterator<Item = ExchangeView<'_, Q>> {
        self.exchanges.values().map(|exchange| exchange.view())
    }

    /// Deletes an exchange with the bindings it is the source or the destination of.
    pub fn delete_exchange(&mut self, name: &[u8]) -> Removed<Q> {
        let Some(exchange) = self.get(name) else { return Removed::default() };
        let name = exchange.name.clone();
        let mut removed = self.remove_all_to(&Destination::Exchange(name.clone()));
        removed.bare_sources.retain(|source| *source != name);
        // What is left here leads elsewhere; a binding to itself has just gone.
        let rest = self.exchanges.remove(name.as_bytes());
        for binding in rest.iter().flat_map(|exchange| exchange.bindings()) {
            self.forget_inbound(binding);
            removed.bindings.push(Arc::clone(binding));
        }
        removed
    }

    /// Makes a queue known by its name, for the default exchange.
    pub fn add_queue(&mut self, name: impl Into<Arc<str>>, queue: Q) {
        self.queues.insert(&self.seed, name.into().into(), queue);
    }

    /// Removes a queue with all bindings to it. Another queue of the same name stays.
    pub fn remove_queue(&mut self, name: &str, queue: &Q) -> Removed<Q> {
        if self.queue(name.as_bytes()) == Some(queue) {
            self.queues.remove(name.as_bytes());
        }
        self.remove_all_to(&Destination::Queue(queue.clone()))
    }

    /// The queue of this name.
    pub fn queue(&self, name: &[u8]) -> Option<&Q> {
        self.queues.get(name)
    }

    /// All queues that are known by a name.
    pub fn queues(&self) -> impl Iterator<Item = &Q> {
        self.queues.values()
    }

    /// How many queues are known by a name.
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// Adds a binding; false if it was there.
    pub fn bind(
        &mut self,
        source: &ExchangeName,
        destination: Destination<Q>,
        routing_key: &[u8],
        arguments: Table,
    ) -> Result<bool, BindError> {
        // The table's own names: a hundred thousand bindings need not keep as many copies of one.
        let source = self.declared(source)?;
        let destination = match destination {
            Destination::Exchange(name) => Destination::Exchange(self.declared(&name)?),
            queue @ Destination::Queue(_) => queue,
        };
        let binding = Arc::new(Binding::new(source.clone(), destination, routing_key, arguments));
        let seed = self.seed.clone();
        let Some(exchange) = self.get_mut(source.as_bytes()) else {
            return Err(BindError::NoSuchExchange(source));
        };
        if exchange.find(&binding).is_some() {
            return Ok(false);
        }
        exchange.insert(&seed, &binding)?;
        self.bindings_to.entry(&seed, binding.destination().clone()).insert(&seed, binding, ());
        Ok(true)
    }

    /// Removes a binding, and gives it back as it was made; none if it was not there.
    pub fn unbind(
        &mut self,
        source: &ExchangeName,
        destination: Destination<Q>,
        routing_key: &[u8],
        arguments: Table,
    ) -> Option<Removed<Q>> {
        let asked = Binding::new(source.clone(), destination, routing_key, arguments);
        let binding = self.get(source.as_bytes())?.find(&asked)?.clone();
        let bare = self.forget_outbound(&binding);
        self.forget_inbound(&binding);
        Some(Removed { bindings: vec![binding], bare_sources: bare.into_iter().collect() })
    }

    /// The bindings of which this exchange is the source.
    pub fn bindings_from(&self, source: &[u8]) -> impl Iterator<Item = &Arc<Binding<Q>>> {
        self.get(source).into_iter().flat_map(Exchange::bindings)
    }

    /// The bindings that lead there.
    pub fn bindings_to(&self, destination: &Destination<Q>) -> impl Iterator<Item = &Arc<Binding<Q>>> {
        self.bindings_to.get(destination).into_iter().flat_map(Map::keys)
    }

    /// All bindings.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<Binding<Q>>> {
        self.exchanges.values().flat_map(|exchange| exchange.bindings())
    }

    /// All queues that one message reaches, each once however many bindings match.
    pub fn route(
        &self,
        exchange: &[u8],
        message: Routed<'_>,
        matched: &mut Matched<Q>,
    ) -> Result<(), NoSuchExchange> {
        graph::route(self, exchange, message, matched)
    }

    pub(crate) fn get(&self, exchange: &[u8]) -> Option<&Exchange<Q>> {
        self.exchanges.get(exchange).map(|exchange| &**exchange)
    }

    pub(crate) fn seed(&self) -> &Seed {
        &self.seed
    }

    fn declared(&self, name: &ExchangeName) -> Result<ExchangeName, BindError> {
        let exchange = self.get(name.as_bytes());
        exchange.map(|exchange| exchange.name.clone()).ok_or_else(|| BindError::NoSuchExchange(name.clone()))
    }

    fn get_mut(&mut self, exchange: &[u8]) -> Option<&mut Exchange<Q>> {
        self.exchanges.get_mut(exchange).map(Arc::make_mut)
    }

    fn remove_all_to(&mut self, destination: &Destination<Q>) -> Removed<Q> {
        let mut removed = Removed::default();
        let Some(bindings) = self.bindings_to.remove(destination) else { return removed };
        for binding in bindings.keys() {
            removed.bare_sources.extend(self.forget_outbound(binding));
            removed.bindings.push(Arc::clone(binding));
        }
        removed
    }

    /// Takes a binding from its source, and names the source if that was its last.
    fn forget_outbound(&mut self, binding: &Binding<Q>) -> Option<ExchangeName> {
        let seed = self.seed.clone();
        let exchange = self.get_mut(binding.source().as_bytes())?;
        exchange.remove(&seed, binding);
        exchange.is_bare().then(|| exchange.name.clone())
    }

    fn forget_inbound(&mut self, binding: &Binding<Q>) {
        if let Some(bindings) = self.bindings_to.get_mut(binding.destination()) {
            bindings.remove(binding);
            if bindings.is_empty() {
                self.bindings_to.remove(binding.destination());
            }
        }
    }
}

/// How much there is: all of it would fill a log.
impl<Q: QueueHandle> fmt::Debug for RoutingTable<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoutingTable")
            .field("exchanges", &self.exchanges.len())
            .field("queues", &self.queues.len())
            .finish_non_exhaustive()
    }
}
