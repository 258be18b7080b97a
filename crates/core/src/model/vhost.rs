//! A virtual host: a topology that changes under a lock, and the snapshot that publishers route by.
//!
//! Publishers never take the lock. A change is published before its method is answered, so whoever has
//! seen the answer routes by it. What of it is durable is given to the store under the lock, so that the log has
//! changes in the order in which they were made.
//!
//! Lock order: `Topology` → queue → outlet; the store's own come last.

mod details;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use leveret_routing::RoutingTable;
use parking_lot::Mutex;

use crate::effect::Effects;
use crate::id::QueueId;
use crate::model::delay::Holders;
use crate::model::event::{self, Events};
use crate::model::exchange::ExchangeSpec;
use crate::model::history::{Histories, Replay};
use crate::model::policy::{Policies, Policy, PolicyKind};
use crate::model::queue_ref::{DeleteConditions, QueueRef};
use crate::model::topology::{BindingSpec, QueueSpec, QueuesPast, Topology, no_exchange, no_queue};
use crate::refusal::Ruling;
use crate::store::{Position, Store};
use crate::time::Timestamp;

pub use details::VhostDetails;

/// What messages are routed by at one moment.
pub type Routes = Arc<RoutingTable<QueueRef>>;

/// What became of a binding that was asked for.
#[derive(Debug)]
pub struct Bound {
    /// It outlives the process.
    pub durable: bool,
    /// For [`Vhost::replay`]: what its source has kept, if the binding is new.
    pub replay: Replay,
}

/// One virtual host.
pub struct Vhost {
    name: Arc<str>,
    topology: Mutex<Topology>,
    histories: Arc<Histories>,
    holders: Arc<Holders>,
    routes: ArcSwap<RoutingTable<QueueRef>>,
    /// Rises with every snapshot, so that whoever remembers a route sees with one load that it is old.
    generation: AtomicU64,
    /// Read for every message; beside the generation, which publishers read for every message too.
    is_traced: AtomicBool,
    store: Arc<dyn Store>,
    events: Arc<Events>,
    /// Where in the log the last change of what is durable is.
    defined: AtomicU64,
}

