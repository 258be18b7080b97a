//! The log against a plain file: what its order, checksums and bookkeeping cost beyond the disk.
//!
//! All on the disk of the temporary directory. `cargo bench -p leveret-storage`
#![expect(clippy::unwrap_used, reason = "a bench may fail")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use leveret_storage::{
    Batch, FileDisk, Log, MessageId, NewMessage, NoView, Options, Place, Position, Threads, Waiter,
};

const BODY: [u8; 1024] = [7; 1024];
const BATCH: usize = 100;

fn main() {
    divan::main();
}

/// A log in a directory of its own.
struct Bench {
    dir: tempfile::TempDir,
    log: Arc<Log>,
    batch: Batch,
    places: Vec<Place>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(FileDisk::open(dir.path()).unwrap());
        let (log, _) = Log::open(disk, Box::new(NoView), Options::default()).unwrap();
        Self { dir, log, batch: Batch::default(), places: Vec::new() }
    }

    fn append(&mut self, count: usize) -> Position {
        for _ in 0..count {
            self.batch.message(&NewMessage {
                durable: true,
                published_at: 1,
                expiration: None,
                queues: &[1],
                head: &[b"exchange", b"key", &[0; 8]],
                body: black_box(&BODY),
            });
        }
        self.places.clear();
        self.log.append(&mut self.batch, &mut self.places).unwrap()
    }

    fn commit(&self) {
        self.log.commit().unwrap();
    }

    fn settle(&self) {
        let ids: Vec<MessageId> = self.places.iter().map(|place| place.id).collect();
        self.log.settle(&ids, &[]);
    }
}

/// Appended to a file in one write, and synced.
#[divan::bench]
fn plain_file_synced_per_batch(bencher: Bencher<'_, '_>) {
    let mut file = tempfile::tempfile().unwrap();
    let bytes = BODY.repeat(BATCH);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        file.write_all(black_box(&bytes)).unwrap();
        file.sync_data().unwrap();
    });
}

/// The same, one message at a time.
#[divan::bench]
fn plain_file_synced_per_message(bencher: Bencher<'_, '_>) {
    let mut file: File = tempfile::tempfile().unwrap();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        file.write_all(black_box(&BODY)).unwrap();
        file.sync_data().unwrap();
    });
}

/// Encoded, appended and committed by one thread.
#[divan::bench]
fn log_committed_per_batch(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        bench.append(BATCH);
        bench.commit();
    });
}

/// The same, and the settlements of the batch with the next commit.
#[divan::bench]
fn log_committed_and_settled_per_batch(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        bench.append(BATCH);
        bench.commit();
        bench.settle();
    });
}

/// One message, committed by the thread that appended it.
#[divan::bench]
fn log_committed_per_message(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        bench.append(1);
        bench.commit();
    });
}

struct Unpark(std::thread::Thread);

impl Waiter for Unpark {
    fn wake(&self) {
        self.0.unpark();
    }
}

/// One message, committed by the log's own thread while this one waits for it.
#[divan::bench]
fn log_committed_per_message_by_its_thread(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    let threads = Threads::spawn(Arc::clone(&bench.log)).unwrap();
    let waiter: Arc<dyn Waiter> = Arc::new(Unpark(std::thread::current()));
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let end = bench.append(1);
        bench.log.wake_at(end, Arc::clone(&waiter));
        while bench.log.committed() < end {
            std::thread::park();
        }
    });
    threads.stop();
}

/// What a publisher's thread spends: encoded, checksummed and appended. The commits are not counted.
#[divan::bench]
fn append_alone_per_batch(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    let log = Arc::clone(&bench.log);
    let commit = || {
        log.commit().unwrap();
    };
    let counted = bencher.counter(ItemsCount::new(BATCH)).with_inputs(commit);
    counted.bench_local_refs(|()| bench.append(BATCH));
}

/// 100,000 messages found again by reading the whole log, as when there is no view.
#[divan::bench(sample_count = 10)]
fn opened_without_a_view(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    for _ in 0..1000 {
        bench.append(BATCH);
        bench.commit();
    }
    bench.log.close(&[]).unwrap();
    bencher.counter(ItemsCount::new(1000 * BATCH)).bench_local(|| {
        let disk = Arc::new(FileDisk::open(bench.dir.path()).unwrap());
        let (_, mut recovery) = Log::open(disk, Box::new(NoView), Options::default()).unwrap();
        let mut found = 0;
        recovery
            .messages(&mut |_| {
                found += 1;
                true
            })
            .unwrap();
        assert_eq!(found, 1000 * BATCH);
    });
}

/// All of them read back, a thousand at a time, in their order.
#[divan::bench(sample_count = 10)]
fn read_in_order(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    let mut places = Vec::new();
    for _ in 0..1000 {
        bench.append(BATCH);
        bench.commit();
        places.append(&mut bench.places);
    }
    bencher.counter(ItemsCount::new(places.len())).bench_local(|| {
        for places in places.chunks(1000) {
            assert!(bench.log.read(places).iter().all(Result::is_ok));
        }
    });
}
