//! An index gives back what was pushed, is small, and survives any bytes.

use proptest::prelude::*;
use smallvec::smallvec;

use super::*;

fn read(index: &Index) -> Vec<Entry> {
    Entries::new(index.bytes()).map(Result::unwrap).collect()
}

/// Entries as a segment has them: rising offsets at multiples of eight.
fn segment() -> impl Strategy<Value = Vec<Entry>> {
    let queues = proptest::collection::vec(prop_oneof![1..5_u64, any::<u64>()], 0..4);
    let entry = (
        (0..4_u32, prop_oneof![9 => Just(0_u32), 1 => 1..1000_u32]),
        prop_oneof![Just(72_u32), 40..3000_u32],
        any::<bool>(),
        any::<u64>(),
        any::<Option<u64>>(),
        queues,
        any::<Option<u64>>(),
    );
    proptest::collection::vec(entry, 0..100).prop_map(|drawn| {
        let (mut end, mut first) = (64_u32, 0);
        let entries = drawn.into_iter().map(
            |((gap, skipped), len, durable, published_at, expiration, queues, origin)| {
                let offset = end + 8 * gap;
                end = (offset + len).next_multiple_of(8);
                let origins = match origin {
                    Some(origin) => (0..queues.len() as u64)
                        .map(|place| Origin { from: origin.wrapping_add(place * place), first: origin })
                        .collect(),
                    None => Origins::new(),
                };
                first += skipped;
                let queues = queues.into();
                let entry = Entry { first, offset, len, durable, published_at, expiration, queues, origins };
                first += entry.pairs();
                entry
            },
        );
        entries.collect()
    })
}

proptest! {
    #[test]
    fn what_was_pushed_is_read(entries in segment()) {
        let mut index = Index::default();
        for entry in &entries {
            index.push(entry);
        }
        let spilled = entries.iter().filter(|entry| !entry.durable).map(|entry| entry.queues.len()).sum::<usize>();
        prop_assert_eq!(index.spilled() as usize, spilled);
        prop_assert_eq!(read(&index), entries);
    }

    #[test]
    fn any_bytes_are_read_or_refused_once(bytes: Vec<u8>) {
        let read: Vec<_> = Entries::new(&bytes).collect();
        let errors = read.iter().filter(|entry| entry.is_err()).count();
        prop_assert!(errors == 0 || (errors == 1 && read.last().unwrap().is_err()));
    }
}

#[test]
fn a_hundred_thousand_messages_to_one_queue_take_five_bytes_each() {
    let mut index = Index::default();
    let mut offset = 64;
    for number in 0..100_000_u32 {
        // Bodies that vary, half a millisecond apart, a mark now and then.
        let len = 1100 + number % 37;
        offset += if number % 100 == 0 { 24 } else { 0 };
        let published_at = 1_700_000_000_000_000 + 500 * u64::from(number);
        index.push(&Entry {
            first: number,
            offset,
            len,
            durable: true,
            published_at,
            queues: smallvec![77],
            ..Entry::default()
        });
        offset = (offset + len).next_multiple_of(8);
    }
    assert!(index.bytes().len() < 510_000, "{}", index.bytes().len());
}

#[test]
fn a_count_beyond_the_bytes_is_refused() {
    let mut bytes = vec![ADJACENT | SAME_LEN, 0];
    varint::put(&mut bytes, u64::MAX);
    assert_eq!(Entries::new(&bytes).collect::<Vec<_>>(), [Err(IndexError { entry: 0 })]);
}
