//! Real sockets against a running broker, a chapter of the protocol a module.
//!
//! Here stands what needs a socket, several tasks, a peer that does not read, or a clock that is moved: the
//! rules themselves are tested against `leveret-core`, without any of these. Each test starts a broker of
//! its own in this process. Time is a manual clock; nothing is waited for longer than
//! [`support::PATIENCE`], and nothing waits for time to pass.
#![cfg(test)]
#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

mod alarm;
mod back_pressure;
mod bodies;
mod crowd;
mod deadlines;
mod framing;
mod heartbeats;
mod negotiation;
mod neighbours;
mod refusals;
mod said;
mod say;
mod shutdown;
mod traffic;
