//! A broker's layout from what the log has of it.
//!
//! Invariant: nothing that is restored is defined again. It is applied in an order that works whatever order it
//! comes in: a virtual host before what is in it, the ends of a binding before the binding.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use leveret_codec::field::Table;

use crate::id::QueueId;
use crate::model::broker::Broker;
use crate::model::definition::{BindingEnd, Definition, DurableBinding};
use crate::model::exchange::ExchangeSpec;
use crate::model::policy::Policy;
use crate::model::topology::{BindingSpec, QueueSpec, Target, Topology};
use crate::model::vhost::VhostDetails;
use crate::refusal::{Refusal, Ruling};

/// Why a layout can't be restored. It was accepted once, so another version wrote it, or something is missing.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Something is in a virtual host that is not defined.
    #[error("{what} is in the virtual host '{vhost}', which is not defined")]
    NoVhost {
        /// The virtual host.
        vhost: String,
        /// What is in it.
        what: String,
    },
    /// This version does not take what an earlier one took.
    #[error("{what} in the virtual host '{vhost}' can't be restored: {}", refusal.text)]
    Refused {
        /// The virtual host.
        vhost: String,
        /// What was refused.
        what: String,
        /// Why.
        refusal: Refusal,
    },
}

/// A queue as it was defined.
struct DefinedQueue {
    id: QueueId,
    name: String,
    auto_delete: bool,
    arguments: Table,
}

/// What is in one virtual host.
#[derive(Default)]
struct Layout {
    details: Arc<VhostDetails>,
    policies: Vec<Arc<Policy>>,
    exchanges: Vec<ExchangeSpec>,
    queues: Vec<DefinedQueue>,
    bindings: Vec<DurableBinding>,
}

impl Layout {
    /// Any one thing, for texts.
    fn any(&self) -> String {
        let exchange = self.exchanges.iter().map(|exchange| format!("exchange '{}'", exchange.name)).next();
        let queue = || self.queues.iter().map(|queue| format!("queue '{}'", queue.name)).next();
        let binding = || self.bindings.iter().map(described).next();
        let policy = || self.policies.iter().map(|policy| format!("policy '{}'", policy.spec().name)).next();
        exchange.or_else(queue).or_else(binding).or_else(policy).unwrap_or_default()
    }

    fn apply(self, topology: &mut Topology, vhost: &str) -> Result<(), RestoreError> {
        let refused =
            |what: String| |refusal| RestoreError::Refused { vhost: vhost.to_owned(), what, refusal };
        // First, so that everything behaves as they say from its birth.
        topology.restore_policies(&self.policies);
        for exchange in self.exchanges {
            let what = format!("exchange '{}'", exchange.name);
            topology.declare_exchange(exchange).map_err(refused(what))?;
        }
        for DefinedQueue { id, name, auto_delete, arguments } in self.queues {
            let what = format!("queue '{name}'");
            let spec = QueueSpec { name, durable: true, auto_delete, owner: None, arguments };
            topology.declare_queue(id, spec).map_err(refused(what))?;
        }
        for binding in self.bindings {
            let what = described(&binding);
            if let Err(refusal) = bind(topology, binding) {
                tracing::warn!(vhost, why = %refusal.text, "left out a {what}");
            }
        }
        // Last: nothing of this is too much, or of another type than it was.
        topology.restore_details(self.details);
        Ok(())
    }
}

fn described(binding: &DurableBinding) -> String {
    let (BindingEnd::Queue(destination) | BindingEnd::Exchange(destination)) = &binding.destination;
    format!("binding from '{}' to '{destination}'", binding.source)
}

fn bind(topology: &mut Topology, binding: DurableBinding) -> Ruling {
    let DurableBinding { source, destination, routing_key, arguments, .. } = binding;
    let destination = match destination {
        BindingEnd::Queue(name) => Target::Queue(topology.queue(&name)?),
        BindingEnd::Exchange(name) => Target::Exchange(name),
    };
    topology.bind(BindingSpec { source, destination, routing_key, arguments }).map(drop)
}

