//! Integers in as many bytes as they need: seven bits a byte, lowest first, the high bit says that more follow.
//!
//! Differences are folded ("zigzag": 0, -1, 1, -2… become 0, 1, 2, 3…), so that a small one is one byte
//! whichever way it goes. Reading never goes beyond the slice, and refuses what no `put` has written.

/// The longest an integer can be.
pub const LONGEST: usize = 10;

/// Appends `value`.
pub fn put(into: &mut Vec<u8>, mut value: u64) {
    while 0x7f < value {
        into.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    into.push(low_byte(value));
}

/// Appends the difference that leads from `before` to `value`, around the end of the numbers if need be.
pub fn put_difference(into: &mut Vec<u8>, before: u64, value: u64) {
    let difference = value.wrapping_sub(before).cast_signed();
    put(into, ((difference << 1) ^ (difference >> 63)).cast_unsigned());
}

/// Takes an integer off the front.
pub fn take(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..LONGEST {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if at == LONGEST - 1 && 1 < bits {
            return None;
        }
        value |= bits << (7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Takes a difference off the front and goes there from `before`.
pub fn take_difference(from: &mut &[u8], before: u64) -> Option<u64> {
    let folded = take(from)?;
    Some(before.wrapping_add((folded >> 1) ^ 0_u64.wrapping_sub(folded & 1)))
}

/// Takes an integer that must fit 32 bits.
pub fn take_u32(from: &mut &[u8]) -> Option<u32> {
    take(from)?.try_into().ok()
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken(value: u64, before: u64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            put_difference(&mut bytes, before, value);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert_eq!(take_difference(&mut rest, before), Some(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn whatever_comes_is_taken_or_refused(bytes: Vec<u8>) {
            let mut rest = bytes.as_slice();
            while take(&mut rest).is_some() {}
        }
    }

    #[test]
    fn a_small_difference_is_one_byte_either_way() {
        for (before, value) in [(5, 5), (5, 68), (68, 5), (0, u64::MAX), (u64::MAX, 0)] {
            let mut bytes = Vec::new();
            put_difference(&mut bytes, before, value);
            assert_eq!(bytes.len(), 1, "{before} to {value}");
        }
    }

    #[test]
    fn an_integer_that_is_cut_or_too_large_is_refused() {
        assert_eq!(take(&mut [0x80].as_slice()), None);
        assert_eq!(take(&mut [0xff; LONGEST].as_slice()), None);
        assert_eq!(take_u32(&mut [0xff, 0xff, 0xff, 0xff, 0x10].as_slice()), None);
        assert_eq!(take_u32(&mut [0xff, 0xff, 0xff, 0xff, 0x0f].as_slice()), Some(u32::MAX));
    }
}
