//! Reading messages back, many at a time.
//!
//! Invariants:
//! - A message is only given out if the checksum of its record is right.
//! - Messages that lie close to each other, in the order asked for, come with one read, and share its buffer.

use std::io;

use bytes::Bytes;

use crate::engine::Engine;
use crate::error::ReadError;
use crate::place::Place;
use crate::record::stored_head;

/// The most that one read takes, unless one message is longer.
const READ_BYTES: u64 = 1 << 20;
/// Bytes that are read and thrown away rather than begin another read.
const GAP_BYTES: u64 = 32 << 10;

/// A message as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its head, then its body. Many messages may share one buffer, which lives as long as any of them.
    pub bytes: Bytes,
    /// How long the head is.
    pub head_len: u32,
}

impl StoredMessage {
    /// What was given as the head.
    pub fn head(&self) -> Bytes {
        self.bytes.slice(..self.head_len as usize)
    }

    /// The body.
    pub fn body(&self) -> Bytes {
        self.bytes.slice(self.head_len as usize..)
    }
}

/// A message, or why it can't be had.
pub type Answer = Result<StoredMessage, ReadError>;

/// A place that is to be read, and which of those asked for it is.
type Wanted = (usize, Place);

impl Engine {
    /// See [`Log::read`](crate::Log::read).
    pub fn read(&self, places: &[Place]) -> Vec<Answer> {
        self.counters.note_read(places.len());
        let mut answers: Vec<Option<Answer>> = Vec::new();
        answers.resize_with(places.len(), || None);
        let mut wanted: Vec<Wanted> = places.iter().copied().enumerate().collect();
        // A second time for those whose segment went between the look at where they are and the read.
        for _ in 0..2 {
            wanted = self.read_some(&wanted, &mut answers);
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Err(ReadError::Gone))).collect()
    }

    /// Answers what it can; gives back those whose segments are not there.
    fn read_some(&self, wanted: &[Wanted], answers: &mut [Option<Answer>]) -> Vec<Wanted> {
        let mut answer = |at: usize, message: Answer| {
            if let Some(answer) = answers.get_mut(at) {
                *answer = Some(message);
            }
        };
        let mut written = Vec::new();
        let mut unwritten = Vec::new();
        {
            let inner = self.inner.lock();
            for (at, place) in wanted {
                let now = inner.current(*place);
                match inner.unwritten(now).and_then(|bytes| bytes.get(..now.len as usize)) {
                    Some(bytes) => unwritten.push((*at, now, Bytes::copy_from_slice(bytes))),
                    None => written.push((*at, now)),
                }
            }
        }
        for (at, place, record) in unwritten {
            answer(at, self.message(place, &record));
        }
        let mut gone = Vec::new();
        for run in written.chunk_by(adjoin).flat_map(cut) {
            match self.read_run(run) {
                Ok(bytes) => {
                    let begin = run.first().map_or(0, |(_, place)| place.offset);
                    for (at, place) in run {
                        let from = (place.offset - begin) as usize;
                        answer(*at, self.message(*place, &bytes.slice(from..from + place.len as usize)));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let was = |(at, _): &Wanted| wanted.iter().find(|(other, _)| other == at).copied();
                    gone.extend(run.iter().filter_map(was));
                }
                Err(error) => {
                    for (at, place) in run {
                        answer(*at, Err(self.failed_read(*place, &error)));
                    }
                }
            }
        }
        gone
    }

    /// The bytes from the first record to the end of the last.
    fn read_run(&self, run: &[Wanted]) -> io::Result<Bytes> {
        let (Some((_, first)), Some((_, last))) = (run.first(), run.last()) else { return Ok(Bytes::new()) };
        let mut bytes = vec![0; (last.offset - first.offset) as usize + last.len as usize];
        self.disk.read(first.id.segment(), u64::from(first.offset), &mut bytes)?;
        Ok(Bytes::from(bytes))
    }

    /// The message of a record.
    fn message(&self, place: Place, record: &Bytes) -> Answer {
        match stored_head(self.seed, record) {
            Ok(head) => {
                let bytes = record.slice_ref(head.bytes);
                Ok(StoredMessage { bytes, head_len: head.head_len })
            }
            Err(invalid) => Err(ReadError::Corrupt {
                file: self.disk.describe(place.id.segment()),
                offset: place.offset,
                what: invalid.to_string(),
            }),
        }
    }

    fn failed_read(&self, place: Place, error: &io::Error) -> ReadError {
        ReadError::Io {
            file: self.disk.describe(place.id.segment()),
            offset: place.offset,
            source: io::Error::new(error.kind(), error.to_string()),
        }
    }
}

/// Whether one read should take both.
fn adjoin((_, one): &Wanted, (_, next): &Wanted) -> bool {
    let end = u64::from(one.offset) + u64::from(one.len);
    one.id.segment() == next.id.segment()
        && one.offset <= next.offset
        && u64::from(next.offset) <= end + GAP_BYTES
}

/// Parts of a run that are no longer than one read.
fn cut(mut run: &[Wanted]) -> impl Iterator<Item = &[Wanted]> {
    std::iter::from_fn(move || {
        let begin = u64::from(run.first()?.1.offset);
        let fits = |(_, place): &Wanted| u64::from(place.offset) + u64::from(place.len) - begin <= READ_BYTES;
        let count = run.iter().take_while(|wanted| fits(wanted)).count().max(1);
        let (now, rest) = run.split_at_checked(count)?;
        run = rest;
        Some(now)
    })
}
