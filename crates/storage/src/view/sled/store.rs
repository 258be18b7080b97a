//! One sled database, with sled's ways fenced in.
//!
//! Invariants:
//! - A panic inside sled is an error here (it panics on some damage, and on some failures of the disk). After
//!   any error the database is closed and stays so until it is discarded.
//! - sled's flush is `sync_file_range`, which promises nothing about power; [`Store::sync`] syncs its files.
//! - Memory is bounded by what sled keeps of pages it has just touched, see [`TOUCHES`].

use std::fmt::Display;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::RwLock;
use sled::Db;

use crate::view::{Change, ViewError};

const CACHE_BYTES: u64 = 8 << 20;

/// How often a key is looked at after it was written. sled's cache has 256 parts, and a part evicts only when
/// it has noted 64 accesses; so 16 thousand accesses can pass before anything goes, and with writes alone
/// that is a hundred megabytes of pages. Measured with 40 thousand pages of 5 KiB: 79 MB resident without,
/// 45 MB with eight, and no less with more; the time does not change by what can be measured.
const TOUCHES: usize = 8;

/// A millisecond lies between them.
const LOCK_ATTEMPTS: usize = 5000;

/// A database that is opened when it is first needed.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// For reading by all who use it, for writing by who opens or closes it.
    db: RwLock<State>,
}

#[derive(Debug)]
enum State {
    Closed,
    Open(Db),
    /// Something failed; nothing but discarding helps.
    Broken(String),
}

impl Store {
    /// The database in this directory, not opened yet.
    pub fn at(path: PathBuf) -> Self {
        Self { path, db: RwLock::new(State::Closed) }
    }

    /// Removes everything, in whatever state it is. It begins anew with the next use.
    pub fn discard(&self) -> io::Result<()> {
        let mut state = self.db.write();
        close(&mut state);
        // Renamed first: what sled may still write from behind goes to files that are on their way out.
        let aside = self.path.with_extension("discarded");
        remove(&aside)?;
        match fs::rename(&self.path, &aside) {
            Ok(()) => remove(&aside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Closes it until it is needed again, and so gives its memory back.
    pub fn close(&self) {
        let mut state = self.db.write();
        if let State::Open(_) = &*state {
            close(&mut state);
        }
    }

    /// All changes or none.
    pub fn apply(&self, changes: Vec<Change>) -> Result<(), ViewError> {
        let mut touched = Vec::with_capacity(changes.len());
        let mut batch = sled::Batch::default();
        for Change { key, value } in changes {
            if let Some(value) = value {
                touched.push(key.clone());
                batch.insert(key, value);
            } else {
                batch.remove(key);
            }
        }
        self.with(|db| {
            db.apply_batch(batch)?;
            touched.iter().try_for_each(|key| touch(db, key))
        })
    }

    /// Sets one key.
    pub fn insert(&self, key: &[u8], value: &[u8]) -> Result<(), ViewError> {
        self.with(|db| {
            db.insert(key, value)?;
            touch(db, key)
        })
    }

    /// Removes one key; whether it was there.
    pub fn remove(&self, key: &[u8]) -> Result<bool, ViewError> {
        self.with(|db| Ok(db.remove(key)?.is_some()))
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.with(|db| Ok(db.get(key)?.map(|value| value.to_vec())))
    }

    /// Shows everything, in order.
    pub fn scan(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ViewError> {
        self.with(|db| {
            for entry in db.iter() {
                let (key, value) = entry?;
                visit(&key, &value);
            }
            Ok(())
        })
    }

    /// Returns when everything is safe from a loss of power.
    pub fn sync(&self) -> Result<(), ViewError> {
        self.with(|db| db.flush().map(drop))?;
        sync_all(&self.path).map_err(|error| self.fail(&error))
    }

    /// Bytes of the disk that it takes up.
    pub fn footprint(&self) -> u64 {
        footprint(&self.path)
    }

    /// What to tell of a failure.
    pub fn lost(&self, why: &dyn Display) -> ViewError {
        ViewError { at: self.path.display().to_string(), why: why.to_string() }
    }

    /// Does something with the open database; after a failure it is closed.
    fn with<T>(&self, turn: impl FnOnce(&Db) -> sled::Result<T>) -> Result<T, ViewError> {
        let state = self.db.read();
        let state = if let State::Closed = *state {
            drop(state);
            self.start();
            self.db.read()
        } else {
            state
        };
        let why = match &*state {
            State::Open(db) => match caught(|| turn(db)) {
                Ok(done) => return Ok(done),
                Err(why) => why,
            },
            State::Broken(why) => why.clone(),
            // Another thread has discarded it in between, and with it what was looked for.
            State::Closed => "it was discarded meanwhile".to_owned(),
        };
        drop(state);
        Err(self.fail(&why))
    }

    fn start(&self) {
        let mut state = self.db.write();
        if let State::Closed = *state {
            wait_for_lock(&self.path.join("db"));
            let config = sled::Config::new()
                .path(&self.path)
                .cache_capacity(CACHE_BYTES)
                .mode(sled::Mode::LowSpace)
                // Nobody relies on a flush that nobody asked for.
                .flush_every_ms(None);
            *state = match caught(|| config.open()) {
                Ok(db) => State::Open(db),
                Err(why) => State::Broken(why),
            };
        }
    }

    fn fail(&self, why: &dyn Display) -> ViewError {
        let error = self.lost(why);
        let mut state = self.db.write();
        // Forgotten, not dropped: a database in an unknown state might hang on its way out.
        if let State::Open(db) = std::mem::replace(&mut *state, State::Broken(why.to_string())) {
            std::mem::forget(db);
        }
        error
    }
}

fn close(state: &mut State) {
    if let State::Open(db) = std::mem::replace(state, State::Closed)
        && let Err(why) = caught(|| {
            drop(db);
            Ok(())
        })
    {
        tracing::warn!(%why, "sled did not close well");
    }
}

/// sled holds on to its lock for a moment after it was closed, until its last thread has seen that. Who waits
/// in vain is told so by sled.
fn wait_for_lock(file: &Path) {
    let Ok(file) = File::open(file) else { return };
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Ok(()) | Err(TryLockError::Error(_)) => return,
        }
    }
}

/// Runs something of sled's; the error is what to tell of it.
fn caught<T>(turn: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
    // What a panic may leave half done is never used again: the database is closed after any error.
    match catch_unwind(AssertUnwindSafe(turn)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            Err(format!("panicked: {text}"))
        }
    }
}

fn touch(db: &Db, key: &[u8]) -> sled::Result<()> {
    (0..TOUCHES).try_for_each(|_| db.contains_key(key).map(drop))
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs the files in a directory, those of directories in it, and the directories themselves.
fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { sync_all(&path)? } else { sync_file(&path)? }
    }
    File::open(dir)?.sync_all()
}

/// sled may have removed the file meanwhile, and then it holds nothing that is needed.
fn sync_file(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn footprint(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;

    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => footprint(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_sled_is_an_error_and_closes_the_database() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::at(dir.path().join("store"));
        store.insert(b"a", b"1").unwrap();
        let error = store.with(|_| -> sled::Result<()> { panic!("a page went missing") }).unwrap_err();
        assert!(error.to_string().contains("panicked: a page went missing"), "{error}");
        assert!(store.get(b"a").unwrap_err().to_string().contains("a page went missing"));
        store.discard().unwrap();
        assert_eq!(store.get(b"a").unwrap(), None);
    }
}
