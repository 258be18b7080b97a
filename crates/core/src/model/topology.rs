//! The exchanges, queues and bindings of one virtual host, and the rules for changing them.
//!
//! Invariants:
//! - Names are unique per kind; every queue in the table is alive (it is deleted under this lock).
//! - A change is whole when its method returns: bindings of what went are gone, exchanges that went with
//!   their last binding are gone too. The virtual host then publishes the next snapshot of the table.
//! - Whatever of a change is durable has been noted as a [`Definition`] by then, if there is a store to keep it.
//!
//! Absent: permissions (the caller has checked), and who is connected.

mod cascade;
mod details;
mod notes;
mod past;
mod policies;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use leveret_codec::field::Table;
use leveret_routing::{
    BindError, Binding, Destination, ExchangeKind, ExchangeName, ExchangeRule, QueueHandle, RoutingTable,
};

use crate::effect::Effects;
use crate::id::{ConnectionId, QueueId};
use crate::model::argument;
use crate::model::definition::Definition;
use crate::model::delay::Holders;
use crate::model::event::{self, EVENT_EXCHANGE, Event, Events};
use crate::model::exchange::{ExchangeSpec, PREDECLARED, check_flag, word};
use crate::model::history::Histories;
use crate::model::policy::Policies;
use crate::model::queue_ref::{DeleteConditions, Deletion, QueueFacts, QueueRef};
use crate::model::settings::{QueueKind, SettingsPool};
use crate::model::vhost::VhostDetails;
use crate::refusal::{Refusal, Ruling};
use crate::store::Store;
use crate::time::Timestamp;

pub use past::QueuesPast;

/// What a queue is to be declared as.
#[derive(Clone, Debug)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// The connection it belongs to and goes with.
    pub owner: Option<ConnectionId>,
    /// `x-arguments`.
    pub arguments: Table,
}

/// One binding, to be made or taken away.
#[derive(Clone, Debug)]
pub struct BindingSpec {
    /// The exchange messages come from.
    pub source: String,
    /// Where they go.
    pub destination: Target,
    /// The key it matches by.
    pub routing_key: Bytes,
    /// The headers it matches by.
    pub arguments: Table,
}

/// Where a binding leads: a queue that was found, or the name of an exchange.
#[derive(Clone, Debug)]
pub enum Target {
    /// To a queue.
    Queue(QueueRef),
    /// To an exchange.
    Exchange(String),
}

/// What the routing table knows of a queue.
impl QueueHandle for QueueRef {
    fn name(&self) -> &[u8] {
        self.facts().name.as_bytes()
    }
}

/// The topology of one virtual host.
pub struct Topology {
    vhost: Arc<str>,
    exchanges: HashMap<String, ExchangeSpec>,
    table: RoutingTable<QueueRef>,
    policies: Arc<Policies>,
    settings: SettingsPool,
    details: Arc<VhostDetails>,
    /// The virtual host has been deleted.
    is_closed: bool,
    changed: bool,
    store: Arc<dyn Store>,
    histories: Arc<Histories>,
    holders: Arc<Holders>,
    /// What of the changes is durable, since this was last taken; empty if nothing is kept.
    definitions: Vec<Definition>,
    events: Arc<Events>,
    /// What has happened since this was last taken; empty if nobody wants to know.
    news: Vec<Event>,
    past: QueuesPast,
}

impl Topology {
    /// The exchanges that are always there, and nothing else. `entropy` keys the table's hashes.
    pub fn new(vhost: Arc<str>, entropy: [u64; 4], store: Arc<dyn Store>, events: Arc<Events>) -> Self {
        let table = RoutingTable::with_entropy(entropy);
        let (exchanges, definitions) = (HashMap::new(), Vec::new());
        let mut topology = Self {
            vhost,
            exchanges,
            table,
            policies: Arc::default(),
            settings: SettingsPool::default(),
            details: Arc::default(),
            is_closed: false,
            changed: true,
            store,
            histories: Arc::default(),
            holders: Arc::default(),
            definitions,
            events,
            news: Vec::new(),
            past: QueuesPast::default(),
        };
        let of_events =
            topology.events.is_in(&topology.vhost).then_some((EVENT_EXCHANGE, ExchangeKind::Topic, true));
        for (name, kind, internal) in PREDECLARED.iter().copied().chain(of_events) {
            let (name, arguments) = (name.to_owned(), Table::default());
            let (durable, auto_delete, holder) = (true, false, None);
            let spec = ExchangeSpec { name, kind, durable, auto_delete, internal, arguments, holder };
            topology.insert_exchange(spec, kind.into(), None);
        }
        topology
    }

    /// What messages are routed by.
    pub fn table(&self) -> &RoutingTable<QueueRef> {
        &self.table
    }

    /// What has become of queues.
    pub fn past(&self) -> &QueuesPast {
        &self.past
    }

    /// What its exchanges have kept of what came to them.
    pub fn histories(&self) -> &Arc<Histories> {
        &self.histories
    }

    /// Where messages to its delayed exchanges wait.
    pub fn holders(&self) -> &Arc<Holders> {
        &self.holders
    }

