//! What holds for a connection from `connection.open` on, and what a channel may use of it in one turn.

use std::sync::Arc;

use leveret_codec::method::Method;

use crate::amqp::batch::Batch;
use crate::amqp::deliver::Inbox;
use crate::effect::Output;
use crate::id::{ChannelNumber, ConnectionId, ConsumerId};
use crate::model::{
    Access, Broker, ChannelSeat, ConnectionRecord, DeleteConditions, ExchangeKind, Outlet, QueueRef, Replay,
    Resource, Seat, User, Vhost, locked,
};
use crate::refusal::{Refusal, Ruling};
use crate::store::Position;
use crate::time::Timestamp;

/// Who is at the other end of the socket.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// For logs and listings: `127.0.0.1:50432 -> 127.0.0.1:5672`.
    pub address: Arc<str>,
    /// Whether it is on this machine; some users may log in only from there.
    pub loopback: bool,
    /// What the transport knows of it, for the mechanism EXTERNAL.
    pub external: External,
}

/// Who is at the other end, as its certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum External {
    /// There is no TLS.
    #[default]
    NoTls,
    /// TLS, and a verified certificate that names this user.
    User(String),
    /// TLS, but nobody is named: why, for the log.
    Unnamed(&'static str),
}

/// What the client said it understands (`capabilities` of its client-properties); all else is informational.
#[derive(Clone, Copy, Debug, Default)]
pub struct Capabilities {
    /// Wants `basic.cancel` when a queue goes away under its consumer.
    pub consumer_cancel_notify: bool,
    /// Wants `connection.blocked` and `connection.unblocked`.
    pub connection_blocked: bool,
    /// Wants a `connection.close` with 403 when its login fails.
    pub authentication_failure_close: bool,
}

/// An open connection's fixed facts.
#[derive(Debug)]
pub struct Session {
    /// The state that all connections share.
    pub broker: Arc<Broker>,
    /// This connection.
    pub id: ConnectionId,
    /// Where queues leave what is meant for it.
    pub outlet: Arc<Outlet>,
    /// The virtual host it opened.
    pub vhost: Arc<Vhost>,
    /// It counts among those of the virtual host and the user.
    pub seat: Seat,
    /// What others see of it.
    pub record: Arc<ConnectionRecord>,
    /// Its name for listings: its addresses.
    pub connection: Arc<str>,
    /// The user it logged in as.
    pub user: String,
    /// Who works in the house's name instead of a user's.
    pub operator: Option<Arc<User>>,
    /// Whether it is somebody in the house, without a socket: see [`Direct`](crate::amqp::Direct).
    pub is_direct: bool,
    /// What the client understands.
    pub capabilities: Capabilities,
    /// Largest frame the client takes, in bytes.
    pub frame_max_bytes: u32,
}

impl Session {
    /// The user as it is now; one that was deleted may do nothing.
    pub fn user(&self) -> Ruling<Arc<User>> {
        if let Some(operator) = &self.operator {
            return Ok(operator.clone());
        }
        self.broker
            .user(&self.user)
            .ok_or_else(|| Refusal::access_refused(format!("user '{}' no longer exists", self.user)))
    }

    /// Refuses unless the user may do this.
    pub fn check(&self, access: Access, resource: Resource<'_>) -> Ruling {
        self.user()?.check(self.vhost.name(), access, resource)
    }

    /// Refuses unless the user may bind with this key, if the exchange is there and of type topic.
    pub fn check_binding_key(&self, exchange: &str, key: &[u8]) -> Ruling {
        let is_topic = self.vhost.exchange(exchange).is_some_and(|spec| spec.kind == ExchangeKind::Topic);
        if is_topic {
            self.user()?.check_topic(Access::Read, (self.vhost.name(), exchange), key)
        } else {
            Ok(())
        }
    }

    /// One more channel is opened, if the user may have it.
    pub fn take_channel(&self) -> Ruling<ChannelSeat> {
        let most = self.broker.user(&self.user).and_then(|user| user.limits.max_channels);
        self.seat.take_channel(most).map_err(|limit| {
            Refusal::not_allowed(format!(
                "number of channels opened for user '{}' has reached the maximum allowed user limit of {limit}",
                self.user
            ))
            .without_method()
        })
    }

    /// `queue 'q' in vhost '/'`, as texts name it.
    pub fn queue_text(&self, name: &str) -> String {
        format!("queue '{name}' in vhost '{}'", self.vhost.name())
    }

    /// Whether somebody waits for direct replies under this name.
    pub fn has_reply_address(&self, name: &str) -> bool {
        self.broker.has_reply_address(self.vhost.name(), name)
    }

