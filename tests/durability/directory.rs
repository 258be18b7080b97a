//! A data directory of a test, the processes that use it, and its files as somebody else may change them.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::served::{self, Served};

/// A data directory; gone with the test.
pub struct Directory(TempDir);

impl Directory {
    /// On the disk that the build is on: a temporary directory may be memory.
    pub fn new() -> Self {
        Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    pub fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// A broker on this directory.
    pub fn start(&self) -> Served {
        self.start_with(&[], &[])
    }

    /// The same, with more arguments and this environment.
    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Served {
        Served::start(&[&self.arguments()[..], arguments].concat(), environment)
    }

    pub fn arguments(&self) -> [&str; 4] {
        ["--data-dir", self.path(), "--listen", "127.0.0.1:0"]
    }

    /// Why a broker does not start on this directory.
    pub fn refused(&self) -> String {
        served::refused(&[&self.arguments()[..], &["--log", "none"]].concat(), &[])
    }

    /// The files of the log, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.path().join("log")).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        paths.sort();
        paths
    }

    /// Where in which segment these bytes are; they must be there once.
    pub fn find(&self, bytes: &[u8]) -> (PathBuf, u64) {
        let mut found = Vec::new();
        for path in self.segments() {
            let text = written(&path);
            let places = text.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes);
            found.extend(places.map(|(at, _)| (path.clone(), at as u64)));
        }
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// The segment that was written last, and where what is written in it ends.
    pub fn end(&self) -> (PathBuf, u64) {
        // The newest may be prepared and not begun: it has a header and no more.
        let end =
            |path: &PathBuf| Some((path.clone(), written(path).len() as u64)).filter(|(_, end)| 64 < *end);
        self.segments().iter().rev().find_map(end).unwrap()
    }
}

/// What is written in a segment, which is longer: zeros follow.
fn written(path: &Path) -> Vec<u8> {
    const STEP: usize = 64 * 1024;
    let (mut file, mut bytes) = (fs::File::open(path).unwrap(), Vec::new());
    loop {
        let mut step = vec![0; STEP];
        let read = file.read(&mut step).unwrap();
        if read == 0 || step.iter().all(|byte| *byte == 0) {
            break;
        }
        bytes.extend_from_slice(&step[..read]);
    }
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}

/// Turns one bit of a file.
pub fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// Makes zeros of a part of a file.
pub fn zero(path: &Path, from: u64, to: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0; usize::try_from(to - from).unwrap()], from).unwrap();
}

/// Cuts a file off.
pub fn truncate(path: &Path, to: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(to).unwrap();
}
