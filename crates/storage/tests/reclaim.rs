//! Housekeeping from the outside: what is dead gives its room back, and what is alive is found.
#![cfg(test)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use leveret_storage::{
    Batch, CrashDisk, Disk, Fate, Log, MemoryView, MessageId, NewMessage, NoView, Operation, Options, Place,
    View,
};

const SEGMENT_BYTES: u32 = 16 << 10;
const OPTIONS: Options = Options { segment_bytes: SEGMENT_BYTES, accept_loss: false, waiting_bytes: 1 << 20 };
const BODY_BYTES: usize = 200;

struct House {
    disk: Arc<CrashDisk>,
    view: MemoryView,
    log: Arc<Log>,
    published: u64,
}

impl House {
    fn new() -> Self {
        Self::open(Arc::new(CrashDisk::new()), MemoryView::default()).0
    }

    /// Opens a log and says which messages it has, by the time they were published.
    fn open(disk: Arc<CrashDisk>, view: MemoryView) -> (Self, Vec<(u64, u64)>) {
        let (log, found) = open(&disk, Box::new(view.clone()));
        let published = found.iter().map(|(_, number)| *number + 1).max().unwrap_or(0);
        (Self { disk, view, log, published }, found)
    }

    fn publish_as(&mut self, queue: u64, count: u64, durable: bool) -> Vec<Place> {
        let (mut batch, mut places) = (Batch::default(), Vec::new());
        for _ in 0..count {
            batch.message(&NewMessage {
                durable,
                published_at: self.published,
                expiration: None,
                queues: &[queue],
                head: &[],
                body: &[7; BODY_BYTES],
            });
            self.published += 1;
        }
        self.log.append(&mut batch, &mut places).unwrap();
        self.log.commit().unwrap();
        places
    }

    fn publish(&mut self, queue: u64, count: u64) -> Vec<Place> {
        self.publish_as(queue, count, true)
    }

    fn settle(&self, places: &[Place]) {
        let ids: Vec<MessageId> = places.iter().map(|place| place.id).collect();
        self.log.settle(&ids, &[]);
        self.log.commit().unwrap();
    }

    /// Keeps house until there is nothing to do, and then some more, as when time passes.
    fn tidy(&self) {
        for _ in 0..5 {
            let mut steps = 0;
            while self.log.tend().unwrap() {
                steps += 1;
                assert!(steps < 1000, "housekeeping comes to no end");
            }
        }
    }

    fn files(&self) -> usize {
        self.disk.list().unwrap().len()
    }

    fn assert_readable(&self, places: &[Place]) {
        for message in self.log.read(places) {
            assert_eq!(message.unwrap().body(), &[7; BODY_BYTES][..]);
        }
    }
}

fn open(disk: &Arc<CrashDisk>, view: Box<dyn View>) -> (Arc<Log>, Vec<(u64, u64)>) {
    let (log, mut recovery) = Log::open(Arc::clone(disk) as _, view, OPTIONS).unwrap();
    let mut found = Vec::new();
    let visit = &mut |restored: leveret_storage::Restored| {
        found.push((restored.queue, restored.published_at));
        true
    };
    recovery.messages(visit).unwrap();
    (log, found)
}

#[test]
fn a_drained_backlog_leaves_two_segments() {
    let mut house = House::new();
    let places: Vec<Place> = (0..200).flat_map(|_| house.publish(1, 20)).collect();
    house.tidy();
    assert!(50 < house.files());
    for places in places.chunks(100) {
        house.settle(places);
    }
    house.tidy();
    assert!(house.files() <= 2, "{} files are left", house.files());
    assert_eq!(house.log.stats().live_pairs, 0);
}

#[test]
fn messages_that_did_not_survive_a_restart_do_not_keep_segments() {
    let mut house = House::new();
    for _ in 0..20 {
        house.publish_as(1, 20, false);
        house.publish(2, 1);
        house.tidy();
    }
    let kept = house.files();
    let crashed = Arc::new(house.disk.after_crash(Fate::Kept));
    let (house, found) = House::open(crashed, house.view.copy());
    assert_eq!(found.len(), 20);
    assert_eq!(house.log.stats().live_pairs, 20);
    house.tidy();
    assert!(house.files() <= 3 && 3 < kept, "{} files are left of {kept}", house.files());
}

