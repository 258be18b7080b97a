//! Records on their way into the log, encoded by whoever wants them written, outside any lock.
//!
//! Invariant: a batch's records are whole and in the order they were added, its bytes are nothing else.

use crate::record::{Encoded, Encoder, Message, Origin, Run, Seed};

/// A message to be logged.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Restored after a restart; otherwise it is only kept as long as the process lives.
    pub durable: bool,
    /// When it was published, in microseconds since 1970.
    pub published_at: u64,
    /// When it expires, likewise.
    pub expiration: Option<u64>,
    /// The queues it goes to: at least one.
    pub queues: &'a [u64],
    /// Everything but the body, given back as it is.
    pub head: &'a [&'a [u8]],
    /// The body.
    pub body: &'a [u8],
}

/// Records encoded outside any lock. Keeps its room when it is emptied.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) encoder: Encoder,
    pub(crate) records: Vec<Encoded>,
    /// What could not be encoded.
    pub(crate) refused: bool,
}

impl Batch {
    /// Adds a message.
    pub fn message(&mut self, message: &NewMessage<'_>) {
        self.moved(message, &[]);
    }

    /// Adds a message that is in the log already: one origin for each of its queues.
    pub(crate) fn moved(&mut self, message: &NewMessage<'_>, origins: &[Origin]) {
        let &NewMessage { durable, published_at, expiration, queues, head, body } = message;
        let encoded =
            self.encoder.message(&Message { durable, published_at, expiration, queues, origins, head, body });
        self.push(encoded);
    }

    /// Adds a definition: the key's value, or that it has none any more.
    pub fn define(&mut self, key: &[u8], value: Option<&[u8]>) {
        let encoded = self.encoder.definition(key, value);
        self.push(encoded);
    }

    /// Adds settlements: at least one run.
    pub(crate) fn settled(&mut self, runs: &[Run]) {
        let encoded = self.encoder.settled(runs);
        self.push(encoded);
    }

    /// Adds which pairs of a segment are alive.
    pub(crate) fn live(&mut self, segment: u32, runs: &[(u32, u32)]) {
        let encoded = self.encoder.live(segment, runs);
        self.push(encoded);
    }

    /// Adds the clean end.
    pub(crate) fn closed(&mut self, redelivered: &[Run]) {
        let encoded = self.encoder.closed(redelivered);
        self.push(encoded);
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes note of a record that was encoded, or could not be.
    pub(crate) fn push(&mut self, encoded: Option<Encoded>) {
        match encoded {
            Some(encoded) => self.records.push(encoded),
            None => self.refused = true,
        }
    }

    /// Gives every record its checksum.
    pub(crate) fn seal(&mut self, seed: Seed) {
        for record in &self.records {
            let end = record.start + record.len as usize;
            if let Some(bytes) = self.encoder.bytes.get_mut(record.start..end) {
                seed.seal(bytes);
            }
        }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.encoder.bytes.clear();
        self.records.clear();
        self.refused = false;
    }
}
