//! Connections, channels and consumers: listing them, and closing connections.

use serde_json::Value;

use super::call::Call;
use super::client::{Request, path};
use super::command::{Action, BOTH, CTL, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::listing::{Listing, all_rows, column, only, plain};
use super::term::{Kind, pid};
use super::words::{switch, whole};

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "list_connections",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists client connections",
        usage: "[--no-table-headers] [<column> ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        banner: Some(|_| Ok("Listing connections ...".to_owned())),
        action: Action::List(&CONNECTIONS),
        ..NONE
    },
    Command {
        name: "list_channels",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists channels",
        usage: "[--no-table-headers] [<column> ...]",
        arguments: (0, usize::MAX),
        banner: Some(|_| Ok("Listing channels ...".to_owned())),
        action: Action::List(&CHANNELS),
        ..NONE
    },
    Command {
        name: "list_consumers",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists consumers of a virtual host",
        usage: "[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        banner: Some(|call| Ok(format!("Listing consumers in vhost {} ...", call.vhost()))),
        action: Action::List(&CONSUMERS),
        ..NONE
    },
    Command {
        name: "close_connection",
        tools: CTL,
        topic: Topic::Operations,
        summary: "Closes the connection of this pid or name",
        usage: "<connection pid> <explanation>",
        arguments: (2, 2),
        banner: Some(|call| {
            Ok(format!("Closing connection {}, reason: {}...", call.argument(0), call.argument(1)))
        }),
        action: Action::Do(close_one),
        ..NONE
    },
    Command {
        name: "close_all_connections",
        tools: CTL,
        topic: Topic::Operations,
        summary: "Closes all connections, or those of a virtual host",
        usage: "[--vhost <vhost> --limit <limit>] [-n <node> --global] [--per-connection-delay <delay>] <explanation>",
        arguments: (1, 1),
        options: &[
            switch("global", "of all virtual hosts"),
            whole("limit", "so many at most"),
            whole("per-connection-delay", "accepted"),
        ],
        banner: Some(|call| {
            let of = if call.words.has("global") {
                "cluster".to_owned()
            } else if call.words.has("vhost") {
                format!("vhost {}", call.vhost())
            } else {
                format!("node {}", call.node()?)
            };
            Ok(format!("Closing all connections in {of}, reason: {}...", call.argument(0)))
        }),
        action: Action::Do(close_all),
        ..NONE
    },
    Command {
        name: "close_all_user_connections",
        tools: CTL,
        topic: Topic::Operations,
        summary: "Closes all connections of a user",
        usage: "<username> <explanation>",
        arguments: (2, 2),
        banner: Some(|call| {
            Ok(format!("Closing connections of user {}, reason: {}...", call.argument(0), call.argument(1)))
        }),
        action: Action::Do(close_of_user),
        ..NONE
    },
];

const CONNECTIONS: Listing = Listing {
    path: |_, columns| Some(format!("/api/connections{}", only(columns, &[]))),
    columns: &[
        column("pid", "name", Kind::Pid),
        plain("name"),
        plain("port"),
        column("host", "host", Kind::Address),
        plain("peer_port"),
        column("peer_host", "peer_host", Kind::Address),
        plain("ssl"),
        plain("ssl_protocol"),
        plain("ssl_key_exchange"),
        plain("ssl_cipher"),
        plain("ssl_hash"),
        plain("peer_cert_subject"),
        plain("peer_cert_issuer"),
        plain("peer_cert_validity"),
        column("state", "state", Kind::Atom),
        plain("channels"),
        column("protocol", "protocol", Kind::Protocol),
        plain("auth_mechanism"),
        plain("user"),
        plain("vhost"),
        plain("container_id"),
        plain("timeout"),
        plain("frame_max"),
        plain("channel_max"),
        column("client_properties", "client_properties", Kind::Arguments),
        plain("recv_oct"),
        plain("recv_cnt"),
        plain("send_oct"),
        plain("send_cnt"),
        plain("send_pend"),
        plain("connected_at"),
        plain("user_provided_name"),
        column("node", "node", Kind::Atom),
    ],
    default: &["user", "peer_host", "peer_port", "state"],
    lenient: true,
    streamed: true,
    keep: all_rows,
};

