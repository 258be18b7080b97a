//! A page: entries of a deep queue without their messages, which are in the log.
//!
//! An entry is a few bytes: what it differs in from the one before it. Neighbours in a queue are nearly
//! always neighbours in the log, so nearly all differences are small.
//!
//! ```text
//! flags       u8       1 redelivered, 2 durable, 4 has an expiry, 8 has returns
//! id          zigzag   difference
//! offset      zigzag   difference to the end of the record before
//! length      varint
//! position    varint   difference (positions rise)
//! expiry      zigzag   difference in microseconds, if it has one
//! acquired    varint   how often it was handed out, if it has returns
//! failed      varint   how many of those failed, likewise
//! ```
//! Invariant: a page is read by the process that wrote it; pages do not survive it.

use std::num::NonZeroU64;

use leveret_core::model::{Entry, Returns};
use leveret_core::{Place, Timestamp};

const REDELIVERED: u8 = 1;
const DURABLE: u8 = 2;
const EXPIRES: u8 = 4;
const RETURNS: u8 = 8;

/// Records begin at multiples of this.
const ALIGNMENT_BYTES: u64 = 8;

/// An entry whose message is in the log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub {
    /// Where the message is.
    pub place: Place,
    /// Whether it survives a restart.
    pub durable: bool,
    /// Its place in the queue.
    pub position: u64,
    /// Whether it was handed to a consumer before.
    pub redelivered: bool,
    /// How often it has come back.
    pub returns: Returns,
    /// When it may no longer be delivered.
    pub expires_at: Option<Timestamp>,
}

impl Stub {
    /// What a page keeps of an entry; `None` if it is not in the log.
    pub fn of(entry: &Entry) -> Option<Self> {
        Some(Self {
            place: entry.message.place()?,
            durable: entry.message.is_durable(),
            position: entry.position,
            redelivered: entry.redelivered,
            returns: entry.returns,
            expires_at: entry.expires_at,
        })
    }
}

/// What differences are taken to.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    id: u64,
    end: u64,
    position: u64,
    expiry: u64,
}

impl Last {
    fn advance(&mut self, stub: &Stub) {
        self.id = stub.place.id.get();
        self.end =
            (u64::from(stub.place.offset) + u64::from(stub.place.len)).next_multiple_of(ALIGNMENT_BYTES);
        self.position = stub.position;
        self.expiry = stub.expires_at.map_or(self.expiry, Timestamp::as_micros);
    }
}

/// A page that is being written.
#[derive(Debug, Default)]
pub struct PageWriter {
    bytes: Vec<u8>,
    last: Last,
}

impl PageWriter {
    /// Adds an entry; its position is above all before.
    pub fn push(&mut self, stub: &Stub) {
        let Stub { place, durable, position, redelivered, returns, expires_at } = stub;
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let last = self.last;
        let has_returns = *returns != Returns::default();
        self.bytes.push(
            flag(*redelivered, REDELIVERED)
                | flag(*durable, DURABLE)
                | flag(expires_at.is_some(), EXPIRES)
                | flag(has_returns, RETURNS),
        );
        self.difference(place.id.get(), last.id);
        self.difference(u64::from(place.offset), last.end);
        self.varint(u64::from(place.len));
        self.varint(position.wrapping_sub(last.position));
        if let Some(at) = expires_at {
            self.difference(at.as_micros(), last.expiry);
        }
        if has_returns {
            self.varint(returns.acquired.into());
            self.varint(returns.failed.into());
        }
        self.last.advance(stub);
    }

    /// The page.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn difference(&mut self, value: u64, to: u64) {
        let difference = value.wrapping_sub(to).cast_signed();
        self.varint(((difference << 1) ^ (difference >> 63)).cast_unsigned());
    }

    fn varint(&mut self, mut value: u64) {
        while 0x80 <= value {
            self.bytes.push(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.bytes.push(low_bits(value));
    }
}

fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// The entries of a page; `None` if it is none.
pub fn read(page: &[u8]) -> Option<Vec<Stub>> {
    let mut reader = PageReader { rest: page, last: Last::default() };
    let mut stubs = Vec::new();
    while !reader.rest.is_empty() {
        stubs.push(reader.stub()?);
    }
    Some(stubs)
}

struct PageReader<'a> {
    rest: &'a [u8],
    last: Last,
}

impl PageReader<'_> {
    fn stub(&mut self) -> Option<Stub> {
        let (flags, rest) = self.rest.split_first()?;
        self.rest = rest;
        let last = self.last;
        let place = Place {
            id: NonZeroU64::new(self.difference(last.id)?)?,
            offset: u32::try_from(self.difference(last.end)?).ok()?,
            len: u32::try_from(self.varint()?).ok()?,
        };
        let position = last.position.wrapping_add(self.varint()?);
        let expires_at = if flags & EXPIRES == 0 {
            None
        } else {
            Some(Timestamp::from_micros(self.difference(last.expiry)?))
        };
        let mut returns = Returns::default();
        if flags & RETURNS != 0 {
            returns.acquired = u16::try_from(self.varint()?).ok()?;
            returns.failed = u16::try_from(self.varint()?).ok()?;
        }
        let stub = Stub {
            place,
            durable: flags & DURABLE != 0,
            position,
            redelivered: flags & REDELIVERED != 0,
            returns,
            expires_at,
        };
        self.last.advance(&stub);
        Some(stub)
    }

    fn difference(&mut self, to: u64) -> Option<u64> {
        let zigzag = self.varint()?;
        let difference = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
        Some(to.wrapping_add_signed(difference))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stub() -> impl Strategy<Value = Stub> {
        let place = (1..u64::MAX, any::<u32>(), any::<u32>());
        let flags = any::<(bool, bool, u16, u16)>();
        (place, flags, any::<u64>(), any::<Option<u64>>()).prop_map(
            |((id, offset, len), (durable, redelivered, acquired, failed), position, expiry)| Stub {
                place: Place { id: NonZeroU64::new(id).unwrap(), offset, len },
                durable,
                position,
                redelivered,
                returns: Returns { acquired, failed },
                expires_at: expiry.map(Timestamp::from_micros),
            },
        )
    }

    proptest! {
        #[test]
        fn a_page_gives_back_what_was_written(mut stubs in proptest::collection::vec(stub(), 0..50)) {
            stubs.sort_by_key(|stub| stub.position);
            let mut page = PageWriter::default();
            for stub in &stubs {
                page.push(stub);
            }
            prop_assert_eq!(read(&page.finish()), Some(stubs));
        }

        #[test]
        fn bytes_that_are_no_page_are_refused_or_read_as_one(bytes in any::<Vec<u8>>()) {
            // Whatever it says, it says so without a panic.
            let _ = read(&bytes);
        }
    }

    #[test]
    fn an_entry_behind_its_neighbour_in_the_log_takes_six_bytes() {
        let mut page = PageWriter::default();
        for number in 1..=1000_u64 {
            let id = NonZeroU64::new((1 << 32) + number).unwrap();
            let offset = u32::try_from(64 + 1088 * number).unwrap();
            page.push(&Stub {
                place: Place { id, offset, len: 1084 },
                durable: true,
                position: number,
                redelivered: false,
                returns: Returns::default(),
                expires_at: None,
            });
        }
        assert!(page.finish().len() < 1000 * 6 + 16);
    }
}