    /// Whether the table has changed since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether a binding between these outlives the process: both ends do.
    fn is_durable(&self, source: &ExchangeName, destination: &Destination<QueueRef>) -> bool {
        self.is_durable_exchange(source.as_str())
            && match destination {
                Destination::Queue(queue) => queue.facts().durable,
                Destination::Exchange(name) => self.is_durable_exchange(name.as_str()),
            }
    }

    fn is_durable_exchange(&self, name: &str) -> bool {
        self.exchanges.get(name).is_some_and(|exchange| exchange.durable)
    }

    /// An exchange as it was declared.
    pub fn exchange(&self, name: &str) -> Option<&ExchangeSpec> {
        self.exchanges.get(name)
    }

    /// Declares an exchange, or finds that an equivalent one is there. `true`: it is new.
    pub fn declare_exchange(&mut self, spec: ExchangeSpec) -> Ruling<bool> {
        self.check_open()?;
        if let Some(current) = self.exchanges.get(&spec.name) {
            current.check_equivalence(&spec, &self.vhost)?;
            return Ok(false);
        }
        let alternate =
            spec.alternate(&self.vhost)?.or_else(|| self.policies.of_exchange(&spec.name).alternate());
        let rule = spec.rule()?;
        if spec.durable {
            self.note(|vhost| Definition::Exchange { vhost, spec: spec.clone() });
        }
        self.insert_exchange(spec, rule, alternate.as_deref());
        Ok(true)
    }

    fn insert_exchange(&mut self, spec: ExchangeSpec, rule: ExchangeRule, alternate: Option<&str>) {
        let alternate = alternate.map(ExchangeName::from);
        if let Some(length) = rule.history_length() {
            self.histories.begin(&spec.name, length);
        }
        self.holders.begin(&self.vhost, &spec, &self.store);
        self.table.declare_exchange(ExchangeName::from(spec.name.as_str()), rule, alternate, spec.internal);
        self.tell(|topology, _| topology.exchange_created(&spec));
        self.exchanges.insert(spec.name.clone(), spec);
        self.changed = true;
    }

    /// All exchanges as they were declared, in no order; the default one is never declared.
    pub fn exchanges(&self) -> impl Iterator<Item = &ExchangeSpec> {
        self.exchanges.values()
    }

    /// A queue by name; 404 if there is none.
    pub fn queue(&self, name: &str) -> Ruling<QueueRef> {
        self.table.queue(name.as_bytes()).cloned().ok_or_else(|| no_queue(name, &self.vhost))
    }

    /// Declares a queue, or finds that an equivalent one is there. `true`: it is new.
    pub fn declare_queue(&mut self, id: QueueId, spec: QueueSpec) -> Ruling<(QueueRef, bool)> {
        self.check_open()?;
        self.past.declared += 1;
        let spec = self.with_type(spec);
        let what = format!("queue '{}' in vhost '{}'", spec.name, self.vhost);
        if let Some(queue) = self.table.queue(spec.name.as_bytes()) {
            let facts = queue.facts();
            if facts.owner != spec.owner {
                return Err(locked(&what));
            }
            check_flag(&what, "durable", word(spec.durable), word(facts.durable))?;
            check_flag(&what, "auto_delete", word(spec.auto_delete), word(facts.auto_delete))?;
            argument::check_equivalence(&what, &spec.arguments, &facts.arguments)?;
            return Ok((queue.clone(), false));
        }
        let (traits, declared) = argument::validate(&what, &spec.arguments)?;
        check_properties(&what, traits.kind, &spec)?;
        self.check_queue_limit(&spec.name)?;
        let QueueSpec { name, durable, auto_delete, owner, arguments } = spec;
        if durable {
            let (name, arguments) = (name.clone(), arguments.clone());
            self.note(|vhost| Definition::Queue { vhost, id, name, auto_delete, arguments });
        }
        let settings = self.policies.of_queue(&name, traits.kind).settings(&declared, traits.kind);
        let (declared, settings) = (self.settings.share(declared), self.settings.share(settings));
        let vhost = self.vhost.clone();
        let facts = QueueFacts {
            id,
            name: name.into(),
            vhost,
            durable,
            auto_delete,
            owner,
            arguments,
            traits,
            declared,
        };
        let queue = QueueRef::new(facts, settings, self.store.clone());
        self.table.add_queue(queue.facts().name.clone(), queue.clone());
        self.tell(|_, events| event::queue_created(events, &queue));
        self.past.created += 1;
        self.changed = true;
        Ok((queue, true))
    }

