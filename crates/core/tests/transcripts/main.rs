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
mod alike;
mod arguments;
mod bind;
mod channel;
mod confirm;
mod connection;
mod consume;
mod cycle;
mod dead_letter;
mod definition;
mod delayed;
mod event;
mod exchange;
mod exchange_types;
mod expires;
mod failure;
mod frame;
mod get;
mod handshake;
mod heartbeat;
mod history;
mod late;
mod length;
mod lifecycle;
mod limit;
mod log;
mod page;
mod permission;
mod policy;
mod prefetch;
mod priority;
mod properties;
mod publish;
mod queue;
mod quorum;
mod quorum_declare;
mod random;
mod recent_history;
mod reply_to;
mod single_active;
mod topic_permission;
mod trace;
mod ttl;
mod tx;
mod virtual_host;

use support::check;
