//! What a broker is made of, whatever protocol its clients speak: messages, queues, exchanges, bindings,
//! virtual hosts, users.
//!
//! Absent: methods, channels, delivery tags, frames. Those are `amqp`'s; other protocols would be its
//! siblings.

mod appends;
mod argument;
mod broker;
mod dead_letter;
mod definition;
mod delay;
mod event;
mod exchange;
mod hidden;
mod history;
mod inquiry;
mod intake;
mod limit;
mod login_counts;
mod mechanism;
mod message;
mod outlet;
mod parameter;
mod password;
mod policy;
mod queue;
mod queue_ref;
mod record;
mod report;
mod roll;
mod schedule;
mod seats;
mod settings;
mod sizes;
mod stats;
mod term;
mod topology;
mod trace;
mod user;
mod vhost;

pub use argument::{LONGEST_MILLIS, plain};
pub use broker::{Alarm, Broker, BrokerSettings, REPLY_PREFIX, RestoreError};
pub use dead_letter::{DEATHS, published_keys};
pub use definition::{BindingEnd, Definition, DurableBinding};
pub use delay::delay_of;
pub use event::{EVENT_EXCHANGE, Event, Events};
pub use exchange::ExchangeSpec;
pub use hidden::{FOREIGN_DEATHS, is_hidden, with_mark};
pub use history::{Recent, Replay};
pub use inquiry::{HeldMessage, Inquiry, Part};
pub use intake::{Accepted, Intake};
pub use leveret_routing::{Binding, Destination, ExchangeKind};
pub use limit::{Limit, LimitError, UserLimits, VhostLimits};
pub use login_counts::LoginCounts;
pub use mechanism::Mechanism;
pub use message::{Draft, Layout, Message};
pub use outlet::{ChannelCredit, Delivery, Door, Notice, Outlet};
pub use parameter::{GlobalParameter, Parameter};
pub use password::{HashingAlgorithm, PasswordHash};
pub use policy::{Applied, ApplyTo, Policies, Policy, PolicyDefinition, PolicyError, PolicyKind, PolicySpec};
pub use queue::{
    Arrival, ConsumerSpec, Counts, Doors, Entry, Got, Losses, Pace, Peek, Peeked, Queue, Reason,
    RestoredLane, Returned, Returns, Settled, Spot, StoredPage, Taken,
};
pub use queue_ref::{
    DeleteConditions, DeliveredBefore, QueueFacts, QueueLook, QueueRef, SubscribeError, WeakQueueRef,
};
pub use record::{
    ChannelMode, ChannelRecord, ConnectionFacts, ConnectionRecord, ConnectionState, ConsumerRecord, Outflow,
    Traffic,
};
pub use roll::{Churn, Gone, Roll};
pub use seats::{ChannelSeat, Seat};
pub use settings::{DeadLetterTo, DeliveryLimit, Overflow, QueueKind, QueueSettings, QueueTraits};
pub use sizes::{SIZE_BOUNDS, SizeCounts, Sizes};
pub use stats::{Counter, Counters, MessageStats, Stat};
pub use term::Term;
pub use topology::{BindingSpec, QueueSpec, QueuesPast, Target, locked, no_exchange, no_queue};
pub use trace::{TRACE_EXCHANGE, Traced, Witness};
pub use user::{Access, Permissions, Resource, TopicPermissions, TopicRow, User};
pub use vhost::{Bound, Routes, Vhost, VhostDetails};