    /// Refuses when the queue belongs to another connection.
    pub fn check_owner(&self, queue: &QueueRef) -> Ruling {
        match queue.facts().owner {
            Some(owner) if owner != self.id => Err(locked(&self.queue_text(&queue.facts().name))),
            _ => Ok(()),
        }
    }
}

/// What the channels of a connection work with.
#[derive(Debug)]
pub struct Workspace {
    /// The connection's facts.
    pub session: Session,
    /// Publishes and settlements that have not reached their queues yet.
    pub batch: Batch,
    /// What queues have left for the connection.
    pub inbox: Inbox,
    /// The connection's exclusive queues.
    pub exclusive: Vec<QueueRef>,
    /// See [`Turn::await_definitions`].
    pub barrier: Position,
}

impl Workspace {
    /// Nothing has happened yet.
    pub fn new(session: Session) -> Self {
        let batch = Batch::new(session.broker.store().as_ref());
        let (inbox, exclusive, barrier) = (Inbox::default(), Vec::new(), Position::ZERO);
        Self { session, batch, inbox, exclusive, barrier }
    }

    /// A turn that works with it.
    pub fn turn<'a>(&'a mut self, now: Timestamp, out: &'a mut Output) -> Turn<'a> {
        let Self { session, batch, inbox, exclusive, barrier } = self;
        Turn { now, session, batch, inbox, exclusive, barrier, awaits_head: false, out }
    }
}

/// One turn of a channel: the time, the connection's facts, and where results go.
pub struct Turn<'a> {
    /// When this happens.
    pub now: Timestamp,
    /// The connection's facts.
    pub session: &'a Session,
    /// Publishes and settlements of this read that have not reached their queues yet.
    pub batch: &'a mut Batch,
    /// What queues have left for the connection.
    pub inbox: &'a mut Inbox,
    /// The connection's exclusive queues.
    pub exclusive: &'a mut Vec<QueueRef>,
    /// The frames that are made wait in front of the socket until the log has come so far.
    pub barrier: &'a mut Position,
    /// What was asked for can't be answered before the head of a queue is in memory: ask again then.
    pub awaits_head: bool,
    /// Frames and effects.
    pub out: &'a mut Output,
}

impl Turn<'_> {
    /// Sends a method.
    pub fn send(&mut self, channel: ChannelNumber, method: &Method) {
        self.out.send(channel, method);
    }

    /// The next answer says that something durable is there, or gone: it must not be heard before that is so.
    pub fn await_definitions(&mut self) {
        let defined = self.session.vhost.defined();
        // The first look spares the second where nothing is kept.
        if *self.barrier < defined && self.session.broker.store().committed() < defined {
            *self.barrier = defined;
        }
    }

    /// Whether the numbers of a queue are what they should be. If not, what was asked for must be asked again.
    pub fn knows_head(&mut self, queue: &QueueRef) -> bool {
        let knows = queue.knows_head(self.now, &self.session.outlet, &mut self.out.effects);
        self.awaits_head |= !knows;
        knows
    }

    /// Brings everything that was collected to its queues; call before anything that could see them.
    pub fn flush(&mut self) {
        self.batch.flush(self.now, &mut self.out.effects);
    }

    /// Brings to a new binding's destination what its source has kept for it. Nobody waits for the log to have it.
    pub fn replay(&mut self, replay: Replay) {
        let Self { now, session, batch, out, .. } = self;
        session.vhost.replay(replay, |queues, arrival| {
            let _ = batch.publish(*now, queues, arrival, &mut out.effects);
        });
        self.flush();
    }

    /// Deliveries of so many bytes have left the outlet: queues that it held up go on.
    pub fn release(&mut self, bytes: usize) {
        self.resume(self.session.outlet.release(bytes));
    }

    /// A channel's limit may let more through: queues that were turned away try again.
    pub fn resume_stalled(&mut self) {
        self.resume(self.session.outlet.take_stalled());
    }

    fn resume(&mut self, stalled: Vec<(QueueRef, ConsumerId)>) {
        for (queue, id) in stalled {
            queue.resume(self.now, id, &mut self.out.effects);
        }
    }

    /// Deletes an auto-delete queue whose last consumer went, unless somebody came meanwhile.
    pub fn delete_unused(&mut self, queue: &QueueRef) {
        let conditions = DeleteConditions { if_unused: true, ..DeleteConditions::default() };
        // In use again: then it stays, which is what the refusal says.
        let _ = self.session.vhost.delete_queue(self.now, queue, conditions, &mut self.out.effects);
    }

    /// Deletes the connection's exclusive queues: it ends.
    pub fn delete_exclusive(&mut self) {
        for queue in std::mem::take(self.exclusive) {
            let conditions = DeleteConditions::default();
            // Without conditions there is nothing to refuse.
            let _ = self.session.vhost.delete_queue(self.now, &queue, conditions, &mut self.out.effects);
        }
    }
}
