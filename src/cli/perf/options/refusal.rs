//! Options that cannot be carried out, each with a sentence.

/// Why a command line is refused.
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
    /// A relay is no broker.
    #[error("the relay knows only the default exchange, and queues with one consumer each")]
    BeyondTheRelay,
    /// An empty name asks the broker for one.
    #[error("a name or key has 1 to 255 bytes")]
    Name,
    /// Other patterns would be other names than their user thinks.
    #[error("a pattern is a short name with one %d in it")]
    Pattern,
    /// None, or more than anyone wants.
    #[error("--queue-pattern-from {from} --queue-pattern-to {to} are no queues, or too many")]
    QueueNumbers {
        /// The first.
        from: u32,
        /// The last.
        to: u32,
    },
    /// Not a number, or not one that makes sense.
    #[error("a number of seconds, at most {0}")]
    Seconds(u64),
    /// The instant is in the body.
    #[error("a message of {0} bytes has no room for the 8 bytes of its stamp: give --size 8 or more")]
    NoRoomForAStamp(u32),
    /// As fast as it goes, a queue is always full, and latency is its length.
    #[error(
        "latency is measured at a rate: --rate 0 is none (`throughput --latency` measures at full speed)"
    )]
    LatencyWithoutRate,
    /// There would be no second figure.
    #[error("with --consumers 0 nobody takes the messages out again")]
    NobodyDrains,
    /// The default exchange takes none.
    #[error("--bindings needs an exchange to bind to: give --exchange or --exchange-type")]
    BindingsWithoutExchange,
    /// There is no binding that it passes over.
    #[error("every binding of a fanout exchange matches: --bindings is for the other types")]
    FanoutMatchesAll,
    /// The messages would be dropped.
    #[error("the default exchange routes by the queue's name, and `{0}` is none of the queues")]
    KeyWithoutQueue(String),
    /// As a binding it would match more than itself.
    #[error("`{0}` is a pattern, and messages are published with it: give a key without * and #")]
    KeyIsPattern(String),
}
