//! Everything that connections share: virtual hosts, users, alarms, direct-reply addresses.
//!
//! Locks here are held for single look-ups and never together, save to delete a virtual host (`vhosts`); that of the
//! direct-reply addresses until the reply is in its requester's outlet, so that none comes for a consumer that is gone. Nothing in here is touched per message
//! except the permission epoch (a load). Changes of users and virtual hosts are given to the store under the lock that
//! guards them.

mod carry_out;
mod parameters;
mod restore;
mod users;
mod vhosts;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::effect::Effects;
use crate::entropy::Entropy;
use crate::id::{ChannelNumber, ConnectionId, QueueId};
use crate::model::Message;
use crate::model::definition::Definition;
use crate::model::event::{Event, Events};
use crate::model::login_counts::LoginCounts;
use crate::model::mechanism::Mechanism;
use crate::model::outlet::{Notice, Outlet};
use crate::model::parameter::Parameters;
use crate::model::queue_ref::{DeliveredBefore, QueueRef};
use crate::model::roll::Roll;
use crate::model::schedule::Schedule;
use crate::model::seats::Seats;
use crate::model::settings::QueueKind;
use crate::model::topology::QueuesPast;
use crate::model::user::User;
use crate::model::vhost::Vhost;
use crate::store::{Position, Store};

pub use restore::RestoreError;

/// Limits and names that hold for the whole broker.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// Heartbeat interval offered to clients, in seconds; zero is none.
    pub heartbeat_secs: u16,
    /// Most channels of a connection; zero is no limit.
    pub channel_max: u16,
    /// Largest frame, in bytes; zero is no limit.
    pub frame_max_bytes: u32,
    /// Largest message body, in bytes.
    pub message_max_bytes: u64,
    /// How long a consumer may hold a message, where its queue says nothing; none is for ever.
    pub consumer_timeout: Option<Duration>,
    /// Users that may log in from loopback only.
    pub loopback_users: Vec<String>,
    /// How clients may say who they are, in the order of the offer.
    pub mechanisms: Vec<Mechanism>,
    /// The user and the password that [`Mechanism::Anonymous`] stands for; `None` does not offer it.
    pub anonymous_login: Option<(String, String)>,
    /// The broker's name, as events and traced messages tell it.
    pub node: String,
    /// What the whole is called, as long as nobody calls it otherwise; the broker's name if there is none.
    pub cluster_name: Option<String>,
    /// The virtual host that has an exchange of events; `None` is none, and no events.
    pub event_vhost: Option<String>,
    /// Virtual hosts whose messages are traced from the start.
    pub traced_vhosts: Vec<String>,
    /// Whether messages that are traced have spans, see [`Span`](crate::model::Span).
    pub spans: bool,
    /// What new virtual hosts have as the type of queues whose declaration names none.
    pub default_queue_type: Option<QueueKind>,
    /// The version that server-properties tell; clients parse it.
    pub version: String,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            heartbeat_secs: 60,
            channel_max: 2047,
            frame_max_bytes: 131_072,
            message_max_bytes: 128 * 1024 * 1024,
            consumer_timeout: None,
            loopback_users: vec!["guest".to_owned()],
            mechanisms: vec![Mechanism::Plain, Mechanism::AmqPlain, Mechanism::Anonymous],
            anonymous_login: Some(("guest".to_owned(), "guest".to_owned())),
            node: "leveret@localhost".to_owned(),
            cluster_name: None,
            event_vhost: None,
            traced_vhosts: Vec::new(),
            spans: false,
            default_queue_type: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What publishers are held back for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Memory above its watermark.
    Memory,
    /// Free disk space below its limit.
    Disk,
}

impl Alarm {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Memory, Self::Disk];

    /// RabbitMQ's word.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Memory => 1,
            Self::Disk => 2,
        }
    }
}

/// Who waits for direct replies under one address (`amq.rabbitmq.reply-to.…`).
#[derive(Debug)]
struct ReplyAddress {
    /// Nobody in another virtual host can reach it.
    vhost: String,
    outlet: Arc<Outlet>,
    channel: ChannelNumber,
    consumer: u32,
}

