//! Every kind of record: its bytes, and that it comes back.

use proptest::prelude::*;

use super::*;

const SALT: u64 = 0x0123_4567_89AB_CDEF;

/// A message's fields, owned.
#[derive(Clone, Debug)]
struct Owned {
    durable: bool,
    published_at: u64,
    expiration: Option<u64>,
    queues: Vec<(u64, Origin)>,
    moved: bool,
    head: Vec<u8>,
    body: Vec<u8>,
}

fn owned() -> impl Strategy<Value = Owned> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let queue = (any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(queue, from, first)| (queue, Origin { from, first }));
    let queues = proptest::collection::vec(queue, 1..5);
    let expiration = proptest::option::of(0..u64::MAX);
    (any::<bool>(), any::<u64>(), expiration, queues, any::<bool>(), bytes(), bytes()).prop_map(
        |(durable, published_at, expiration, queues, moved, head, body)| Owned {
            durable,
            published_at,
            expiration,
            queues,
            moved,
            head,
            body,
        },
    )
}

fn sealed(encode: impl FnOnce(&mut Encoder) -> Option<Encoded>) -> (Vec<u8>, Encoded) {
    let mut encoder = Encoder::default();
    let record = encode(&mut encoder).unwrap();
    assert_eq!(encoder.bytes.len(), aligned(record.len as usize));
    let end = record.start + record.len as usize;
    Seed::new(SALT).seal(&mut encoder.bytes[record.start..end]);
    (encoder.bytes, record)
}

fn read(bytes: &[u8]) -> Record<'_> {
    decode(Seed::new(SALT), bytes).unwrap().0
}

proptest! {
    #[test]
    fn a_message_comes_back(message in owned()) {
        let queues: Vec<u64> = message.queues.iter().map(|(queue, _)| *queue).collect();
        let origins: Vec<Origin> =
            message.queues.iter().filter(|_| message.moved).map(|(_, origin)| *origin).collect();
        let (one, other) = message.head.split_at(message.head.len() / 2);
        let (bytes, encoded) = sealed(|encoder| encoder.message(&Message {
            durable: message.durable,
            published_at: message.published_at,
            expiration: message.expiration,
            queues: &queues,
            origins: &origins,
            head: &[one, other],
            body: &message.body,
        }));
        prop_assert_eq!(encoded.pairs as usize, queues.len());
        let Record::Message(head) = read(&bytes) else { panic!("no message") };
        prop_assert_eq!(&head, &stored_head(Seed::new(SALT), &bytes).unwrap());
        prop_assert_eq!(
            (head.durable, head.published_at, head.expiration),
            (message.durable, message.published_at, message.expiration)
        );
        prop_assert_eq!(head.queues().collect::<Vec<_>>(), queues);
        prop_assert_eq!(head.origins().collect::<Vec<_>>(), origins);
        prop_assert_eq!(head.head_len as usize, message.head.len());
        prop_assert_eq!(head.bytes, [message.head, message.body].concat());
    }

    #[test]
    fn anything_but_the_bytes_written_is_refused(message in owned(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let queues: Vec<u64> = message.queues.iter().map(|(queue, _)| *queue).collect();
        let (mut bytes, encoded) = sealed(|encoder| encoder.message(&Message {
            durable: true,
            published_at: 1,
            expiration: None,
            queues: &queues,
            origins: &[],
            head: &[&message.head],
            body: &message.body,
        }));
        let len = encoded.len as usize;
        prop_assert!(decode(Seed::new(SALT + 1), &bytes).is_err(), "another log's");
        prop_assert!(decode(Seed::new(SALT), &bytes[..len - 1]).is_err(), "cut short");
        bytes[at.index(len)] ^= 1 << bit;
        prop_assert!(decode(Seed::new(SALT), &bytes).is_err(), "a bit has changed");
    }

    #[test]
    fn bytes_that_are_no_record_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(Seed::new(SALT), &bytes).is_err());
    }
}

