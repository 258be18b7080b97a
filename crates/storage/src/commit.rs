//! Group commit: everything that waits is written at once, and synced if anybody waits for it.
//!
//! Invariants:
//! - One commit runs at a time; whatever is appended meanwhile is the next one's.
//! - A segment is synced as a whole before the next one's header is written, and that header before anything is
//!   written behind it.
//! - A write, sync or create that failed is never tried again: what is on the disk then is anybody's guess.

use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use smallvec::SmallVec;

use crate::batch::Records;
use crate::engine::Engine;
use crate::error::LogFailed;
use crate::inner::{Inner, Part};
use crate::pending::Chunk;
use crate::place::{MessageId, Position};
use crate::reclaim::Indexes;
use crate::record::{Encoded, Run, SegmentHeader};

/// What only the thread that commits touches; kept for its buffers.
#[derive(Debug, Default)]
pub struct Writer {
    ids: Vec<MessageId>,
    runs: Vec<Run>,
    batch: Records,
    /// Of what was written.
    pub indexes: Indexes,
}

/// What one commit writes.
struct Work {
    chunks: Arc<Vec<Chunk>>,
    /// The end of it, if it is to be synced.
    sync: Option<Position>,
}

impl Work {
    fn bytes(&self) -> u64 {
        self.chunks.iter().flat_map(Chunk::parts).map(|part| part.len() as u64).sum()
    }
}

/// What failed, on which segment.
struct DiskFailed {
    doing: &'static str,
    segment: u32,
    source: io::Error,
}

/// Runs that a record of settlements has at most, so that none is longer than a segment.
const RUNS_PER_RECORD: usize = 4096;
/// Settlements that one write takes: a queue of millions may be purged, and others wait for their confirms.
const SETTLED_AT_ONCE: usize = 65_536;

impl Engine {
    /// See [`Log::commit`](crate::Log::commit).
    pub fn commit(&self) -> Result<bool, LogFailed> {
        let mut writer = self.writer.lock();
        let mut any = false;
        while self.log_settlements(&mut writer)? {
            any |= self.write_pending(&mut writer.indexes)?;
        }
        Ok(self.write_pending(&mut writer.indexes)? || any)
    }

    /// See [`Log::close`](crate::Log::close).
    pub fn close(&self, redelivered: &[MessageId]) -> Result<(), LogFailed> {
        self.checkpoint(&mut self.keeper.lock())?;
        let mut writer = self.writer.lock();
        let writer = &mut *writer;
        writer.ids.clear();
        {
            let mut inner = self.inner.lock();
            self.check(&inner)?;
            inner.is_closed = true;
            writer.ids.extend(redelivered.iter().map(|id| inner.current_id(*id)));
        }
        let mut redelivered = Vec::new();
        runs_of(&mut writer.ids, &mut redelivered);
        while self.log_settlements(writer)? {
            self.write_pending(&mut writer.indexes)?;
        }
        self.write_pending(&mut writer.indexes)?;
        writer.batch.closed(&redelivered);
        writer.batch.seal(self.seed);
        self.append_own(&mut writer.batch, |_, _, _| ())?;
        self.write_pending(&mut writer.indexes)?;
        // From here on nothing is taken, as if the disk had failed, except that nothing has.
        let _ = self.failure.set(LogFailed::Closed);
        Ok(())
    }

    /// Appends records of the log itself, those that a batch of ours has, and shows the lock and where they are.
    pub fn append_own(
        &self,
        batch: &mut Records,
        then: impl FnOnce(&mut Inner, &[Encoded], &[Part]),
    ) -> Result<(), LogFailed> {
        let mut parts: SmallVec<[Part; 1]> = SmallVec::new();
        let mut inner = self.inner.lock();
        self.check(&inner)?;
        inner.append(batch, &mut parts);
        then(&mut inner, &batch.all, &parts);
        drop(inner);
        batch.clear();
        Ok(())
    }

    /// Turns what was settled since the last time into records, or as much of it as others can wait for. Whether
    /// more is left.
    fn log_settlements(&self, writer: &mut Writer) -> Result<bool, LogFailed> {
        writer.ids.clear();
        let is_more = {
            let mut inner = self.inner.lock();
            let rest = inner.settled.len().saturating_sub(SETTLED_AT_ONCE);
            if rest == 0 {
                mem::swap(&mut inner.settled, &mut writer.ids);
            } else {
                writer.ids.extend(inner.settled.drain(rest..));
            }
            rest != 0
        };
        if writer.ids.is_empty() {
            return Ok(false);
        }
        runs_of(&mut writer.ids, &mut writer.runs);
        for runs in writer.runs.chunks(RUNS_PER_RECORD) {
            writer.batch.settled(runs);
        }
        writer.batch.seal(self.seed);
        let runs = &writer.runs;
        self.append_own(&mut writer.batch, |inner, _, parts| {
            for part in parts {
                let others = runs.iter().map(|run| Position(run.first).segment());
                let others = others.filter(|segment| *segment != part.segment);
                if let Some(segment) = inner.segment_mut(part.segment) {
                    segment.about.extend(others);
                }
            }
        })?;
        Ok(is_more)
    }

    /// Writes what is pending.
    fn write_pending(&self, indexes: &mut Indexes) -> Result<bool, LogFailed> {
        let Some(work) = self.take_work()? else { return Ok(false) };
        let begun = Instant::now();
        if let Err(error) = self.carry_out(&work) {
            return Err(self.fail(&error));
        }
        self.counters.note_commit(work.bytes(), begun.elapsed(), work.sync.is_some());
        self.finish(&work);
        // Nobody waits any more.
        for chunk in work.chunks.iter() {
            indexes.extend(chunk);
        }
        // A reader may still look at them; then their buffers are not used again.
        if let Ok(chunks) = Arc::try_unwrap(work.chunks) {
            self.inner.lock().pending.recycle(chunks);
        }
        Ok(true)
    }

