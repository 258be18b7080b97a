//! How large messages are: a histogram with one writer.

use crate::model::stats::Counter;

/// Upper bounds of the classes, in bytes, as RabbitMQ has them; what is larger has a class of its own.
pub const SIZE_BOUNDS: [u64; 8] =
    [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000, 100_000_000];

/// How many messages there were of each size.
#[derive(Debug, Default)]
pub struct Sizes {
    classes: [Counter; SIZE_BOUNDS.len() + 1],
    bytes: Counter,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeCounts {
    /// Messages by class; not cumulative.
    pub classes: [u64; SIZE_BOUNDS.len() + 1],
    /// All of their bytes.
    pub bytes: u64,
}

impl Sizes {
    /// Counts messages of one size.
    #[inline]
    pub fn add(&self, bytes: usize, messages: u64) {
        let bytes = bytes as u64;
        let class = SIZE_BOUNDS.iter().take_while(|bound| **bound < bytes).count();
        if let Some(class) = self.classes.get(class) {
            class.add(messages);
        }
        self.bytes.add(bytes.wrapping_mul(messages));
    }

    /// The counts.
    pub fn get(&self) -> SizeCounts {
        SizeCounts { classes: self.classes.each_ref().map(Counter::get), bytes: self.bytes.get() }
    }
}

impl std::ops::AddAssign for SizeCounts {
    fn add_assign(&mut self, other: Self) {
        self.classes.iter_mut().zip(other.classes).for_each(|(sum, more)| *sum += more);
        self.bytes += other.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_belongs_to_the_first_class_that_is_not_too_small() {
        let sizes = Sizes::default();
        sizes.add(0, 1);
        sizes.add(100, 1);
        sizes.add(101, 3);
        sizes.add(200_000_000, 1);
        let mut counts = sizes.get();
        assert_eq!(counts.classes, [2, 3, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(counts.bytes, 100 + 303 + 200_000_000);
        counts += sizes.get();
        assert_eq!(counts.classes[1], 6);
    }
}
