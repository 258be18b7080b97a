//! One type per identity, so that a channel can't be taken for a connection.

/// A connection, unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A queue, unique for the life of the data: a queue deleted and declared again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub u64);

/// The number of a channel within its connection (paragraph 4.2.3: 1 to 65535; zero is the connection itself).
pub type ChannelNumber = u16;

/// A consumer of one queue. The generation makes a stale id miss instead of hitting a successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerId {
    /// Place in the queue's table of consumers.
    pub slot: u32,
    /// How often that place had been taken before.
    pub generation: u32,
}