#[test]
fn one_old_message_keeps_a_segment_or_two_and_is_read_by_its_old_place() {
    let mut house = House::new();
    let mut old = Vec::new();
    let mut most = 0;
    for round in 0..300 {
        let places = house.publish(1, 20);
        let (kept, rest) = places.split_at(usize::from(round % 30 == 0));
        old.extend_from_slice(kept);
        house.settle(rest);
        house.log.tend().unwrap();
        most = most.max(house.files());
    }
    assert_eq!(old.len(), 10);
    assert!(most < 16, "{most} segments at the same time");
    house.tidy();
    assert!(house.files() <= 3, "{} files are left", house.files());
    house.assert_readable(&old);
    // They are settled by the names they were given, and stay so.
    house.settle(&old[..4]);
    let numbers = |found: &[(u64, u64)]| found.iter().map(|(_, number)| *number).collect::<Vec<_>>();
    let expected: Vec<u64> = (4..10).map(|round| round * 600).collect();
    let (_, alone) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(NoView));
    assert_eq!(numbers(&alone), expected);
    let (again, found) = House::open(Arc::new(house.disk.after_crash(Fate::Kept)), house.view.copy());
    assert_eq!(numbers(&found), expected, "in their old order");
    again.tidy();
    house.settle(&old);
    house.tidy();
    assert_eq!(house.log.stats().live_pairs, 0);
}

#[test]
fn a_segment_does_not_go_before_its_copies_are_safe() {
    let mut house = House::new();
    let places: Vec<Place> = (0..20).flat_map(|_| house.publish(1, 20)).collect();
    // Nothing but messages is in the first segments: nothing else has to be said again before they go.
    let (kept, rest): (Vec<_>, Vec<_>) = places.iter().enumerate().partition(|(number, _)| number % 10 == 0);
    house.settle(&rest.into_iter().map(|(_, place)| *place).collect::<Vec<_>>());
    while house.disk.count(Operation::Remove) < 5 {
        house.log.tend().unwrap();
        let (_, found) = open(&Arc::new(house.disk.after_crash(Fate::Lost)), Box::new(NoView));
        assert_eq!(found.len(), kept.len());
    }
}

#[test]
fn a_stuck_queue_does_not_keep_what_a_fast_one_has_done_with() {
    let mut house = House::new();
    let stuck: Vec<Place> = (0..40).flat_map(|_| house.publish(1, 20)).collect();
    house.tidy();
    let before = house.files();
    for _ in 0..300 {
        let places = house.publish(2, 20);
        house.settle(&places);
        house.log.tend().unwrap();
    }
    house.tidy();
    assert!(house.files() <= before + 2, "{} files, {before} before", house.files());
    house.assert_readable(&stuck);
}

#[test]
fn settlements_scattered_over_a_long_backlog_are_said_again_in_few_bytes() {
    let mut house = House::new();
    let backlog: Vec<Place> = (0..150).flat_map(|_| house.publish(1, 20)).collect();
    house.tidy();
    let before = house.files();
    // One place in each segment after the other, so that every new segment speaks about all of them.
    for round in 0..100 {
        let fast = house.publish(2, 20);
        let scattered: Vec<Place> = backlog.iter().skip(2 * round).step_by(200).copied().collect();
        house.settle(&fast);
        house.settle(&scattered);
        house.log.tend().unwrap();
    }
    house.tidy();
    assert!(house.files() <= before + 3, "{} files, {before} before", house.files());
    let (_, with) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(house.view.copy()));
    let (_, without) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(NoView));
    assert_eq!(with.len(), 1500);
    assert_eq!(with, without);
}

#[test]
fn definitions_outlive_the_segments_they_were_in() {
    let mut house = House::new();
    let define = |house: &House, key: &[u8], value: Option<&[u8]>| {
        let mut batch = Batch::default();
        batch.define(key, value);
        house.log.append(&mut batch, &mut Vec::new()).unwrap();
        house.log.commit().unwrap();
    };
    let stuck = house.publish(1, 1);
    define(&house, b"kept", Some(b"1"));
    define(&house, b"removed", Some(b"1"));
    for round in 0..200_u32 {
        let places = house.publish(2, 20);
        house.settle(&places);
        match round {
            50 => define(&house, b"removed", None),
            70 => define(&house, b"kept", Some(b"2")),
            _ => {}
        }
        house.log.tend().unwrap();
    }
    house.tidy();
    assert!(house.files() <= 3, "{} files are left", house.files());
    for view in [house.view.copy(), MemoryView::default()] {
        let crashed = Arc::new(house.disk.after_crash(Fate::Kept));
        let (_, mut recovery) = Log::open(crashed, Box::new(view), OPTIONS).unwrap();
        assert_eq!(recovery.definitions().unwrap(), [(b"kept".to_vec(), b"2".to_vec())]);
    }
    house.assert_readable(&stuck);
}

#[test]
fn what_the_view_was_told_is_in_the_log() {
    let mut house = House::new();
    let places = house.publish(1, 200);
    // Settled, and not logged yet when the view is told.
    let ids: Vec<MessageId> = places[..10].iter().map(|place| place.id).collect();
    house.log.settle(&ids, &[]);
    while house.log.tend().unwrap() {}
    let (_, with) = open(&Arc::new(house.disk.after_crash(Fate::Lost)), Box::new(house.view.copy()));
    let (_, without) = open(&Arc::new(house.disk.after_crash(Fate::Lost)), Box::new(NoView));
    assert_eq!(with.len(), 190);
    assert_eq!(with, without);
}

