//! A connection whose peer takes what is written to it.
//!
//! Invariant: a write that gets nowhere for [`STUCK`] fails, so that who does not read holds no connection. Any byte that
//! is taken counts; how many such connections one machine can have is [`crowd`](super::crowd)'s to say.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer may take nothing.
const STUCK: Duration = Duration::from_secs(30);

/// A stream that is written to within bounds.
pub struct Prompt<S> {
    stream: S,
    /// When it is given up; there while a write waits.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Prompt<S> {
    /// Of a connection.
    pub fn new(stream: S) -> Self {
        Self { stream, deadline: None }
    }

    fn bound<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(STUCK)));
        deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bound(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.bound(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bound(context, ended)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.bound(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up_and_who_takes_little_is_not() {
        let (stream, mut peer) = duplex(16);
        let mut stream = Prompt::new(stream);
        let mut writing = Box::pin(stream.write_all(&[0; 100]));
        let mut poll = || writing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        for _ in 0..10 {
            assert!(poll().is_pending());
            advance(STUCK.mul_f32(0.9)).await;
            peer.read_u8().await.unwrap();
        }
        assert!(poll().is_pending());
        advance(STUCK + Duration::from_millis(1)).await;
        let Poll::Ready(Err(error)) = poll() else { panic!("it still waits") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
