//! The messages of a load, who publishes them, and who consumes them.

use serde::Serialize;

use super::OptionsError;

/// A producer keeps eight bytes for each message that it waits for.
const LARGEST_WINDOW: i64 = 10_000_000;

/// The bytes of a stamp: the nanoseconds at which a message was due.
const STAMP_BYTES: u32 = 8;

/// Options for messages, producers and consumers.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct TrafficOptions {
    /// Connections that publish
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub producers: u16,
    /// Connections that consume; with none, messages pile up
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=256))]
    pub consumers: u16,
    /// Bytes of a message's body
    #[arg(long, value_name = "BYTES", default_value_t = 16, value_parser = clap::value_parser!(u32).range(..=64 << 20))]
    pub size: u32,
    /// Consume without acknowledgements (what happens without --ack-every)
    #[arg(long, conflicts_with = "ack_every")]
    pub auto_ack: bool,
    /// Acknowledge, once for every N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_every: Option<u32>,
    /// Unacknowledged messages a consumer may hold; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0, requires = "ack_every")]
    pub prefetch: u16,
    /// Publish persistent messages, to durable queues
    #[arg(long)]
    pub persistent: bool,
    /// Ask for confirms, and have at most N messages of a producer unconfirmed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=LARGEST_WINDOW))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_window: Option<u32>,
}

impl TrafficOptions {
    pub fn check(&self) -> Result<(), OptionsError> {
        if let Some(every) = self.ack_every
            && self.prefetch != 0
            && u32::from(self.prefetch) < every
        {
            return Err(OptionsError::Stalls { every, prefetch: self.prefetch });
        }
        Ok(())
    }

    pub fn check_room_for_a_stamp(&self) -> Result<(), OptionsError> {
        if self.size < STAMP_BYTES { Err(OptionsError::NoRoomForAStamp(self.size)) } else { Ok(()) }
    }
}
