//! Virtual hosts.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::client::path;
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::listing::{Listing, all_rows, column, plain};
use super::term::Kind;
use super::words::{Opt, Words, text};

const VHOST: Command = Command { topic: Topic::Vhosts, ..NONE };

const METADATA: &[Opt] = &[
    text("description", "what it is for"),
    text("tags", "tags, separated by commas"),
    text("default-queue-type", "quorum, classic or stream"),
    text("protected-from-deletion", "true or false"),
];

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "add_vhost",
        summary: "Creates a virtual host, in which nobody may do anything yet",
        usage: "<vhost> [--description <description> --tags \"<tag1>,<tag2>,<...>\" --default-queue-type <quorum|classic|stream>]",
        arguments: (1, 1),
        options: METADATA.split_at(3).0,
        validate: Some(check),
        banner: Some(|call| Ok(format!("Adding vhost \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| {
            // One that exists stays as it is if nothing was said of it.
            let said = said(call.words);
            let exists = exists(call)?;
            if !(said.is_empty() && exists) {
                put(call, &Value::Object(said))?;
            }
            if !exists {
                nobodys(call)?;
            }
            Ok(Output::Done)
        }),
        ..VHOST
    },
    Command {
        name: "update_vhost_metadata",
        summary: "Changes what is said of a virtual host",
        usage: "<vhost> [--description=<description>] [--tags=\"<tag1>,<tag2>,<...>\"] [--default-queue-type=<quorum|classic|stream>] [--protected-from-deletion=<true|false>]",
        arguments: (1, 1),
        options: METADATA,
        validate: Some(check),
        banner: Some(|call| Ok(format!("Updating metadata of vhost \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| change(call, said(call.words))),
        ..VHOST
    },
    Command {
        name: "set_vhost_tags",
        summary: "Gives a virtual host these tags and no others",
        usage: "<vhost> <tag> [...]",
        arguments: (1, usize::MAX),
        banner: Some(|call| {
            Ok(format!(
                "Setting tags for virtual host \"{}\" to [{}] ...",
                call.argument(0),
                tags(call).join(", ")
            ))
        }),
        action: Action::Do(|call| {
            change(call, Map::from_iter([("tags".to_owned(), json!(tags(call)))])).map_err(|failure| {
                let text = format!("Virtual host \"{}\" does not exist", call.argument(0));
                if failure.exit == Exit::Data { Failure::error(Exit::Data, text) } else { failure }
            })
        }),
        ..VHOST
    },
    Command {
        name: "delete_vhost",
        summary: "Deletes a virtual host with all that is in it",
        usage: "<vhost>",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Deleting vhost \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| {
            call.client.delete(&path(["vhosts", call.argument(0)])).map_err(|error| missing(call, error))?;
            Ok(Output::Done)
        }),
        ..VHOST
    },
    Command {
        name: "enable_vhost_deletion_protection",
        summary: "Protects a virtual host from being deleted",
        usage: "<vhost>",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!(
                "Protecting virtual host \"{}\" from removal by updating its metadata...",
                call.argument(0)
            ))
        }),
        action: Action::Do(|call| {
            let path = path(["vhosts", call.argument(0), "deletion", "protection"]);
            call.client.post(&path, &json!({})).map_err(|error| missing(call, error))?;
            Ok(Output::Done)
        }),
        ..VHOST
    },
    Command {
        name: "disable_vhost_deletion_protection",
        summary: "Lets a virtual host be deleted again",
        usage: "<vhost>",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!(
                "Removing deletion protection from virtual host \"{}\" by updating its metadata...",
                call.argument(0)
            ))
        }),
        action: Action::Do(|call| {
            let path = path(["vhosts", call.argument(0), "deletion", "protection"]);
            call.client.delete(&path).map_err(|error| missing(call, error))?;
            Ok(Output::Done)
        }),
        ..VHOST
    },
    Command {
        name: "list_vhosts",
        tools: BOTH,
        topic: Topic::Access,
        summary: "Lists virtual hosts",
        usage: "[--no-table-headers] [<column> ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        banner: Some(|_| Ok("Listing vhosts ...".to_owned())),
        action: Action::List(&Listing {
            path: |_, _| Some("/api/vhosts".to_owned()),
            columns: &[
                plain("name"),
                plain("tracing"),
                plain("description"),
                column("tags", "tags", Kind::Texts),
                plain("default_queue_type"),
                column("metadata", "metadata", Kind::Map),
                column("cluster_state", "cluster_state", Kind::Pairs),
                plain("protected_from_deletion"),
            ],
            default: &["name"],
            lenient: false,
            streamed: true,
            keep: all_rows,
        }),
        ..VHOST
    },
    Command {
        name: "restart_vhost",
        summary: "Starts a virtual host that failed; one does not fail alone here",
        usage: "[--vhost <vhost>] [--timeout <timeout>]",
        banner: Some(|call| {
            Ok(format!("Trying to restart vhost '{}' on node '{}' ...", call.vhost(), call.node()?))
        }),
        action: Action::Do(|call| {
            let (vhost, node) = (call.vhost(), call.node()?);
            if call.client.get(&path(["vhosts", vhost])).is_err_and(|error| error.status() == Some(404)) {
                let text = format!(
                    "Failed to start vhost '{vhost}' on node '{node}'Reason: {{:no_such_vhost, \"{vhost}\"}}"
                );
                return Err(Failure::error(Exit::Software, text));
            }
            Ok(Output::Text(format!("Vhost '{vhost}' is already running on node '{node}'")))
        }),
        ..VHOST
    },
    Command {
        name: "reconcile_vhosts",
        summary: "Nothing to do: there is one node, and all virtual hosts are on it",
        usage: "[--timeout <timeout>]",
        banner: Some(|_| {
            Ok("Will try to initiate virtual host reconciliation on all reachable cluster nodes..."
                .to_owned())
        }),
        ..VHOST
    },
    Command {
        name: "trace_on",
        summary: "Copies every message of a virtual host to amq.rabbitmq.trace",
        usage: "[--vhost <vhost>]",
        banner: Some(|call| Ok(format!("Starting tracing for vhost \"{}\" ...", call.vhost()))),
        action: Action::Do(|call| trace(call, true)),
        ..VHOST
    },
    Command {
        name: "trace_off",
        summary: "Ends what trace_on began",
        usage: "[--vhost <vhost>]",
        banner: Some(|call| Ok(format!("Stopping tracing for vhost \"{}\" ...", call.vhost()))),
        action: Action::Do(|call| trace(call, false)),
        ..VHOST
    },
];

