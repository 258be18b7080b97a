//! What every foreign client's suite needs: a running broker, bounded processes, a table of results.
//!
//! leveret is met here only as its users meet it: as a program behind a socket. Nothing of this crate
//! links against it, so the same suites run unchanged against any other AMQP 0-9-1 broker.

pub mod admin;
mod binary;
mod broker;
pub mod matrix;
mod process;
mod python;
mod server;
mod table;

pub use binary::{BuildError, profile_dir};
pub use broker::Broker;
pub use process::{Finished, Process, run};
pub use python::environment;
pub use server::{Server, StartError, free_address};
pub use table::{Outcome, Table};
