//! Whether everything is as it should be: every record, and the view against the log.
//!
//! Invariants:
//! - What a broker would find is found by what a broker runs, on an overlay and on a copy of the view.
//! - No more is held than the records of one segment at a time, and a digest of each segment's live pairs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::subscriber::{NoSubscriber, with_default};

use super::headers::{Header, headers};
use super::overlay::Overlay;
use super::report::{Contents, Report, SegmentReport, ViewReport};
use super::walk::{Step, walk};
use super::{InspectError, Inspection, ViewAt};
use crate::error::OpenError;
use crate::log::{Log, Options};
use crate::record::{Record, Seed};
use crate::view::{NoView, SledView, View};

/// A broker that runs may take a segment away while it is read: so often that is tried.
const ATTEMPTS: usize = 3;

/// Everything that a log gives back when it is opened.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Of each segment: how many pairs, and a checksum of what they are.
    pairs: BTreeMap<u32, (u64, u32)>,
    definitions: Vec<(Vec<u8>, Vec<u8>)>,
    is_clean: bool,
}

impl Inspection {
    /// Reads everything and compares it.
    pub fn verify(&self) -> Result<Report, InspectError> {
        let found = headers(&*self.disk)?;
        let mut segments = Vec::new();
        for header in &found.segments {
            segments.extend(self.verify_segment(header, found.seed)?);
        }
        let is_spoilt = segments.iter().any(|segment| segment.header_is_spoilt || !segment.spoilt.is_empty());
        let tally = self.tally(&|| Box::new(NoView), is_spoilt).map(|(tally, _)| tally);
        let view = match &tally {
            Ok(tally) if !is_spoilt => self.compare_view(tally),
            _ => ViewReport::NotCompared("the log has to be mended first".to_owned()),
        };
        let contents = tally.map_err(|error| error.to_string()).map(|tally| Contents {
            live_pairs: tally.pairs.values().map(|(count, _)| *count).sum(),
            definitions: tally.definitions.len() as u64,
            is_clean: tally.is_clean,
        });
        Ok(Report { segments, contents, view })
    }

