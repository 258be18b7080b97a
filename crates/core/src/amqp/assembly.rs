//! Content framing (4.2.6): a publish is a method, then a header, then bodies of exactly the announced size.
//!
//! ```text
//! Idle ──publish──▶ Header ──header──▶ Body ──body…──▶ Idle (message complete)
//!                     └── size zero: complete at once
//! ```
//! Invariant: what is impossible has no field, and an error leaves `Idle` behind. Frames of other channels
//! and heartbeats may come in between; they never reach this machine.
//!
//! A publish whose frames all came in one read does not pass through here, see `Frames::take_publish`.

use leveret_codec::content::ContentHeader;
use leveret_codec::hot::Publish;
use leveret_codec::{Limits, MethodId};

use crate::model::{Draft, Message};
use crate::refusal::{Refusal, Ruling};

/// RabbitMQ's limit on what a header may announce, whatever the configured message size.
const ANNOUNCED_MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The bits of a publish.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishBits {
    /// Return what reaches no queue.
    pub mandatory: bool,
    /// Not served, as in RabbitMQ.
    pub immediate: bool,
}

/// A message that has arrived whole.
#[derive(Debug)]
pub struct Assembled {
    /// The bits of its publish.
    pub bits: PublishBits,
    /// Its size as announced; a body over the limit was not kept.
    pub body_bytes: u64,
    /// The message.
    pub message: Message,
}

/// How far the publish of a channel has come.
#[derive(Debug, Default)]
pub enum Assembly {
    /// Nothing begun.
    #[default]
    Idle,
    /// The method was there.
    Header {
        /// Its bits.
        bits: PublishBits,
        /// Its exchange.
        exchange: Vec<u8>,
        /// Its routing key.
        routing_key: Vec<u8>,
    },
    /// The header was there, parts of the body are missing.
    Body {
        /// The publish's bits.
        bits: PublishBits,
        /// What has come.
        draft: Draft,
        /// The size that was announced, in bytes.
        announced: u64,
        /// Bytes that are missing.
        missing: u64,
        /// Larger than allowed: counted, not kept.
        oversized: bool,
    },
}

impl Assembly {
    /// Whether a method may come.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// A publish begins.
    pub fn publish(&mut self, publish: &Publish<'_>) {
        *self = Self::Header {
            bits: PublishBits { mandatory: publish.mandatory, immediate: publish.immediate },
            exchange: publish.exchange.to_vec(),
            routing_key: publish.routing_key.to_vec(),
        };
    }

    /// Refuses a method while content is expected.
    pub fn check_method(&mut self) -> Ruling {
        match std::mem::take(self) {
            Self::Idle => Ok(()),
            Self::Header { .. } => Err(header_expected()),
            Self::Body { .. } => Err(body_expected()),
        }
    }

    /// A header frame has come. Whether one may come is asked before what is in it.
    pub fn header(
        &mut self,
        payload: &[u8],
        limits: &Limits,
        message_max_bytes: u64,
    ) -> Ruling<Option<Assembled>> {
        let (bits, exchange, routing_key) = match std::mem::take(self) {
            Self::Header { bits, exchange, routing_key } => (bits, exchange, routing_key),
            Self::Idle => return Err(method_expected()),
            Self::Body { .. } => return Err(body_expected()),
        };
        let header = ContentHeader::decode(payload, limits)?;
        let draft = Draft::new(&exchange, &routing_key, header.properties.raw());
        check_announced(header.body_bytes)?;
        let announced = header.body_bytes;
        if announced == 0 {
            return Ok(Some(Assembled { bits, body_bytes: 0, message: draft.finish() }));
        }
        let oversized = message_max_bytes < announced;
        *self = Self::Body { bits, draft, announced, missing: announced, oversized };
        Ok(None)
    }

    /// A part of the body has come.
    pub fn body(&mut self, part: &[u8]) -> Ruling<Option<Assembled>> {
        let Self::Body { draft, missing, oversized, .. } = self else {
            return Err(match std::mem::take(self) {
                Self::Header { .. } => header_expected(),
                _ => method_expected(),
            });
        };
        let Some(rest) = missing.checked_sub(part.len() as u64) else {
            *self = Self::Idle;
            return Err(Refusal::frame_error("content body frame exceeds remaining content size"));
        };
        *missing = rest;
        if !*oversized {
            draft.extend(part);
        }
        if *missing != 0 {
            return Ok(None);
        }
        let Self::Body { bits, draft, announced, .. } = std::mem::take(self) else { return Ok(None) };
        Ok(Some(Assembled { bits, body_bytes: announced, message: draft.finish() }))
    }
}

/// Refuses a size that no configuration allows.
pub fn check_announced(body_bytes: u64) -> Ruling {
    if ANNOUNCED_MAX_BYTES < body_bytes {
        return Err(Refusal::frame_error(format!(
            "content body size {body_bytes} exceeds maximum allowed size {ANNOUNCED_MAX_BYTES}"
        )));
    }
    Ok(())
}

fn method_expected() -> Refusal {
    Refusal::unexpected_frame("expected method frame, got non method frame instead").without_method()
}

fn header_expected() -> Refusal {
    Refusal::unexpected_frame("expected content header for class 60, got non content header frame instead")
        .of_method(MethodId::BASIC_PUBLISH)
}

fn body_expected() -> Refusal {
    Refusal::unexpected_frame("expected content body, got non content body frame instead")
        .of_method(MethodId::BASIC_PUBLISH)
}
