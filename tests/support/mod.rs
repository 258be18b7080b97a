//! What tests on real sockets share: a broker in this process and a peer that follows a script.
//!
//! A [`Peer`] is no client: it sends what it is told, byte for byte if need be, and takes what comes frame
//! by frame. Nothing it waits for may take longer than [`PATIENCE`], so a test fails instead of hanging.
#![allow(dead_code, unused_imports, reason = "each test uses its part of it")]

mod client;
mod peer;

pub use client::{Delivery, Event, declare, publish, publish_as, publish_with};
pub use peer::{Frame, PATIENCE, Peer, open_vhost, start_ok, tune_ok, within};

use leveret::{Broker, Builder};

/// A broker on a free port of this machine, empty but for `guest` and `/`.
pub async fn broker() -> Broker {
    start(Broker::builder()).await
}

/// The same, set differently.
pub async fn start(builder: Builder) -> Broker {
    builder.ephemeral().listen(([127, 0, 0, 1], 0)).start().await.unwrap()
}
