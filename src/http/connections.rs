//! Connections: `/api/connections`, those of a virtual host, those of a user.
//!
//! Who does not watch the broker sees its own only.

use std::sync::Arc;

use hyper::HeaderMap;
use leveret_core::model::{ConnectionRecord, ConnectionState};
use serde_json::json;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::caller::Role;
use super::content;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::numbers;
use super::queues::{no_garbage, object};
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use super::stats;
use crate::rates::{Field, Key, Reading};

const STATS: &[&str] = &["disable_stats", "data_rates_age", "data_rates_incr"];

pub const ROWS: &[Row] = &[
    Row::get("/api/connections", Access::Management, list, "All open connections.")
        .tells(Tells::Paged("Connection"))
        .asks(STATS),
    Row::get(
        "/api/vhosts/:vhost/connections",
        Access::Vhost,
        of_vhost,
        "The open connections of a virtual host.",
    )
    .tells(Tells::Whole("Connection"))
    .asks(STATS),
    Row::get("/api/connections/:connection", Access::Management, one, "An open connection.")
        .tells(Tells::One("Connection"))
        .asks(STATS),
    Row::delete(
        "/api/connections/:connection",
        Access::Management,
        close,
        "Closes a connection; the header `X-Reason` is what its client is told.",
    )
    .asks(&["X-Reason"]),
    Row::get(
        "/api/connections/username/:user",
        Access::MonitoringObject,
        of_user,
        "The open connections of a user.",
    )
    .tells(Tells::Paged("UserConnection")),
    Row::delete(
        "/api/connections/username/:user",
        Access::Administrator,
        close_all,
        "Closes the connections of a user.",
    )
    .asks(&["X-Reason"]),
    Row::get(
        "/api/connections/:connection/sessions",
        Access::Management,
        sessions,
        "Sessions of AMQP 1.0, which nobody speaks here.",
    )
    .answers(&[]),
];

/// RabbitMQ's, where nobody says why.
const REASON: &str = "Closed via management plugin";

/// One side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side<'a> {
    pub host: &'a str,
    pub port: u16,
}

impl<'a> Side<'a> {
    fn of(text: &'a str) -> Self {
        let Some((host, port)) = text.rsplit_once(':') else { return Self { host: text, port: 0 } };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self { host, port: port.parse().unwrap_or_default() }
    }
}

/// Both sides of a connection, as its name tells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends<'a> {
    pub peer: Side<'a>,
    pub own: Side<'a>,
}

impl<'a> Ends<'a> {
    /// Of `127.0.0.1:50432 -> 127.0.0.1:5672`.
    pub fn of(name: &'a str) -> Self {
        let (peer, own) = name.split_once(" -> ").unwrap_or((name, ""));
        Self { peer: Side::of(peer), own: Side::of(own) }
    }
}

/// Whether the caller sees what somebody does.
pub fn sees(request: &Request, connection: &ConnectionRecord) -> bool {
    request.caller.is(Role::Monitoring) || request.caller.name() == connection.facts.user
}

/// The connections that the caller sees.
pub fn seen(request: &Request) -> impl Iterator<Item = Arc<ConnectionRecord>> {
    let all = request.core().roll().connections().into_iter();
    all.filter(|connection| sees(request, connection))
}

/// The connection that the path names; refused if the caller does not see it.
pub fn named(request: &Request) -> Result<Arc<ConnectionRecord>, Problem> {
    let name = request.value("connection");
    let mut all = request.core().roll().connections().into_iter();
    let found = all.find(|connection| &*connection.facts.name == name).ok_or_else(Problem::not_found)?;
    if sees(request, &found) { Ok(found) } else { Err(not_yours()) }
}

/// RabbitMQ's word for what is somebody else's.
pub fn not_yours() -> Problem {
    Problem::not_authorised("User not authorised to access object")
}

/// A connection in a list.
struct Listed<'a> {
    request: &'a Request,
    connection: Arc<ConnectionRecord>,
}

impl Entry for Listed<'_> {
    fn vhost(&self) -> &str {
        &self.connection.facts.vhost
    }

    fn name(&self) -> &str {
        &self.connection.facts.name
    }

    fn row(&self) -> Object {
        row(self.request, &self.connection)
    }
}