const CHANNELS: Listing = Listing {
    path: |_, columns| Some(format!("/api/channels{}", only(columns, &[]))),
    columns: &[
        column("pid", "name", Kind::Pid),
        column("connection", "connection_details.name", Kind::Pid),
        plain("name"),
        plain("number"),
        plain("user"),
        plain("vhost"),
        plain("transactional"),
        plain("confirm"),
        plain("consumer_count"),
        plain("messages_unacknowledged"),
        plain("messages_uncommitted"),
        plain("acks_uncommitted"),
        plain("messages_unconfirmed"),
        plain("prefetch_count"),
        column("state", "state", Kind::Atom),
        column("node", "node", Kind::Atom),
    ],
    default: &["pid", "user", "consumer_count", "messages_unacknowledged"],
    lenient: true,
    streamed: true,
    keep: all_rows,
};

const CONSUMERS: Listing = Listing {
    path: |call, columns| Some(path(["consumers", call.vhost()]) + &only(columns, &[])),
    columns: &[
        column("queue_name", "queue.name", Kind::Plain),
        column("channel_pid", "channel_details.name", Kind::Pid),
        plain("consumer_tag"),
        plain("ack_required"),
        plain("prefetch_count"),
        plain("active"),
        column("activity_status", "activity_status", Kind::Atom),
        column("arguments", "arguments", Kind::Arguments),
    ],
    default: &[
        "queue_name",
        "channel_pid",
        "consumer_tag",
        "ack_required",
        "prefetch_count",
        "active",
        "arguments",
    ],
    lenient: true,
    streamed: true,
    keep: all_rows,
};

fn close_one(call: &Call<'_>) -> Result<Output, Failure> {
    let wanted = call.argument(0);
    let names = names(call, "/api/connections?columns=name,vhost", |_| true)?;
    let Some(name) = names.iter().find(|name| *name == wanted || pid(name) == wanted) else {
        let text = format!("Error:\n{{:not_a_connection_pid, \"{wanted}\"}}");
        return Err(Failure::error(Exit::Unavailable, text));
    };
    close(call, name, call.argument(1))?;
    Ok(Output::Done)
}

fn close_all(call: &Call<'_>) -> Result<Output, Failure> {
    let vhost = call.words.value("vhost").filter(|_| !call.words.has("global"));
    let of_vhost =
        |row: &Value| vhost.is_none_or(|vhost| row.get("vhost").and_then(Value::as_str) == Some(vhost));
    let mut names = names(call, "/api/connections?columns=name,vhost", of_vhost)?;
    let limit = call.words.value("limit").and_then(|limit| limit.parse().ok()).filter(|limit| 0 < *limit);
    names.truncate(limit.unwrap_or(usize::MAX));
    for name in &names {
        close(call, name, call.argument(0))?;
    }
    Ok(Output::Text(format!("Closed {} connections", names.len())))
}

fn close_of_user(call: &Call<'_>) -> Result<Output, Failure> {
    let path = path(["connections", "username", call.argument(0)]);
    for name in names(call, &path, |_| true)? {
        close(call, &name, call.argument(1))?;
    }
    Ok(Output::Done)
}

fn names(call: &Call<'_>, path: &str, keep: impl Fn(&Value) -> bool) -> Result<Vec<String>, Failure> {
    let rows = call.client.get(path)?;
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter(|row| keep(row));
    Ok(rows.filter_map(|row| row.get("name").and_then(Value::as_str)).map(str::to_owned).collect())
}

/// One that has gone meanwhile is closed as well.
fn close(call: &Call<'_>, name: &str, reason: &str) -> Result<(), Failure> {
    let path = path(["connections", name]);
    let answer =
        call.client.ask(&Request { method: "DELETE", path: &path, body: None, reason: Some(reason) })?;
    match answer.status {
        200..=299 | 404 => Ok(()),
        _ => Err(Failure::error(Exit::Unavailable, answer.reason())),
    }
}
