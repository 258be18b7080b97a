//! lapin against leveret: nothing lives here, the crate is its tests and its examples.
//!
//! - `tests/behaviours`: what a program written with lapin relies on, one file a chapter. `INTEROP_URL`
//!   names the broker to run against; without it a leveret is started for the run.
//! - `examples`: the six tutorials every `RabbitMQ` user knows, written for lapin.