    /// Nothing if it has gone meanwhile.
    fn verify_segment(
        &self,
        header: &Header,
        seed: Option<Seed>,
    ) -> Result<Option<SegmentReport>, InspectError> {
        let file = self.disk.describe(header.segment);
        let mut report = SegmentReport {
            segment: header.segment,
            file: file.clone(),
            is_unbegun: header.is_unbegun,
            header_is_spoilt: header.says.is_none() && !header.is_unbegun,
            ..SegmentReport::default()
        };
        let Some(seed) = seed.filter(|_| !header.is_unbegun) else { return Ok(Some(report)) };
        let walked = walk(&*self.disk, seed, header, &mut |step| match step {
            Step::Spoilt(spoilt) => report.spoilt.push(spoilt),
            Step::Record(found) => {
                report.records += 1;
                report.definitions += u64::from(matches!(found.record, Record::Definition { .. }));
                if let Record::Message(head) = found.record {
                    report.messages += 1;
                    report.pairs += u64::from(head.pairs());
                }
            }
        });
        match walked {
            Ok(ended) => {
                (report.end, report.torn) = (ended.at, ended.torn);
                Ok(Some(report))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(InspectError::Io { what: format!("reading {file}"), source }),
        }
    }

    /// Opens the log on an overlay, with a view; and whether the view was believed.
    fn tally(&self, view: &dyn Fn() -> Box<dyn View>, accept_loss: bool) -> Result<(Tally, bool), OpenError> {
        let mut attempt = 1;
        loop {
            let disk = Arc::new(Overlay::new(Arc::clone(&self.disk)));
            let options = Options { accept_loss, ..Options::default() };
            // What it would warn of is in the report, and nothing of it happens.
            let opened = with_default(NoSubscriber::default(), || tally(disk, view(), options));
            match opened {
                Err(OpenError::Io { .. }) if attempt < ATTEMPTS && self.is_in_use() => attempt += 1,
                done => return done,
            }
        }
    }

    fn compare_view(&self, alone: &Tally) -> ViewReport {
        let report = match &self.view {
            ViewAt::Nowhere => return ViewReport::None,
            ViewAt::Here(view) => return self.compare(alone, &|| Box::new(Arc::clone(view))),
            ViewAt::Dir(_) if self.is_in_use() => return ViewReport::InUse,
            ViewAt::Dir(dir) => self.compare_copy(alone, dir),
        };
        // A broker that was started meanwhile has changed both.
        if report != ViewReport::Agrees && self.is_in_use() { ViewReport::InUse } else { report }
    }

    fn compare_copy(&self, alone: &Tally, dir: &Path) -> ViewReport {
        let copy = match Copy::of(dir) {
            Ok(copy) => copy,
            Err(error) => return ViewReport::NotCompared(format!("it could not be copied: {error}")),
        };
        match SledView::open(&copy.0) {
            Ok(view) => {
                let view: Arc<dyn View> = Arc::new(view);
                self.compare(alone, &|| Box::new(Arc::clone(&view)))
            }
            Err(error) => ViewReport::NotCompared(format!("its copy could not be opened: {error}")),
        }
    }

    fn compare(&self, alone: &Tally, view: &dyn Fn() -> Box<dyn View>) -> ViewReport {
        match self.tally(view, false) {
            Ok((_, false)) => ViewReport::NotBelieved,
            Ok((with, true)) if with == *alone => ViewReport::Agrees,
            Ok((with, true)) => ViewReport::Differs(difference(alone, &with)),
            Err(error) => ViewReport::NotCompared(error.to_string()),
        }
    }
}

fn tally(disk: Arc<Overlay>, view: Box<dyn View>, options: Options) -> Result<(Tally, bool), OpenError> {
    let (log, mut recovery) = Log::open(disk, view, options)?;
    let has_view = log.0.has_view();
    let mut tally = Tally { is_clean: recovery.was_clean(), ..Tally::default() };
    recovery.messages(&mut |pair| {
        let (count, checksum) = tally.pairs.entry(pair.place.id.segment()).or_default();
        *count += 1;
        let what = [
            pair.queue,
            pair.place.id.0.get(),
            pair.place.offset.into(),
            pair.place.len.into(),
            pair.published_at,
            pair.expiration.unwrap_or(u64::MAX),
        ];
        for number in what {
            *checksum = crc32c::crc32c_append(*checksum, &number.to_le_bytes());
        }
        true
    })?;
    tally.definitions = recovery.definitions()?;
    Ok((tally, has_view))
}

fn difference(alone: &Tally, with: &Tally) -> String {
    let segments = alone.pairs.keys().chain(with.pairs.keys());
    let other = segments.copied().find(|segment| alone.pairs.get(segment) != with.pairs.get(segment));
    if let Some(segment) = other {
        let count = |tally: &Tally| tally.pairs.get(&segment).map_or(0, |(count, _)| *count);
        return format!(
            "of segment {segment} it knows {} live pairs, the log {}, or not the same ones",
            count(with),
            count(alone)
        );
    }
    format!(
        "it knows {} definitions, the log {}, or not the same ones",
        with.definitions.len(),
        alone.definitions.len()
    )
}

/// A copy of a directory, which goes when it is dropped: a view can't be looked at without being written to.
struct Copy(PathBuf);

impl Copy {
    fn of(dir: &Path) -> io::Result<Self> {
        let copy = std::env::temp_dir().join(format!("leveret-view-{}", std::process::id()));
        fs::create_dir(&copy)?;
        let copy = Self(copy);
        copy_all(dir, &copy.0)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(copy = %self.0.display(), %error, "a copy of the view was left behind");
        }
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy_all(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::record::{HEADER_BYTES, salt_of};
    use crate::{Batch, CrashDisk, MemoryView, NewMessage};

    #[test]
    fn a_view_that_says_something_else_is_found_out() {
        let (disk, view) = (Arc::new(CrashDisk::new()), MemoryView::default());
        let options = Options { segment_bytes: 4096, ..Options::default() };
        let (log, _) = Log::open(Arc::clone(&disk) as _, Box::new(view.clone()), options).unwrap();
        let mut batch = Batch::default();
        for _ in 0..100 {
            let new = NewMessage {
                durable: true,
                published_at: 1,
                expiration: None,
                queues: &[1],
                head: &[],
                body: &[0; 100],
            };
            batch.message(&new);
        }
        log.append(&mut batch, &mut Vec::new()).unwrap();
        log.commit().unwrap();
        while log.tend().unwrap() {}
        let verify = || {
            let view: Arc<dyn View> = Arc::new(view.copy());
            Inspection::of(Arc::clone(&disk) as _, Some(view)).verify().unwrap()
        };
        assert_eq!(verify().view, ViewReport::Agrees);

        let bytes = disk.bytes(1);
        let salt = salt_of(bytes.first_chunk::<HEADER_BYTES>().unwrap()).unwrap();
        let mut catalog = Catalog::new(Arc::new(view.clone()), salt);
        let loaded = catalog.load().unwrap();
        let mut stored = loaded.segments[&1].clone();
        stored.facts.pairs.kill(3, 1);
        catalog.put_segment(1, &stored).unwrap();
        catalog.commit(loaded.at).unwrap();
        let report = verify();
        assert!(matches!(&report.view, ViewReport::Differs(how) if how.contains("of segment 1")));
        assert!(!report.is_sound());
    }
}
