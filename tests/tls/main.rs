//! AMQP over TLS: a broker in this process, a scripted peer over rustls, and certificates made for each test.
//!
//! Time is a manual clock where it matters; nothing is waited for longer than [`support::PATIENCE`].
#![cfg(test)]
#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

mod authority;
mod external;
mod hostile;
mod limits;
mod refused;
mod renewal;
mod secure;
mod traffic;
mod verification;
