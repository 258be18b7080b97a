//! leveret: an AMQP 0-9-1 message broker.
#![forbid(unsafe_code)]

mod clock;
mod registry;
mod settings;

pub use settings::{AMQP_PORT, Listen, Need, Permissions, Seed, Settings, Watermark};
pub mod definitions;
