//! The messages that wait in a queue, in the order in which they will go, wherever they are: in memory, or in pages in the
//! log.
//!
//! Invariants:
//! - Nothing changes by being looked at. The queue is locked for as long as it takes to copy what is in memory of one
//!   batch; the log is read outside of that. A page that came back into memory meanwhile is looked for there.
//! - A batch is bounded by its bytes, not only by its messages: who works on one for long holds little.

use std::time::Duration;

use leveret_core::Timestamp;
use leveret_core::model::{Entry, Peek, Peeked, QueueRef, Spot};

use crate::durable::Stub;
use crate::session::Shared;

/// How often a look begins anew because a page has come back into memory.
const TRIES: usize = 4;

/// What one batch holds, in bytes of messages.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// A message, as it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub spot: Spot,
    pub entry: Entry,
    /// How long it has waited, as far as that is known.
    pub age: Option<Duration>,
}

/// Messages that come one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    pub seen: Vec<Seen>,
    /// Where the next batch begins; `None`: there is no more.
    pub next: Option<Spot>,
    /// The position that the next message to come will have.
    pub next_position: u64,
}

/// A message that is here, or in the log.
enum Candidate {
    Here(Entry),
    There(Stub),
}

/// The next messages behind a spot, so many at most. Reads the disk.
pub fn look(shared: &Shared, queue: &QueueRef, after: Option<Spot>, most: usize) -> Batch {
    let mut peek = queue.peek(shared.clock.now(), after, most);
    let mut tries = 1;
    let mut candidates = loop {
        if let Some(candidates) = candidates(shared, &peek, (after, most), tries == TRIES) {
            break candidates;
        }
        peek = queue.peek(shared.clock.now(), after, most);
        tries += 1;
    };
    let count = affordable(&candidates).min(most);
    let is_cut = count < candidates.len();
    candidates.truncate(count);
    let last = candidates.last().map(|(spot, _)| *spot);
    let has_more = is_cut || peek.until.is_some();
    // Messages that can't be read count as seen, so that a look always comes further.
    let next = if has_more { last.or(peek.until.map(before)) } else { None };
    Batch { seen: read(shared, &peek, candidates), next, next_position: peek.next_position }
}

/// How many of the first may be held at once; one always. Those in memory count, too: they are to leave it when their
/// queue lets go of them.
fn affordable(candidates: &[(Spot, Candidate)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, candidate): &&(Spot, Candidate)| {
        bytes += match candidate {
            Candidate::There(stub) => u64::from(stub.place.len),
            Candidate::Here(entry) => entry.body_bytes(),
        };
        bytes <= BATCH_BYTES
    };
    candidates.iter().take_while(fits).count().max(1)
}

/// The spot right before another one.
fn before(spot: Spot) -> Spot {
    match spot.position.checked_sub(1) {
        Some(position) => Spot { position, ..spot },
        None => Spot { rank: spot.rank.saturating_sub(1), position: u64::MAX },
    }
}

/// What may be shown, in order: a few more than wanted. `None`: a page is not there any more.
fn candidates(
    shared: &Shared,
    peek: &Peek,
    (after, most): (Option<Spot>, usize),
    takes_what_there_is: bool,
) -> Option<Vec<(Spot, Candidate)>> {
    let is_wanted =
        |spot: Spot| after.is_none_or(|after| after < spot) && peek.until.is_none_or(|until| spot < until);
    let mut found = Vec::new();
    for peeked in &peek.found {
        match peeked {
            Peeked::Message(spot, entry) => found.push((*spot, Candidate::Here(entry.clone()))),
            Peeked::Page { rank, page } => {
                let stubs = shared.storage.as_ref().and_then(|storage| storage.stubs(*page));
                if stubs.is_none() && !takes_what_there_is {
                    return None;
                }
                let spots = stubs.into_iter().flatten().map(|stub| (spot(&stub, *rank), stub));
                let wanted = spots.filter(|(spot, _)| is_wanted(*spot));
                found.extend(wanted.map(|(spot, stub)| (spot, Candidate::There(stub))));
                keep_first(&mut found, most);
            }
        }
    }
    found.sort_unstable_by_key(|(spot, _)| *spot);
    Some(found)
}

/// Forgets what will not be shown, now and then: pages whose messages are anywhere may be many.
fn keep_first(found: &mut Vec<(Spot, Candidate)>, most: usize) {
    if 8 * most.max(1024) < found.len() {
        found.sort_unstable_by_key(|(spot, _)| *spot);
        // One more than wanted tells that there is more.
        found.truncate(most + 1);
    }
}

fn spot(stub: &Stub, rank: Option<u64>) -> Spot {
    let due = || stub.expires_at.map_or(0, Timestamp::as_micros);
    Spot { rank: rank.unwrap_or_else(due), position: stub.position }
}

fn read(shared: &Shared, peek: &Peek, candidates: Vec<(Spot, Candidate)>) -> Vec<Seen> {
    let stubs: Vec<Stub> = candidates
        .iter()
        .filter_map(|(_, candidate)| match candidate {
            Candidate::There(stub) => Some(*stub),
            Candidate::Here(_) => None,
        })
        .collect();
    let read = shared.storage.as_ref().filter(|_| !stubs.is_empty()).map(|storage| storage.peek(&stubs));
    let mut read = read.unwrap_or_default().into_iter().peekable();
    let now = shared.clock.now();
    let entries = candidates.into_iter().filter_map(|(spot, candidate)| {
        let entry = match candidate {
            Candidate::Here(entry) => entry,
            // They come in the order in which they were asked for, without those that could not be read.
            Candidate::There(stub) => read.next_if(|entry| entry.position == stub.position)?,
        };
        Some(Seen { spot, age: peek.age(entry.position), entry })
    });
    // What has expired is as good as gone.
    entries.filter(|seen| seen.entry.expires_at.is_none_or(|at| now < at)).collect()
}

#[cfg(test)]
mod tests {
    use leveret_core::model::Message;

    use super::*;

    const MEBIBYTE: usize = 1024 * 1024;

    #[test]
    fn a_batch_ends_when_it_is_large_and_has_one_message_at_least() {
        let here = |body_bytes: usize| {
            let message = Message::compose(b"", b"q", &[0, 0], &vec![0; body_bytes]);
            (Spot::default(), Candidate::Here(Entry::new(0, message)))
        };
        assert_eq!(affordable(&[here(9 * MEBIBYTE), here(1)]), 1);
        assert_eq!(affordable(&[here(3 * MEBIBYTE), here(MEBIBYTE), here(1)]), 2);
        assert_eq!(affordable(&[here(1), here(1), here(1)]), 3);
    }
}
