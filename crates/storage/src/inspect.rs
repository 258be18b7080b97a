//! Looking at a data directory, without changing anything in it: what its records are, and whether they are sound.
//!
//! Invariants:
//! - Nothing in the directory is written, and nothing is locked that a broker needs: it may run meanwhile. What is
//!   said of the newest records is then true of some moment in between.
//! - A directory that no broker would open can be looked at as well.

mod headers;
mod line;
mod overlay;
mod report;
mod verify;
mod walk;

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use line::Kind;
pub use report::{Contents, Report, SegmentReport, Spoilt, ViewReport};

use crate::disk::{Disk, FileDisk};
use crate::record::{Record, Seed};
use crate::view::View;
use headers::{Header, headers};
use walk::{Step, walk};

/// Why a directory can't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// There is no log in it, or it can't be read.
    #[error("{what} failed: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// It is one of a later version.
    #[error("{file} was written in format {found}, which this version of leveret does not know")]
    Newer {
        /// The segment's file.
        file: String,
        /// Its format.
        found: u32,
    },
    /// The lines could not be written.
    #[error("writing what was found failed: {0}")]
    Output(#[source] io::Error),
}

/// Which records are shown. What is left out is shown whatever it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    /// Those of this segment.
    pub segment: Option<u32>,
    /// Those of this kind.
    pub kind: Option<Kind>,
    /// Messages to this queue, and nothing else.
    pub queue: Option<u64>,
}

/// Where the view is, for who looks.
enum ViewAt {
    Nowhere,
    Dir(PathBuf),
    Here(Arc<dyn View>),
}

/// A data directory to be looked at.
pub struct Inspection {
    disk: Arc<dyn Disk>,
    view: ViewAt,
    /// What a broker that uses the directory has locked.
    lock: Option<PathBuf>,
}

impl std::fmt::Debug for Inspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspection").finish_non_exhaustive()
    }
}

impl Inspection {
    /// Of a data directory.
    pub fn open(dir: &Path) -> Result<Self, InspectError> {
        let log = dir.join("log");
        let disk = FileDisk::read_only(&log)
            .map_err(|source| InspectError::Io { what: format!("opening {}", log.display()), source })?;
        let view = dir.join("view");
        let view = if view.is_dir() { ViewAt::Dir(view) } else { ViewAt::Nowhere };
        Ok(Self { disk: Arc::new(disk), view, lock: Some(dir.join("leveret.lock")) })
    }

    /// Of a disk and perhaps a view of it, which is looked at as a broker would: if it can't be believed it is emptied.
    pub fn of(disk: Arc<dyn Disk>, view: Option<Arc<dyn View>>) -> Self {
        Self { disk, view: view.map_or(ViewAt::Nowhere, ViewAt::Here), lock: None }
    }

    /// Whether a broker uses the directory now. Asking takes the lock for a moment.
    fn is_in_use(&self) -> bool {
        let lock = self.lock.as_ref().and_then(|path| File::open(path).ok());
        lock.is_some_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Writes a line for every record selected, and one for every place where there should be one and is none.
    pub fn dump(&self, selection: &Selection, out: &mut dyn Write) -> Result<(), InspectError> {
        let found = headers(&*self.disk)?;
        for header in &found.segments {
            if selection.segment.is_some_and(|segment| segment != header.segment) {
                continue;
            }
            self.dump_segment(header, found.seed, selection, out)?;
        }
        out.flush().map_err(InspectError::Output)
    }

    fn dump_segment(
        &self,
        header: &Header,
        seed: Option<Seed>,
        selection: &Selection,
        out: &mut dyn Write,
    ) -> Result<(), InspectError> {
        let file = self.disk.describe(header.segment);
        let mut written = Ok(());
        let mut line = |text: String| {
            if written.is_ok() {
                written = writeln!(out, "{file} {text}");
            }
        };
        let only_records = selection.kind.is_some() || selection.queue.is_some();
        if !only_records {
            line(header.to_string());
        }
        let Some(seed) = seed.filter(|_| !header.is_unbegun) else {
            return written.map_err(InspectError::Output);
        };
        let walked = walk(&*self.disk, seed, header, &mut |step| match step {
            Step::Record(found) if is_selected(selection, &found.record) => {
                line(line::of(header.segment, found));
            }
            Step::Record(_) => {}
            Step::Spoilt(spoilt) => line(spoilt.to_string()),
        });
        match walked {
            Ok(end) if !only_records => line(end.to_string()),
            Ok(_) => {}
            // Its last message is gone, and the file with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(InspectError::Io { what: format!("reading {file}"), source });
            }
        }
        written.map_err(InspectError::Output)
    }
}

fn is_selected(selection: &Selection, record: &Record<'_>) -> bool {
    let queue_fits = selection.queue.is_none_or(|wanted| match record {
        Record::Message(head) => head.queues().any(|queue| queue == wanted),
        _ => false,
    });
    queue_fits && selection.kind.is_none_or(|kind| kind == Kind::of(record))
}
