//! From what the log holds to a broker that serves: definitions first, then the messages of each queue.
//!
//! No message is read unless its queue goes by what is in it (`refill`): a queue begins as a list of pages and reads
//! them when somebody wants a message.

use std::collections::HashMap;

use leveret_core::model::Broker;
use leveret_storage::{Log, OpenError, Recovery};

use super::definition::{self, Unreadable};
use super::refill::Refill;

/// Why a data directory's content cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A definition that this version does not understand.
    #[error(transparent)]
    Definition(#[from] Unreadable),
    /// Definitions that contradict each other.
    #[error("the definitions in the log cannot be restored: {0}")]
    Broker(#[from] leveret_core::model::RestoreError),
}

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Definitions of any kind.
    pub definitions: usize,
    /// Durable queues.
    pub queues: usize,
    /// Messages, counted once for each queue they are in.
    pub messages: usize,
}

/// Brings everything back into an empty broker.
pub fn restore(broker: &Broker, log: &Log, recovery: &mut Recovery) -> Result<Counts, RestoreError> {
    let stored = recovery.definitions()?;
    let decode = |(key, value): &(Vec<u8>, Vec<u8>)| definition::decode(key, value);
    let definitions = stored.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let mut counts = Counts { definitions: definitions.len(), ..Counts::default() };
    broker.restore(definitions)?;
    let mut queues: HashMap<u64, Refill> =
        broker.durable_queues().into_iter().map(|queue| (queue.facts().id.0, Refill::new(queue))).collect();
    counts.queues = queues.len();
    recovery.messages(&mut |restored| {
        let Some(refill) = queues.get_mut(&restored.queue) else { return false };
        counts.messages += 1;
        refill.push(log, restored);
        true
    })?;
    for refill in queues.into_values() {
        refill.finish(log);
    }
    Ok(counts)
}
