//! The log from the outside: what is committed is there when it is opened again.
#![cfg(test)]
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;

use leveret_storage::{
    Batch, DataDir, FileDisk, Log, LogFailed, MessageId, NewMessage, NoView, Options, Place, Recovery,
    Restored,
};

/// Small segments, so that a few messages need several.
const OPTIONS: Options = Options { segment_bytes: 4096, accept_loss: false, waiting_bytes: 1 << 20 };

fn open(dir: &Path) -> (Arc<Log>, Recovery) {
    Log::open(Arc::new(FileDisk::open(dir).unwrap()), Box::new(NoView), OPTIONS).unwrap()
}

fn body(number: u64) -> Vec<u8> {
    vec![number.to_le_bytes()[0]; 10 * usize::try_from(number).unwrap()]
}

/// A hundred messages, each to the queues 1 and 2.
fn append_hundred(log: &Log) -> Vec<Place> {
    let (mut batch, mut places) = (Batch::default(), Vec::new());
    for number in 0..100 {
        batch.message(&NewMessage {
            durable: true,
            published_at: number,
            expiration: (number % 2 == 0).then_some(number),
            queues: &[1, 2],
            head: &[b"he", b"ad"],
            body: &body(number),
        });
    }
    let end = log.append(&mut batch, &mut places).unwrap();
    assert!(batch.is_empty() && log.committed() < end);
    assert_bodies(log, &places);
    assert!(log.commit().unwrap());
    assert_eq!(log.committed(), end);
    assert!(!log.commit().unwrap(), "nothing more waits");
    places
}

#[track_caller]
fn assert_bodies(log: &Log, places: &[Place]) {
    for (number, message) in (0..).zip(log.read(places)) {
        let message = message.unwrap();
        assert_eq!((&*message.head(), &*message.body()), (&b"head"[..], &body(number / 2)[..]), "{number}");
    }
}

fn restored(recovery: &mut Recovery, keep: impl Fn(&Restored) -> bool) -> Vec<Restored> {
    let mut found = Vec::new();
    let visit = &mut |restored| {
        found.push(restored);
        keep(&restored)
    };
    recovery.messages(visit).unwrap();
    found
}

fn places(restored: &[Restored]) -> Vec<Place> {
    restored.iter().map(|restored| restored.place).collect()
}

fn ids(places: &[Place]) -> Vec<MessageId> {
    places.iter().map(|place| place.id).collect()
}

#[test]
fn messages_are_read_before_and_after_they_are_written_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let appended = append_hundred(&log);
    assert!(2 < log.stats().segments, "the test needs several");
    assert_bodies(&log, &appended);
    drop(log);
    let (log, mut recovery) = open(dir.path());
    assert!(!recovery.was_clean());
    let found = restored(&mut recovery, |_| true);
    assert_eq!(places(&found), appended);
    for (number, found) in (0..).zip(&found) {
        assert_eq!((found.queue, found.published_at), (1 + number % 2, number / 2));
        assert_eq!(found.expiration, (number / 2 % 2 == 0).then_some(number / 2));
        assert!(found.redelivered, "nobody knows what was delivered");
    }
    assert_bodies(&log, &appended);
}

#[test]
fn what_is_settled_or_not_kept_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let appended = append_hundred(&log);
    let (settled, rest) = appended.split_at(150);
    log.settle(&ids(settled), &[]);
    log.settle(&ids(&settled[..10]), &[]);
    assert_eq!(log.stats().live_pairs, 50, "twice is once");
    assert!(log.commit().unwrap());
    drop(log);
    let (log, mut recovery) = open(dir.path());
    let found = restored(&mut recovery, |restored| restored.queue == 1);
    assert_eq!(places(&found), rest);
    log.commit().unwrap();
    drop(log);
    let (_, mut recovery) = open(dir.path());
    assert_eq!(restored(&mut recovery, |_| true).len(), 25, "the other queue's are dead");
}

