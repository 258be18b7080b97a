//! Who waits for the log, and for how long: commits in groups, by the log's own threads.
#![cfg(test)]
#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use leveret_storage::{
    Batch, CrashDisk, Disk, Fate, Log, NewMessage, NoView, Operation, Options, Place, Position, Threads,
    Waiter,
};

/// Longer than anything here takes, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bell(Sender<()>);

impl Waiter for Bell {
    fn wake(&self) {
        self.0.send(()).unwrap();
    }
}

fn bell() -> (Arc<dyn Waiter>, Receiver<()>) {
    let (rings, heard) = channel();
    (Arc::new(Bell(rings)), heard)
}

/// Says what is done to a disk.
struct Watched {
    disk: CrashDisk,
    done: Sender<(Operation, u32)>,
}

impl Disk for Watched {
    fn create(&self, segment: u32, bytes: u64) -> io::Result<()> {
        self.disk.create(segment, bytes)
    }
    fn write(&self, segment: u32, at: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.disk.write(segment, at, parts)?;
        self.done.send((Operation::Write, segment)).map_err(io::Error::other)
    }
    fn read(&self, segment: u32, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.disk.read(segment, at, into)
    }
    fn len(&self, segment: u32) -> io::Result<u64> {
        self.disk.len(segment)
    }
    fn sync(&self, segment: u32) -> io::Result<()> {
        self.disk.sync(segment)?;
        self.done.send((Operation::Sync, segment)).map_err(io::Error::other)
    }
    fn remove(&self, segment: u32) -> io::Result<()> {
        self.disk.remove(segment)
    }
    fn quarantine(&self, segment: u32) -> io::Result<String> {
        self.disk.quarantine(segment)
    }
    fn list(&self) -> io::Result<Vec<u32>> {
        self.disk.list()
    }
    fn describe(&self, segment: u32) -> String {
        self.disk.describe(segment)
    }
}

fn open(disk: Arc<dyn Disk>, options: Options) -> Arc<Log> {
    Log::open(disk, Box::new(NoView), options).unwrap().0
}

fn append(log: &Log, durable: bool, queue: u64, body: &[u8]) -> (Position, Place) {
    let (mut batch, mut places) = (Batch::default(), Vec::new());
    batch.message(&NewMessage {
        durable,
        published_at: 0,
        expiration: None,
        queues: &[queue],
        head: &[],
        body,
    });
    (log.append(&mut batch, &mut places).unwrap(), places[0])
}

#[test]
fn a_waiter_is_woken_by_the_commit_that_covers_it_and_once() {
    let log = open(Arc::new(CrashDisk::new()), Options::default());
    let (first, _) = append(&log, true, 1, b"a");
    let (waiter, heard) = bell();
    log.wake_at(first, waiter);
    assert!(heard.try_recv().is_err(), "nothing is safe yet");
    log.commit().unwrap();
    heard.try_recv().unwrap();
    let (second, _) = append(&log, true, 1, b"b");
    log.commit().unwrap();
    assert!(heard.try_recv().is_err(), "not twice");
    let (waiter, heard) = bell();
    log.wake_at(second, waiter);
    heard.try_recv().expect("it is so already");
}

#[test]
fn whoever_waits_for_a_spilled_message_gets_it_synced() {
    let disk = Arc::new(CrashDisk::new());
    let log = open(Arc::clone(&disk) as _, Options::default());
    let (end, _) = append(&log, false, 1, b"a");
    log.commit().unwrap();
    assert!(log.committed() < end);
    let (waiter, heard) = bell();
    log.wake_at(end, waiter);
    log.commit().unwrap();
    heard.try_recv().unwrap();
    assert_eq!((log.committed(), disk.unsynced_bytes()), (end, 0));
}

#[test]
fn a_log_that_is_behind_says_when_it_has_caught_up() {
    let log = open(Arc::new(CrashDisk::new()), Options { waiting_bytes: 10_000, ..Options::default() });
    let (waiter, heard) = bell();
    log.wake_at(Position::NEXT_COMMIT, Arc::clone(&waiter));
    heard.try_recv().expect("nothing waits to be written");
    while !log.is_behind() {
        append(&log, true, 1, &[7; 1000]);
    }
    assert!((10_000..12_000).contains(&log.stats().waiting_bytes));
    log.wake_at(Position::NEXT_COMMIT, waiter);
    assert!(heard.try_recv().is_err());
    log.commit().unwrap();
    heard.try_recv().unwrap();
    assert!(!log.is_behind());
    assert_eq!(log.stats().waiting_bytes, 0);
}