/// Bytes as hexadecimal digits, eight bytes a line.
fn dump(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(8).map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(bytes: &[u8], golden: &str) {
    let golden = golden.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(dump(bytes), golden);
}

#[test]
fn the_header_of_a_segment_has_not_changed() {
    let header =
        SegmentHeader { segment: 7, salt: SALT, previous: 5, previous_end: 0x0102_0304, previous_pairs: 9 };
    let bytes = header.encode();
    check(
        &bytes,
        "6c 65 76 65 72 65 74 0a
         01 00 00 00 07 00 00 00
         ef cd ab 89 67 45 23 01
         05 00 00 00 04 03 02 01
         09 00 00 00 b8 ad bb e6
         ef cd ab 89 67 45 23 01
         23 d8 b0 65 00 00 00 00
         00 00 00 00 00 00 00 00",
    );
    assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
    assert_eq!(salt_of(&bytes), Some(SALT));
}

#[test]
fn a_mark_has_not_changed() {
    let bytes = mark(Seed::new(SALT), 0x11, 0x22);
    check(
        &bytes,
        "65 7a 4e 8f 20 00 00 00
         01 00 00 00 00 00 00 00
         11 00 00 00 00 00 00 00
         22 00 00 00 00 00 00 00",
    );
    assert_eq!(read(&bytes), Record::Mark { synced: 0x11, ordinal: 0x22 });
}

#[test]
fn a_message_has_not_changed() {
    let message = Message {
        durable: true,
        published_at: 0x11,
        expiration: Some(0x22),
        queues: &[0x33, 0x44],
        origins: &[],
        head: &[b"he", b"ad"],
        body: b"body.",
    };
    let (bytes, _) = sealed(|encoder| encoder.message(&message));
    check(
        &bytes,
        "23 09 14 8c 3f 00 00 00
         02 01 00 00 00 00 00 00
         11 00 00 00 00 00 00 00
         22 00 00 00 00 00 00 00
         02 00 04 00 00 00 33 00
         00 00 00 00 00 00 44 00
         00 00 00 00 00 00 68 65
         61 64 62 6f 64 79 2e 00",
    );
    let origins = &[Origin { from: 0x55, first: 0x66 }, Origin { from: 0x77, first: 0x88 }];
    let moved = Message { durable: false, expiration: None, origins, ..message };
    let (bytes, _) = sealed(|encoder| encoder.message(&moved));
    check(
        &bytes,
        "e6 12 e6 6c 5f 00 00 00
         02 02 00 00 00 00 00 00
         11 00 00 00 00 00 00 00
         ff ff ff ff ff ff ff ff
         02 00 04 00 00 00 33 00
         00 00 00 00 00 00 44 00
         00 00 00 00 00 00 55 00
         00 00 00 00 00 00 66 00
         00 00 00 00 00 00 77 00
         00 00 00 00 00 00 88 00
         00 00 00 00 00 00 68 65
         61 64 62 6f 64 79 2e 00",
    );
}

#[test]
fn settlements_have_not_changed() {
    let runs = [Run { first: 0x11, count: 0x22 }, Run { first: 0x33, count: 0x44 }];
    let (bytes, _) = sealed(|encoder| encoder.settled(&runs));
    check(
        &bytes,
        "f6 4d f5 fa 28 00 00 00
         03 00 00 00 00 00 00 00
         11 00 00 00 00 00 00 00
         22 00 00 00 33 00 00 00
         00 00 00 00 44 00 00 00",
    );
    let Record::Settled(read) = read(&bytes) else { panic!("no settlement") };
    assert_eq!(read.iter().collect::<Vec<_>>(), runs);
}

#[test]
fn a_definition_has_not_changed() {
    let (bytes, _) = sealed(|encoder| encoder.definition(b"key", Some(b"value")));
    check(
        &bytes,
        "a2 4e b7 ae 20 00 00 00
         04 01 00 00 00 00 00 00
         03 00 00 00 00 00 00 00
         6b 65 79 76 61 6c 75 65",
    );
    assert_eq!(read(&bytes), Record::Definition { key: b"key", value: Some(b"value") });
    let (bytes, _) = sealed(|encoder| encoder.definition(b"key", None));
    check(
        &bytes,
        "7f 91 18 b9 1b 00 00 00
         04 00 00 00 00 00 00 00
         03 00 00 00 00 00 00 00
         6b 65 79 00 00 00 00 00",
    );
    assert_eq!(read(&bytes), Record::Definition { key: b"key", value: None });
}

#[test]
fn a_snapshot_of_what_is_alive_has_not_changed() {
    let (bytes, _) = sealed(|encoder| encoder.live(0x11, &[(0x22, 0x33), (0x44, 0x55)]));
    check(
        &bytes,
        "ec 12 98 16 28 00 00 00
         05 00 00 00 00 00 00 00
         11 00 00 00 02 00 00 00
         22 00 00 00 33 00 00 00
         44 00 00 00 55 00 00 00",
    );
    assert_eq!(read(&bytes), Record::Live { segment: 0x11, runs: vec![(0x22, 0x33), (0x44, 0x55)] });
}

#[test]
fn a_snapshot_in_bits_has_not_changed() {
    let words = [0x8000_0000_0000_0007, 0x1, 0];
    let (bytes, _) = sealed(|encoder| encoder.live_bits(0x11, &words));
    check(
        &bytes,
        "17 2e 5c a9 30 00 00 00
         05 01 00 00 00 00 00 00
         11 00 00 00 03 00 00 00
         07 00 00 00 00 00 00 80
         01 00 00 00 00 00 00 00
         00 00 00 00 00 00 00 00",
    );
    assert_eq!(read(&bytes), Record::Live { segment: 0x11, runs: vec![(0, 3), (63, 2)] });
}

#[test]
fn a_clean_end_has_not_changed() {
    let (bytes, _) = sealed(|encoder| encoder.closed(&[Run { first: 0x11, count: 0x22 }]));
    check(
        &bytes,
        "a2 08 71 98 24 00 00 00
         06 00 00 00 00 00 00 00
         01 00 00 00 00 00 00 00
         11 00 00 00 00 00 00 00
         22 00 00 00 00 00 00 00",
    );
    let Record::Closed(runs) = read(&bytes) else { panic!("no end") };
    assert_eq!(runs.iter().collect::<Vec<_>>(), [Run { first: 0x11, count: 0x22 }]);
}

#[test]
fn what_stands_for_spoilt_records_has_not_changed() {
    let bytes = lost(Seed::new(SALT), 32, 0x11);
    check(
        &bytes,
        "85 f1 a2 83 20 00 00 00
         07 00 00 00 00 00 00 00
         11 00 00 00 00 00 00 00
         00 00 00 00 00 00 00 00",
    );
    assert_eq!(read(&bytes), Record::Lost { pairs: 0x11 });
}

#[test]
fn a_header_of_another_kind_is_refused() {
    let header = SegmentHeader { segment: 7, salt: SALT, previous: 5, previous_end: 64, previous_pairs: 9 };
    for at in 0..HEADER_BYTES * 8 {
        let mut bytes = header.encode();
        bytes[at / 8] ^= 1 << (at % 8);
        let decoded = SegmentHeader::decode(&bytes);
        // Behind the checksum come the second copy of the salt and zeros.
        let expected = if at / 8 < 40 { Err(HeaderError::Invalid) } else { Ok(header) };
        assert_eq!(decoded, expected, "bit {at}");
        assert_eq!(salt_of(&bytes), Some(SALT), "one copy is left, bit {at}");
    }
    let mut bytes = header.encode();
    bytes[8] = 2;
    let checksum = crc32c::crc32c(&bytes[..36]);
    bytes[36..40].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderError::Newer(2)));
}