/// The state that connections share.
#[derive(Debug)]
pub struct Broker {
    settings: BrokerSettings,
    entropy: Entropy,
    store: Arc<dyn Store>,
    vhosts: RwLock<HashMap<String, Arc<Vhost>>>,
    users: RwLock<HashMap<String, Arc<User>>>,
    parameters: RwLock<Parameters>,
    /// Rises with every change of a user, so that remembered permissions are asked for again.
    permission_epoch: AtomicU64,
    /// Where in the log the last change of users and virtual hosts is.
    defined: AtomicU64,
    logins: LoginCounts,
    /// Who is in.
    seats: Arc<Seats>,
    alarms: AtomicU8,
    outlets: Mutex<HashMap<ConnectionId, Arc<Outlet>>>,
    replies: RwLock<HashMap<String, ReplyAddress>>,
    schedule: Schedule,
    pub(super) events: Arc<Events>,
    roll: Roll,
    /// Of virtual hosts that were deleted.
    past: Mutex<QueuesPast>,
    last_queue: AtomicU64,
}

impl Broker {
    /// A broker without virtual hosts and users. `secret` is what generated names can't be guessed from; `store` is
    /// given what must not be lost.
    pub fn new(settings: BrokerSettings, secret: [u8; 32], store: Arc<dyn Store>) -> Arc<Self> {
        let events = Arc::new(Events::new(settings.event_vhost.clone(), settings.node.clone()));
        Arc::new(Self {
            settings,
            entropy: Entropy::new(secret),
            store,
            vhosts: RwLock::default(),
            users: RwLock::default(),
            parameters: RwLock::default(),
            permission_epoch: AtomicU64::new(0),
            defined: AtomicU64::new(Position::ZERO.0),
            logins: LoginCounts::default(),
            seats: Arc::default(),
            alarms: AtomicU8::new(0),
            outlets: Mutex::default(),
            replies: RwLock::default(),
            schedule: Schedule::default(),
            events,
            roll: Roll::default(),
            past: Mutex::default(),
            last_queue: AtomicU64::new(0),
        })
    }

    /// Limits and names.
    pub fn settings(&self) -> &BrokerSettings {
        &self.settings
    }

    /// The source of generated names.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// Where messages and definitions go that must not be lost.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// How many came with a password, or another proof, and how many were who they said.
    pub fn logins(&self) -> &LoginCounts {
        &self.logins
    }

    /// When the log has come so far, it has every user and virtual host as they are.
    pub fn defined(&self) -> Position {
        Position(self.defined.load(Ordering::Acquire))
    }

    /// Tells the store of a change; call under the lock that guards what changed.
    fn define(&self, definition: impl FnOnce() -> Definition) {
        if self.store.keeps() {
            let position = self.store.define(&[definition()]);
            self.defined.fetch_max(position.0, Ordering::AcqRel);
        }
    }

    /// Sets or clears an alarm and tells every connection.
    pub fn set_alarm(&self, alarm: Alarm, on: bool, effects: &mut Effects) {
        let before = if on {
            self.alarms.fetch_or(alarm.bit(), Ordering::AcqRel)
        } else {
            self.alarms.fetch_and(!alarm.bit(), Ordering::AcqRel)
        };
        if (before & alarm.bit() != 0) != on {
            self.tell_all(|| Notice::Alarm, effects);
            let key = if on { "alarm.set" } else { "alarm.cleared" };
            self.events
                .note(|| Event::new(key).text("source", alarm.source()).text("node", &self.settings.node));
        }
    }

    /// Whether an alarm is set.
    pub fn has_alarm(&self, alarm: Alarm) -> bool {
        self.alarms.load(Ordering::Acquire) & alarm.bit() != 0
    }

