//! The policies of a virtual host, and what a change of them means to what is there.
//!
//! Invariant: every queue and exchange behaves as its declaration and the policies of the moment say. A new one is
//! born so; a change of policies reaches all that the old or the new pattern is in before it is answered.

use std::sync::Arc;

use leveret_routing::ExchangeName;

use crate::effect::Effects;
use crate::model::definition::Definition;
use crate::model::event;
use crate::model::policy::{Policies, Policy, PolicyKind, PolicySpec};
use crate::model::topology::Topology;
use crate::time::Timestamp;

impl Topology {
    /// The policies of this moment.
    pub fn policies(&self) -> Arc<Policies> {
        self.policies.clone()
    }

    /// Adds a policy, or replaces that of the same kind and name; the same again changes nothing. `true`: it is new.
    pub fn put_policy(&mut self, now: Timestamp, policy: Policy, effects: &mut Effects) -> bool {
        let PolicySpec { kind, name, .. } = policy.spec();
        if self.policies.get(*kind, name).is_some_and(|known| known.spec() == policy.spec()) {
            return false;
        }
        let policy = Arc::new(policy);
        self.tell(|topology, _| event::policy_set(&topology.vhost, policy.spec()));
        let replaced = Arc::make_mut(&mut self.policies).put(policy.clone());
        self.note(|vhost| Definition::Policy { vhost, policy: policy.clone() });
        let is_new = replaced.is_none();
        let touched: Vec<Arc<Policy>> = replaced.into_iter().chain([policy]).collect();
        self.apply_policies(now, &touched, effects);
        is_new
    }

    /// Removes a policy. `false`: there was none.
    pub fn delete_policy(
        &mut self,
        now: Timestamp,
        kind: PolicyKind,
        name: &str,
        effects: &mut Effects,
    ) -> bool {
        let Some(policy) = Arc::make_mut(&mut self.policies).remove(kind, name) else { return false };
        self.note(|vhost| Definition::NoPolicy { vhost, kind, name: name.to_owned() });
        self.tell(|topology, _| event::policy_cleared(&topology.vhost, kind, name));
        self.apply_policies(now, &[policy], effects);
        true
    }

    /// Policies that the log has already. There is no queue yet.
    pub fn restore_policies(&mut self, policies: &[Arc<Policy>]) {
        let known = Arc::make_mut(&mut self.policies);
        for policy in policies {
            known.put(policy.clone());
        }
        self.apply_to_exchanges(policies);
    }

    /// What these policies cover, or have covered, behaves as all policies say now.
    fn apply_policies(&mut self, now: Timestamp, touched: &[Arc<Policy>], effects: &mut Effects) {
        self.apply_to_exchanges(touched);
        for queue in self.table.queues() {
            let facts = queue.facts();
            if !touches(touched, &facts.name) {
                continue;
            }
            let kind = facts.traits.kind;
            let settings = self.policies.of_queue(&facts.name, kind).settings(&facts.declared, kind);
            let settings = self.settings.share(settings);
            if queue.settings() != settings {
                queue.apply(now, settings, effects);
            }
        }
    }

    fn apply_to_exchanges(&mut self, touched: &[Arc<Policy>]) {
        for spec in self.exchanges.values().filter(|spec| touches(touched, &spec.name)) {
            // It was accepted once, so its own alternate exchange is a string or absent.
            let own = spec.alternate(&self.vhost).ok().flatten();
            let alternate = own.or_else(|| self.policies.of_exchange(&spec.name).alternate());
            let name = ExchangeName::from(spec.name.as_str());
            let alternate = alternate.as_deref().map(ExchangeName::from);
            let current = self.table.exchange(name.as_bytes()).and_then(|view| view.alternate().cloned());
            if current != alternate {
                // The same as when it was declared: what its arguments mean does not change.
                let rule = spec.rule().unwrap_or_else(|_| spec.kind.into());
                self.table.declare_exchange(name, rule, alternate, spec.internal);
                self.changed = true;
            }
        }
    }
}

fn touches(policies: &[Arc<Policy>], name: &str) -> bool {
    policies.iter().any(|policy| policy.matches(name))
}
