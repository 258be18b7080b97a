//! What is said of a queue.
//!
//! Three forms, as in RabbitMQ: lists leave out what is not known and what is said of consumers; `detailed` has
//! everything but who consumes; a single queue has that, too. What only an Erlang process could say is zero.

use std::sync::Arc;

use leveret_core::model::{Applied, DeliveryLimit, Policies, Policy, QueueKind, QueueLook, QueueRef};
use serde_json::{Value, json};

use crate::definitions::table;
use crate::http::connections::Ends;
use crate::http::consumers::ByQueue;
use crate::http::listing::Entry;
use crate::http::query::Query;
use crate::http::request::{Object, Request};
use crate::http::stats::{self, Subject, put_stats};
use crate::policy;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What lists say.
    Reduced,
    /// The same with what is unknown, and whose policy it is.
    Detailed,
    /// The same, and who consumes.
    Single,
    /// What was declared.
    Static,
    /// The same, and how many messages there are.
    Totals,
}

impl Form {
    /// What the query makes of it.
    #[must_use]
    pub fn of_query(self, query: &Query) -> Self {
        match (query.has("disable_stats"), query.has("enable_queue_totals")) {
            (false, _) => self,
            (true, false) => Self::Static,
            (true, true) => Self::Totals,
        }
    }

    /// Whether it names consumers.
    pub fn tells_consumers(self) -> bool {
        matches!(self, Self::Detailed | Self::Single)
    }
}

/// A queue in a list.
pub struct Listed<'a> {
    pub request: &'a Request,
    pub form: Form,
    pub queue: QueueRef,
    pub policies: Arc<Policies>,
    /// Only where the form tells them.
    pub consumers: Option<Arc<ByQueue>>,
}

impl Entry for Listed<'_> {
    fn vhost(&self) -> &str {
        &self.queue.facts().vhost
    }

    fn name(&self) -> &str {
        &self.queue.facts().name
    }

    fn row(&self) -> Object {
        let mut row = self.declared();
        match self.form {
            Form::Static => {}
            Form::Totals => put_totals(&mut row, &self.look()),
            Form::Reduced | Form::Detailed | Form::Single => self.put_numbers(&mut row),
        }
        if self.form == Form::Single {
            let consumers = self.consumers.iter().flat_map(|all| all.rows(&self.queue, self.request));
            row.insert("consumer_details".to_owned(), consumers.collect());
            row.insert("deliveries".to_owned(), json!([]));
            row.insert("incoming".to_owned(), json!([]));
        }
        if self.form == Form::Reduced {
            row.retain(|_, value| !value.is_null());
        }
        row
    }
}

