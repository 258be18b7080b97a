//! Logs that earlier versions wrote are opened, and say what they said.
//!
//! `tests/fixtures/format-N` is a log in format N that has a record of every kind, and `says` what is in it. A
//! version with a new format adds a directory, written by
//! `WRITE_FIXTURE=1 cargo test -p leveret-storage --test format`, and changes none.
#![cfg(test)]
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leveret_storage::record::{self, FORMAT, HEADER_BYTES, Seed, SegmentHeader, aligned};
use leveret_storage::{Batch, Disk, FileDisk, Log, NewMessage, NoView, Options, Place};

const OPTIONS: Options = Options { segment_bytes: 4096, accept_loss: false, waiting_bytes: 1 << 20 };

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}"))
}

/// A copy of the segments: opening a log changes it.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// Everything that a log gives back, as text.
fn says(dir: &Path) -> String {
    let disk = Arc::new(FileDisk::open(dir).unwrap());
    let (log, mut recovery) = Log::open(disk, Box::new(NoView), OPTIONS).unwrap();
    let mut text = format!("clean: {}\n", recovery.was_clean());
    for (key, value) in recovery.definitions().unwrap() {
        writeln!(text, "{} = {}", key.escape_ascii(), value.escape_ascii()).unwrap();
    }
    let mut restored = Vec::new();
    recovery
        .messages(&mut |pair| {
            restored.push(pair);
            true
        })
        .unwrap();
    let places: Vec<Place> = restored.iter().map(|pair| pair.place).collect();
    for (pair, message) in restored.iter().zip(log.read(&places)) {
        let message = message.unwrap();
        writeln!(
            text,
            "{:x} in {}: published {}, expires {:?}, redelivered {}, {} bytes at {}: {} | {}",
            pair.place.id.0,
            pair.queue,
            pair.published_at,
            pair.expiration,
            pair.redelivered,
            pair.place.len,
            pair.place.offset,
            message.head().escape_ascii(),
            message.body().escape_ascii(),
        )
        .unwrap();
    }
    text
}

/// The kinds of record that are in the segments of a directory.
fn kinds(dir: &Path) -> BTreeSet<u8> {
    let disk = FileDisk::open(dir).unwrap();
    let mut kinds = BTreeSet::new();
    for segment in disk.list().unwrap() {
        let mut bytes = vec![0; usize::try_from(disk.len(segment).unwrap()).unwrap()];
        disk.read(segment, 0, &mut bytes).unwrap();
        let Ok(header) = SegmentHeader::decode(bytes.first_chunk().unwrap()) else { continue };
        let mut at = HEADER_BYTES;
        while let Ok((_, len)) = record::decode(Seed::new(header.salt), &bytes[at..]) {
            kinds.insert(bytes[at + 8]);
            at += aligned(len);
        }
    }
    kinds
}

#[test]
fn every_format_that_was_ever_written_is_read() {
    for format in 1..=FORMAT {
        let expected = fs::read_to_string(fixture(format).join("says")).unwrap();
        let dir = copy(&fixture(format));
        assert_eq!(says(dir.path()), expected, "format {format}");
        let again = says(dir.path());
        assert_eq!(again.lines().count(), expected.lines().count());
        assert!(again.starts_with("clean: false"), "it was opened and not closed");
    }
}

#[test]
fn the_fixture_has_a_record_of_every_kind() {
    assert_eq!(kinds(&fixture(FORMAT)), (1..=7).collect());
}

#[test]
fn a_log_in_a_newer_format_is_refused() {
    let dir = copy(&fixture(FORMAT));
    let disk = FileDisk::open(dir.path()).unwrap();
    let segment = disk.list().unwrap().into_iter().min().unwrap();
    let mut header = [0; HEADER_BYTES];
    disk.read(segment, 0, &mut header).unwrap();
    header[8] = 2;
    let checksum = crc32c::crc32c(&header[..36]).to_le_bytes();
    header[36..40].copy_from_slice(&checksum);
    disk.write(segment, 0, &[&header]).unwrap();
    let name = disk.describe(segment);
    let error = Log::open(Arc::new(disk), Box::new(NoView), OPTIONS).unwrap_err().to_string();
    assert_eq!(error, format!("{name} was written in format 2, and this version of leveret reads up to 1"));
}

