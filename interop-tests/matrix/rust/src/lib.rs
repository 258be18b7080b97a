//! What the matrix's programs in Rust share. No client library is named here.
//!
//! A behaviour is a function from a scene to a [`Proof`]; whatever goes wrong in it, `?` makes it fail.
//! Invariant: every behaviour that was asked for has one line in the report, also one that hangs.

mod failure;
mod program;
mod surroundings;

pub use failure::{Failure, Proof, same, soon, that};
pub use program::{Behaviour, Playing, Stage, run};
pub use surroundings::{Address, control, name, variable};