    /// What is pending becomes what is being written.
    fn take_work(&self) -> Result<Option<Work>, LogFailed> {
        let mut inner = self.inner.lock();
        self.check(&inner)?;
        if inner.pending.chunks.is_empty() && !inner.pending.sync {
            return Ok(None);
        }
        let mut chunks = mem::take(&mut inner.pending.chunks);
        for chunk in &mut chunks {
            chunk.seal(self.seed, self.committed().0);
        }
        let chunks = Arc::new(chunks);
        inner.writing = Arc::clone(&chunks);
        inner.writing_bytes = mem::take(&mut inner.pending.bytes);
        let sync = mem::take(&mut inner.pending.sync).then(|| inner.end());
        inner.syncing = sync.unwrap_or(inner.syncing);
        Ok(Some(Work { chunks, sync }))
    }

    fn carry_out(&self, work: &Work) -> Result<(), DiskFailed> {
        for chunk in work.chunks.iter() {
            if let Some(header) = &chunk.header {
                self.begin_segment(header)?;
            }
            let segment = chunk.segment;
            let parts: SmallVec<[&[u8]; 8]> = chunk.parts().collect();
            self.disk.write(segment, u64::from(chunk.offset()), &parts).map_err(|source| DiskFailed {
                doing: "writing",
                segment,
                source,
            })?;
        }
        work.sync.map_or(Ok(()), |position| self.sync(position.segment()))
    }

    fn begin_segment(&self, header: &SegmentHeader) -> Result<(), DiskFailed> {
        let segment = header.segment;
        self.sync(header.previous)?;
        self.create_up_to(segment)?;
        self.disk.write(segment, 0, &[&header.encode()]).map_err(|source| DiskFailed {
            doing: "writing",
            segment,
            source,
        })?;
        self.sync(segment)
    }

    fn sync(&self, segment: u32) -> Result<(), DiskFailed> {
        self.disk.sync(segment).map_err(|source| DiskFailed { doing: "syncing", segment, source })
    }

    /// Makes the files of the segments up to that one.
    fn create_up_to(&self, last: u32) -> Result<bool, DiskFailed> {
        let mut created = self.created.lock();
        let before = *created;
        while *created < last {
            let segment = *created + 1;
            self.disk
                .create(segment, u64::from(self.options.segment_bytes))
                .map_err(|source| DiskFailed { doing: "creating", segment, source })?;
            *created = segment;
        }
        Ok(before < *created)
    }

    /// Makes the next segment's file ahead of its time, once the active segment is half full: a commit need not
    /// wait for it then. Whether it did.
    pub fn prepare_segment(&self) -> Result<bool, LogFailed> {
        let next = {
            let inner = self.inner.lock();
            self.check(&inner)?;
            inner.wanted_segment()
        };
        self.create_up_to(next).map_err(|error| self.fail(&error))
    }

    /// What was to be done is done.
    fn finish(&self, work: &Work) {
        let (waiters, keep) = {
            let mut inner = self.inner.lock();
            let committed = work.sync.unwrap_or(self.committed());
            self.committed.store(committed.0, Ordering::Release);
            inner.writing = Arc::default();
            inner.writing_bytes = 0;
            let is_behind = self.options.waiting_bytes < inner.waiting_bytes();
            self.behind.store(is_behind, Ordering::Release);
            (inner.take_waiters(committed, false), inner.ask_for_segment())
        };
        if keep {
            self.keep.notify_one();
        }
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// The disk failed in keeping house.
    pub fn fail_keeping(&self, doing: &'static str, segment: u32, source: io::Error) -> LogFailed {
        self.fail(&DiskFailed { doing, segment, source })
    }

    /// The end of the log's service. Its one line in the broker's log is written here.
    fn fail(&self, error: &DiskFailed) -> LogFailed {
        let file = self.disk.describe(error.segment);
        let failure = LogFailed::Disk(format!("{} {file} failed: {}", error.doing, error.source).into());
        if self.failure.set(failure.clone()).is_ok() {
            tracing::error!(%file, error = %error.source, "{failure}, until the broker is started again");
        }
        let waiters = {
            let mut inner = self.inner.lock();
            // What waits now waits for ever: nobody is to pause for it.
            self.behind.store(false, Ordering::Release);
            inner.take_waiters(self.committed(), true)
        };
        for waiter in waiters {
            waiter.wake();
        }
        failure
    }
}

/// Sorts the ids and puts those together that follow each other.
fn runs_of(ids: &mut [MessageId], runs: &mut Vec<Run>) {
    runs.clear();
    ids.sort_unstable();
    for id in ids.iter().map(|id| id.0.get()) {
        match runs.last_mut() {
            Some(run) if run.first + u64::from(run.count) == id => run.count += 1,
            Some(run) if id < run.first + u64::from(run.count) => {}
            _ => runs.push(Run { first: id, count: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_follow_each_other_are_one_run() {
        let mut ids: Vec<MessageId> =
            [9, 3, 4, 4, 5, 8, 1].iter().map(|ordinal| MessageId::new(1, *ordinal).unwrap()).collect();
        let mut runs = vec![Run { first: 0, count: 0 }];
        runs_of(&mut ids, &mut runs);
        let runs: Vec<(u32, u32)> =
            runs.iter().map(|run| (Position(run.first).offset(), run.count)).collect();
        assert_eq!(runs, [(1, 1), (3, 3), (8, 2)]);
    }
}