    /// Why publishers are blocked, in RabbitMQ's words; `None` if they are not.
    pub fn alarm_reason(&self) -> Option<&'static str> {
        match self.alarms.load(Ordering::Acquire) {
            0 => None,
            bits if bits == Alarm::Memory.bit() => Some("low on memory"),
            bits if bits == Alarm::Disk.bit() => Some("low on disk"),
            _ => Some("low on memory & disk"),
        }
    }

    /// A connection has begun.
    pub fn attach(&self, outlet: Arc<Outlet>) {
        self.outlets.lock().insert(outlet.id(), outlet);
    }

    /// A connection has ended.
    pub fn detach(&self, id: ConnectionId) {
        self.outlets.lock().remove(&id);
    }

    /// Who is connected.
    pub fn roll(&self) -> &Roll {
        &self.roll
    }

    /// What has become of the queues of all virtual hosts, also of those that were deleted.
    pub fn past(&self) -> QueuesPast {
        let mut past = *self.past.lock();
        for vhost in self.vhosts() {
            past += vhost.past();
        }
        past
    }

    /// Asks a connection to go (320). `false`: there is none of this identity.
    pub fn close_connection(&self, id: ConnectionId, reason: &str, effects: &mut Effects) -> bool {
        let Some(outlet) = self.outlet(id) else { return false };
        if outlet.notify(Notice::Forced(reason.into())) {
            effects.wakes.push(id);
        }
        true
    }

    /// Where things are left for a connection.
    pub(super) fn outlet(&self, id: ConnectionId) -> Option<Arc<Outlet>> {
        self.outlets.lock().get(&id).cloned()
    }

    /// Leaves a notice with every connection.
    fn tell_all(&self, notice: impl Fn() -> Notice, effects: &mut Effects) {
        for outlet in self.outlets.lock().values() {
            if outlet.notify(notice()) {
                effects.wakes.push(outlet.id());
            }
        }
    }

    /// An identity for a new queue.
    pub fn next_queue_id(&self) -> QueueId {
        QueueId(self.last_queue.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What durable queues have that was delivered before: the log is to know it when the broker ends, so that it is
    /// delivered as such after a restart. Everybody is gone by then and has brought back what they held.
    pub fn delivered_before(&self) -> DeliveredBefore {
        let mut found = DeliveredBefore::default();
        for queue in self.durable_queues() {
            queue.add_delivered_before(&mut found);
        }
        found
    }

    /// The durable queues of all virtual hosts, and what holds the messages of durable exchanges that delay them.
    pub fn durable_queues(&self) -> Vec<QueueRef> {
        self.queues_where(|queue| queue.facts().durable)
    }

    /// The queues of all virtual hosts, and holders of delayed messages, that are as asked.
    fn queues_where(&self, is: impl Fn(&QueueRef) -> bool) -> Vec<QueueRef> {
        let vhosts = self.vhosts.read();
        let routes = vhosts.values().map(|vhost| vhost.routes());
        let queues =
            routes.flat_map(|routes| routes.queues().filter(|queue| is(queue)).cloned().collect::<Vec<_>>());
        let holders = vhosts.values().flat_map(|vhost| vhost.holders().all());
        queues.chain(holders.filter(|holder| is(holder))).collect()
    }

    /// Opens an address in a virtual host for direct replies to one consumer.
    pub fn open_reply_address(
        &self,
        vhost: &str,
        outlet: Arc<Outlet>,
        channel: ChannelNumber,
        consumer: u32,
    ) -> String {
        let name = self.entropy.name(REPLY_PREFIX);
        let address = ReplyAddress { vhost: vhost.to_owned(), outlet, channel, consumer };
        self.replies.write().insert(name.clone(), address);
        name
    }

    /// Closes an address: replies to it go nowhere from now on.
    pub fn close_reply_address(&self, name: &str) {
        self.replies.write().remove(name);
    }

    /// Whether somebody in this virtual host waits under this address.
    pub fn has_reply_address(&self, vhost: &str, name: &str) -> bool {
        self.replies.read().get(name).is_some_and(|address| address.vhost == vhost)
    }

    /// Hands a reply to whoever waits in this virtual host under the routing key. `false`: nobody could ever
    /// have waited there, so it is unroutable. A requester that has gone makes no difference (as in RabbitMQ).
    pub fn reply(&self, vhost: &str, message: &Message, effects: &mut Effects) -> bool {
        let Ok(name) = std::str::from_utf8(message.routing_key()) else { return false };
        let Some(opaque) = name.strip_prefix(REPLY_PREFIX) else { return false };
        // Held until the reply is in the outlet: after `close_reply_address` none may come.
        let replies = self.replies.read();
        let found = replies.get(name).filter(|address| address.vhost == vhost);
        let Some(ReplyAddress { outlet, channel, consumer, .. }) = found else {
            return Entropy::is_opaque(opaque.as_bytes());
        };
        let mut message = message.clone();
        message.detach();
        match outlet.reply(*channel, *consumer, message) {
            Some(true) => effects.wakes.push(outlet.id()),
            Some(false) => {}
            None => tracing::warn!(queue = name, "dropped a direct reply: its requester does not read"),
        }
        true
    }
}

/// What addresses of direct replies begin with.
pub const REPLY_PREFIX: &str = "amq.rabbitmq.reply-to.";
