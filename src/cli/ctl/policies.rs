//! Policies, and the operator's policies that override them.

use serde_json::json;

use super::call::Call;
use super::client::path;
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::Failure;
use super::format::Output;
use super::listing::{Listing, all_rows, column, plain};
use super::parameters::{cleared, document, done};
use super::term::Kind;
use super::words::{Opt, text, whole};

const POLICY: Command = Command { topic: Topic::Policies, ..NONE };

const OPTIONS: &[Opt] = &[
    whole("priority", "of those that match, the highest applies [default: 0]"),
    text("apply-to", "queues, classic_queues, quorum_queues, streams, exchanges or all [default: all]"),
];

const USAGE: &str =
    "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>";
const LIST_USAGE: &str = "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]";

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "set_policy",
        summary: "Sets a policy",
        usage: USAGE,
        arguments: (3, 3),
        options: OPTIONS,
        banner: Some(|call| Ok(banner(call, "policy"))),
        action: Action::Do(|call| set(call, "policies")),
        ..POLICY
    },
    Command {
        name: "clear_policy",
        summary: "Takes a policy away",
        usage: "[--vhost <vhost>] <name>",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!("Clearing policy \"{}\" on vhost \"{}\" ...", call.argument(0), call.vhost()))
        }),
        action: Action::Do(|call| {
            cleared(call.client.delete(&path(["policies", call.vhost(), call.argument(0)])))
        }),
        ..POLICY
    },
    Command {
        name: "list_policies",
        tools: BOTH,
        summary: "Lists the policies of a virtual host",
        usage: LIST_USAGE,
        banner: Some(|call| Ok(format!("Listing policies for vhost \"{}\" ...", call.vhost()))),
        action: Action::List(&Listing { path: |call, _| Some(path(["policies", call.vhost()])), ..LISTING }),
        ..POLICY
    },
    Command {
        name: "set_operator_policy",
        summary: "Sets a policy that wins over the users' own",
        usage: USAGE,
        arguments: (3, 3),
        options: OPTIONS,
        banner: Some(|call| Ok(banner(call, "operator policy override"))),
        action: Action::Do(|call| set(call, "operator-policies")),
        ..POLICY
    },
    Command {
        name: "clear_operator_policy",
        summary: "Takes an operator's policy away",
        usage: "[--vhost <vhost>] <name>",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!("Clearing operator policy \"{}\" on vhost \"{}\" ...", call.argument(0), call.vhost()))
        }),
        action: Action::Do(|call| {
            cleared(call.client.delete(&path(["operator-policies", call.vhost(), call.argument(0)])))
        }),
        ..POLICY
    },
    Command {
        name: "list_operator_policies",
        tools: BOTH,
        summary: "Lists the operator's policies of a virtual host",
        usage: LIST_USAGE,
        banner: Some(|call| {
            Ok(format!("Listing operator policy overrides for vhost \"{}\" ...", call.vhost()))
        }),
        action: Action::List(&Listing {
            path: |call, _| Some(path(["operator-policies", call.vhost()])),
            ..LISTING
        }),
        ..POLICY
    },
];

const LISTING: Listing = Listing {
    path: |_, _| None,
    columns: &[
        plain("vhost"),
        plain("name"),
        plain("pattern"),
        plain("apply-to"),
        column("definition", "definition", Kind::Json),
        plain("priority"),
    ],
    default: &["vhost", "name", "pattern", "apply-to", "definition", "priority"],
    lenient: false,
    streamed: false,
    keep: all_rows,
};

fn banner(call: &Call<'_>, kind: &str) -> String {
    let (name, pattern, definition) = (call.argument(0), call.argument(1), call.argument(2));
    let (priority, vhost) = (priority(call), call.vhost());
    format!(
        "Setting {kind} \"{name}\" for pattern \"{pattern}\" to \"{definition}\" with priority \"{priority}\" for vhost \"{vhost}\" ..."
    )
}

fn priority<'a>(call: &'a Call<'_>) -> &'a str {
    call.words.value("priority").unwrap_or("0")
}

fn set(call: &Call<'_>, kind: &str) -> Result<Output, Failure> {
    let (name, vhost) = (call.argument(0), call.vhost());
    let body = json!({
        "vhost": vhost,
        "name": name,
        "pattern": call.argument(1),
        "definition": document(call.argument(2))?,
        "priority": priority(call).parse::<i64>().unwrap_or_default(),
        "apply-to": call.words.value("apply-to").unwrap_or("all"),
    });
    done(call, call.client.put(&path([kind, vhost, name]), &body))
}
