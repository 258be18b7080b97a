//! Ready-made publishes: one large buffer that is written again and again.
//!
//! Invariant: the buffer holds whole messages of one length, so every multiple of `message_bytes` is a
//! boundary between two messages; each queue has equally many of them.

use std::num::NonZeroUsize;

use bytes::{BufMut as _, BytesMut};
use leveret_codec::frame::{FRAME_END, FRAME_OVERHEAD_BYTES, put_frame_header};
use leveret_codec::method::{basic, encode};
use leveret_codec::{FrameKind, Limits, Method, PropertiesBuilder, content};

use super::options::PerfOptions;
use crate::cli::client::CHANNEL;

/// What one write may hand over; a larger message is alone in its batch.
const WRITE_BYTES: usize = 256 * 1024;

/// Delivery mode of a message that survives a restart (§3.2.1, basic properties).
const PERSISTENT: u8 = 2;

/// Publishes of one message to one queue after the other, in frames.
pub struct Batch {
    bytes: BytesMut,
    message_bytes: NonZeroUsize,
}

impl Batch {
    /// The first message is for the queue of the number `first`.
    pub fn new(options: &PerfOptions, first: u16, limits: Limits) -> Self {
        let mut round = BytesMut::new();
        let mut queues = options.queue_names();
        let queue_count = queues.len();
        queues.rotate_left(usize::from(first) % queue_count);
        for queue in &queues {
            encode(CHANNEL, &publish(queue), &mut round);
            content::put_header(&mut round, CHANNEL, options.size.into(), &properties(options));
            put_body(&mut round, options.size, limits);
        }
        let copies = (WRITE_BYTES / round.len()).max(1);
        let mut bytes = BytesMut::with_capacity(copies * round.len());
        for _ in 0..copies {
            bytes.put_slice(&round);
        }
        // Never zero: there is a method frame in it.
        let message_bytes = NonZeroUsize::new(round.len() / queue_count).unwrap_or(NonZeroUsize::MIN);
        Self { bytes, message_bytes }
    }

    /// What follows byte `at`, up to the end of the batch or of `messages` that are not yet written whole.
    pub fn from(&self, at: usize, messages: u64) -> &[u8] {
        let whole = at / self.message_bytes;
        let wanted = usize::try_from(messages).unwrap_or(usize::MAX);
        let end = whole.saturating_add(wanted).saturating_mul(self.message_bytes.get()).min(self.bytes.len());
        self.bytes.get(at..end).unwrap_or_default()
    }

    /// How many messages end between two places of the batch.
    pub fn ending_between(&self, from: usize, to: usize) -> u64 {
        (to / self.message_bytes - from / self.message_bytes) as u64
    }

    pub fn is_boundary(&self, at: usize) -> bool {
        at % self.message_bytes == 0
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Through the default exchange, straight to the queue.
fn publish(queue: &str) -> Method {
    Method::Basic(basic::AMQPMethod::Publish(basic::Publish {
        exchange: "".into(),
        routing_key: queue.into(),
        mandatory: false,
        immediate: false,
    }))
}

fn properties(options: &PerfOptions) -> Vec<u8> {
    let builder = PropertiesBuilder::new();
    if options.persistent { builder.delivery_mode(PERSISTENT).build() } else { builder.build() }
}

/// §4.2.6.3: a body is cut so that each frame fits what was agreed.
fn put_body(out: &mut BytesMut, size: u32, limits: Limits) {
    let piece_max = limits.frame_max_bytes.saturating_sub(FRAME_OVERHEAD_BYTES).max(1);
    let mut left = size;
    while left != 0 {
        let piece = left.min(piece_max);
        put_frame_header(out, FrameKind::Body, CHANNEL, piece);
        out.put_bytes(b'x', piece as usize);
        out.put_u8(FRAME_END);
        left -= piece;
    }
}