/// Makes a log that uses everything the format has.
struct Writer {
    log: Arc<Log>,
    places: Vec<Place>,
    number: u64,
}

impl Writer {
    fn open(dir: &Path, options: Options) -> Self {
        let disk = Arc::new(FileDisk::open(dir).unwrap());
        let (log, _) = Log::open(disk, Box::new(NoView), options).unwrap();
        Self { log, places: Vec::new(), number: 0 }
    }

    fn messages(&mut self, count: u64, durable: bool) {
        let mut batch = Batch::default();
        for _ in 0..count {
            self.number += 1;
            let number = self.number;
            batch.message(&NewMessage {
                durable,
                published_at: 1_700_000_000_000_000 + number,
                expiration: number.is_multiple_of(3).then_some(1_800_000_000_000_000 + number),
                queues: &[number % 4, 100 + number][..=usize::from(number.is_multiple_of(5))],
                head: &[b"exchange/", format!("key {number}").as_bytes()],
                body: "a body ".repeat(usize::try_from(number % 20).unwrap()).as_bytes(),
            });
        }
        self.log.append(&mut batch, &mut self.places).unwrap();
        self.log.commit().unwrap();
    }

    fn define(&self, definitions: &[(&str, Option<&str>)]) {
        let mut batch = Batch::default();
        for (key, value) in definitions {
            batch.define(key.as_bytes(), value.map(str::as_bytes));
        }
        self.log.append(&mut batch, &mut Vec::new()).unwrap();
        self.log.commit().unwrap();
    }

    /// Settles those of the pairs from a number on that are not divisible by another.
    fn settle(&self, from: usize, all_but: usize) {
        let done = self.places.iter().enumerate().skip(from).filter(|(at, _)| at % all_but != 0);
        let ids: Vec<_> = done.map(|(_, place)| place.id).collect();
        self.log.settle(&ids, &[]);
        self.log.commit().unwrap();
    }

    /// Dead segments go, and what is left of mostly dead ones is moved.
    fn tend(&self) {
        while self.log.tend().unwrap() {}
    }
}

#[test]
fn what_this_version_writes_it_reads() {
    let room = tempfile::tempdir().unwrap();
    let is_fixture = std::env::var_os("WRITE_FIXTURE").is_some();
    let dir = if is_fixture { fixture(FORMAT) } else { room.path().join("log") };
    assert!(!dir.exists(), "a fixture is never changed");
    write_a_log(&dir);
    // Records of what is alive are written where that is cheaper than to keep a segment, which it is not here.
    assert!(kinds(&dir).is_superset(&[1, 2, 3, 4, 6, 7].into()), "{:?}", kinds(&dir));
    assert_eq!(says(copy(&dir).path()), fs::read_to_string(dir.join("says")).unwrap());
}

fn write_a_log(dir: &Path) {
    let mut writer = Writer::open(dir, OPTIONS);
    writer.define(&[("queue/a", Some("1")), ("queue/b", Some("2")), ("queue/c", Some("3"))]);
    // Of these some are moved.
    writer.messages(60, true);
    writer.settle(0, 16);
    writer.tend();
    // Of these some stay in their segment, and what settled the others goes with a later one.
    let first = writer.places.len();
    writer.messages(30, true);
    writer.settle(first, 2);
    let second = writer.places.len();
    writer.messages(60, true);
    writer.settle(second, usize::MAX);
    writer.tend();
    writer.messages(5, false);
    writer.define(&[("queue/b", None), ("queue/c", Some("4")), ("", Some("the empty key"))]);
    let third = writer.places.len();
    writer.messages(10, true);
    writer.settle(third, 2);
    let spoilt = *writer.places.last().unwrap();
    writer.messages(3, true);
    drop(writer);
    let disk = FileDisk::open(dir).unwrap();
    disk.write(spoilt.id.segment(), u64::from(spoilt.offset) + 60, &[b"spoilt"]).unwrap();
    drop(disk);
    let writer = Writer::open(dir, Options { accept_loss: true, ..OPTIONS });
    let log = Arc::clone(&writer.log);
    drop(writer);
    log.close(&[]).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(dir.join("says"), says(copy(dir).path())).unwrap();
}
