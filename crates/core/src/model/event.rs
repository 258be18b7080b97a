//! Events: what happens in the broker, told on the exchange `amq.rabbitmq.event` of one virtual host.
//!
//! Invariants:
//! - They are off unless the broker was made with a virtual host for them; then nothing is put together for them, and no
//!   message meets them either way: an event is about what comes and goes, not about what passes.
//! - An event is noted where it happens, which may be under a lock, and published when no lock is held: by whoever carries
//!   out effects next. One at a time does that, so events are heard in the order in which they were noted.
//! - They are about this life: nothing is told of what a restart brings back.
//!
//! Keys are RabbitMQ's, and so are the headers, in their order. What prints Erlang terms there is written plainly here: addresses
//! as text, arguments and client-properties as tables. Who asked for a change is told of connections, channels and
//! consumers only.

mod parameter;
mod topology;
mod user;
mod vhost;

use std::sync::atomic::{AtomicBool, Ordering};

use leveret_codec::field::{Entry, TableBuilder};
use leveret_codec::{PropertiesBuilder, TableRef, Value};
use parking_lot::Mutex;

use crate::effect::Effects;
use crate::id::{ChannelNumber, ConnectionId};
use crate::model::{Broker, Intake, Message};
use crate::time::Timestamp;

pub use parameter::{global_parameter_cleared, global_parameter_set, parameter_cleared, parameter_set};
pub use topology::{
    binding_created, binding_deleted, exchange_created, exchange_deleted, queue_created, queue_deleted,
};
pub use user::{user_changed, user_deleted};
pub use vhost::{limits_set, policy_cleared, policy_set, vhost_created, vhost_deleted};

/// The exchange that events go to.
pub const EVENT_EXCHANGE: &str = "amq.rabbitmq.event";

/// Something that has happened.
#[derive(Clone, Debug)]
pub struct Event {
    key: &'static str,
    headers: TableBuilder,
}

impl Event {
    /// Of this kind, which is its routing key.
    pub fn new(key: &'static str) -> Self {
        Self { key, headers: TableBuilder::new() }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value<'_>) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a header of text.
    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        self.with(name, Value::Str(text.as_bytes()))
    }

    /// With a header of yes or no.
    #[must_use]
    pub fn flag(self, name: &str, flag: bool) -> Self {
        self.with(name, Value::Bool(flag))
    }

    /// With a whole number.
    #[must_use]
    pub fn number(self, name: &str, number: impl Into<i64>) -> Self {
        self.with(name, Value::I64(number.into()))
    }

    /// With a table.
    #[must_use]
    pub fn table(self, name: &str, table: TableRef<'_>) -> Self {
        self.with(name, Value::Table(table))
    }

    /// With who asked for it.
    #[must_use]
    pub fn by(self, user: &str) -> Self {
        self.text("user_who_performed_action", user)
    }

    /// As it is published: persistent, without a body, its headers in the order of their names.
    fn into_message(mut self, now: Timestamp) -> Message {
        let millis = now.as_micros() / 1000;
        self.headers.insert("timestamp_in_ms", Value::I64(millis.cast_signed()));
        let unsorted = self.headers.build();
        let mut entries: Vec<Entry<'_>> = unsorted.as_ref().entries().collect();
        entries.sort_by_key(|entry| entry.key);
        let mut headers = TableBuilder::new();
        for entry in entries {
            headers.insert_raw(entry);
        }
        let headers = headers.build();
        let properties =
            PropertiesBuilder::new().headers(headers.as_ref()).delivery_mode(2).timestamp(millis / 1000);
        Message::compose(EVENT_EXCHANGE.as_bytes(), self.key.as_bytes(), &properties.build(), b"")
    }
}

/// Where events are noted until they are published.
#[derive(Debug)]
pub struct Events {
    /// Where the exchange is; nowhere if nobody wants to know.
    vhost: Option<String>,
    node: String,
    noted: Mutex<Vec<Event>>,
    has_noted: AtomicBool,
    /// Held while some are published.
    turn: Mutex<()>,
}

impl Events {
    /// For an exchange in this virtual host, of a broker of this name.
    pub fn new(vhost: Option<String>, node: String) -> Self {
        let (noted, has_noted, turn) = (Mutex::default(), AtomicBool::new(false), Mutex::default());
        Self { vhost, node, noted, has_noted, turn }
    }

    /// Whether anybody wants to know.
    pub fn is_on(&self) -> bool {
        self.vhost.is_some()
    }

    /// Whether the exchange is in this virtual host.
    pub fn is_in(&self, vhost: &str) -> bool {
        self.vhost.as_deref() == Some(vhost)
    }

    /// The broker's name.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// What a connection, or one of its channels, is called where RabbitMQ has a process.
    pub fn pid(&self, connection: ConnectionId, channel: Option<ChannelNumber>) -> String {
        let (node, ConnectionId(id)) = (&self.node, connection);
        channel.map_or_else(|| format!("<{node}.{id}>"), |channel| format!("<{node}.{id}.{channel}>"))
    }

    /// Notes an event; what it is is put together only if somebody wants to know.
    pub fn note(&self, event: impl FnOnce() -> Event) {
        if self.is_on() {
            self.note_all(vec![event()]);
        }
    }

    /// Notes events, in order.
    pub fn note_all(&self, events: Vec<Event>) {
        if self.is_on() && !events.is_empty() {
            self.noted.lock().extend(events);
            self.has_noted.store(true, Ordering::Release);
        }
    }

    /// Whether some wait to be published.
    pub fn has_noted(&self) -> bool {
        self.is_on() && self.has_noted.load(Ordering::Acquire)
    }

    fn take(&self) -> Vec<Event> {
        let mut noted = self.noted.lock();
        self.has_noted.store(false, Ordering::Release);
        std::mem::take(&mut noted)
    }
}

impl Broker {
    /// Where events are noted.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Publishes what has been noted.
    pub(super) fn publish_events(&self, now: Timestamp, effects: &mut Effects) {
        let events = self.events();
        if !events.has_noted() {
            return;
        }
        let _turn = events.turn.lock();
        let noted = events.take();
        let Some(vhost) = events.vhost.as_deref().and_then(|vhost| self.vhost(vhost)) else { return };
        let mut intake = Intake::new(self.store().as_ref());
        for event in noted {
            vhost.publish_report(now, event.into_message(now), (&mut intake, effects));
        }
        intake.flush(now, effects);
    }
}
