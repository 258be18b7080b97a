//! What may be said to `leveret perf`: one struct for each matter, put together for each mode.
//!
//! Every option is told again in the JSON report under its own name, so that a figure carries what it is of.

mod base;
mod queues;
mod refusal;
mod routing;
mod timing;
mod traffic;

use serde::Serialize;

pub use base::{BaseOptions, OutputOptions};
pub use queues::{QueueOptions, own_name};
pub use refusal::OptionsError;
pub use routing::{ExchangeKind, RoutingOptions};
pub use timing::{TimingOptions, as_seconds, seconds};
pub use traffic::TrafficOptions;

/// Who publishes and consumes what, by which way.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct LoadOptions {
    /// The messages and those who move them.
    #[command(flatten)]
    #[serde(flatten)]
    pub traffic: TrafficOptions,
    /// Where they wait.
    #[command(flatten)]
    #[serde(flatten)]
    pub queues: QueueOptions,
    /// How they get there.
    #[command(flatten)]
    #[serde(flatten)]
    pub routing: RoutingOptions,
}

impl LoadOptions {
    /// Whether these options go together.
    pub fn check(&self) -> Result<(), OptionsError> {
        self.traffic.check()?;
        self.queues.check()?;
        self.routing.check(&self.queues)
    }

    /// Whether queues and exchange survive a restart: persistent messages need queues that do.
    pub fn is_durable(&self) -> bool {
        self.traffic.persistent || self.queues.durable
    }
}

/// What the modes that run for a time may be told.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct TimedOptions {
    /// The broker and the figures.
    #[command(flatten)]
    #[serde(flatten)]
    pub base: BaseOptions,
    /// The load.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
    /// For how long, and how fast.
    #[command(flatten)]
    #[serde(flatten)]
    pub timing: TimingOptions,
}

impl TimedOptions {
    /// Whether these options go together.
    pub fn check(&self) -> Result<(), OptionsError> {
        self.load.check()?;
        if self.timing.latency {
            self.load.traffic.check_room_for_a_stamp()?;
        }
        if self.timing.relay {
            self.load.check_relay()?;
        }
        Ok(())
    }

    /// The same load at its rate, with every message stamped.
    pub fn for_latency(mut self) -> Result<Self, OptionsError> {
        self.timing.latency = true;
        if self.timing.rate == Some(0) {
            return Err(OptionsError::LatencyWithoutRate);
        }
        self.timing.rate = self.timing.rate.or(Some(timing::LATENCY_RATE));
        Ok(self)
    }
}

impl LoadOptions {
    /// The relay has no exchanges, and its queues hold nothing back for anyone.
    fn check_relay(&self) -> Result<(), OptionsError> {
        let consumers = usize::from(self.traffic.consumers);
        if consumers == 0 || self.queues.count() < consumers || self.routing.kind().is_some() {
            return Err(OptionsError::BeyondTheRelay);
        }
        Ok(())
    }
}
