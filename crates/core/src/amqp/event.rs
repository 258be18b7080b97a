//! What connections, channels and consumers tell of themselves, on the exchange of events.
//!
//! Invariants:
//! - What was told to be there is told to be gone, once: a connection that was opened, its channels, their consumers.
//! - Nothing is put together while events are off.

use leveret_codec::field::Table;

use crate::amqp::channel::Channel;
use crate::amqp::consumers::{Consumer, Source};
use crate::amqp::handshake::{LoggedIn, Tuned};
use crate::amqp::session::{External, Peer, Session, Turn};
use crate::id::ChannelNumber;
use crate::model::{Broker, ConsumerSpec, Event, Events, QueueRef};
use crate::time::Timestamp;

/// A login.
pub fn tell_login(broker: &Broker, peer: &Peer, (user, mechanism): (&str, &str), is_refused: bool) {
    broker.events().note(|| {
        let key = if is_refused { "user.authentication.failure" } else { "user.authentication.success" };
        let event = Event::new(key)
            .text("name", user)
            .text("auth_mechanism", mechanism)
            .text("connection_name", &peer.address)
            .text("connection_type", "network");
        let event = with_addresses(event, peer);
        // RabbitMQ's text, which does not tell whether there is such a user.
        if is_refused { event.text("error", &format!("user '{user}' - invalid credentials")) } else { event }
    });
}

/// A connection has been opened. What is to be told of its end, if anybody wants to know.
pub fn tell_opened(
    now: Timestamp,
    session: &Session,
    peer: &Peer,
    (who, tuned): (&LoggedIn, Tuned),
) -> Option<Box<Event>> {
    let events = session.broker.events();
    events.is_on().then(|| {
        let frame_max = tuned.frame_max_bytes;
        let opened = with_addresses(connection("connection.created", session, who), peer)
            .text("vhost", session.vhost.name())
            .text("user", &session.user)
            .by(&session.user)
            .text("auth_mechanism", &who.mechanism)
            .text("type", "network")
            .number("channel_max", tuned.channel_max)
            .number("frame_max", frame_max)
            .number("timeout", tuned.heartbeat_secs)
            .number("connected_at", (now.as_micros() / 1000).cast_signed());
        events.note(|| opened);
        Box::new(connection("connection.closed", session, who))
    })
}

fn connection(key: &'static str, session: &Session, who: &LoggedIn) -> Event {
    let events = session.broker.events();
    let event = Event::new(key)
        .text("name", &session.connection)
        .text("node", events.node())
        .text("pid", &events.pid(session.id, None))
        .table("client_properties", who.client_properties.as_ref());
    match &who.connection_name {
        Some(name) => event.text("user_provided_name", name),
        None => event,
    }
}

/// Where a connection comes from and leads to, as far as its name says so.
fn with_addresses(event: Event, peer: &Peer) -> Event {
    let mut event = event.text("protocol", "{0,9,1}").flag("ssl", peer.external != External::NoTls);
    let Some((from, to)) = peer.address.split_once(" -> ") else { return event };
    for (address, (host, port)) in [(from, ("peer_host", "peer_port")), (to, ("host", "port"))] {
        let Some((ip, number)) = address.rsplit_once(':') else { continue };
        event = event.text(host, ip.trim_matches(['[', ']']));
        if let Ok(number) = number.parse::<u16>() {
            event = event.number(port, number);
        }
    }
    event
}

/// A channel has been opened.
pub fn tell_channel_opened(session: &Session, number: ChannelNumber) {
    session.broker.events().note(|| {
        let events = session.broker.events();
        Event::new("channel.created")
            .text("pid", &events.pid(session.id, Some(number)))
            .text("connection", &events.pid(session.id, None))
            .text("name", &format!("{} ({number})", session.connection))
            .number("number", number)
            .text("user", &session.user)
            .text("vhost", session.vhost.name())
            .by(&session.user)
    });
}

/// A channel has been closed, after its consumers.
pub fn tell_channel_closed(session: &Session, number: ChannelNumber) {
    session.broker.events().note(|| {
        let pid = session.broker.events().pid(session.id, Some(number));
        Event::new("channel.closed").text("pid", &pid).number("consumer_count", 0).by(&session.user)
    });
}

impl Channel {
    /// Somebody consumes from a queue now.
    pub fn tell_consumer(
        &self,
        turn: &Turn<'_>,
        tag: &str,
        queue: &QueueRef,
        (spec, arguments): (&ConsumerSpec, &Table),
    ) {
        let session = turn.session;
        session.broker.events().note(|| {
            consumer("consumer.created", session, (self.number, tag), queue)
                .flag("exclusive", spec.exclusive)
                .flag("ack_required", !spec.auto_ack)
                .number("prefetch_count", spec.prefetch.map_or(0, std::num::NonZeroU16::get))
                .table("arguments", arguments.as_ref())
        });
    }

    /// A consumer is gone; those of direct replies are no events.
    pub fn tell_consumer_gone(&self, turn: &Turn<'_>, gone: &Consumer) {
        let Source::Queue { queue, .. } = &gone.source else { return };
        turn.session.broker.events().note(|| {
            let tag = String::from_utf8_lossy(&gone.tag);
            consumer("consumer.deleted", turn.session, (self.number, &tag), queue)
        });
    }
}

fn consumer(
    key: &'static str,
    session: &Session,
    (channel, tag): (ChannelNumber, &str),
    queue: &QueueRef,
) -> Event {
    let events: &Events = session.broker.events();
    Event::new(key)
        .text("consumer_tag", tag)
        .text("queue", &queue.facts().name)
        .text("vhost", session.vhost.name())
        .text("channel", &events.pid(session.id, Some(channel)))
        .by(&session.user)
}