#[test]
fn spilled_messages_end_with_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let (mut batch, mut spilled) = (Batch::default(), Vec::new());
    let message = |durable| NewMessage {
        durable,
        published_at: 0,
        expiration: None,
        queues: &[1],
        head: &[],
        body: b"body",
    };
    let before = log.committed();
    batch.message(&message(false));
    log.append(&mut batch, &mut spilled).unwrap();
    assert!(log.commit().unwrap());
    assert_eq!(log.committed(), before, "nobody waits for them, so they are not synced");
    assert_eq!(&*log.read(&spilled)[0].as_ref().unwrap().body(), b"body");
    let mut kept = Vec::new();
    batch.message(&message(true));
    log.append(&mut batch, &mut kept).unwrap();
    log.commit().unwrap();
    assert_eq!(log.stats().live_pairs, 2);
    log.settle(&[], &ids(&spilled));
    assert_eq!(log.stats().live_pairs, 1);
    drop(log);
    let (_, mut recovery) = open(dir.path());
    assert_eq!(places(&restored(&mut recovery, |_| true)), kept);
}

#[test]
fn the_last_definition_of_a_key_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let mut batch = Batch::default();
    for number in 0..100_u8 {
        batch.define(b"b", Some(&[number]));
        batch.define(b"a", Some(&[number; 100]));
        batch.define(b"c", (number % 2 == 0).then_some(b"c"));
    }
    log.append(&mut batch, &mut Vec::new()).unwrap();
    log.commit().unwrap();
    drop(log);
    let (_, mut recovery) = open(dir.path());
    let expected = [(b"a".to_vec(), vec![99; 100]), (b"b".to_vec(), vec![99])];
    assert_eq!(recovery.definitions().unwrap(), expected);
}

#[test]
fn after_a_clean_end_it_is_known_what_was_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let appended = append_hundred(&log);
    log.settle(&ids(&appended[..3]), &[]);
    log.close(&ids(&[appended[9], appended[5], appended[6]])).unwrap();
    assert!(matches!(log.append(&mut Batch::default(), &mut Vec::new()), Err(LogFailed::Closed)));
    log.settle(&ids(&appended), &[]);
    drop(log);
    let (_, mut recovery) = open(dir.path());
    assert!(recovery.was_clean());
    let found = restored(&mut recovery, |_| true);
    assert_eq!(places(&found), appended[3..]);
    let delivered: Vec<Restored> = found.into_iter().filter(|restored| restored.redelivered).collect();
    assert_eq!(places(&delivered), [appended[5], appended[6], appended[9]]);
    drop(recovery);
    let (_, recovery) = open(dir.path());
    assert!(!recovery.was_clean(), "the clean end was followed by a start");
}

#[test]
fn a_message_longer_than_a_segment_has_a_longer_one() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let (mut batch, mut appended) = (Batch::default(), Vec::new());
    let large: Vec<u8> = (0..20_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    for body in [&b"short"[..], &large, b"short", &large] {
        batch.message(&NewMessage {
            durable: true,
            published_at: 0,
            expiration: None,
            queues: &[1],
            head: &[],
            body,
        });
    }
    log.append(&mut batch, &mut appended).unwrap();
    log.commit().unwrap();
    drop(log);
    let (log, mut recovery) = open(dir.path());
    assert_eq!(places(&restored(&mut recovery, |_| true)), appended);
    for (body, message) in [&b"short"[..], &large, b"short", &large].into_iter().zip(log.read(&appended)) {
        assert_eq!(&*message.unwrap().body(), body);
    }
}

#[test]
fn a_batch_with_a_record_that_is_too_long_is_refused_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::lock(dir.path()).unwrap();
    let (log, _) = Log::open(Arc::new(data.disk().unwrap()), Box::new(NoView), OPTIONS).unwrap();
    let mut batch = Batch::default();
    let nowhere =
        NewMessage { durable: true, published_at: 0, expiration: None, queues: &[], head: &[], body: b"" };
    batch.message(&nowhere);
    assert!(matches!(log.append(&mut batch, &mut Vec::new()), Err(LogFailed::TooLong)));
    assert!(!log.has_failed());
    append_hundred(&log);
}
