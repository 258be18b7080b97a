//! What of a broker's layout outlives it: virtual hosts, users, policies, parameters, durable exchanges, queues and
//! bindings.
//!
//! Each is a change, neutral to protocols and owning all it says, in the order in which changes were made. What
//! goes with something else (the bindings of a deleted queue, an exchange with its last binding) is said too, so
//! that whoever keeps the last word on each thing has the whole layout.

use std::sync::Arc;

use bytes::Bytes;
use leveret_codec::field::Table;

use crate::id::QueueId;
use crate::model::exchange::ExchangeSpec;
use crate::model::parameter::{GlobalParameter, Parameter};
use crate::model::policy::{Policy, PolicyKind};
use crate::model::user::User;
use crate::model::vhost::VhostDetails;

/// A change of what is durable: something is there now as described, or is gone.
#[derive(Clone, Debug)]
pub enum Definition {
    /// A virtual host.
    Vhost {
        /// Its name.
        name: String,
        /// What is said of it.
        details: Arc<VhostDetails>,
    },
    /// No virtual host of this name.
    NoVhost(String),
    /// A user, with everything it may do.
    User(User),
    /// No user of this name.
    NoUser(String),
    /// A durable exchange; never one of those that are always there.
    Exchange {
        /// Its virtual host.
        vhost: String,
        /// What it was declared as.
        spec: ExchangeSpec,
    },
    /// No durable exchange of this name.
    NoExchange {
        /// The virtual host.
        vhost: String,
        /// The name.
        name: String,
    },
    /// A durable queue that belongs to no connection.
    Queue {
        /// Its virtual host.
        vhost: String,
        /// What its messages in the log are filed under.
        id: QueueId,
        /// Its name.
        name: String,
        /// Goes with its last consumer.
        auto_delete: bool,
        /// `x-arguments` as declared.
        arguments: Table,
    },
    /// No durable queue of this name.
    NoQueue {
        /// The virtual host.
        vhost: String,
        /// The name.
        name: String,
    },
    /// A policy.
    Policy {
        /// Its virtual host.
        vhost: String,
        /// What it says.
        policy: Arc<Policy>,
    },
    /// No policy of this kind and name.
    NoPolicy {
        /// The virtual host.
        vhost: String,
        /// Whose word it was.
        kind: PolicyKind,
        /// The name.
        name: String,
    },
    /// A parameter of a virtual host.
    Parameter(Parameter),
    /// No such parameter.
    NoParameter {
        /// The virtual host.
        vhost: String,
        /// Whom it was for.
        component: String,
        /// The name.
        name: String,
    },
    /// A parameter of the broker.
    GlobalParameter(GlobalParameter),
    /// No parameter of the broker of this name.
    NoGlobalParameter(String),
    /// A binding, both ends of which are durable.
    Binding(DurableBinding),
    /// No such binding.
    NoBinding(DurableBinding),
}

/// A binding between two durable ends; all of it is its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableBinding {
    /// The virtual host of both ends.
    pub vhost: String,
    /// The exchange messages come from.
    pub source: String,
    /// Where they go.
    pub destination: BindingEnd,
    /// The key it matches by.
    pub routing_key: Bytes,
    /// The headers it matches by.
    pub arguments: Table,
}

/// Where a binding leads, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingEnd {
    /// To a queue.
    Queue(String),
    /// To an exchange.
    Exchange(String),
}
