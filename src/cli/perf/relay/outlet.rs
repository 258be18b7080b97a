//! The writing half of a client's socket.
//!
//! Invariant: frames are written whole, and messages too, because whoever writes holds the lock until all is
//! written; and delivery tags rise by one from one message to the next, whoever published it.

use std::io::{self, Write as _};
use std::net::TcpStream;

use bytes::BytesMut;
use parking_lot::Mutex;

use super::parcel::Parcel;

/// Shared by a client's session and all who publish to it.
pub struct Outlet {
    open: Mutex<Open>,
}

struct Open {
    stream: TcpStream,
    next_tag: u64,
}

impl Outlet {
    pub fn new(stream: TcpStream) -> Self {
        Self { open: Mutex::new(Open { stream, next_tag: 1 }) }
    }

    pub fn write(&self, frames: &[u8]) -> io::Result<()> {
        if frames.is_empty() { Ok(()) } else { self.open.lock().stream.write_all(frames) }
    }

    /// Writes the last replies before the first delivery, if `subscribe` lets it. Who has seen them may publish at
    /// once, and finds the consumer that it has made known.
    pub fn write_then(&self, replies: &mut BytesMut, subscribe: impl FnOnce() -> bool) -> io::Result<()> {
        let mut open = self.open.lock();
        if subscribe() {
            open.stream.write_all(replies)?;
        }
        replies.clear();
        Ok(())
    }

    /// Hands on the whole messages of a parcel.
    pub fn deliver(&self, parcel: &mut Parcel) -> io::Result<()> {
        let mut open = self.open.lock();
        let tag = open.next_tag;
        open.next_tag += parcel.whole_messages();
        open.stream.write_all(parcel.whole(tag))?;
        parcel.delivered(open.next_tag);
        Ok(())
    }
}
