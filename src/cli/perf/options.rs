//! What load `leveret perf` puts on a broker.

use std::time::Duration;

use leveret_codec::method::types::FieldTable;
use leveret_codec::method::{basic, queue};

use crate::cli::target::Target;

/// A producer keeps a byte for each message that it waits for.
const LARGEST_WINDOW: i64 = 10_000_000;

const LONGEST_RUN: Duration = Duration::from_hours(24);

/// Options of `leveret perf`.
#[derive(Clone, Debug, clap::Args)]
pub struct PerfOptions {
    /// The broker: amqp://user:password@host:port/vhost
    #[arg(long, value_name = "URL", default_value = "amqp://guest:guest@127.0.0.1:5672")]
    pub url: Target,
    /// Instead of a broker, a relay in this process that keeps nothing: the ceiling of this machine
    #[arg(long, conflicts_with = "url")]
    pub relay: bool,
    /// Connections that publish
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub producers: u16,
    /// Connections that consume; with none, messages pile up
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=256))]
    pub consumers: u16,
    /// Bytes of a message's body
    #[arg(long, value_name = "BYTES", default_value_t = 16, value_parser = clap::value_parser!(u32).range(..=64 << 20))]
    pub size: u32,
    /// How long is measured
    #[arg(long = "seconds", value_name = "S", default_value = "10", value_parser = seconds)]
    pub window: Duration,
    /// How long the load runs before that
    #[arg(long, value_name = "S", default_value = "2", value_parser = seconds)]
    pub warmup: Duration,
    /// Consume without acknowledgements (what happens without --ack-every)
    #[arg(long, conflicts_with = "ack_every")]
    pub auto_ack: bool,
    /// Acknowledge, once for every N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub ack_every: Option<u32>,
    /// Unacknowledged messages a consumer may hold; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0, requires = "ack_every")]
    pub prefetch: u16,
    /// Publish persistent messages, to a durable queue
    #[arg(long)]
    pub persistent: bool,
    /// Make the queue durable, whatever the messages are
    #[arg(long)]
    pub durable: bool,
    /// Ask for confirms, and have at most N messages unconfirmed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=LARGEST_WINDOW))]
    pub confirm_window: Option<u32>,
    /// The queue: declared before, deleted afterwards
    #[arg(long, value_name = "NAME", default_value_t = own_queue(), value_parser = queue_name)]
    pub queue: String,
    /// Spread the messages over so many queues, one after the other; consumers share them out
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub queues: u16,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// A run is bounded, so its parts are.
fn seconds(text: &str) -> Result<Duration, OptionsError> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| *time <= LONGEST_RUN).ok_or(OptionsError::Seconds)
}

/// Two runs at a time must not meet in one queue.
fn own_queue() -> String {
    format!("perf-{}", std::process::id())
}

/// A name that fits a short string, and that the broker does not make up itself.
fn queue_name(name: &str) -> Result<String, OptionsError> {
    if (1..=255).contains(&name.len()) { Ok(name.to_owned()) } else { Err(OptionsError::QueueName) }
}

impl PerfOptions {
    /// Whether these options go together.
    pub fn check(&self) -> Result<(), OptionsError> {
        if let Some(every) = self.ack_every
            && self.prefetch != 0
            && u32::from(self.prefetch) < every
        {
            return Err(OptionsError::Stalls { every, prefetch: self.prefetch });
        }
        if self.relay && (self.producers, self.consumers, self.queues) != (1, 1, 1) {
            return Err(OptionsError::RelayIsForTwo);
        }
        Ok(())
    }

    /// The names of the queues, all of one length.
    pub fn queue_names(&self) -> Vec<String> {
        match self.queues {
            1 => vec![self.queue.clone()],
            queues => (0..queues).map(|number| format!("{}-{number:04}", self.queue)).collect(),
        }
    }

    pub fn declaration(&self, queue: &str) -> queue::Declare {
        queue::Declare {
            queue: queue.into(),
            passive: false,
            durable: self.persistent || self.durable,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::default(),
        }
    }

    pub fn deletion(queue: &str) -> queue::Delete {
        queue::Delete { queue: queue.into(), if_unused: false, if_empty: false, nowait: false }
    }

    pub fn qos(&self) -> basic::Qos {
        basic::Qos { prefetch_count: self.prefetch, global: false }
    }

    /// A consumer of one queue; all queues of a connection have one tag each.
    pub fn subscription(&self, queue: &str) -> basic::Consume {
        let consumer_tag = if self.queues == 1 { "c" } else { queue };
        basic::Consume {
            queue: queue.into(),
            consumer_tag: consumer_tag.into(),
            no_local: false,
            no_ack: self.ack_every.is_none(),
            exclusive: false,
            nowait: false,
            arguments: FieldTable::default(),
        }
    }
}

/// Options that cannot be carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The consumer would wait for messages that the broker holds back until it acknowledges.
    #[error("--ack-every {every} is never reached with --prefetch {prefetch}")]
    Stalls {
        /// Messages an acknowledgement.
        every: u32,
        /// Messages a consumer may hold.
        prefetch: u16,
    },
    /// It has no queue that could be shared.
    #[error("--relay passes messages from one producer to one consumer")]
    RelayIsForTwo,
    /// An empty name asks the broker for one.
    #[error("a queue's name has 1 to 255 bytes")]
    QueueName,
    /// Not a number, or not one that makes sense.
    #[error("a number of seconds, at most {}", LONGEST_RUN.as_secs())]
    Seconds,
}