fn row(request: &Request, connection: &ConnectionRecord) -> Object {
    let facts = &connection.facts;
    let ends = Ends::of(&facts.name);
    let mut row = object(json!({
        "name": &*facts.name,
        "user_provided_name": facts.client_name,
        "user": facts.user,
        "user_who_performed_action": facts.user,
        "vhost": &*facts.vhost,
        "node": request.api.node(),
        "type": "network",
        "protocol": "AMQP 0-9-1",
        "auth_mechanism": facts.mechanism,
        "host": ends.own.host,
        "port": ends.own.port,
        "peer_host": ends.peer.host,
        "peer_port": ends.peer.port,
        "connected_at": facts.connected_at.as_micros() / 1000,
        "channel_max": facts.channel_max,
        "frame_max": facts.frame_max_bytes,
        "timeout": facts.heartbeat_secs,
        "ssl": facts.is_tls,
        "client_properties": content::table_to_json(facts.client_properties.as_ref()),
    }));
    // What was agreed on under TLS is not kept.
    let unknown = [
        "ssl_protocol",
        "ssl_cipher",
        "ssl_hash",
        "ssl_key_exchange",
        "peer_cert_subject",
        "peer_cert_issuer",
        "peer_cert_validity",
        "peer_cert_serial_number",
    ];
    row.extend(unknown.map(|name| (name.to_owned(), "".into())));
    if facts.client_name.is_none() {
        row.remove("user_provided_name");
    }
    if !request.query.has("disable_stats") {
        put_numbers(&mut row, request, connection);
    }
    row
}

fn put_numbers(row: &mut Object, request: &Request, connection: &ConnectionRecord) {
    let traffic = &connection.traffic;
    let state = match connection.state() {
        ConnectionState::Running => "running",
        ConnectionState::Flow => "flow",
        ConnectionState::Blocked => "blocked",
    };
    row.extend(object(json!({
        "state": state,
        "channels": connection.channel_count(),
        "recv_cnt": traffic.reads.get(),
        "send_cnt": traffic.writes.get(),
        "send_pend": 0,
        "garbage_collection": no_garbage(),
    })));
    let range = request.query.samples().unwrap_or_default().data_rates;
    let reading = Reading::of_connection(connection);
    let moves = numbers::moves_of(request, &Key::Connection(connection.id), reading);
    numbers::put(row, "recv_oct", (&moves, &[Field::RECEIVED]), range);
    numbers::put(row, "send_oct", (&moves, &[Field::SENT]), range);
    stats::put_still(row, "reductions", 0);
}

fn list(request: &Request) -> Outcome {
    let rows = seen(request).map(|connection| Listed { request, connection }).collect();
    listing::paged(&request.query, rows)
}

fn of_vhost(request: &Request) -> Outcome {
    let vhost = request.value("vhost");
    let of_vhost = seen(request).filter(|connection| &*connection.facts.vhost == vhost);
    listing::whole(&request.query, of_vhost.map(|connection| Listed { request, connection }).collect())
}

fn one(request: &Request) -> Outcome {
    Ok(listing::one(&request.query, row(request, &*named(request)?)))
}

/// What a client is told whose connection is closed.
fn reason(headers: &HeaderMap) -> &str {
    headers.get("x-reason").and_then(|value| value.to_str().ok()).unwrap_or(REASON)
}

fn close(request: &Request) -> Outcome {
    let found = named(request)?;
    if !request.caller.is(Role::Administrator) && request.caller.name() != found.facts.user {
        return Err(not_yours());
    }
    let reason = reason(&request.headers);
    request.change(|_, effects| request.core().close_connection(found.id, reason, effects));
    Ok(Answer::done())
}

/// Those that one user has.
struct OfUser<'a>(Listed<'a>);

impl Entry for OfUser<'_> {
    fn vhost(&self) -> &str {
        self.0.vhost()
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn row(&self) -> Object {
        let facts = &self.0.connection.facts;
        let node = self.0.request.api.node();
        object(json!({"name": &*facts.name, "vhost": &*facts.vhost, "user": facts.user, "node": node}))
    }
}

fn user_connections(request: &Request) -> impl Iterator<Item = Arc<ConnectionRecord>> {
    let all = request.core().roll().connections().into_iter();
    all.filter(|connection| connection.facts.user == request.value("user"))
}

fn of_user(request: &Request) -> Outcome {
    let of_user = user_connections(request).map(|connection| OfUser(Listed { request, connection }));
    listing::paged(&request.query, of_user.collect())
}

#[expect(clippy::unnecessary_wraps, reason = "it is a handler as others are")]
fn close_all(request: &Request) -> Outcome {
    let reason = reason(&request.headers);
    for connection in user_connections(request) {
        request.change(|_, effects| request.core().close_connection(connection.id, reason, effects));
    }
    Ok(Answer::done())
}

fn sessions(request: &Request) -> Outcome {
    named(request)?;
    Err(Problem::bad_request("connection does not use AMQP 1.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_both_ends() {
        let ends = Ends::of("127.0.0.1:50432 -> 127.0.0.1:5672");
        assert_eq!(ends.peer, Side { host: "127.0.0.1", port: 50432 });
        assert_eq!(ends.own, Side { host: "127.0.0.1", port: 5672 });
        assert_eq!(Ends::of("[::1]:7 -> [::1]:5672").peer, Side { host: "::1", port: 7 });
    }
}
