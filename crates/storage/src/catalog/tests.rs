//! What was stated is loaded, and nothing else.

use proptest::prelude::*;

use super::*;
use crate::definitions::Newest;
use crate::segment::{LiveBits, Segment};
use crate::view::{MemoryView, SledView};

const SALT: u64 = 7;

fn catalog(view: &MemoryView) -> Catalog {
    Catalog::new(Arc::new(view.clone()), SALT)
}

fn segment(pairs: u32, alive: &[(u32, u32)]) -> StoredSegment {
    let mut bits = LiveBits::default();
    bits.extend(pairs, true);
    bits.keep_only(alive);
    let facts = Segment { pairs: bits, end: 77, message_bytes: 1234, about: [1, 5].into() };
    StoredSegment { facts, spilled: 3, moved: 4 }
}

fn definition(key: &[u8], value: Option<&[u8]>) -> (Vec<u8>, Option<StoredDefinition>) {
    let newest = Newest { segment: 1, offset: 64, len: 40, oldest: 1 };
    let stored = StoredDefinition { key: key.to_vec(), newest, value: value.map(<[u8]>::to_vec) };
    (key.to_vec(), Some(stored))
}

#[test]
fn what_was_stated_is_loaded() {
    let view = MemoryView::default();
    let mut one = catalog(&view);
    assert!(one.load().is_none());
    let index = vec![9; 3 * CHUNK_BYTES + 1];
    one.put_segment(3, &segment(100, &[(5, 10)])).unwrap();
    one.put_index(3, &index).unwrap();
    one.put_segment(4, &segment(100, &[])).unwrap();
    one.define(vec![definition(b"a", Some(b"1")), definition(b"b", None)]).unwrap();
    one.commit(99).unwrap();
    // What was stated and not committed is not there.
    one.put_segment(5, &segment(1, &[])).unwrap();
    let mut other = catalog(&view);
    let loaded = other.load().unwrap();
    assert_eq!(loaded.at, 99);
    assert_eq!(loaded.segments.keys().copied().collect::<Vec<_>>(), [3, 4]);
    let stored = &loaded.segments[&3];
    assert_eq!((stored.spilled, stored.moved, stored.facts.pairs.live()), (3, 4, 10));
    assert_eq!(loaded.definitions.len(), 2);
    assert_eq!(other.index(3).unwrap(), Some(index));
    assert_eq!(other.index(4).unwrap(), None);
}

#[test]
fn what_was_forgotten_or_became_shorter_is_gone() {
    let view = MemoryView::default();
    let mut one = catalog(&view);
    one.put_segment(3, &segment(1, &[])).unwrap();
    one.put_index(3, &[9; 2 * CHUNK_BYTES]).unwrap();
    one.put_index(4, &[9; 2 * CHUNK_BYTES]).unwrap();
    one.define(vec![definition(b"a", Some(b"1")), definition(b"b", Some(b"2"))]).unwrap();
    one.commit(1).unwrap();
    one.forget_segment(3);
    one.put_index(4, b"short").unwrap();
    one.define(vec![(b"a".to_vec(), None), definition(b"b", Some(b"3"))]).unwrap();
    one.commit(2).unwrap();
    let mut other = catalog(&view);
    let loaded = other.load().unwrap();
    assert!(loaded.segments.is_empty());
    assert_eq!(loaded.definitions, [definition(b"b", Some(b"3")).1.unwrap()]);
    assert_eq!(other.index(4).unwrap(), Some(b"short".to_vec()));
    let mut keys = 0;
    view.tamper(|entries| keys = entries.len());
    assert_eq!(keys, 3, "an index, a bucket and the root");
}

#[test]
fn a_large_telling_that_ends_in_the_middle_is_not_believed() {
    let view = MemoryView::default();
    let mut one = catalog(&view);
    one.put_segment(1, &segment(1, &[])).unwrap();
    one.commit(1).unwrap();
    one.put_index(2, &vec![1; MOST_CHANGED_BYTES]).unwrap();
    let middle = view.copy();
    one.commit(2).unwrap();
    assert!(catalog(&middle).load().is_none());
    let mut keys = 1;
    middle.tamper(|entries| keys = entries.len());
    assert_eq!(keys, 0, "and thrown away");
    assert_eq!(catalog(&view).load().unwrap().at, 2);
}

#[test]
fn a_failing_view_is_given_up() {
    let view = MemoryView::default();
    let mut one = catalog(&view);
    one.put_segment(1, &segment(1, &[])).unwrap();
    view.fail(true);
    one.commit(1).unwrap_err();
    assert!(one.is_lost());
    assert!(one.items.is_empty());
}

#[test]
fn the_room_of_what_has_gone_is_given_back() {
    let dir = tempfile::TempDir::new().unwrap();
    let view: Arc<dyn View> = Arc::new(SledView::open(dir.path()).unwrap());
    let mut one = Catalog::new(Arc::clone(&view), SALT);
    // Bytes that no compression makes short.
    let index: Vec<u8> =
        (0..1_u32 << 20).map(|at| checksum(&at.to_le_bytes(), &[]).to_le_bytes()[0]).collect();
    for number in 1..25 {
        one.put_index(number, &index).unwrap();
    }
    one.put_segment(30, &segment(1, &[])).unwrap();
    one.commit(1).unwrap();
    assert!(MOST_FOOTPRINT < view.footprint());
    for number in 1..25 {
        one.forget_segment(number);
    }
    one.commit(2).unwrap();
    assert!(view.footprint() < MOST_FOOTPRINT / 4, "{} bytes", view.footprint());
    let mut other = Catalog::new(view, SALT);
    assert_eq!(other.load().unwrap().segments.len(), 1);
}

proptest! {
    #[test]
    fn any_segment_comes_back(pairs in 0..300_u32, alive in proptest::collection::vec((0..300_u32, 0..80_u32), 0..5)) {
        let mut alive = alive;
        alive.sort_unstable();
        let stored = segment(pairs, &alive);
        let again = StoredSegment::decode(&stored.encode()).unwrap();
        prop_assert_eq!(&again.facts.pairs, &stored.facts.pairs);
        prop_assert_eq!(again.facts.about, stored.facts.about);
        prop_assert_eq!((again.facts.end, again.facts.message_bytes), (77, 1234));
    }

    #[test]
    fn any_bytes_are_a_segment_or_none(bytes: Vec<u8>) {
        if let Some(stored) = StoredSegment::decode(&bytes) {
            prop_assert!(stored.facts.pairs.live() <= stored.facts.pairs.pairs());
        }
    }
}
