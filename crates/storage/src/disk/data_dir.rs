//! A data directory, which one process at a time has for itself.
//!
//! ```text
//! DIR/leveret.lock   locked as long as a broker runs; holds its process id
//! DIR/log            the segments
//! DIR/view           the view, which may be deleted while no broker runs
//! ```
//! Invariant: as long as a [`DataDir`] lives nobody else has one of the same directory. The system itself lets go
//! of the lock when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::FileDisk;
use super::file::make_dir;

/// Why a data directory can't be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("the data directory {} is in use by {holder}", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// It can't be made, opened or written to.
    #[error("the data directory {} can't be used: {what}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// A locked data directory.
#[derive(Debug)]
pub struct DataDir {
    dir: PathBuf,
    /// The lock is held as long as this is open.
    _lock: File,
}

impl DataDir {
    /// Takes the directory, which is made if it is not there.
    pub fn lock(dir: &Path) -> Result<Self, DataDirError> {
        let failed = |what| move |source| DataDirError::Io { dir: dir.to_owned(), what, source };
        make_dir(dir).map_err(failed("making it"))?;
        let path = dir.join("leveret.lock");
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(path);
        let mut lock = opened.map_err(failed("opening leveret.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { dir: dir.to_owned(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed("locking leveret.lock")(source)),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(failed("writing leveret.lock"))?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// The directory of the segments.
    pub fn disk(&self) -> Result<FileDisk, DataDirError> {
        FileDisk::open(&self.dir.join("log")).map_err(|source| DataDirError::Io {
            dir: self.dir.clone(),
            what: "opening its log directory",
            source,
        })
    }

    /// Where the view is.
    pub fn view_path(&self) -> PathBuf {
        self.dir.join("view")
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.dir
    }
}

/// Who holds the lock, as far as it says.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_had_once_and_the_error_names_it_and_the_holder() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let held = DataDir::lock(&dir).unwrap();
        let error = DataDir::lock(&dir).unwrap_err().to_string();
        assert!(error.contains(dir.to_str().unwrap()), "{error}");
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        let again = DataDir::lock(&dir).unwrap();
        again.disk().unwrap();
        assert_eq!(again.view_path(), dir.join("view"));
        assert!(dir.join("log").is_dir());
    }
}
