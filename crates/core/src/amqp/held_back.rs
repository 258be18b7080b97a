//! Frames that have come and are not looked at yet.
//!
//! While a connection holds frames back nothing more of it is read, so what it holds is bounded by one read.

use bytes::Bytes;
use leveret_codec::method::{Method, connection};

use crate::amqp::session::Turn;
use crate::effect::Output;

/// Frames that may wait for the socket before requests that have come are left where they are.
const ANSWERS_BYTES: usize = 1024 * 1024;

/// The rest of a chunk, and what it waits for.
#[derive(Debug, Default)]
pub enum HeldBack {
    /// Nothing is held back.
    #[default]
    Nothing,
    /// Publishers are held back by an alarm, and this is one.
    UntilAlarmEnds(Bytes),
    /// Its answers would be too much at once.
    UntilAnswersLeave(Bytes),
    /// It begins with a request for the head of a queue, which is not in memory.
    UntilHeadMoves(Bytes),
}

impl HeldBack {
    /// Whether nothing is held back.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether the connection is a publisher that waits for the end of an alarm.
    pub fn is_blocked(&self) -> bool {
        matches!(self, Self::UntilAlarmEnds(_))
    }

    /// Whether nothing is read because of something that is not the peer's doing.
    pub fn is_excused(&self) -> bool {
        matches!(self, Self::UntilAlarmEnds(_) | Self::UntilHeadMoves(_))
    }

    /// Whether requests wait for room for their answers.
    pub fn is_postponed(&self) -> bool {
        matches!(self, Self::UntilAnswersLeave(_))
    }

    /// A publisher during an alarm: it is told, if it wants to be, and not read from.
    pub fn block(&mut self, turn: &mut Turn<'_>, reason: &str, rest: Bytes) {
        *self = Self::UntilAlarmEnds(rest);
        if turn.session.capabilities.connection_blocked {
            let blocked = connection::Blocked { reason: reason.into() };
            turn.send(0, &Method::Connection(connection::AMQPMethod::Blocked(blocked)));
        }
    }

    /// The last alarm may be over: then the frames that were held back are to be handled now.
    pub fn unblock(&mut self, turn: &mut Turn<'_>) -> Option<Bytes> {
        if !self.is_blocked() || turn.session.broker.alarm_reason().is_some() {
            return None;
        }
        if turn.session.capabilities.connection_blocked {
            let unblocked = connection::AMQPMethod::Unblocked(connection::Unblocked {});
            turn.send(0, &Method::Connection(unblocked));
        }
        self.take()
    }

    /// Requests whose answers have no room.
    pub fn postpone(&mut self, rest: Bytes) {
        *self = Self::UntilAnswersLeave(rest);
    }

    /// The requests that were postponed, if there is room for their answers now.
    pub fn resume(&mut self, out: &Output) -> Option<Bytes> {
        if self.is_postponed() && has_room(out) { self.take() } else { None }
    }

    /// A request for a head that is on its way into memory, and what follows it.
    pub fn await_head(&mut self, request: Bytes) {
        *self = Self::UntilHeadMoves(request);
    }

    /// The head may be there: then the request is to be handled again.
    pub fn head_moved(&mut self) -> Option<Bytes> {
        if matches!(self, Self::UntilHeadMoves(_)) { self.take() } else { None }
    }

    fn take(&mut self) -> Option<Bytes> {
        match std::mem::take(self) {
            Self::Nothing => None,
            Self::UntilAlarmEnds(rest) | Self::UntilAnswersLeave(rest) | Self::UntilHeadMoves(rest) => {
                Some(rest)
            }
        }
    }
}

/// Whether more answers may be made before the socket takes some.
pub fn has_room(out: &Output) -> bool {
    out.frames.len() < ANSWERS_BYTES
}
