//! The end of exchanges: one that is deleted, and those that go with it.
//!
//! Invariant: an auto-delete exchange goes when its last binding as a source has gone. How long a row of them may be is
//! for clients to say, so it is followed without recursion.

use leveret_routing::{ExchangeName, Removed};

use crate::effect::Effects;
use crate::model::definition::Definition;
use crate::model::event;
use crate::model::exchange::is_predeclared;
use crate::model::queue_ref::{DeleteConditions, QueueRef};
use crate::model::topology::Topology;
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

impl Topology {
    /// Deletes an exchange, if it is there. `false`: it was, and was not durable.
    pub fn delete_exchange(
        &mut self,
        now: Timestamp,
        name: &str,
        if_unused: bool,
        effects: &mut Effects,
    ) -> Ruling<bool> {
        let Some(exchange) = self.exchanges.get(name) else { return Ok(true) };
        let durable = exchange.durable;
        if if_unused && self.table.bindings_from(name.as_bytes()).next().is_some() {
            return Err(Refusal::precondition_failed(format!(
                "exchange '{name}' in vhost '{}' in use",
                self.vhost
            )));
        }
        self.remove_exchange(now, name, effects);
        Ok(durable)
    }

    pub(super) fn remove_exchange(&mut self, now: Timestamp, name: &str, effects: &mut Effects) {
        let removed = self.remove_alone(now, name, effects);
        self.cascade(now, &removed, effects);
    }

    fn remove_alone(&mut self, now: Timestamp, name: &str, effects: &mut Effects) -> Removed<QueueRef> {
        self.changed = true;
        let removed = self.table.delete_exchange(name.as_bytes());
        self.histories.end(name);
        if let Some(holder) = self.holders.end(name) {
            holder.delete(now, DeleteConditions::default(), effects);
        }
        self.note_unbound(&removed);
        self.tell(|topology, _| event::exchange_deleted(&topology.vhost, name));
        if self.exchanges.remove(name).is_some_and(|exchange| exchange.durable) && !is_predeclared(name) {
            self.note(|vhost| Definition::NoExchange { vhost, name: name.to_owned() });
        }
        removed
    }

    /// Bindings are gone: so are the auto-delete exchanges that were left with none, and what these were bound to; each
    /// with what goes with it before the next.
    pub(super) fn cascade(&mut self, now: Timestamp, removed: &Removed<QueueRef>, effects: &mut Effects) {
        let mut bare: Vec<ExchangeName> = removed.bare_sources.iter().rev().cloned().collect();
        while let Some(source) = bare.pop() {
            if self.exchanges.get(source.as_str()).is_some_and(|exchange| exchange.auto_delete) {
                let removed = self.remove_alone(now, source.as_str(), effects);
                bare.extend(removed.bare_sources.into_iter().rev());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use leveret_codec::field::Table;
    use leveret_routing::ExchangeKind;

    use super::*;
    use crate::model::event::Events;
    use crate::model::exchange::ExchangeSpec;
    use crate::model::topology::{BindingSpec, Target};
    use crate::store::NoStore;

    #[test]
    fn a_long_row_of_exchanges_goes_with_its_last() {
        let events = Arc::new(Events::new(None, String::new()));
        let mut topology = Topology::new("/".into(), [1; 4], Arc::new(NoStore), events);
        let predeclared = topology.table().exchanges().count();
        let name = |number: usize| format!("e{number}");
        let last = 20_000;
        for number in 0..=last {
            let spec = ExchangeSpec {
                name: name(number),
                kind: ExchangeKind::Fanout,
                durable: false,
                auto_delete: true,
                internal: false,
                arguments: Table::default(),
                holder: None,
            };
            topology.declare_exchange(spec).unwrap();
        }
        for number in 0..last {
            let binding = BindingSpec {
                source: name(number),
                destination: Target::Exchange(name(number + 1)),
                routing_key: Bytes::new(),
                arguments: Table::default(),
            };
            topology.bind(binding).unwrap();
        }
        let mut effects = Effects::default();
        topology.delete_exchange(Timestamp::default(), &name(last), false, &mut effects).unwrap();
        assert_eq!(topology.table().exchanges().count(), predeclared);
    }
}
