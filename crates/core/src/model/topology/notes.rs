//! What the topology notes of its own changes: for the log what is durable, for whoever listens to events everything.
//!
//! Invariant: nothing is put together that nobody takes: no definition without a store that keeps, no event while events
//! are off. Notes are taken under the lock under which they were made, so they are in the order of the changes.

use bytes::Bytes;
use leveret_routing::{Binding, Destination, Removed};

use crate::model::definition::{BindingEnd, Definition, DurableBinding};
use crate::model::event::{self, Event, Events};
use crate::model::exchange::ExchangeSpec;
use crate::model::queue_ref::QueueRef;
use crate::model::topology::Topology;

impl Topology {
    /// What of the changes since this was asked last is durable, in their order.
    pub fn take_definitions(&mut self) -> Vec<Definition> {
        std::mem::take(&mut self.definitions)
    }

    /// What has happened since this was asked last.
    pub fn take_news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    /// Notes a change of what is durable. If nothing is kept, what it is is not even put together.
    pub(super) fn note(&mut self, definition: impl FnOnce(String) -> Definition) {
        if self.store.keeps() && !self.is_closed {
            self.definitions.push(definition(self.vhost.as_ref().to_owned()));
        }
    }

    /// Notes what has happened, if somebody wants to know.
    pub(super) fn tell(&mut self, event: impl FnOnce(&Self, &Events) -> Event) {
        if self.events.is_on() {
            let event = event(self, &self.events);
            self.news.push(event);
        }
    }

    pub(super) fn exchange_created(&self, spec: &ExchangeSpec) -> Event {
        let applied = self.policies.of_exchange(&spec.name);
        let policy = applied.user.as_ref().map_or("", |policy| policy.spec().name.as_str());
        event::exchange_created(&self.vhost, spec, policy)
    }

    /// Notes a new binding.
    pub(super) fn note_bound(&mut self, durable: bool, binding: impl FnOnce() -> Binding<QueueRef>) {
        if !(durable && self.store.keeps() || self.events.is_on()) {
            return;
        }
        let binding = binding();
        if durable {
            self.note(|vhost| Definition::Binding(durable_binding(vhost, &binding)));
        }
        self.tell(|topology, _| event::binding_created(&topology.vhost, &binding));
    }

    /// Notes the bindings that went with something.
    pub(super) fn note_unbound(&mut self, removed: &Removed<QueueRef>) {
        for binding in &removed.bindings {
            if self.is_durable(binding.source(), binding.destination()) {
                self.note(|vhost| Definition::NoBinding(durable_binding(vhost, binding)));
            }
            self.tell(|topology, _| event::binding_deleted(&topology.vhost, binding));
        }
    }
}

fn durable_binding(vhost: String, binding: &Binding<QueueRef>) -> DurableBinding {
    DurableBinding {
        vhost,
        source: binding.source().as_str().to_owned(),
        destination: match binding.destination() {
            Destination::Queue(queue) => BindingEnd::Queue(queue.facts().name.to_string()),
            Destination::Exchange(name) => BindingEnd::Exchange(name.as_str().to_owned()),
        },
        routing_key: Bytes::copy_from_slice(binding.routing_key()),
        arguments: binding.arguments().clone(),
    }
}
