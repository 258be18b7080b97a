//! A body that leaves while it is written, on a thread that may wait for who reads it.

use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes that leave together.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that may wait.
const WAITING: usize = 2;
/// Who reads nothing for so long is given up.
const READER_WAIT: Duration = Duration::from_secs(30);

/// Where it is written; must be used on a thread that may wait.
pub struct Pieces {
    piece: Vec<u8>,
    sender: Sender<Bytes>,
    runtime: Handle,
}

/// Where it leaves.
pub struct Leaving(Receiver<Bytes>);

/// Both ends. Must be called within a runtime.
pub fn pieces() -> (Pieces, Leaving) {
    let (sender, receiver) = channel(WAITING);
    (Pieces { piece: Vec::new(), sender, runtime: Handle::current() }, Leaving(receiver))
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        let sending = async { tokio::time::timeout(READER_WAIT, self.sender.send(piece)).await };
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
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
