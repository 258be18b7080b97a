//! The virtual host as a whole: what its details mean to what is declared in it, and its end.
//!
//! Invariant: once it is closed nothing is in it, nothing comes into it, and the log hears nothing of it any more.

use std::sync::Arc;

use leveret_codec::field::{Table, TableBuilder, Value};

use crate::effect::Effects;
use crate::model::definition::Definition;
use crate::model::event;
use crate::model::limit::Limit;
use crate::model::queue_ref::{DeleteConditions, QueueRef};
use crate::model::settings::QueueKind;
use crate::model::topology::{QueueSpec, Topology};
use crate::model::vhost::VhostDetails;
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

const QUEUE_TYPE: &str = "x-queue-type";

impl Topology {
    /// What is said of the virtual host.
    pub fn details(&self) -> Arc<VhostDetails> {
        self.details.clone()
    }

    /// Changes what is said of it. What is there already stays, also if a limit says that it is too much.
    pub fn change_details(&mut self, change: impl FnOnce(&mut VhostDetails)) {
        let limits = self.details.limits;
        change(Arc::make_mut(&mut self.details));
        let details = self.details.clone();
        if details.limits != limits {
            self.tell(|topology, _| event::limits_set(&topology.vhost, &topology.details.limits));
        }
        self.note(|name| Definition::Vhost { name, details });
    }

    /// What the log says of it. Comes after what is in it, which was accepted once.
    pub fn restore_details(&mut self, details: Arc<VhostDetails>) {
        self.details = details;
    }

    /// A declaration that names no type gets the default one, if a queue of that type can be what it asks for. The
    /// type becomes one of its arguments, so that it stays what it is when the default changes.
    pub(super) fn with_type(&self, mut spec: QueueSpec) -> QueueSpec {
        let is_quorum = self.details.default_queue_type == Some(QueueKind::Quorum);
        let can_be = spec.durable && spec.owner.is_none() && !spec.auto_delete;
        if is_quorum && can_be && names_no_type(&spec.arguments) {
            spec.arguments = typed(&spec.arguments, QueueKind::Quorum);
        }
        spec
    }

    /// Only classic queues get a name from the broker.
    pub fn check_nameless(&self, spec: &QueueSpec) -> Ruling {
        let spec = self.with_type(spec.clone());
        match spec.arguments.as_ref().get(QUEUE_TYPE.as_bytes()) {
            Some(Value::Str(b"quorum")) => Err(Refusal::precondition_failed(format!(
                "Cannot declare a server-named queue for type {}",
                QueueKind::Quorum.module()
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a new queue if there are as many as there may be.
    pub(super) fn check_queue_limit(&self, name: &str) -> Ruling {
        let Some(limit) = Limit::reached(self.details.limits.max_queues, self.table.queue_count() as u64)
        else {
            return Ok(());
        };
        Err(Refusal::precondition_failed(format!(
            "cannot declare queue '{name}': queue limit in vhost '{}' ({limit}) is reached",
            self.vhost
        )))
    }

    /// Nothing new comes into a virtual host that has been deleted; its connections are on their way out.
    pub(super) fn check_open(&self) -> Ruling {
        if self.is_closed {
            return Err(Refusal::not_allowed(format!("vhost {} not found", self.vhost)));
        }
        Ok(())
    }

    /// Deletes everything: the virtual host is deleted.
    pub fn close(&mut self, now: Timestamp, effects: &mut Effects) {
        let queues: Vec<QueueRef> = self.table.queues().cloned().collect();
        for queue in queues {
            // Without conditions there is nothing to refuse.
            let _ = self.delete_queue(now, &queue, DeleteConditions::default(), effects);
        }
        let exchanges: Vec<String> = self.exchanges.keys().cloned().collect();
        for name in exchanges {
            self.remove_exchange(now, &name, effects);
        }
        for policy in std::mem::take(&mut self.policies).iter() {
            let (kind, name) = (policy.spec().kind, policy.spec().name.clone());
            self.note(|vhost| Definition::NoPolicy { vhost, kind, name });
        }
        self.is_closed = true;
    }
}

fn names_no_type(arguments: &Table) -> bool {
    matches!(arguments.as_ref().get(QUEUE_TYPE.as_bytes()), None | Some(Value::Str(b"" | b"undefined")))
}

/// The arguments with a type instead of what they say of it.
fn typed(arguments: &Table, kind: QueueKind) -> Table {
    let mut typed = TableBuilder::new();
    for entry in arguments.as_ref().entries().filter(|entry| entry.key != QUEUE_TYPE.as_bytes()) {
        typed.insert_raw(entry);
    }
    typed.insert(QUEUE_TYPE, Value::Str(kind.as_str().as_bytes())).build()
}
