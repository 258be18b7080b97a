//! leveret: an AMQP 0-9-1 message broker.
#![forbid(unsafe_code)]

mod settings;

pub use settings::{AMQP_PORT, Listen, Need, Permissions, Seed, Settings, Watermark};
