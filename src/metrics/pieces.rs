//! A body that leaves while it is written, on a thread that may wait for who reads it.
//!
//! Invariants: who reads slowly is given up after [`READER_WAIT`] of nothing, and after [`WHOLE_WAIT`] whatever they took.
//! A body that is not finished breaks off, so that nobody takes a part for the whole.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

/// Bytes that leave together.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that may wait.
const WAITING: usize = 2;
/// Who reads nothing for so long is given up.
const READER_WAIT: Duration = Duration::from_secs(30);
/// The whole body must have left after so long; no longer does Prometheus wait for a page.
const WHOLE_WAIT: Duration = Duration::from_mins(1);

/// Where it is written; must be used on a thread that may wait.
pub struct Pieces {
    piece: Vec<u8>,
    /// `None` is the end.
    sender: Sender<Option<Bytes>>,
    runtime: Handle,
    deadline: Instant,
}

/// Where it leaves.
pub struct Leaving(Receiver<Option<Bytes>>);

/// Both ends. Must be called within a runtime.
pub fn pieces() -> (Pieces, Leaving) {
    let (sender, receiver) = channel(WAITING);
    let (runtime, deadline) = (Handle::current(), Instant::now() + WHOLE_WAIT);
    (Pieces { piece: Vec::new(), sender, runtime, deadline }, Leaving(receiver))
}

impl Pieces {
    /// All is written.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.send(None)
    }

    fn send(&mut self, piece: Option<Bytes>) -> io::Result<()> {
        let deadline = self.deadline.min(Instant::now() + READER_WAIT);
        let sending = async { timeout_at(deadline, self.sender.send(piece)).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if PIECE_BYTES <= self.piece.len() {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() { Ok(()) } else { self.send(Some(piece.into())) }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| match piece {
            Some(piece) => piece.map(|piece| Ok(Frame::data(piece))),
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_that_is_not_finished_breaks_off() {
        let (mut into, leaving) = pieces();
        tokio::task::spawn_blocking(move || into.write_all(b"all").and_then(|()| into.finish()));
        assert_eq!(leaving.collect().await.unwrap().to_bytes(), "all");
        let (mut into, leaving) = pieces();
        tokio::task::spawn_blocking(move || into.write_all(b"a part").and_then(|()| into.flush()));
        let error = leaving.collect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_has_a_time_for_the_whole() {
        let (mut into, mut leaving) = pieces();
        let piece = vec![0; PIECE_BYTES];
        let deadline = into.deadline;
        let writing = tokio::task::spawn_blocking(move || {
            let mut pieces = 0;
            while into.write_all(&piece).is_ok() {
                pieces += 1;
            }
            pieces
        });
        let mut taken = 0;
        while Instant::now() < deadline && leaving.frame().await.is_some_and(|piece| piece.is_ok()) {
            taken += 1;
            tokio::time::advance(READER_WAIT / 3).await;
        }
        let written = writing.await.unwrap();
        assert!((6..=7 + WAITING).contains(&written) && taken <= 7, "{written} written, {taken} taken");
    }
}
