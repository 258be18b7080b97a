//! Channels: `/api/channels`, those of a virtual host, those of a connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use leveret_core::model::{ChannelMode, ChannelRecord, ConnectionRecord};
use serde_json::json;

use super::access::Access;
use super::answer::Problem;
use super::connections::{self, Ends, named, not_yours, seen};
use super::consumers;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::numbers;
use super::queues::{no_garbage, object};
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use super::stats::{self, Subject, put_stats};
use crate::rates::{Key, Reading};

const STATS: &[&str] = &["disable_stats", "msg_rates_age", "msg_rates_incr"];

pub const ROWS: &[Row] = &[
    Row::get("/api/channels", Access::Management, list, "All open channels.")
        .tells(Tells::Paged("Channel"))
        .asks(STATS),
    Row::get("/api/vhosts/:vhost/channels", Access::Vhost, of_vhost, "The open channels of a virtual host.")
        .tells(Tells::Whole("Channel"))
        .asks(STATS),
    Row::get(
        "/api/connections/:connection/channels",
        Access::Management,
        of_connection,
        "The channels of a connection.",
    )
    .tells(Tells::Whole("Channel"))
    .asks(STATS),
    Row::get("/api/channels/:channel", Access::Management, one, "An open channel, and its consumers.")
        .tells(Tells::One("Channel"))
        .asks(STATS),
];

/// A channel in a list.
struct Listed<'a> {
    request: &'a Request,
    connection: Arc<ConnectionRecord>,
    channel: Arc<ChannelRecord>,
    name: String,
}

/// How RabbitMQ calls a channel.
pub fn name(connection: &ConnectionRecord, channel: &ChannelRecord) -> String {
    format!("{} ({})", connection.facts.name, channel.number)
}

impl Entry for Listed<'_> {
    fn vhost(&self) -> &str {
        &self.connection.facts.vhost
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn row(&self) -> Object {
        let facts = &self.connection.facts;
        let ends = Ends::of(&facts.name);
        let mut row = object(json!({
            "name": self.name,
            "number": self.channel.number,
            "user": facts.user,
            "user_who_performed_action": facts.user,
            "vhost": &*facts.vhost,
            "node": self.request.api.node(),
            "connection_details":
                {"name": &*facts.name, "peer_host": ends.peer.host, "peer_port": ends.peer.port},
        }));
        if !self.request.query.has("disable_stats") {
            self.put_numbers(&mut row);
        }
        row
    }
}

impl Listed<'_> {
    fn put_numbers(&self, row: &mut Object) {
        let channel = &self.channel;
        let (mode, order) = (channel.mode(), Ordering::Relaxed);
        row.extend(object(json!({
            "state": "running",
            "confirm": mode == ChannelMode::Confirm,
            "transactional": mode == ChannelMode::Transactional,
            "prefetch_count": channel.prefetch.load(order),
            "consumer_count": channel.consumer_count(),
            "messages_unacknowledged": channel.unacked.load(order),
            "messages_unconfirmed": channel.unconfirmed.load(order),
            "messages_uncommitted": channel.uncommitted.load(order),
            "acks_uncommitted": channel.acks_uncommitted.load(order),
            "pending_raft_commands": 0,
            "cached_segments": 0,
            "garbage_collection": no_garbage(),
        })));
        let of_all = channel.global_prefetch.load(order);
        if of_all != 0 {
            row.insert("global_prefetch_count".to_owned(), of_all.into());
        }
        stats::put_still(row, "reductions", 0);
        let key = Key::Channel(self.connection.id, channel.number);
        let moves = numbers::moves_of(self.request, &key, Reading::of_stats(&channel.stats()));
        let range = self.request.query.samples().unwrap_or_default().msg_rates;
        put_stats(row, Subject::Channel, &moves, range);
    }
}

fn channels_of(request: &Request, connection: Arc<ConnectionRecord>) -> impl Iterator<Item = Listed<'_>> {
    connection.channels().into_iter().map(move |channel| {
        let name = name(&connection, &channel);
        Listed { request, connection: connection.clone(), channel, name }
    })
}

fn list(request: &Request) -> Outcome {
    let all = seen(request).flat_map(|connection| channels_of(request, connection));
    listing::paged(&request.query, all.collect())
}

fn of_vhost(request: &Request) -> Outcome {
    let vhost = request.value("vhost");
    let there = seen(request).filter(|connection| &*connection.facts.vhost == vhost);
    listing::whole(&request.query, there.flat_map(|connection| channels_of(request, connection)).collect())
}

fn of_connection(request: &Request) -> Outcome {
    listing::whole(&request.query, channels_of(request, named(request)?).collect())
}

fn one(request: &Request) -> Outcome {
    let wanted = request.value("channel");
    let roll = request.core().roll().connections().into_iter();
    let mut all = roll.flat_map(|connection| channels_of(request, connection));
    let found = all.find(|listed| listed.name == wanted).ok_or_else(Problem::not_found)?;
    if !connections::sees(request, &found.connection) {
        return Err(not_yours());
    }
    let mut row = found.row();
    if !request.query.has("disable_stats") {
        row.insert(
            "consumer_details".to_owned(),
            consumers::of_channel(request, &found.connection, &found.channel),
        );
        row.insert("publishes".to_owned(), json!([]));
        row.insert("deliveries".to_owned(), json!([]));
    }
    Ok(listing::one(&request.query, row))
}
