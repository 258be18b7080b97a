//! The rules of leveret: what a broker does with methods and messages.
//!
//! Nothing in this crate reads a clock, a socket, a file or a random source: time is the first argument of
//! every call that needs it, and secrets are brought by the caller. Two layers:
//!
//! - [`model`]: queues, exchanges, virtual hosts, users; neutral to the protocol.
//! - [`amqp`]: AMQP 0-9-1, one [`amqp::Connection`] a socket.
//!
//! Locks (short, never across I/O) guard what connections share; the order is `Topology` → queue → outlet.
//! What a call asks of the world outside comes back as [`Effects`]; what must not be lost goes through a
//! [`Store`], whose own locks come last.

#![forbid(unsafe_code)]

pub mod amqp;
pub mod model;

mod effect;
mod entropy;
mod id;
mod refusal;
mod store;
mod time;

pub use effect::{Effects, Fetch, Output, Settle};
pub use id::{ChannelNumber, ConnectionId, ConsumerId, QueueId};
pub use refusal::{Refusal, Ruling};
pub use store::{NoStore, PageId, Place, Position, Record, Store, Writer};
pub use time::Timestamp;
