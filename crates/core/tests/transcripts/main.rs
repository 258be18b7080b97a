//! What AMQP clients say to a broker and hear from it, chapter by chapter of the specification.
//!
//! Texts, codes and the class and method of every refusal are RabbitMQ's; where leveret differs on
//! purpose, the test's name or a comment says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod acknowledge;
mod alarm;
mod arguments;
mod bind;
mod channel;
mod confirm;
mod connection;
mod consume;
mod definition;
mod delayed;
mod event;
mod exchange;
mod exchange_types;
mod failure;
mod frame;
mod get;
mod handshake;
mod heartbeat;
mod late;
mod lifecycle;
mod limit;
mod log;
mod page;
mod permission;
mod policy;
mod prefetch;
mod properties;
mod publish;
mod queue;
mod random;
mod recent_history;
mod reply_to;
mod topic_permission;
mod trace;
mod tx;
mod virtual_host;

use support::check;
