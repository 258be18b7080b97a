//! Segments as files of a directory.
//!
//! Invariants:
//! - A name in the directory is synced before `create` and `remove` return.
//! - At most [`MOST_OPEN`] files are open, those used last.
//! - A file that is used again ([`Spares`]) is one that nobody reads any more.

mod spare;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, FileExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Disk;
use spare::{GONE, Spares};

const MOST_OPEN: usize = 64;
/// What is lost at once where a disk can't be read.
const PAGE_BYTES: usize = 4096;
/// What the system takes in one call.
const MOST_PARTS: usize = 1024;

/// The log's directory.
#[derive(Debug)]
pub struct FileDisk {
    dir: PathBuf,
    handle: File,
    is_writable: bool,
    spares: Spares,
    /// The file used last is the last.
    open: Mutex<Vec<(u32, Arc<File>)>>,
}

/// Makes a directory, and what is missing above it, so that their names survive a loss of power.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make_dir(parent)?;
    // Messages and password hashes are nobody else's to read.
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

impl FileDisk {
    /// Opens the directory, which is made if it is not there.
    pub fn open(dir: &Path) -> io::Result<Self> {
        make_dir(dir)?;
        Ok(Self { is_writable: true, spares: Spares::find(dir)?, ..Self::read_only(dir)? })
    }

    /// Opens a directory that is there, to look at it: writing fails.
    pub fn read_only(dir: &Path) -> io::Result<Self> {
        let handle = File::open(dir)?;
        let (spares, open) = (Spares::default(), Mutex::default());
        Ok(Self { dir: dir.to_owned(), handle, is_writable: false, spares, open })
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(file_name(segment))
    }

    fn file(&self, segment: u32) -> io::Result<Arc<File>> {
        let mut open = self.open.lock();
        if let Some(at) = open.iter().rposition(|(number, _)| *number == segment) {
            let used = open.remove(at);
            let file = Arc::clone(&used.1);
            open.push(used);
            return Ok(file);
        }
        let file = Arc::new(OpenOptions::new().read(true).write(self.is_writable).open(self.path(segment))?);
        Self::keep(&mut open, segment, &file);
        Ok(file)
    }

    fn keep(open: &mut Vec<(u32, Arc<File>)>, segment: u32, file: &Arc<File>) {
        if MOST_OPEN <= open.len() {
            open.remove(0);
        }
        open.push((segment, Arc::clone(file)));
    }
}

impl Disk for FileDisk {
    fn create(&self, segment: u32, bytes: u64) -> io::Result<()> {
        let path = self.path(segment);
        let file = match self.spares.take(&path, bytes) {
            Some(file) => file,
            None => make(&path, bytes)?,
        };
        self.handle.sync_all()?;
        Self::keep(&mut self.open.lock(), segment, &Arc::new(file));
        Ok(())
    }

    fn write(&self, segment: u32, at: u64, parts: &[&[u8]]) -> io::Result<()> {
        let file = self.file(segment)?;
        if let [part] = parts {
            return file.write_all_at(part, at);
        }
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let (mut rest, mut at) = (slices.as_mut_slice(), at);
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let now = rest.get(..MOST_PARTS).unwrap_or(rest);
            match rustix::io::pwritev(&file, now, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&self, segment: u32, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file(segment)?.read_exact_at(into, at)
    }

    fn len(&self, segment: u32) -> io::Result<u64> {
        Ok(self.file(segment)?.metadata()?.len())
    }

    fn sync(&self, segment: u32) -> io::Result<()> {
        self.file(segment)?.sync_data()
    }

    fn remove(&self, segment: u32) -> io::Result<()> {
        let gone = self.dir.join(format!("{}.{GONE}", file_name(segment)));
        fs::rename(self.path(segment), &gone)?;
        // Not before: a reader could have opened it again, and its room would stay taken.
        let file = {
            let mut open = self.open.lock();
            let at = open.iter().position(|(number, _)| *number == segment);
            at.map(|at| open.remove(at).1)
        };
        // Who still reads it here finds in it what was there. Outside the lock, which reads and commits want: the last close
        // gives the room back, and takes its time.
        match file.map(Arc::into_inner) {
            Some(Some(_)) => self.spares.keep(&self.dir, &gone)?,
            _ => fs::remove_file(&gone)?,
        }
        self.handle.sync_all()
    }

    fn quarantine(&self, segment: u32) -> io::Result<String> {
        let from = self.file(segment)?;
        let (to, path) = self.create_copy(segment)?;
        copy(&from, &to)?;
        to.sync_all()?;
        // What is damaged is not used again, see `remove`.
        self.open.lock().retain(|(number, _)| *number != segment);
        self.handle.sync_all()?;
        Ok(path.display().to_string())
    }

    fn list(&self) -> io::Result<Vec<u32>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            segments.extend(entry?.file_name().to_str().and_then(segment_of));
        }
        Ok(segments)
    }

    fn describe(&self, segment: u32) -> String {
        self.path(segment).display().to_string()
    }

    #[cfg(target_os = "linux")]
    fn written(&self, segment: u32, at: u64) -> io::Result<Range<u64>> {
        use rustix::fs::{SeekFrom, seek};
        use rustix::io::Errno;

        let file = self.file(segment)?;
        let len = file.metadata()?.len().max(at);
        match seek(&file, SeekFrom::Data(at)) {
            Ok(start) => Ok(start..seek(&file, SeekFrom::Hole(start))?),
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => Ok(len..len),
            // A file system that does not know: everything may be data.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(at..len),
            Err(error) => Err(error.into()),
        }
    }
}

