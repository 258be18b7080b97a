//! Looking at a data directory: every record is a line, what is spoilt is named, and nothing is changed.
#![cfg(test)]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use leveret_storage::inspect::{Contents, Inspection, Kind, Selection, ViewReport};
use leveret_storage::{
    Batch, CrashDisk, DataDir, Disk, Fate, Log, MemoryView, MessageId, NewMessage, NoView, Options, Place,
    SledView, View,
};

const OPTIONS: Options = Options { segment_bytes: 4096, accept_loss: false, waiting_bytes: 1 << 20 };

fn publish(log: &Log, queues: &[u64], count: usize) -> Vec<Place> {
    let (mut batch, mut places) = (Batch::default(), Vec::new());
    for _ in 0..count {
        batch.message(&NewMessage {
            durable: true,
            published_at: 1_700_000_000_000_000,
            expiration: Some(1_700_000_000_000_500),
            queues,
            head: &[b"head"],
            body: &[7; 100],
        });
    }
    log.append(&mut batch, &mut places).unwrap();
    log.commit().unwrap();
    places
}

fn settle(log: &Log, places: &[Place]) {
    let ids: Vec<MessageId> = places.iter().map(|place| place.id).collect();
    log.settle(&ids, &[]);
    log.commit().unwrap();
}

