//! A connection's transport: plain TCP, or TLS over it.
//!
//! Invariants:
//! - Readiness is asked for before a buffer is taken: a connection on which nothing happens holds none.
//! - Plain TCP goes straight to the socket; what TLS needs costs it one match.
//! - [`Socket::poll_flush`] is ready only when every byte that was taken has gone to the kernel.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use crate::tls::TlsStream;

/// What a session reads from and writes to.
pub enum Socket {
    /// Bytes as they are.
    Plain(TcpStream),
    /// Bytes in records. Boxed: its state is a hundred times larger than a file descriptor.
    Tls(Box<TlsStream>),
}

impl Socket {
    /// Whether reading is worth a buffer. May be wrong in that direction, never in the other.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => socket.poll_read_ready(context),
            Self::Tls(stream) => stream.poll_read_ready(context),
        }
    }

    /// Reads about as much as `input` has room for; zero bytes are the end.
    pub fn poll_read(&mut self, context: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => poll_read_buf(Pin::new(socket), context, input),
            Self::Tls(stream) => stream.poll_read(context, input),
        }
    }

    /// Whether the kernel takes more.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => socket.poll_write_ready(context),
            Self::Tls(stream) => stream.poll_write_ready(context),
        }
    }

    /// Takes some of the pieces, and says how many bytes. They may wait here for [`Socket::poll_flush`].
    pub fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(context, pieces),
            Self::Tls(stream) => stream.poll_write_vectored(context, pieces),
        }
    }

    /// Brings what was taken to the kernel.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => stream.poll_flush(context),
        }
    }

    /// Whether something waits for [`Socket::poll_flush`].
    pub fn has_unsent(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.has_unsent(),
        }
    }

    /// Says goodbye in the way of the transport, as far as that is possible without waiting.
    pub fn farewell(&mut self) {
        match self {
            // The end of the stream is all that TCP has to say, and dropping it says it.
            Self::Plain(_) => {}
            Self::Tls(stream) => stream.farewell(),
        }
    }
}