/// What cannot be meant is refused before anything is said.
fn check(call: &Call<'_>) -> Result<(), Failure> {
    match call.words.value("default-queue-type") {
        None | Some("quorum" | "stream" | "classic") => Ok(()),
        Some(other) => Err(Failure::bad_argument(format!(
            "Default queue type must be one of: quorum, stream, classic. Provided: {other}"
        ))),
    }
}

/// What the options say of a virtual host, under the API's names.
fn said(words: &Words) -> Map<String, Value> {
    let value = |name: &str| words.value(name).map(|value| (name.replace('-', "_"), Value::from(value)));
    METADATA.iter().filter_map(|option| value(option.name)).collect()
}

fn tags<'a>(call: &'a Call<'_>) -> Vec<&'a str> {
    call.words.plain.iter().skip(1).map(String::as_str).collect()
}

fn exists(call: &Call<'_>) -> Result<bool, Failure> {
    match call.client.get(&path(["vhosts", call.argument(0)])) {
        Ok(_) => Ok(true),
        Err(error) if error.status() == Some(404) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The API resets what it is not told, so it is told everything.
fn change(call: &Call<'_>, with: Map<String, Value>) -> Result<Output, Failure> {
    let vhost = call.client.get(&path(["vhosts", call.argument(0)])).map_err(|error| missing(call, error))?;
    let kept = METADATA.iter().map(|option| option.name.replace('-', "_"));
    let mut whole: Map<String, Value> =
        kept.filter_map(|name| Some((name.clone(), vhost.get(&name)?.clone()))).collect();
    whole.extend(with);
    put(call, &Value::Object(whole))
}

fn put(call: &Call<'_>, vhost: &Value) -> Result<Output, Failure> {
    call.client.put(&path(["vhosts", call.argument(0)]), vhost)?;
    Ok(Output::Done)
}

/// The API lets who made a virtual host do everything in it; the command lets nobody.
fn nobodys(call: &Call<'_>) -> Result<(), Failure> {
    let Some((user, _)) = &call.client.address().login else { return Ok(()) };
    match call.client.delete(&path(["permissions", call.argument(0), user])) {
        Err(error) if error.status() != Some(404) => Err(error.into()),
        _ => Ok(()),
    }
}

fn trace(call: &Call<'_>, on: bool) -> Result<Output, Failure> {
    let vhost = call.vhost();
    let known = call.client.get(&path(["vhosts", vhost]));
    let Ok(known) = known else { return Err(Failure::no_vhost(vhost)) };
    let kept = METADATA.iter().map(|option| option.name.replace('-', "_"));
    let mut whole: Map<String, Value> =
        kept.filter_map(|name| Some((name.clone(), known.get(&name)?.clone()))).collect();
    whole.insert("tracing".to_owned(), Value::Bool(on));
    call.client.put(&path(["vhosts", vhost]), &Value::Object(whole))?;
    let done = if on { "enabled" } else { "disabled" };
    Ok(Output::Text(format!("Trace {done} for vhost {vhost}")))
}

fn missing(call: &Call<'_>, error: super::client::ClientError) -> Failure {
    if error.status() == Some(404) { Failure::no_vhost(call.argument(0)) } else { error.into() }
}