    /// Deletes a queue with its bindings and messages; says how many messages were waiting. A queue that
    /// is gone already had none.
    pub fn delete_queue(
        &mut self,
        now: Timestamp,
        queue: &QueueRef,
        conditions: DeleteConditions,
        effects: &mut Effects,
    ) -> Ruling<usize> {
        let name = &queue.facts().name;
        let refused = |why: &str| {
            Err(Refusal::precondition_failed(format!("queue '{name}' in vhost '{}' {why}", self.vhost)))
        };
        match queue.delete(now, conditions, effects) {
            Deletion::InUse => refused("in use"),
            Deletion::NotEmpty => refused("not empty"),
            Deletion::Gone => Ok(0),
            Deletion::Deleted(count) => {
                self.changed = true;
                self.past.add(queue, &queue.look(now, effects));
                let removed = self.table.remove_queue(name, queue);
                self.note_unbound(&removed);
                self.tell(|_, _| event::queue_deleted(queue));
                if queue.facts().durable {
                    self.note(|vhost| Definition::NoQueue { vhost, name: name.to_string() });
                }
                self.cascade(now, &removed, effects);
                Ok(count)
            }
        }
    }

    /// Binds. Binding the same again changes nothing. The answers: whether the binding is durable, whether it is new.
    pub fn bind(&mut self, binding: BindingSpec) -> Ruling<(bool, bool)> {
        let destination = self.ends(&binding, true)?;
        if let Destination::Queue(queue) = &destination
            && let Some(source) = self.exchanges.get(&binding.source)
        {
            source.check_queue(&binding.routing_key, &queue.facts().arguments)?;
        }
        let source = ExchangeName::from(binding.source);
        let durable = self.is_durable(&source, &destination);
        let key = &binding.routing_key;
        match self.table.bind(&source, destination.clone(), key, binding.arguments.clone()) {
            Ok(is_new) => {
                self.changed |= is_new;
                if is_new {
                    self.note_bound(durable, || Binding::new(source, destination, key, binding.arguments));
                }
                Ok((durable, is_new))
            }
            Err(BindError::NoSuchExchange(name)) => Err(no_exchange(name.as_str(), &self.vhost)),
            Err(error) => Err(Refusal::precondition_failed(error.to_string())),
        }
    }

    /// Whether there is such a binding.
    pub fn is_bound(&self, binding: &BindingSpec) -> bool {
        let Ok(destination) = self.ends(binding, false) else { return false };
        let BindingSpec { source, routing_key, arguments, .. } = binding;
        let source = ExchangeName::from(source.as_str());
        let binding = Binding::new(source, destination, routing_key, arguments.clone());
        self.table.bindings_to(binding.destination()).any(|known| **known == binding)
    }

    /// Unbinds, if there is such a binding. `false`: it could not be durable.
    pub fn unbind(&mut self, now: Timestamp, binding: BindingSpec, effects: &mut Effects) -> bool {
        let Ok(destination) = self.ends(&binding, false) else { return true };
        let source = ExchangeName::from(binding.source);
        let durable = self.is_durable(&source, &destination);
        let removed = self.table.unbind(&source, destination, &binding.routing_key, binding.arguments);
        self.changed |= removed.is_some();
        let removed = removed.unwrap_or_default();
        self.note_unbound(&removed);
        self.cascade(now, &removed, effects);
        durable
    }

    /// Checks that both ends exist, the source first.
    fn ends(&self, binding: &BindingSpec, queue_must_live: bool) -> Ruling<Destination<QueueRef>> {
        self.check_exchange(&binding.source)?;
        match &binding.destination {
            Target::Queue(queue) => {
                let alive = self.table.queue(queue.facts().name.as_bytes()) == Some(queue);
                if queue_must_live && !alive {
                    return Err(no_queue(&queue.facts().name, &self.vhost));
                }
                Ok(Destination::Queue(queue.clone()))
            }
            Target::Exchange(name) => {
                self.check_exchange(name)?;
                Ok(Destination::Exchange(ExchangeName::from(name.as_str())))
            }
        }
    }

    fn check_exchange(&self, name: &str) -> Ruling {
        if self.exchanges.contains_key(name) { Ok(()) } else { Err(no_exchange(name, &self.vhost)) }
    }
}

/// Quorum queues are there to stay.
fn check_properties(what: &str, kind: QueueKind, spec: &QueueSpec) -> Ruling {
    let fault = match kind {
        QueueKind::Quorum if spec.auto_delete => "auto-delete",
        QueueKind::Quorum if spec.owner.is_some() => "exclusive-owner",
        QueueKind::Quorum if !spec.durable => "non-durable",
        QueueKind::Quorum | QueueKind::Classic | QueueKind::Delay => return Ok(()),
    };
    Err(Refusal::precondition_failed(format!("invalid property '{fault}' for {what}")))
}

/// 404 with RabbitMQ's text.
pub fn no_exchange(name: &str, vhost: &str) -> Refusal {
    Refusal::not_found(format!("no exchange '{name}' in vhost '{vhost}'"))
}

/// 404 with RabbitMQ's text.
pub fn no_queue(name: &str, vhost: &str) -> Refusal {
    Refusal::not_found(format!("no queue '{name}' in vhost '{vhost}'"))
}

/// 405 with RabbitMQ's text; `what` is `queue 'q' in vhost '/'`.
pub fn locked(what: &str) -> Refusal {
    Refusal::resource_locked(format!(
        "cannot obtain exclusive access to locked {what}. It could be originally declared on another \
         connection or the exclusive property value does not match that of the original declaration."
    ))
}
