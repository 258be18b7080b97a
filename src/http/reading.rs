//! Reads the bodies of requests.
//!
//! Invariants:
//! - A body is read as far as its endpoint takes one ([`Row::body_bytes`](super::route::Row)), and not at all where it
//!   takes none: hyper drops what comes, or closes the connection.
//! - It is copied into one buffer, however small the pieces are that it comes in.
//! - All bodies that are being read, or that a request still needs, have [`MOST_TOGETHER`] together. A body that does not
//!   say how long it is counts as long as it may be until it is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::Problem;

/// What all bodies may take; where one alone may be longer, that.
const MOST_TOGETHER: usize = 64 * 1024 * 1024;
/// How long a body may take.
const BODY_WAIT: Duration = Duration::from_mins(1);
/// How long one waits for others to be done.
const ROOM_WAIT: Duration = Duration::from_secs(10);
/// What room is counted in.
const UNIT: usize = 1024;

/// What bodies have together.
#[derive(Debug)]
pub struct Room(Arc<Semaphore>);

/// A body's part of the room, as long as it lives.
#[derive(Debug)]
pub struct Taken(OwnedSemaphorePermit);

impl Room {
    /// Of an API whose longest body is this.
    pub fn new(longest: usize) -> Self {
        Self::of(MOST_TOGETHER.max(longest))
    }

    fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// Reads a body of at most so many bytes.
    pub async fn read<B>(&self, body: B, most: usize) -> Result<(Bytes, Taken), Problem>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let told = body.size_hint().upper().map(|told| usize::try_from(told).unwrap_or(usize::MAX));
        let most = if body.is_end_stream() { 0 } else { most };
        if most != 0 && told.is_some_and(|told| most < told) {
            return Err(too_long());
        }
        let mut taken = self.take(told.unwrap_or(most).min(most)).await?;
        if most == 0 {
            return Ok((Bytes::new(), taken));
        }
        let collecting = collect(Limited::new(body, most), told);
        let whole = timeout(BODY_WAIT, collecting).await;
        let whole = whole.map_err(|_| Problem::silent(StatusCode::REQUEST_TIMEOUT))??;
        taken.shrink(whole.len());
        Ok((whole.into(), taken))
    }

    async fn take(&self, bytes: usize) -> Result<Taken, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let taking = timeout(ROOM_WAIT, self.0.clone().acquire_many_owned(units));
        match taking.await {
            Ok(Ok(taken)) => Ok(Taken(taken)),
            Ok(Err(_)) | Err(_) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                "too many bodies are being read",
            )),
        }
    }
}

impl Taken {
    /// Gives back what is beyond so many bytes.
    fn shrink(&mut self, bytes: usize) {
        let over = self.0.num_permits().saturating_sub(bytes.div_ceil(UNIT));
        drop(self.0.split(over));
    }
}

async fn collect<B>(body: Limited<B>, told: Option<usize>) -> Result<Vec<u8>, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut whole = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(piece)) => {
                if whole.is_empty() {
                    // Not before anything came: to say much costs nothing.
                    whole.reserve_exact(told.unwrap_or_default());
                }
                whole.extend_from_slice(&piece);
            }
            Ok(Err(_trailers)) => {}
            Err(error) if error.is::<LengthLimitError>() => return Err(too_long()),
            // The peer has gone, or is as good as gone; nobody hears the answer.
            Err(_) => return Err(Problem::silent(StatusCode::BAD_REQUEST)),
        }
    }
    Ok(whole)
}

fn too_long() -> Problem {
    Problem::bad_request("Exceeded HTTP request body size limit")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use http_body_util::Full;

    use super::*;

    /// So many pieces of one byte, and then either the end or nothing ever.
    struct Crumbs(usize, bool);

    impl Body for Crumbs {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.checked_sub(1) {
                Some(rest) => {
                    self.0 = rest;
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"a")))))
                }
                None if self.1 => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    fn is_waiting(reading: Pin<&mut impl Future>) -> bool {
        reading.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_wait_for_each_other_where_there_is_no_room_for_both() {
        let room = Room::of(4 * UNIT);
        let mut slow = Box::pin(room.read(Crumbs(5, false), 3 * UNIT));
        assert!(is_waiting(slow.as_mut()));
        let small = room.read(Full::from(vec![0; UNIT]), 3 * UNIT).await.unwrap();
        assert_eq!(small.0.len(), UNIT);
        let mut next = Box::pin(room.read(Full::from("a"), 3 * UNIT));
        assert!(is_waiting(next.as_mut()));
        drop(small);
        next.await.unwrap();
        let refused = room.read(Crumbs(5, true), 3 * UNIT).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(slow.await.unwrap_err().status, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_of_crumbs_is_one_buffer_and_counts_as_what_it_is() {
        let room = Room::of(4 * UNIT);
        let (body, taken) = room.read(Crumbs(2000, true), 3 * UNIT).await.unwrap();
        assert_eq!((body.len(), room.0.available_permits()), (2000, 2));
        drop(taken);
        assert_eq!(room.0.available_permits(), 4);
        let long = room.read(Crumbs(3 * UNIT + 1, true), 3 * UNIT).await.unwrap_err();
        assert_eq!(long, too_long());
        assert_eq!(room.read(Full::from("ab"), 1).await.unwrap_err(), too_long());
    }

    #[tokio::test]
    async fn where_none_is_taken_none_is_read() {
        let room = Room::of(UNIT);
        let (body, _) = room.read(Crumbs(1, false), 0).await.unwrap();
        assert_eq!((body.len(), room.0.available_permits()), (0, 1));
    }
}