fn dump(inspection: &Inspection, selection: Selection) -> Vec<String> {
    let mut out = Vec::new();
    inspection.dump(&selection, &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

fn of(disk: &Arc<CrashDisk>) -> Inspection {
    Inspection::of(Arc::clone(disk) as _, None)
}

/// A log of a few messages, settlements and definitions in one segment.
fn small() -> Arc<CrashDisk> {
    let disk = Arc::new(CrashDisk::new());
    let (log, _) = Log::open(Arc::clone(&disk) as _, Box::new(NoView), OPTIONS).unwrap();
    let places = publish(&log, &[1, 2], 2);
    publish(&log, &[3], 1);
    settle(&log, &places[1..4]);
    let mut batch = Batch::default();
    batch.define(b"queue\0a", Some(b"durable"));
    batch.define(b"queue\0b", None);
    log.append(&mut batch, &mut Vec::new()).unwrap();
    log.commit().unwrap();
    log.close(&[places[0].id]).unwrap();
    disk
}

#[test]
fn every_record_is_a_line() {
    let lines = dump(&of(&small()), Selection::default());
    let expected = [
        "segment 1 header: segment 1, the first",
        "segment 1         64 mark       len=32 synced=1:64 pairs=0",
        "segment 1         96 mark       len=32 synced=1:96 pairs=0",
        "segment 1        128 message    len=158 pairs=1:0+2 queues=1,2 durable published=1700000000000000 \
         expires=1700000000000500 head=4 body=100",
        "segment 1        288 message    len=158 pairs=1:2+2 queues=1,2 durable published=1700000000000000 \
         expires=1700000000000500 head=4 body=100",
        "segment 1        448 mark       len=32 synced=1:448 pairs=4",
        "segment 1        480 message    len=150 pairs=1:4 queues=3 durable published=1700000000000000 \
         expires=1700000000000500 head=4 body=100",
        "segment 1        632 mark       len=32 synced=1:632 pairs=5",
        "segment 1        664 settled    len=28 pairs=1:1+3",
        "segment 1        696 mark       len=32 synced=1:632 pairs=5",
        "segment 1        728 definition len=38 put key=\"queue\\x00a\" value=\"durable\"",
        "segment 1        768 definition len=31 removed key=\"queue\\x00b\"",
        "segment 1        800 mark       len=32 synced=1:800 pairs=5",
        "segment 1        832 closed     len=36 pairs=1:0",
        "segment 1        872 end",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn lines_can_be_chosen() {
    let disk = small();
    let kind = |kind| Selection { kind: Some(kind), ..Selection::default() };
    assert_eq!(dump(&of(&disk), kind(Kind::Message)).len(), 3);
    assert_eq!(dump(&of(&disk), kind(Kind::Closed)).len(), 1);
    assert_eq!(dump(&of(&disk), Selection { queue: Some(2), ..Selection::default() }).len(), 2);
    assert_eq!(dump(&of(&disk), Selection { segment: Some(2), ..Selection::default() }).len(), 0);
    assert_eq!("settled".parse::<Kind>(), Ok(Kind::Settled));
    assert!("settlement".parse::<Kind>().unwrap_err().contains("mark, message, settled"));
}

#[test]
fn a_sound_log_is_told_in_numbers() {
    let report = of(&small()).verify().unwrap();
    assert!(report.is_sound());
    assert_eq!(report.contents, Ok(Contents { live_pairs: 2, definitions: 1, is_clean: true }));
    let segment = &report.segments[0];
    assert_eq!((segment.records, segment.messages, segment.pairs, segment.definitions), (13, 3, 5, 2));
    let text = report.to_string();
    assert!(text.ends_with("the log is sound"), "{text}");
    assert!(
        text.contains("segment 1: 872 bytes, 13 records, 3 messages with 5 pairs, 2 definitions"),
        "{text}"
    );
    assert!(text.contains("alive: 2 messages in queues, 1 definitions; the broker ended cleanly"), "{text}");
}

#[test]
fn a_torn_tail_is_no_loss() {
    let disk = Arc::new(CrashDisk::new());
    let (log, _) = Log::open(Arc::clone(&disk) as _, Box::new(NoView), OPTIONS).unwrap();
    publish(&log, &[1], 3);
    let until = disk.operations();
    disk.cut_power_at(until);
    let mut batch = Batch::default();
    batch.define(b"key", Some(&[1; 500]));
    log.append(&mut batch, &mut Vec::new()).unwrap();
    log.commit().unwrap_err();
    let torn = Arc::new(disk.after_crash(Fate::Prefix(400)));
    let report = of(&torn).verify().unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.segments[0].torn, 368);
    assert!(report.to_string().contains("368 bytes of a write that was never finished"), "{report}");
    assert!(dump(&of(&torn), Selection::default()).last().unwrap().contains("368 bytes"));
}

#[test]
fn what_is_spoilt_is_named_with_its_place_and_the_rest_is_read() {
    let disk = small();
    disk.flip(1, 300, 5);
    let report = of(&disk).verify().unwrap();
    assert!(!report.is_sound());
    let spoilt = &report.segments[0].spoilt;
    assert_eq!((spoilt[0].offset, spoilt[0].bytes, spoilt.len()), (288, 160, 1));
    assert!(spoilt[0].what.contains("safe"), "{spoilt:?}");
    assert_eq!(report.segments[0].messages, 2);
    assert!(report.to_string().ends_with("the log is NOT SOUND"), "{report}");
    let lines = dump(&of(&disk), Selection::default());
    assert!(
        lines.iter().any(|line| line.starts_with("segment 1        288 SPOILT     160 bytes: ")),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 15, "the other records are shown");
    // The header as well.
    let disk = small();
    disk.flip(1, 3, 5);
    let report = of(&disk).verify().unwrap();
    assert!(!report.is_sound() && report.segments[0].header_is_spoilt);
    assert_eq!(report.segments[0].messages, 3, "the second copy of the salt is enough to read it");
}

#[test]
fn a_view_is_compared() {
    let (disk, view) = (Arc::new(CrashDisk::new()), MemoryView::default());
    let (log, _) = Log::open(Arc::clone(&disk) as _, Box::new(view.clone()), OPTIONS).unwrap();
    let places = publish(&log, &[1], 100);
    settle(&log, &places[30..40]);
    while log.tend().unwrap() {}
    let verify = |view: MemoryView| {
        let view: Arc<dyn View> = Arc::new(view);
        Inspection::of(Arc::clone(&disk) as _, Some(view)).verify().unwrap()
    };
    assert_eq!(verify(view.copy()).view, ViewReport::Agrees);
    let damaged = view.copy();
    damaged.tamper(|entries| drop(entries.pop_last()));
    let report = verify(damaged);
    assert_eq!(report.view, ViewReport::NotBelieved);
    assert!(report.is_sound(), "a view that is not believed is no loss");
}

fn files(dir: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn a_directory_is_looked_at_while_it_is_in_use_and_after_and_nothing_is_changed() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    assert!(Inspection::open(&dir).is_err() && !dir.exists(), "nothing is made");
    let held = DataDir::lock(&dir).unwrap();
    let view = Box::new(SledView::open(&held.view_path()).unwrap());
    let (log, _) = Log::open(Arc::new(held.disk().unwrap()), view, OPTIONS).unwrap();
    let places = publish(&log, &[1], 200);
    settle(&log, &places[..50]);
    while log.tend().unwrap() {}
    let contents = Contents { live_pairs: 150, definitions: 0, is_clean: false };
    let report = Inspection::open(&dir).unwrap().verify().unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.contents, report.view), (Ok(contents), ViewReport::InUse));
    publish(&log, &[1], 1);
    // Cut off in the middle of a write, so that an opening would have something to mend.
    let disk = held.disk().unwrap();
    let last = disk.list().unwrap().into_iter().max().unwrap();
    drop(log);
    let end = u64::from(places[199].offset) + 1000;
    disk.write(last.min(places[199].id.segment()), end, &[b"torn"]).unwrap();
    drop(held);

    let mut before = BTreeMap::new();
    files(&dir, &mut before);
    let inspection = Inspection::open(&dir).unwrap();
    let report = inspection.verify().unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.view, ViewReport::Agrees);
    assert!(DataDir::lock(&dir).is_ok(), "a broker can be started meanwhile");
    assert!(100 < dump(&inspection, Selection::default()).len());
    let mut after = BTreeMap::new();
    files(&dir, &mut after);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "a file has changed");
}
