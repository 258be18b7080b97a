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
