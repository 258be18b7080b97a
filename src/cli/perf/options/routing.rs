//! How messages get from producers to queues: the exchange, its bindings and the keys.

use serde::Serialize;

use super::queues::name;
use super::{OptionsError, QueueOptions};

/// The types of exchanges that every broker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    /// By the whole key.
    Direct,
    /// To every queue.
    Fanout,
    /// By the words of the key.
    Topic,
    /// By the message's headers.
    Headers,
}

impl ExchangeKind {
    /// Its name in `exchange.declare`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
        }
    }
}

/// Options for the way of a message.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct RoutingOptions {
    /// Publish to an exchange of this type that every queue is bound to, by the queue's name (default: direct)
    #[arg(long, value_name = "TYPE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_type: Option<ExchangeKind>,
    /// The exchange: declared before, deleted afterwards; without one, the default exchange
    #[arg(long, value_name = "NAME", value_parser = name)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// Publish, and bind every queue, with this one key
    #[arg(long, value_name = "KEY", value_parser = name)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_key: Option<String>,
    /// So many bindings more, which no message matches
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub bindings: u32,
    /// Each message to all queues, through a fanout exchange
    #[arg(long, conflicts_with = "exchange_type")]
    pub fan_out: bool,
}

impl RoutingOptions {
    /// The type of the exchange; `None` is the default exchange.
    pub fn kind(&self) -> Option<ExchangeKind> {
        if self.fan_out {
            return Some(ExchangeKind::Fanout);
        }
        self.exchange_type.or(self.exchange.is_some().then_some(ExchangeKind::Direct))
    }

    pub fn check(&self, queues: &QueueOptions) -> Result<(), OptionsError> {
        match (self.kind(), &self.routing_key) {
            (None, _) if self.bindings != 0 => Err(OptionsError::BindingsWithoutExchange),
            (Some(ExchangeKind::Fanout), _) if self.bindings != 0 => Err(OptionsError::FanoutMatchesAll),
            (None, Some(key)) if !queues.names().contains(key) => {
                Err(OptionsError::KeyWithoutQueue(key.clone()))
            }
            (Some(ExchangeKind::Topic), Some(key)) if key.contains(['*', '#']) => {
                Err(OptionsError::KeyIsPattern(key.clone()))
            }
            _ => Ok(()),
        }
    }
}