impl Listed<'_> {
    fn look(&self) -> QueueLook {
        self.request.change(|now, effects| self.queue.look(now, effects))
    }

    /// What it was declared as, and what policies make of it.
    fn declared(&self) -> Object {
        let facts = self.queue.facts();
        let kind = facts.traits.kind;
        let node = self.request.api.node();
        let applied = self.policies.of_queue(&facts.name, kind);
        let row = json!({
            "name": &*facts.name,
            "vhost": &*facts.vhost,
            "type": kind.as_str(),
            "durable": facts.durable,
            "auto_delete": facts.auto_delete,
            "exclusive": facts.owner.is_some(),
            "internal": false,
            "internal_owner": false,
            "arguments": table::of_queue(facts.arguments.as_ref(), kind.as_str()),
            "node": node,
            "state": "running",
            "policy": name(applied.user.as_ref()),
            "operator_policy": name(applied.operator.as_ref()),
            "effective_policy_definition": definition(&applied),
        });
        let mut row = object(row);
        if kind == QueueKind::Quorum {
            row.insert("leader".to_owned(), node.into());
            row.insert("members".to_owned(), json!([node]));
            row.insert("online".to_owned(), json!([node]));
            row.insert("delivery_limit".to_owned(), self.delivery_limit());
        }
        if let Some(owner) = facts.owner.and_then(|owner| self.request.core().roll().connection(owner)) {
            let ends = Ends::of(&owner.facts.name);
            let details =
                json!({"name": &*owner.facts.name, "peer_host": ends.peer.host, "peer_port": ends.peer.port});
            row.insert("owner_pid_details".to_owned(), details);
        }
        row
    }

    fn delivery_limit(&self) -> Value {
        let settings = self.queue.settings();
        match settings.delivery_limit {
            Some(DeliveryLimit::Unlimited) => "unlimited".into(),
            _ => settings.most_failures(QueueKind::Quorum).into(),
        }
    }

    fn put_numbers(&self, row: &mut Object) {
        let look = self.look();
        let capacity = u8::from(look.counts.consumers != 0 && look.is_waited_for);
        put_totals(row, &look);
        let all_bytes = look.ready_body_bytes + look.unacked_body_bytes;
        let numbers = json!({
            "consumers": look.counts.consumers,
            "consumer_capacity": capacity,
            "consumer_utilisation": capacity,
            "memory": look.memory_bytes + size_of::<QueueLook>(),
            "message_bytes": all_bytes,
            "message_bytes_ready": look.ready_body_bytes,
            "message_bytes_unacknowledged": look.unacked_body_bytes,
            "head_message_timestamp": look.head_timestamp,
            "exclusive_consumer_tag": look.exclusive.and_then(|id| self.consumers.as_ref()?.tag(&self.queue, id)),
            "single_active_consumer_tag": self.single_active(&look),
            "reductions": 0,
            "garbage_collection": no_garbage(),
        });
        row.extend(object(numbers));
        stats::put(row, "reductions", 0, 0.0);
        for name in ["messages", "messages_ready", "messages_unacknowledged"] {
            row.insert(format!("{name}_details"), json!({"rate": 0.0}));
        }
        self.put_kept(row, &look, all_bytes);
        put_stats(row, Subject::Queue, &look.stats, None);
        if self.form == Form::Reduced {
            row.remove("garbage_collection");
        }
    }

    /// What of it survives, and what is in memory.
    fn put_kept(&self, row: &mut Object, look: &QueueLook, all_bytes: u64) {
        let facts = self.queue.facts();
        let all = look.counts.ready + look.counts.unacked;
        let (persistent, persistent_bytes) = match facts.traits.kind {
            QueueKind::Quorum => (Some(all), Some(all_bytes)),
            // Nobody counts which of them are persistent.
            _ if facts.durable && all != 0 => (None, None),
            _ => (Some(0), Some(0)),
        };
        row.insert("messages_persistent".to_owned(), json!(persistent));
        row.insert("message_bytes_persistent".to_owned(), json!(persistent_bytes));
        row.insert("messages_ram".to_owned(), json!(all));
        row.insert("message_bytes_ram".to_owned(), json!(all_bytes));
        if facts.traits.kind == QueueKind::Quorum {
            row.remove("exclusive_consumer_tag");
            row.remove("head_message_timestamp");
            let nothing =
                ["messages_dlx", "message_bytes_dlx", "messages_delayed", "messages_ready_returned"];
            row.extend(nothing.map(|name| (name.to_owned(), 0.into())));
            row.extend(object(json!({
                "delayed_retry": "disabled",
                "messages_active_priorities": 0,
                "messages_by_priority": {},
                "open_files": {self.request.api.node(): 0},
                "publishers": 0,
            })));
        } else {
            row.insert("messages_ready_ram".to_owned(), look.counts.ready.into());
            row.insert("messages_unacknowledged_ram".to_owned(), look.counts.unacked.into());
            row.insert("storage_version".to_owned(), 2.into());
        }
    }

    fn single_active(&self, look: &QueueLook) -> Value {
        if !self.queue.facts().traits.single_active_consumer {
            return Value::Null;
        }
        let tag = look.active.and_then(|id| self.consumers.as_ref()?.tag(&self.queue, id));
        tag.map_or(Value::Null, Value::from)
    }
}

fn put_totals(row: &mut Object, look: &QueueLook) {
    let (ready, unacked) = (look.counts.ready, look.counts.unacked);
    let totals =
        [("messages", ready + unacked), ("messages_ready", ready), ("messages_unacknowledged", unacked)];
    row.extend(totals.map(|(name, count)| (name.to_owned(), count.into())));
}

fn name(policy: Option<&Arc<Policy>>) -> Value {
    policy.map_or(Value::Null, |policy| policy.spec().name.as_str().into())
}

fn definition(applied: &Applied) -> Value {
    applied
        .definition()
        .iter()
        .map(|(key, value)| (key.clone(), policy::to_json(value)))
        .collect::<Object>()
        .into()
}

/// What RabbitMQ says of an Erlang process's memory.
pub fn no_garbage() -> Value {
    json!({"minor_gcs": 0, "fullsweep_after": 0, "min_heap_size": 0, "min_bin_vheap_size": 0, "max_heap_size": 0})
}

/// The object that was just written down.
pub fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
