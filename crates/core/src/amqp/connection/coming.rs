//! How a connection comes to be open: the frames of its handshake, one by one.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use leveret_codec::frame::{self, FrameKind};
use leveret_codec::method::{self, Method, MethodId, connection};

use super::{Connection, State};
use crate::amqp::ending::{Ending, send_close_ok};
use crate::amqp::event::tell_opened;
use crate::amqp::handshake::{self, Failed, Handshake, LoggedIn, Step, Tuned};
use crate::amqp::heartbeat::Heartbeat;
use crate::amqp::open::Open;
use crate::amqp::report;
use crate::amqp::session::Session;
use crate::effect::Output;
use crate::model::{ConnectionRecord, Seat, Vhost};
use crate::refusal::Refusal;
use crate::time::Timestamp;

impl Connection {
    /// One frame of a handshake; the rest of the chunk is handled in whatever state follows.
    pub(super) fn handle_handshake(&mut self, now: Timestamp, mut chunk: Bytes, out: &mut Output) {
        while !chunk.is_empty() {
            let State::Handshake { .. } = self.state else {
                return self.handle_chunk(now, chunk.into(), out);
            };
            // A copy of the few bytes of a handshake frees the chunk to be advanced.
            let frame = match frame::cut(&chunk, &self.limits) {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(error) => {
                    return self.fail_stream(now, &Refusal::from(error).without_method(), out);
                }
            };
            let (size, kind, channel) = (frame.wire_bytes(), frame.kind, frame.channel);
            let payload = Bytes::copy_from_slice(frame.payload);
            chunk.advance(size);
            match (kind, channel) {
                (FrameKind::Heartbeat, _) => {}
                (FrameKind::Method, 0) => self.step(now, &payload, out),
                (kind, _) => {
                    let State::Handshake { step, .. } = &self.state else { return };
                    let (text, state) = (frame::describe(kind, &payload), step.state());
                    let failed = match step {
                        // Before it has logged in a peer is told nothing.
                        Handshake::Start => Failed::Silent(text),
                        _ => Refusal::unexpected_frame(text).without_method().into(),
                    };
                    self.fail(now, (failed, state), None, out);
                }
            }
        }
    }

    /// One method of the handshake.
    fn step(&mut self, now: Timestamp, payload: &[u8], out: &mut Output) {
        let State::Handshake { step, .. } = &mut self.state else { return };
        let (id, state) = (MethodId::of(payload).ok(), step.state());
        let result = method::decode(payload, &self.limits)
            .map_err(|error| step.undecodable(id, error))
            .and_then(|method| step.handle(&self.broker, (&self.peer, &self.outlet), method));
        match result {
            Ok(Step::LoggedIn { user, connection_name }) => {
                self.identity.user = Some(user);
                self.identity.connection_name = connection_name;
                out.send(0, &handshake::tune(self.broker.settings()));
            }
            Ok(Step::Tuned(tuned)) => {
                self.limits.frame_max_bytes = tuned.frame_max_bytes;
                self.heartbeat = Heartbeat::new(now, tuned.heartbeat_secs);
                self.heartbeat_secs = tuned.heartbeat_secs;
            }
            Ok(Step::Opened(user, tuned, vhost, seat)) => self.open(now, (&user, tuned), (vhost, seat), out),
            Ok(Step::Closed) => {
                send_close_ok(out);
                self.state = State::Ending(Ending::closed_by_peer(now, self.heartbeat_secs).hurried(now));
            }
            Err(failed) => self.fail(now, (failed, state), id, out),
        }
    }

    /// `state` is how far the handshake had come.
    fn fail(
        &mut self,
        now: Timestamp,
        (failed, state): (Failed, &str),
        id: Option<MethodId>,
        out: &mut Output,
    ) {
        report::handshake_error(self.who(), state, failed.why());
        match failed {
            Failed::Told(refusal) | Failed::NotLoggedIn(refusal, _) => {
                self.close_hurriedly(now, &refusal, id, out);
            }
            Failed::Silent(_) => self.state = State::Ending(Ending::silent(now)),
        }
    }

    fn open(
        &mut self,
        now: Timestamp,
        (user, tuned): (&LoggedIn, Tuned),
        (vhost, seat): (Arc<Vhost>, Seat),
        out: &mut Output,
    ) {
        self.identity.vhost = Some(vhost.name().to_owned());
        let facts = user.facts(now, &self.peer, tuned, vhost.shared_name());
        let record = Arc::new(ConnectionRecord::new(self.id, facts, self.traffic.clone()));
        self.broker.roll().enter(record.clone());
        let session = Session {
            broker: self.broker.clone(),
            id: self.id,
            outlet: self.outlet.clone(),
            vhost,
            seat,
            record,
            connection: self.peer.address.clone(),
            user: user.user.name.clone(),
            operator: None,
            is_direct: false,
            capabilities: user.capabilities,
            frame_max_bytes: tuned.frame_max_bytes,
        };
        self.farewell = tell_opened(now, &session, &self.peer, (user, tuned));
        self.state = State::Open(Box::new(Open::new(session, tuned.channel_max)));
        out.send(0, &Method::Connection(connection::AMQPMethod::OpenOk(connection::OpenOk {})));
    }
}
