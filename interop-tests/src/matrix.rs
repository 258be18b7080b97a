//! The matrix: what each client library, through its own ordinary interface, gets from the broker.
//!
//! A behaviour is a line of `matrix/behaviours.tsv`; a client is a folder of `matrix/` with a program in its
//! own language and a `client.toml` that says how it is started; a cell is what that program reports.
//! Invariant: no cell is left to goodwill. Every client reports every behaviour, and whatever is not as it
//! should be stands, with a reason, in `not_yet.txt` or `differences.tsv`; a line too many there is as wrong
//! as a line too few.

mod cells;
mod certificates;
mod client;
mod control;
mod expected;
mod page;
mod verdict;

pub use cells::{Cell, Cells};
pub use certificates::Certificates;
pub use client::{Client, Lack};
pub use control::Control;
pub use expected::{Behaviour, Expected};
pub use page::{not_offered, page};
pub use verdict::{Run, verdict};
