//! Messages that say which they are, and whether they are whole.
//!
//! Invariant: publisher and number alone decide every byte of the body, its length included.

use crate::dice::mix;

/// One message among all that were ever published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbered {
    pub publisher: u32,
    /// From 0, in the order of publishing.
    pub number: u32,
}

/// Publisher, number.
const HEAD_BYTES: usize = 8;

/// More than one frame.
const LARGE_BYTES: u64 = 400_000;

impl Numbered {
    pub fn body(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.body_bytes() + HEAD_BYTES);
        body.extend(self.publisher.to_be_bytes());
        body.extend(self.number.to_be_bytes());
        let mut filler = self.seed();
        while body.len() < self.body_bytes() {
            filler = mix(filler.wrapping_add(1));
            body.extend(filler.to_be_bytes());
        }
        body.truncate(self.body_bytes());
        body
    }

    /// Which message this is, if it is one of ours to the last byte.
    pub fn read(body: &[u8]) -> Option<Self> {
        let (publisher, rest) = body.split_first_chunk()?;
        let (number, _) = rest.split_first_chunk()?;
        let read = Self { publisher: u32::from_be_bytes(*publisher), number: u32::from_be_bytes(*number) };
        (read.body() == body).then_some(read)
    }

    fn seed(self) -> u64 {
        mix(u64::from(self.publisher) << 32 | u64::from(self.number))
    }

    /// Mostly small, some as large as a page or two, a few of several frames.
    fn body_bytes(self) -> usize {
        let seed = self.seed();
        let most = match seed % 50 {
            0 => LARGE_BYTES,
            1..6 => 20_000,
            _ => 2000,
        };
        HEAD_BYTES + usize::try_from(mix(seed) % most).unwrap()
    }
}

#[test]
fn a_body_says_which_it_is_and_one_wrong_byte_is_found() {
    for number in 0..300 {
        let sent = Numbered { publisher: 2, number };
        let mut body = sent.body();
        assert_eq!(Numbered::read(&body), Some(sent));
        let last = body.len() - 1;
        body[last] ^= 1;
        assert_eq!(Numbered::read(&body), None, "{sent:?}");
        body.pop();
        assert_eq!(Numbered::read(&body), None, "{sent:?}");
    }
}
