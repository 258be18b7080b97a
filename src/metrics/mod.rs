//! Metrics for Prometheus: RabbitMQ's names with RabbitMQ's labels, so that its dashboards and alerts work, and some of our
//! own.
//!
//! ```text
//! scrape ──▶ serve ──▶ page (which families) ──▶ survey (looks once at everything) ──▶ families ──▶ text ──▶ pieces
//! ```
//! Invariants:
//! - `/metrics` has the same number of series however many queues and clients there are; what grows with them has a path
//!   of its own and leaves in pieces while it is written.
//! - Counters never fall: what goes leaves its counts with those who sum up.
//! - Series with labels are there from the first scrape on, with zeroes.
//! - A scrape costs no message anything: it looks at one queue at a time, on a thread that carries no traffic, and at most
//!   [`serve::AT_ONCE`] pages are written at once.

mod clients;
mod family;
mod global;
mod inventory;
mod node;
mod own;
mod page;
mod pieces;
mod queues;
mod serve;
mod settings;
mod survey;
mod text;

pub use serve::{State, answer, is_path};
pub use settings::{METRICS_PORT, MetricsSettings};
