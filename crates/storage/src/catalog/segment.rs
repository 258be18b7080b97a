//! What the catalog holds of a segment.
//!
//! Invariant: live pairs take the shortest of three forms: none, all, or one bit a pair. Runs would be shorter
//! where few are left, but such a segment is copied forward and goes.

use crate::segment::{LiveBits, Segment};
use crate::varint;

const NONE: u8 = 0;
const ALL: u8 = 1;
const BITS: u8 = 2;

/// A closed segment.
#[derive(Clone, Debug)]
pub struct StoredSegment {
    /// What is known of it.
    pub facts: Segment,
    /// How many of its pairs are dead after a restart, whatever their bits say.
    pub spilled: u32,
    /// How many of its pairs stand elsewhere in the order of their queues.
    pub moved: u32,
}

impl StoredSegment {
    /// The bytes of it.
    pub fn encode(&self) -> Vec<u8> {
        let facts = &self.facts;
        let mut bytes = Vec::new();
        varint::put(&mut bytes, facts.message_bytes);
        for number in [facts.end, self.spilled, self.moved] {
            varint::put(&mut bytes, number.into());
        }
        varint::put(&mut bytes, facts.about.len() as u64);
        for segment in &facts.about {
            varint::put(&mut bytes, (*segment).into());
        }
        let (pairs, live) = (facts.pairs.pairs(), facts.pairs.live());
        varint::put(&mut bytes, pairs.into());
        if live == 0 {
            bytes.push(NONE);
        } else if live == pairs {
            bytes.push(ALL);
        } else {
            bytes.push(BITS);
            bytes.extend(facts.pairs.words().iter().flat_map(|word| word.to_le_bytes()));
        }
        bytes
    }

    /// Reads them.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        let mut facts = Segment::new();
        facts.message_bytes = varint::take(from)?;
        facts.end = varint::take_u32(from)?;
        let (spilled, moved) = (varint::take_u32(from)?, varint::take_u32(from)?);
        for _ in 0..varint::take(from)? {
            facts.about.insert(varint::take_u32(from)?);
        }
        let pairs = varint::take_u32(from)?;
        let (&form, rest) = from.split_first()?;
        facts.pairs = match form {
            NONE | ALL => {
                let mut bits = LiveBits::default();
                bits.extend(pairs, form == ALL);
                rest.is_empty().then_some(bits)?
            }
            BITS => {
                let (words, rest) = rest.as_chunks::<8>();
                let words = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
                rest.is_empty().then(|| LiveBits::from_words(words, pairs))??
            }
            _ => return None,
        };
        Some(Self { facts, spilled, moved })
    }
}