impl Broker {
    /// Makes everything that these say is there. What they say is gone is not: a broker that is restored is empty.
    /// A binding with an end missing is left out with a line in the log; it would lead nowhere.
    pub fn restore(&self, definitions: Vec<Definition>) -> Result<(), RestoreError> {
        let mut layouts: BTreeMap<String, Layout> = BTreeMap::new();
        for definition in definitions {
            match definition {
                Definition::Vhost { name, details } => {
                    self.restore_vhost(&name);
                    layouts.entry(name).or_default().details = details;
                }
                Definition::User(user) => {
                    self.users.write().insert(user.name.clone(), Arc::new(user));
                }
                Definition::Exchange { vhost, spec } => {
                    spec.holder.into_iter().for_each(|holder| self.reserve_queue_ids(holder));
                    layouts.entry(vhost).or_default().exchanges.push(spec);
                }
                Definition::Queue { vhost, id, name, auto_delete, arguments } => {
                    self.reserve_queue_ids(id);
                    let queue = DefinedQueue { id, name, auto_delete, arguments };
                    layouts.entry(vhost).or_default().queues.push(queue);
                }
                Definition::Binding(binding) => {
                    layouts.entry(binding.vhost.clone()).or_default().bindings.push(binding);
                }
                Definition::Policy { vhost, policy } => {
                    layouts.entry(vhost).or_default().policies.push(policy);
                }
                Definition::Parameter(parameter) => {
                    self.parameters.write().put(parameter);
                }
                Definition::GlobalParameter(parameter) => {
                    self.parameters.write().put_global(parameter);
                }
                Definition::NoVhost(_)
                | Definition::NoUser(_)
                | Definition::NoExchange { .. }
                | Definition::NoQueue { .. }
                | Definition::NoPolicy { .. }
                | Definition::NoParameter { .. }
                | Definition::NoGlobalParameter(_)
                | Definition::NoBinding(_) => {}
            }
        }
        self.permission_epoch.fetch_add(1, Ordering::Release);
        for (name, layout) in layouts {
            let Some(vhost) = self.vhost(&name) else {
                return Err(RestoreError::NoVhost { vhost: name, what: layout.any() });
            };
            vhost.restore(|topology| layout.apply(topology, &name))?;
        }
        Ok(())
    }

    /// No queue that is declared from now on is called by this or a lower number: the log may know it.
    pub fn reserve_queue_ids(&self, up_to: QueueId) {
        self.last_queue.fetch_max(up_to.0, Ordering::Relaxed);
    }

    fn restore_vhost(&self, name: &str) {
        self.vhosts.write().entry(name.to_owned()).or_insert_with(|| {
            let vhost = self.new_vhost(name);
            // It was told in an earlier life.
            vhost.restore(|_| ());
            vhost
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::broker::BrokerSettings;
    use crate::model::limit::{Limit, VhostLimits};
    use crate::model::policy::{ApplyTo, PolicyKind, PolicySpec};
    use crate::model::settings::QueueKind;
    use crate::store::NoStore;

    fn policy() -> Definition {
        let spec = PolicySpec {
            kind: PolicyKind::User,
            name: "p".to_owned(),
            pattern: "^q".to_owned(),
            apply_to: ApplyTo::ClassicQueues,
            priority: 0.0,
            definition: [("max-length".to_owned(), 5.into())].into(),
        };
        Definition::Policy { vhost: "/".to_owned(), policy: Arc::new(Policy::new(spec).unwrap()) }
    }

    /// Whatever its details say now: the queue was accepted before they said so.
    #[test]
    fn a_queue_is_restored_as_it_was_and_behaves_as_policies_say() {
        let broker = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
        let details = VhostDetails {
            default_queue_type: Some(QueueKind::Quorum),
            limits: VhostLimits { max_queues: Some(Limit(0)), ..VhostLimits::default() },
            ..VhostDetails::default()
        };
        let queue = Definition::Queue {
            vhost: "/".to_owned(),
            id: QueueId(7),
            name: "q".to_owned(),
            auto_delete: false,
            arguments: Table::default(),
        };
        let vhost = Definition::Vhost { name: "/".to_owned(), details: Arc::new(details.clone()) };
        broker.restore(vec![vhost, queue, policy()]).unwrap();
        let vhost = broker.vhost("/").unwrap();
        let queue = vhost.queue("q").unwrap();
        assert_eq!(queue.facts().traits.kind, QueueKind::Classic);
        assert_eq!(queue.settings().max_length, Some(5));
        assert_eq!(*vhost.details(), details);
    }
}
