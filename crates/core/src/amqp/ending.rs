//! The end of a connection: what still matters of a peer that is being left.
//!
//! ```text
//! we close ──▶ Closing ──close-ok, or in vain──▶ Done
//!                 └──broken stream──▶ Lingering ──▶ Done
//! client closes, or is told nothing ──▶ Lingering ──▶ Done
//! client has been silent for too long ──▶ Aborted
//! ```
//! Invariant: whatever the connection held has been given back before. A peer that closes its socket ends all
//! of this; the deadlines are for those that don't.

use std::time::Duration;

use leveret_codec::Limits;
use leveret_codec::frame::FrameKind;
use leveret_codec::method::{Method, MethodId, connection};

use crate::amqp::chunk::{Chunk, Frames};
use crate::effect::Output;
use crate::time::Timestamp;

/// A peer that failed to log in, or that broke its stream, is kept waiting so long (RabbitMQ).
const PENALTY: Duration = Duration::from_secs(3);

/// How long an answer to our close is waited for, unless the heartbeat is shorter (RabbitMQ).
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// How far the end of a connection has come.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// connection.close was sent; only its answer, or a close that crossed it, matter.
    Closing { deadline: Timestamp },
    /// Nothing matters any more; the peer should close the socket first. It is read nevertheless: closing a
    /// socket with unread bytes resets the connection, which can take our last frames with it.
    Lingering { deadline: Timestamp },
    /// The socket is to be closed when everything has been written.
    Done,
    /// The socket is to be closed.
    Aborted,
}

impl Ending {
    /// connection.close was sent to a peer of these heartbeats.
    pub fn closing(now: Timestamp, heartbeat_secs: u16) -> Self {
        Self::Closing { deadline: now + close_timeout(heartbeat_secs) }
    }

    /// The answer to the peer's own close was sent.
    pub fn closed_by_peer(now: Timestamp, heartbeat_secs: u16) -> Self {
        Self::Lingering { deadline: now + close_timeout(heartbeat_secs) }
    }

    /// The peer is told nothing.
    pub fn silent(now: Timestamp) -> Self {
        Self::Lingering { deadline: now + PENALTY }
    }

    /// The same for a peer that has not come in yet, or has broken its stream: it is not waited for long.
    #[must_use]
    pub fn hurried(mut self, now: Timestamp) -> Self {
        if let Self::Closing { deadline } | Self::Lingering { deadline } = &mut self {
            *deadline = (*deadline).min(now + PENALTY);
        }
        self
    }

    /// The same for a peer whose stream can't be cut into frames any more: its close-ok will not be seen.
    #[must_use]
    pub fn deafened(self, now: Timestamp) -> Self {
        match self.hurried(now) {
            Self::Closing { deadline } => Self::Lingering { deadline },
            other => other,
        }
    }

    /// Whether the peer's bytes are taken, if only to throw them away.
    pub fn wants_read(self) -> bool {
        matches!(self, Self::Closing { .. } | Self::Lingering { .. })
    }

    /// Whether it makes no difference what the peer sends.
    pub fn is_deaf(self) -> bool {
        !matches!(self, Self::Closing { .. })
    }

    /// Whether the socket is to be closed once everything has been written.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Aborted)
    }

    /// Whether the socket is to be closed at once.
    pub fn is_aborted(self) -> bool {
        matches!(self, Self::Aborted)
    }

    /// When the peer has been waited for long enough.
    pub fn next_deadline(self) -> Option<Timestamp> {
        match self {
            Self::Closing { deadline } | Self::Lingering { deadline } => Some(deadline),
            Self::Done | Self::Aborted => None,
        }
    }

    /// Whole frames have come.
    pub fn handle_chunk(&mut self, now: Timestamp, chunk: &Chunk, limits: &Limits, out: &mut Output) {
        let mut frames = Frames::new(chunk, limits);
        while let Self::Closing { .. } = *self {
            let frame = match frames.take() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                // The peer has been told to close already; from here on it can't be understood.
                Err(_) => {
                    *self = self.deafened(now);
                    return;
                }
            };
            if frame.kind != FrameKind::Method || frame.channel != 0 {
                continue;
            }
            match MethodId::of(frame.payload) {
                Ok(MethodId::CONNECTION_CLOSE_OK) => *self = Self::Done,
                Ok(MethodId::CONNECTION_CLOSE) => send_close_ok(out),
                _ => {}
            }
        }
    }
}

fn close_timeout(heartbeat_secs: u16) -> Duration {
    match heartbeat_secs {
        0 => CLOSE_TIMEOUT,
        secs => CLOSE_TIMEOUT.min(Duration::from_secs(u64::from(secs))),
    }
}

/// connection.close-ok.
pub fn send_close_ok(out: &mut Output) {
    out.send(0, &Method::Connection(connection::AMQPMethod::CloseOk(connection::CloseOk {})));
}