impl FileDisk {
    /// A file for a copy of the segment, under a name that is still free.
    fn create_copy(&self, segment: u32) -> io::Result<(File, PathBuf)> {
        let mut time = 0;
        loop {
            let path = self.dir.join(format!("{}.damaged-{time}", file_name(segment)));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => time += 1,
                file => return Ok((file?, path)),
            }
        }
    }
}

/// A new file of so many zeros.
fn make(path: &Path, bytes: u64) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    preallocate(&file, bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Copies what can be read; the rest is zeros.
fn copy(from: &File, to: &File) -> io::Result<()> {
    let len = from.metadata()?.len();
    to.set_len(len)?;
    let mut at = 0;
    while at < len {
        let mut part = [0; PAGE_BYTES];
        // Short only at the end.
        match from.read_at(&mut part, at) {
            Ok(read) => to.write_all_at(part.get(..read).unwrap_or_default(), at)?,
            Err(error) => tracing::warn!(offset = at, %error, "left out of the copy what can't be read"),
        }
        at += PAGE_BYTES as u64;
    }
    Ok(())
}

fn file_name(segment: u32) -> String {
    format!("{segment:010}.log")
}

fn segment_of(name: &str) -> Option<u32> {
    let segment = name.strip_suffix(".log")?.parse().ok()?;
    (segment != 0 && name == file_name(segment)).then_some(segment)
}

/// Has the file system find room now: later a write could only fail with a broken disk, not with a full one.
#[cfg(target_os = "linux")]
fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(bytes),
        result => Ok(result?),
    }
}

#[cfg(not(target_os = "linux"))]
fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, FileDisk) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FileDisk::open(&dir.path().join("log")).unwrap();
        (dir, disk)
    }

    #[test]
    fn what_is_missing_above_a_directory_is_made_too() {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().join("a/b/c");
        make_dir(&dir).unwrap();
        make_dir(&dir).unwrap();
        assert!(dir.is_dir());
        fs::write(room.path().join("file"), b"").unwrap();
        assert!(make_dir(&room.path().join("file/below")).is_err());
    }

    #[test]
    fn a_segment_is_zeros_until_written_to() {
        let (_dir, disk) = disk();
        disk.create(3, 10_000).unwrap();
        assert_eq!(disk.len(3).unwrap(), 10_000);
        let parts: Vec<&[u8]> = std::iter::repeat_n(b"ab".as_slice(), 2000).chain([b"".as_slice()]).collect();
        disk.write(3, 7000, &parts).unwrap();
        disk.sync(3).unwrap();
        assert_eq!(disk.len(3).unwrap(), 11_000, "it has grown");
        let mut bytes = [9; 5];
        disk.read(3, 6998, &mut bytes).unwrap();
        assert_eq!(&bytes, b"\0\0aba");
        assert!(disk.read(3, 10_998, &mut bytes).is_err(), "reads nothing but what is there");
        assert!(disk.create(3, 1).is_err(), "never overwrites");
    }

    #[test]
    fn only_segments_are_listed() {
        let (dir, disk) = disk();
        for segment in [1, 20, u32::MAX] {
            disk.create(segment, 100).unwrap();
        }
        for name in ["1.log", "0000000000.log", "0000000007.log.damaged", "+000000007.log", "view"] {
            fs::write(dir.path().join("log").join(name), "").unwrap();
        }
        let aside = disk.quarantine(20).unwrap();
        assert_ne!(disk.quarantine(20).unwrap(), aside, "a copy is never overwritten");
        assert_eq!(fs::read(aside).unwrap(), [0; 100]);
        disk.remove(20).unwrap();
        let mut listed = disk.list().unwrap();
        listed.sort_unstable();
        assert_eq!(listed, [1, u32::MAX]);
        assert_eq!(disk.read(20, 0, &mut [0]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn more_segments_than_files_may_be_open() {
        let (_dir, disk) = disk();
        let last = 2 * u32::try_from(MOST_OPEN).unwrap();
        for segment in 1..=last {
            disk.create(segment, 8).unwrap();
            disk.write(segment, 0, &[&segment.to_le_bytes()]).unwrap();
        }
        for segment in 1..=last {
            let mut bytes = [0; 4];
            disk.read(segment, 0, &mut bytes).unwrap();
            assert_eq!(u32::from_le_bytes(bytes), segment);
        }
        assert_eq!(disk.open.lock().len(), MOST_OPEN);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_never_written_is_skipped() {
        let (_dir, disk) = disk();
        disk.create(1, 1 << 20).unwrap();
        disk.write(1, 600_000, &[b"x"]).unwrap();
        let found = disk.written(1, 8).unwrap();
        assert!((8..=600_000).contains(&found.start) && 600_000 < found.end, "{found:?}");
        assert_eq!(disk.written(1, 900_000).unwrap(), 1 << 20..1 << 20);
    }
}
