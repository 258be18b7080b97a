//! Queues one by one: purging, deleting, and what `rabbitmq-queues` and `rabbitmq-streams` ask of a cluster.

use super::call::Call;
use super::client::{ClientError, path};
use super::command::{Action, CTL, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::{Output, Rows};
use super::term::Term;
use super::tool::Tool;
use super::words::{switch, text};
use serde_json::{Value, json};

const QUEUE: Command = Command { topic: Topic::Queues, tools: CTL, ..NONE };
const MEMBERS: &[Tool] = &[Tool::Queues, Tool::Streams];

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "purge_queue",
        summary: "Removes the messages of a queue that wait",
        usage: "<queue> [--timeout <timeout>]",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!("Purging queue '{}' in vhost '{}' ...", call.argument(0), call.vhost()))
        }),
        action: Action::Do(|call| {
            call.client.delete(&path(["queues", call.vhost(), call.argument(0), "contents"])).map_err(
                |error| {
                    if error.status() == Some(404) {
                        Failure::plain(Exit::Data, "Object (queue, stream, exchange, etc) was not found")
                    } else {
                        error.into()
                    }
                },
            )?;
            Ok(Output::Done)
        }),
        ..QUEUE
    },
    Command {
        name: "delete_queue",
        summary: "Deletes a queue",
        usage: "[--vhost <vhost>] <queue_name> [--if-empty|-e] [--if-unused|-u]",
        arguments: (1, 1),
        options: &[
            super::words::Opt { short: Some('e'), ..switch("if-empty", "only if it has no messages") },
            super::words::Opt { short: Some('u'), ..switch("if-unused", "only if it has no consumers") },
        ],
        banner: Some(|call| {
            let empty = call.words.has("if-empty").then_some("if queue is empty");
            let unused = call.words.has("if-unused").then_some("if queue is unused");
            let conditions: Vec<&str> = empty.into_iter().chain(unused).collect();
            let conditions = conditions.join(" and ");
            let space = if conditions.is_empty() { "" } else { " " };
            Ok(format!(
                "Deleting queue '{}' on vhost '{}'{space}{conditions} ...",
                call.argument(0),
                call.vhost()
            ))
        }),
        action: Action::Do(delete),
        ..QUEUE
    },
    Command {
        name: "rebalance",
        tools: MEMBERS,
        summary: "Nothing to do: all leaders are on the one node",
        usage: "< all | classic | quorum > [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
        arguments: (1, 1),
        options: &[text("vhost-pattern", "accepted"), text("queue-pattern", "accepted")],
        banner: Some(|call| {
            Ok(match call.argument(0) {
                "all" => "Re-balancing leaders of all queues...".to_owned(),
                kind => format!("Re-balancing leaders of {kind} queues..."),
            })
        }),
        action: Action::Do(|call| {
            call.client.post("/api/rebalance/queues", &json!({}))?;
            Ok(Output::Done)
        }),
        ..QUEUE
    },
    Command {
        name: "quorum_status",
        tools: &[Tool::Queues, Tool::Diagnostics],
        summary: "Shows the one member of a quorum queue",
        usage: "[--vhost <vhost>] <queue>",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Status of queue {} on node {} ...", call.argument(0), call.node()?))),
        action: Action::Do(quorum_status),
        ..QUEUE
    },
    Command {
        name: "grow",
        tools: MEMBERS,
        summary: "Nothing to do: every queue has its one member on the one node",
        usage: "<node> <all | even> [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
        arguments: (2, 2),
        options: &[text("vhost-pattern", "accepted"), text("queue-pattern", "accepted")],
        banner: Some(|call| Ok(format!("Growing {} queues on {}...", call.argument(1), call.argument(0)))),
        action: Action::Do(|_| Ok(Output::Text(String::new()))),
        ..QUEUE
    },
    Command {
        name: "shrink",
        tools: MEMBERS,
        summary: "Refused: no queue has a second member to take away",
        usage: "<node> [--errors-only]",
        arguments: (1, 1),
        options: &[switch("errors-only", "accepted")],
        banner: Some(|call| Ok(format!("Shrinking queues on {}...", call.argument(0)))),
        action: Action::Do(|call| {
            let text = format!("{{:node_not_running, :{}}}", call.argument(0));
            Err(Failure::error(Exit::Unavailable, text))
        }),
        ..QUEUE
    },
];

fn delete(call: &Call<'_>) -> Result<Output, Failure> {
    let empty = call.words.has("if-empty").then_some("if-empty=true");
    let unused = call.words.has("if-unused").then_some("if-unused=true");
    let conditions: Vec<&str> = empty.into_iter().chain(unused).collect();
    let path = path(["queues", call.vhost(), call.argument(0)]) + "?" + &conditions.join("&");
    match call.client.delete(path.trim_end_matches('?')) {
        Ok(_) => Ok(Output::Done),
        Err(error) if error.status() == Some(404) => {
            Err(Failure::error(Exit::Usage, "No such queue was found"))
        }
        Err(ClientError::Status { status: 400, reason }) => {
            let text = format!("{{:amqp_error, :precondition_failed, ~c\"{reason}\", :none}}");
            Err(Failure::error(Exit::Unavailable, text))
        }
        Err(error) => Err(error.into()),
    }
}

fn quorum_status(call: &Call<'_>) -> Result<Output, Failure> {
    let (queue, vhost) = (call.argument(0), call.vhost());
    let found = call.client.get(&(path(["queues", vhost, queue]) + "?columns=type,node,messages"));
    let found = match found {
        Err(error) if error.status() == Some(404) => {
            return Err(Failure::plain(
                Exit::Data,
                format!("queue '{queue}' was not found in virtual host '{vhost}'"),
            ));
        }
        found => found?,
    };
    let kind = found.get("type").and_then(Value::as_str).unwrap_or("classic");
    if kind != "quorum" {
        return Err(Failure::error(Exit::Unavailable, format!("{{:unsupported, :rabbit_{kind}_queue}}")));
    }
    let node = Term::Atom(call.node()?.to_owned());
    let atom = |text: &str| Term::Atom(text.to_owned());
    let columns = ["Node Name", "Raft State", "Membership"];
    Ok(Output::Rows(Rows {
        columns: columns.map(str::to_owned).to_vec(),
        rows: vec![vec![node, atom("leader"), atom("voter")]],
        streamed: false,
        headers: true,
    }))
}
