//! What a connection waits for in the log, and what it does when the log gets there or fails.
//!
//! Confirms and commits wait without holding anything else up. An answer that tells of something durable is a
//! barrier: its frame is made, and so are those behind it, but nothing is written to the socket before the log has it.

use leveret_codec::Outgoing;

use crate::amqp::connection::{Connection, State};
use crate::amqp::ending::Ending;
use crate::effect::Output;
use crate::store::Position;
use crate::time::Timestamp;

impl Connection {
    /// The log has come so far.
    pub fn handle_committed(&mut self, committed: Position, out: &mut Output) {
        if self.barrier <= committed {
            self.barrier = Position::ZERO;
        }
        if let State::Open(open) = &mut self.state {
            open.handle_committed(committed, out);
        }
        self.note_sent(out);
    }

    /// The log has failed: publishes that wait for it are refused (nack), whoever waits for a commit is closed (541),
    /// and who was about to hear of something durable is dropped.
    pub fn handle_log_failed(&mut self, now: Timestamp, out: &mut Output) {
        if let State::Open(open) = &mut self.state {
            if let Err(interruption) = open.handle_log_failed(out) {
                self.interrupt(now, interruption, out);
            }
        } else if self.broker.store().committed() < self.barrier {
            self.abort(now, out);
        }
        self.note_sent(out);
    }

    /// The earliest position that something here waits for: then [`Connection::handle_committed`] has to do.
    pub fn awaits(&self) -> Option<Position> {
        match &self.state {
            State::Open(open) => open.awaits(),
            _ => self.holds_frames_until(),
        }
    }

    /// Nothing may be written to the socket before the log has come so far: the frames that wait tell of something
    /// durable.
    pub fn holds_frames_until(&self) -> Option<Position> {
        let barrier = match &self.state {
            State::Open(open) => open.barrier(),
            _ => self.barrier,
        };
        (barrier != Position::ZERO).then_some(barrier)
    }

    /// The log has failed before it had what frames in front of the socket tell of: they are never sent.
    pub(super) fn abort(&mut self, now: Timestamp, out: &mut Output) {
        self.release(now, out);
        tracing::error!(
            peer = %self.peer.address,
            user = self.identity.user.as_deref(),
            "dropped a connection: the message store has failed before it had what the connection was to be told"
        );
        out.frames = Outgoing::new();
        self.barrier = Position::ZERO;
        self.state = State::Ending(Ending::Aborted);
    }
}
