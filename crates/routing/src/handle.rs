//! What the table knows of a queue.

use std::hash::Hash;

/// A handle to a queue. Two queues may have one name only while one of them is about to go.
pub trait QueueHandle: Clone + Eq + Hash {
    /// The queue's name: exchanges that spread messages over queues go by it, so that they find the same queue in
    /// every process.
    fn name(&self) -> &[u8];
}

/// A queue that is nothing but its name.
impl QueueHandle for String {
    fn name(&self) -> &[u8] {
        self.as_bytes()
    }
}