#[test]
fn an_opening_with_a_view_reads_the_last_segment_alone() {
    let mut house = House::new();
    house.publish(1, 2000);
    house.tidy();
    let crashed = Arc::new(house.disk.after_crash(Fate::Kept));
    let last = crashed.list().unwrap().into_iter().max().unwrap();
    // What lies in the others is not looked at; it will be when it is read.
    for segment in 1..last - 2 {
        crashed.flip(segment, 200, 3);
    }
    let (_, found) = open(&crashed, Box::new(house.view.copy()));
    assert_eq!(found.len(), 2000);
    assert!(Log::open(crashed, Box::new(NoView), OPTIONS).is_err(), "without a view it would have been seen");
}

#[test]
fn a_view_that_fails_costs_nothing_but_time() {
    let mut house = House::new();
    house.publish(1, 200);
    house.tidy();
    house.view.fail(true);
    let places = house.publish(1, 200);
    house.tidy();
    house.settle(&places);
    house.tidy();
    house.assert_readable(&[]);
    house.view.fail(false);
    let (house, found) = House::open(Arc::new(house.disk.after_crash(Fate::Kept)), house.view.copy());
    assert_eq!(found.len(), 200);
    house.tidy();
    let (_, again) = House::open(Arc::new(house.disk.after_crash(Fate::Kept)), house.view.copy());
    assert_eq!(again.len(), 200);
}

#[test]
fn a_view_of_another_log_is_not_believed() {
    let mut one = House::new();
    one.publish(1, 300);
    one.tidy();
    let mut other = House::new();
    other.publish(2, 300);
    other.tidy();
    let (_, found) = open(&Arc::new(other.disk.after_crash(Fate::Kept)), Box::new(one.view.copy()));
    assert!(found.iter().all(|(queue, _)| *queue == 2) && found.len() == 300);
}

#[test]
fn any_damage_to_a_view_is_seen() {
    let mut house = House::new();
    let places: Vec<Place> = (0..20).flat_map(|_| house.publish(1, 20)).collect();
    house.settle(&places[50..150]);
    house.tidy();
    let (_, expected) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(NoView));
    let mut keys = Vec::new();
    house.view.tamper(|entries| keys.extend(entries.keys().cloned()));
    assert!(10 < keys.len());
    let assert_unseen = |view: MemoryView, what: &str| {
        let (_, found) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(view));
        assert_eq!(found, expected, "{what}");
    };
    for key in &keys {
        let (missing, flipped) = (house.view.copy(), house.view.copy());
        missing.tamper(|entries| drop(entries.remove(key)));
        assert_unseen(missing, "an item is missing");
        flipped.tamper(|entries| entries.get_mut(key).unwrap()[0] ^= 1);
        assert_unseen(flipped, "a bit is wrong");
    }
    // Parts of an older view among those of the newer one.
    let older = house.view.copy();
    let more = house.publish(1, 200);
    house.settle(&more[..100]);
    house.settle(&places[..10]);
    house.tidy();
    let (_, expected) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(NoView));
    for key in &keys {
        let mixed = house.view.copy();
        let mut old = None;
        older.tamper(|entries| old = entries.get(key).cloned());
        mixed.tamper(|entries| drop(old.map(|old| entries.insert(key.clone(), old))));
        let (_, found) = open(&Arc::new(house.disk.after_crash(Fate::Kept)), Box::new(mixed));
        assert_eq!(found, expected);
    }
}

#[test]
fn copying_takes_no_more_than_its_share_while_others_append() {
    let mut house = House::new();
    let mut places = Vec::new();
    for _ in 0..100 {
        places.extend(house.publish(1, 20));
    }
    let mut rest = Vec::new();
    for (number, place) in places.iter().enumerate() {
        if number % 6 != 0 {
            rest.push(*place);
        }
    }
    house.settle(&rest);
    while house.log.tend().unwrap() {}
    let (before, wrote) = (house.log.stats().bytes, house.log.committed());
    // From here on there is much to copy, and somebody always appends.
    let mut published = 0;
    for _ in 0..100 {
        let own = house.publish(2, 5);
        published += 5 * (BODY_BYTES as u64 + 60);
        house.settle(&own);
        house.log.tend().unwrap();
    }
    let appended = u64::from(house.log.committed().segment() - wrote.segment()) * u64::from(SEGMENT_BYTES);
    let most = published * 3 / 2 + 3 * u64::from(SEGMENT_BYTES) + before / 10;
    assert!(appended < most, "{appended} bytes were appended, {published} of them published");
    house.tidy();
    assert!(house.files() < 12, "{} files are left once there is time", house.files());
}

#[test]
fn a_removal_that_fails_is_the_end_of_the_log() {
    let mut house = House::new();
    let places = house.publish(1, 200);
    house.settle(&places);
    house.disk.fail(Operation::Remove, 0);
    let error = loop {
        match house.log.tend() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("removing segment 1 failed"), "{error}");
    assert!(house.log.has_failed());
}
