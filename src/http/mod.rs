//! The HTTP API: what tools, probes and scripts expect of a RabbitMQ at port 15672.
//!
//! ```text
//! server ──▶ dispatch ──▶ route (table) ──▶ caller, access ──▶ body ──▶ a family's handler ──▶ answer
//!                                                                             │
//!                                                              listing, query (lists), Api (the broker)
//! ```
//! Invariants:
//! - An endpoint is one row of a family's table ([`route::Row`]). What may be asked (405, `allow`), who may ask, and
//!   what `/api/openapi.json` says of it come from that row and from nowhere else.
//! - Handlers run where they may block; the threads that carry AMQP traffic only move bytes of HTTP.
//! - A change is answered when the log has it: what was answered is there after a crash.
//! - Statuses, bodies and their words are RabbitMQ 4.3's, where nothing else is said.

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one signature, whether they refuse or not")]

mod access;
mod answer;
mod api;
mod bindings;
mod body;
mod caller;
mod certificates;
mod channels;
mod connections;
mod consumers;
mod content;
mod contract;
mod cors;
mod crowd;
mod definitions;
mod direct;
mod dispatch;
mod environment;
mod exchanges;
mod features;
mod gate;
mod health;
mod identity;
mod limits;
mod listing;
mod local;
mod local_socket;
mod logins;
mod memory_use;
mod multipart;
mod nodes;
mod numbers;
mod outflow;
mod overview;
mod parameters;
mod pattern;
mod permissions;
mod plugins;
mod policies;
mod prompt;
mod query;
mod queues;
mod reading;
mod reference;
mod request;
mod route;
mod schema;
mod server;
mod settings;
mod stats;
mod users;
mod vhosts;

pub use api::{Api, Listener};
pub use dispatch::{Origin, accepts_gzip, may_watch};
pub use local_socket::{check_ours, runtime_directory};
pub use memory_use::parts as memory_parts;
pub use overview::{ERLANG_VERSION, cluster_name};
pub use pattern::{Case, Pattern};
pub use query::Query;
pub use server::{Bound, Http, HttpError};
pub use settings::{HTTP_PORT, HttpSettings, LocalSocket, RatesMode};
