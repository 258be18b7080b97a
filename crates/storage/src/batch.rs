//! Records on their way into the log, encoded by whoever wants them written, outside any lock.
//!
//! Invariant: a batch's records are whole and in the order they were added, its bytes are nothing else.

use crate::record::{Encoded, Encoder, Message, Origin, Run, Seed};
use crate::segment::LiveBits;

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
pub struct Batch(pub(crate) Records);

impl Batch {
    /// Adds a message.
    pub fn message(&mut self, message: &NewMessage<'_>) {
        self.0.message(message, &[]);
    }

    /// Adds a definition: the key's value, or that it has none any more.
    pub fn define(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.0.define(key, value);
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.all.is_empty()
    }
}

/// A batch as the log itself sees it, which has more to say than others.
#[derive(Debug, Default)]
pub struct Records {
    /// The bytes.
    pub encoder: Encoder,
    /// What is where in them.
    pub all: Vec<Encoded>,
    /// Something could not be encoded.
    pub is_refused: bool,
}

impl Records {
    /// Adds a message, with one origin for each of its queues if it is in the log already.
    pub fn message(&mut self, message: &NewMessage<'_>, origins: &[Origin]) {
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
    pub fn settled(&mut self, runs: &[Run]) {
        let encoded = self.encoder.settled(runs);
        self.push(encoded);
    }

    /// Adds which pairs of a segment are alive.
    pub fn live(&mut self, segment: u32, pairs: &LiveBits) {
        let runs = pairs.runs();
        let encoded = if runs.len() <= pairs.words().len() {
            self.encoder.live(segment, &runs)
        } else {
            self.encoder.live_bits(segment, pairs.words())
        };
        self.push(encoded);
    }

    /// Adds the clean end.
    pub fn closed(&mut self, redelivered: &[Run]) {
        let encoded = self.encoder.closed(redelivered);
        self.push(encoded);
    }

    /// Takes note of a record that was encoded, or could not be.
    pub fn push(&mut self, encoded: Option<Encoded>) {
        match encoded {
            Some(encoded) => self.all.push(encoded),
            None => self.is_refused = true,
        }
    }

    /// Gives every record its checksum.
    pub fn seal(&mut self, seed: Seed) {
        for record in &self.all {
            let end = record.start + record.len as usize;
            if let Some(bytes) = self.encoder.bytes.get_mut(record.start..end) {
                seed.seal(bytes);
            }
        }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.encoder.bytes.clear();
        self.all.clear();
        self.is_refused = false;
    }
}
