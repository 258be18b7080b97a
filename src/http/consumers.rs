//! Consumers: `/api/consumers`, and who consumes from a queue.

use std::collections::HashMap;
use std::sync::Arc;

use leveret_core::model::{Broker, ChannelRecord, ConnectionRecord, ConsumerRecord, QueueRef};
use leveret_core::{ConsumerId, QueueId};
use serde_json::{Value, json};

use super::access::Access;
use super::caller::Role;
use super::channels;
use super::connections::Ends;
use super::content;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::queues::object;
use super::request::{Object, Request};
use super::route::{Outcome, Row};

pub const ROWS: &[Row] = &[
    Row::get("/api/consumers", Access::Management, list, "All consumers.").tells(Tells::Whole("Consumer")),
    Row::get(
        "/api/consumers/:vhost",
        Access::VhostForMonitoring,
        of_vhost,
        "The consumers of a virtual host.",
    )
    .tells(Tells::Whole("Consumer")),
];

/// A consumer, and where it is.
#[derive(Clone)]
pub struct Consumer {
    connection: Arc<ConnectionRecord>,
    channel: Arc<ChannelRecord>,
    record: Arc<ConsumerRecord>,
}

impl Consumer {
    /// Those of a channel.
    fn of_channel(
        connection: &Arc<ConnectionRecord>,
        channel: &Arc<ChannelRecord>,
    ) -> impl Iterator<Item = Self> + use<> {
        let (connection, channel) = (connection.clone(), channel.clone());
        channel.consumers().into_iter().map(move |record| Self {
            connection: connection.clone(),
            channel: channel.clone(),
            record,
        })
    }

    /// All there are.
    fn all(core: &Broker) -> impl Iterator<Item = Self> {
        core.roll().connections().into_iter().flat_map(|connection| {
            let channels = connection.channels().into_iter();
            channels.flat_map(move |channel| Self::of_channel(&connection, &channel))
        })
    }

    fn tag(&self) -> String {
        String::from_utf8_lossy(&self.record.tag).into_owned()
    }

    fn row(&self, request: &Request) -> Object {
        let (record, facts) = (&self.record, &self.connection.facts);
        let ends = Ends::of(&facts.name);
        let queue = record.queue.facts();
        let (is_active, activity) = self.activity(request);
        object(json!({
            "consumer_tag": self.tag(),
            "ack_required": record.acknowledges,
            "active": is_active,
            "activity_status": activity,
            "exclusive": record.exclusive,
            "prefetch_count": record.prefetch,
            "consumer_timeout": record.timeout_millis.unwrap_or_default(),
            "arguments": content::table_to_json(record.arguments.as_ref()),
            "queue": {"name": &*queue.name, "vhost": &*queue.vhost},
            "channel_details": {
                "name": channels::name(&self.connection, &self.channel),
                "number": self.channel.number,
                "connection_name": &*facts.name,
                "node": request.api.node(),
                "peer_host": ends.peer.host,
                "peer_port": ends.peer.port,
                "user": facts.user,
            },
        }))
    }

    /// Whether it gets anything, and RabbitMQ's word for that.
    fn activity(&self, request: &Request) -> (bool, &'static str) {
        if !self.record.queue.facts().traits.single_active_consumer {
            return (true, "up");
        }
        let look = request.change(|now, effects| self.record.queue.look(now, effects));
        if look.active == Some(self.record.id) { (true, "single_active") } else { (false, "waiting") }
    }
}

/// Consumers by their queues.
#[derive(Default)]
pub struct ByQueue(HashMap<QueueId, Vec<Consumer>>);

impl ByQueue {
    /// All.
    pub fn all(core: &Broker) -> Self {
        let mut all = Self::default();
        for consumer in Consumer::all(core) {
            all.0.entry(consumer.record.queue.facts().id).or_default().push(consumer);
        }
        all
    }

    /// Those of one queue.
    pub fn of(core: &Broker, queue: &QueueRef) -> Self {
        let of_queue = Consumer::all(core).filter(|consumer| consumer.record.queue == *queue).collect();
        Self(HashMap::from([(queue.facts().id, of_queue)]))
    }

    /// What is said of a queue's consumers.
    pub fn rows(&self, queue: &QueueRef, request: &Request) -> impl Iterator<Item = Value> {
        self.of_queue(queue).iter().map(move |consumer| consumer.row(request).into())
    }

    /// What its client calls a consumer.
    pub fn tag(&self, queue: &QueueRef, id: ConsumerId) -> Option<String> {
        self.of_queue(queue).iter().find(|consumer| consumer.record.id == id).map(Consumer::tag)
    }

    fn of_queue(&self, queue: &QueueRef) -> &[Consumer] {
        self.0.get(&queue.facts().id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What is said of a channel's consumers.
pub fn of_channel(
    request: &Request,
    connection: &Arc<ConnectionRecord>,
    channel: &Arc<ChannelRecord>,
) -> Value {
    Consumer::of_channel(connection, channel).map(|consumer| Value::Object(consumer.row(request))).collect()
}

/// A consumer in a list.
struct Listed<'a> {
    request: &'a Request,
    consumer: Consumer,
    tag: String,
}

impl<'a> Listed<'a> {
    fn new(request: &'a Request, consumer: Consumer) -> Self {
        Self { request, tag: consumer.tag(), consumer }
    }
}

impl Entry for Listed<'_> {
    fn vhost(&self) -> &str {
        &self.consumer.connection.facts.vhost
    }

    fn name(&self) -> &str {
        &self.tag
    }

    fn row(&self) -> Object {
        self.consumer.row(self.request)
    }
}

fn list(request: &Request) -> Outcome {
    let sees_all = request.caller.is(Role::Monitoring);
    let is_shown = |vhost: &str| sees_all || request.caller.sees_vhost(vhost);
    let shown = Consumer::all(request.core()).filter(|consumer| is_shown(&consumer.connection.facts.vhost));
    listing::whole(&request.query, shown.map(|consumer| Listed::new(request, consumer)).collect())
}

fn of_vhost(request: &Request) -> Outcome {
    let vhost = request.value("vhost");
    let there = Consumer::all(request.core()).filter(|consumer| &*consumer.connection.facts.vhost == vhost);
    listing::whole(&request.query, there.map(|consumer| Listed::new(request, consumer)).collect())
}