impl Vhost {
    /// A virtual host with the exchanges that are always there; `entropy` keys the hashes of its routes.
    pub fn new(name: &str, entropy: [u64; 4], store: Arc<dyn Store>, events: Arc<Events>) -> Self {
        let name: Arc<str> = Arc::from(name);
        let topology = Topology::new(name.clone(), entropy, store.clone(), events.clone());
        let routes = ArcSwap::from_pointee(topology.table().clone());
        let (histories, holders) = (topology.histories().clone(), topology.holders().clone());
        Self {
            name,
            topology: Mutex::new(topology),
            histories,
            holders,
            routes,
            generation: AtomicU64::new(0),
            is_traced: AtomicBool::new(false),
            store,
            events,
            defined: AtomicU64::new(Position::ZERO.0),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name, to be kept.
    pub fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// The current snapshot.
    pub fn routes(&self) -> Routes {
        self.routes.load_full()
    }

    /// Which snapshot is the current one.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// It is new, and begins with these details: what was declared with it, and itself, have come just now.
    pub fn tell_created(&self, details: Arc<VhostDetails>) {
        self.change(|topology| topology.restore_details(details));
        self.events.note(|| event::vhost_created(&self.events, self));
    }

    /// Whether copies of its messages are wanted, see `trace`.
    #[inline]
    pub fn is_traced(&self) -> bool {
        // Nothing depends on it but the copies.
        self.is_traced.load(Ordering::Relaxed)
    }

    /// Switches the copies on or off, from the next message on. It does not outlive the process.
    pub fn set_tracing(&self, on: bool) {
        self.is_traced.store(on, Ordering::Relaxed);
    }

    /// When the log has come so far, it has everything that is durable here.
    pub fn defined(&self) -> Position {
        Position(self.defined.load(Ordering::Acquire))
    }

    /// A queue by name; 404 if there is none.
    pub fn queue(&self, name: &str) -> Ruling<QueueRef> {
        let routes = self.routes.load();
        routes.queue(name.as_bytes()).cloned().ok_or_else(|| no_queue(name, &self.name))
    }

    /// An exchange as it was declared.
    pub fn exchange(&self, name: &str) -> Option<ExchangeSpec> {
        self.topology.lock().exchange(name).cloned()
    }

    /// All exchanges as they were declared, in no order; the default one is never declared.
    pub fn exchanges(&self) -> Vec<ExchangeSpec> {
        self.topology.lock().exchanges().cloned().collect()
    }

    /// 404 if there is no such exchange.
    pub fn check_exchange(&self, name: &str) -> Ruling {
        let found = self.routes.load().exchange(name.as_bytes()).is_some();
        if found { Ok(()) } else { Err(no_exchange(name, &self.name)) }
    }

    /// See [`Topology::declare_exchange`].
    pub fn declare_exchange(&self, spec: ExchangeSpec) -> Ruling<bool> {
        self.change(|topology| topology.declare_exchange(spec))
    }

    /// See [`Topology::delete_exchange`].
    pub fn delete_exchange(
        &self,
        now: Timestamp,
        name: &str,
        if_unused: bool,
        effects: &mut Effects,
    ) -> Ruling<bool> {
        self.change(|topology| topology.delete_exchange(now, name, if_unused, effects))
    }

    /// See [`Topology::check_nameless`].
    pub fn check_nameless(&self, spec: &QueueSpec) -> Ruling {
        self.topology.lock().check_nameless(spec)
    }

    /// See [`Topology::declare_queue`].
    pub fn declare_queue(&self, id: QueueId, spec: QueueSpec) -> Ruling<(QueueRef, bool)> {
        self.change(|topology| topology.declare_queue(id, spec))
    }

    /// See [`Topology::delete_queue`].
    pub fn delete_queue(
        &self,
        now: Timestamp,
        queue: &QueueRef,
        conditions: DeleteConditions,
        effects: &mut Effects,
    ) -> Ruling<usize> {
        self.change(|topology| topology.delete_queue(now, queue, conditions, effects))
    }

    /// See [`Topology::bind`]. What the source has kept is taken when the binding is in the routes, and publishers look
    /// at the routes again when a message has been kept: so none is missed.
    pub fn bind(&self, binding: BindingSpec) -> Ruling<Bound> {
        let (source, target) = (binding.source.clone(), binding.destination.clone());
        let (durable, is_new) = self.change(|topology| topology.bind(binding))?;
        let replay = if is_new { Replay::of(&self.histories, &source, target) } else { Replay::default() };
        Ok(Bound { durable, replay })
    }

    /// What has become of its queues.
    pub fn past(&self) -> QueuesPast {
        *self.topology.lock().past()
    }

    /// Where messages to its delayed exchanges wait.
    pub fn holders(&self) -> &Holders {
        &self.holders
    }

    /// What its exchanges have kept of what came to them.
    pub fn histories(&self) -> &Histories {
        &self.histories
    }

    /// See [`Topology::is_bound`].
    pub fn is_bound(&self, binding: &BindingSpec) -> bool {
        self.topology.lock().is_bound(binding)
    }

    /// See [`Topology::unbind`].
    pub fn unbind(&self, now: Timestamp, binding: BindingSpec, effects: &mut Effects) -> bool {
        self.change(|topology| topology.unbind(now, binding, effects))
    }

    /// See [`Topology::put_policy`].
    pub fn put_policy(&self, now: Timestamp, policy: Policy, effects: &mut Effects) -> bool {
        self.change(|topology| topology.put_policy(now, policy, effects))
    }

    /// See [`Topology::delete_policy`].
    pub fn delete_policy(&self, now: Timestamp, kind: PolicyKind, name: &str, effects: &mut Effects) -> bool {
        self.change(|topology| topology.delete_policy(now, kind, name, effects))
    }

    /// The policies of this moment; [`Policies::of_queue`] and [`Policies::of_exchange`] say what applies where.
    pub fn policies(&self) -> Arc<Policies> {
        self.topology.lock().policies()
    }

    /// What is said of it.
    pub fn details(&self) -> Arc<VhostDetails> {
        self.topology.lock().details()
    }

    /// See [`Topology::change_details`].
    pub fn change_details(&self, change: impl FnOnce(&mut VhostDetails)) {
        self.change(|topology| topology.change_details(change));
    }

    /// See [`Topology::close`].
    pub fn close(&self, now: Timestamp, effects: &mut Effects) {
        self.change(|topology| topology.close(now, effects));
    }

    /// Changes that the log has already.
    pub fn restore<R>(&self, change: impl FnOnce(&mut Topology) -> R) -> R {
        let mut topology = self.topology.lock();
        let result = change(&mut topology);
        drop((topology.take_definitions(), topology.take_news()));
        self.publish(&mut topology);
        result
    }

    fn change<R>(&self, change: impl FnOnce(&mut Topology) -> R) -> R {
        let mut topology = self.topology.lock();
        let result = change(&mut topology);
        self.events.note_all(topology.take_news());
        let definitions = topology.take_definitions();
        if !definitions.is_empty() {
            self.defined.store(self.store.define(&definitions).0, Ordering::Release);
        }
        self.publish(&mut topology);
        result
    }

    /// Declaring again, or a refusal, changes nothing: remembered routes stay good.
    fn publish(&self, topology: &mut Topology) {
        if topology.take_changed() {
            // A clone shares its structure; publishing under the lock keeps snapshots in order.
            self.routes.store(Arc::new(topology.table().clone()));
            self.generation.fetch_add(1, Ordering::Release);
        }
    }
}

impl std::fmt::Debug for Vhost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Vhost({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use leveret_codec::field::Table;

    use super::*;
    use crate::store::NoStore;

    fn spec(name: &str) -> QueueSpec {
        QueueSpec {
            name: name.to_owned(),
            durable: false,
            auto_delete: false,
            owner: None,
            arguments: Table::default(),
        }
    }

    #[test]
    fn declaring_again_or_in_vain_leaves_remembered_routes_good() {
        let vhost = Vhost::new("/", [0; 4], Arc::new(NoStore), Arc::new(Events::new(None, String::new())));
        assert!(vhost.declare_queue(QueueId(1), spec("q")).is_ok());
        let before = vhost.generation();
        assert!(vhost.declare_queue(QueueId(2), spec("q")).is_ok());
        assert!(vhost.declare_queue(QueueId(3), QueueSpec { durable: true, ..spec("q") }).is_err());
        assert_eq!(vhost.generation(), before);
        assert!(vhost.declare_queue(QueueId(4), spec("r")).is_ok());
        assert_ne!(vhost.generation(), before);
    }
}