#[test]
fn what_nobody_waits_for_is_written_soon_and_not_synced() {
    let (done, did) = channel();
    let disk = Arc::new(Watched { disk: CrashDisk::new(), done });
    let log = open(Arc::clone(&disk) as _, Options::default());
    let (_, place) = append(&log, true, 1, b"a");
    log.commit().unwrap();
    while log.tend().unwrap() {}
    while did.try_recv().is_ok() {}
    let threads = Threads::spawn(Arc::clone(&log)).unwrap();
    for settle in [false, true] {
        if settle {
            log.settle(&[place.id], &[]);
        } else {
            append(&log, false, 1, b"spilled");
        }
        assert_eq!(did.recv_timeout(PATIENCE).unwrap(), (Operation::Write, 1));
    }
    threads.stop();
    assert!(did.try_recv().is_err(), "no sync, and nothing else");
}

/// Publishes, waiting for every confirm, as the slowest of clients do.
fn publish(log: &Log, queue: u64, count: u32) {
    let (waiter, heard) = bell();
    for number in 0..count {
        let (end, _) = append(log, true, queue, &number.to_le_bytes());
        log.wake_at(end, Arc::clone(&waiter));
        heard.recv_timeout(PATIENCE).unwrap();
        assert!(end <= log.committed());
    }
}

#[test]
fn publishers_that_wait_share_their_syncs_and_lose_nothing() {
    const PUBLISHERS: u64 = 8;
    const EACH: u32 = 200;
    let disk = Arc::new(CrashDisk::new());
    let options = Options { segment_bytes: 1 << 14, ..Options::default() };
    let log = open(Arc::clone(&disk) as _, options);
    let threads = Threads::spawn(Arc::clone(&log)).unwrap();
    std::thread::scope(|scope| {
        for queue in 0..PUBLISHERS {
            let log = &log;
            scope.spawn(move || publish(log, queue, EACH));
        }
    });
    threads.stop();
    let all = PUBLISHERS * u64::from(EACH);
    assert!(disk.count(Operation::Sync) < all, "{} syncs for {all} messages", disk.count(Operation::Sync));
    let crashed = Arc::new(disk.after_crash(Fate::Lost));
    let (log, mut recovery) = Log::open(crashed, Box::new(NoView), options).unwrap();
    let mut found: Vec<Vec<Place>> = vec![Vec::new(); usize::try_from(PUBLISHERS).unwrap()];
    recovery
        .messages(&mut |restored| {
            found[usize::try_from(restored.queue).unwrap()].push(restored.place);
            true
        })
        .unwrap();
    for places in found {
        let numbers = log
            .read(&places)
            .into_iter()
            .map(|message| u32::from_le_bytes(*message.unwrap().body().first_chunk().unwrap()));
        assert!(numbers.eq(0..EACH), "all of a publisher's messages, in their order");
    }
}

#[test]
fn messages_are_read_while_others_are_appended_and_segments_go() {
    let disk = Arc::new(CrashDisk::new());
    let log = open(Arc::clone(&disk) as _, Options { segment_bytes: 1 << 14, ..Options::default() });
    let threads = Threads::spawn(Arc::clone(&log)).unwrap();
    std::thread::scope(|scope| {
        for queue in 0..3 {
            let log = &log;
            scope.spawn(move || {
                let mut kept: Vec<(u32, Place)> = Vec::new();
                for number in 0..2000_u32 {
                    let (_, place) = append(log, number % 2 == 0, queue, &number.to_le_bytes().repeat(20));
                    kept.push((number, place));
                    if kept.len() < 20 {
                        continue;
                    }
                    // Some old ones stay for long, so that their segments are copied forward under the reader.
                    let places: Vec<Place> = kept.iter().map(|(_, place)| *place).collect();
                    for ((number, _), message) in kept.iter().zip(log.read(&places)) {
                        assert_eq!(&*message.unwrap().body(), number.to_le_bytes().repeat(20));
                    }
                    let (done, rest) = kept.into_iter().partition(|(number, _)| number % 100 > 1);
                    kept = rest;
                    settle(log, done);
                }
                settle(log, kept);
            });
        }
    });
    threads.stop();
    log.commit().unwrap();
    while log.tend().unwrap() {}
    assert_eq!(log.stats().live_pairs, 0);
    assert!(log.stats().segments < 3, "{:?}", log.stats());
    assert!(5 < disk.count(Operation::Remove), "segments went meanwhile");
}

fn settle(log: &Log, messages: Vec<(u32, Place)>) {
    let (durable, spilled): (Vec<_>, Vec<_>) = messages.into_iter().partition(|(number, _)| number % 2 == 0);
    let ids =
        |messages: Vec<(u32, Place)>| messages.into_iter().map(|(_, place)| place.id).collect::<Vec<_>>();
    log.settle(&ids(durable), &ids(spilled));
}
