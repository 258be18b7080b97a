//! Feature flags, deprecated features, and who tried to log in.

use serde_json::{Value, json};

use super::call::Call;
use super::client::path;
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::listing::{Listing, all_rows, column, plain};
use super::term::Kind;
use super::words::switch;

const FLAG: Command = Command { topic: Topic::Flags, ..NONE };

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "list_feature_flags",
        tools: BOTH,
        summary: "Lists feature flags, which are all on",
        usage: "[<column> ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        banner: Some(|_| Ok("Listing feature flags ...".to_owned())),
        action: Action::List(&Listing {
            path: |_, _| Some("/api/feature-flags".to_owned()),
            columns: &[
                plain("name"),
                column("state", "state", Kind::Atom),
                column("stability", "stability", Kind::Atom),
                column("provided_by", "provided_by", Kind::Atom),
                plain("desc"),
                plain("doc_url"),
            ],
            default: &["name", "state"],
            lenient: false,
            streamed: false,
            keep: all_rows,
        }),
        ..FLAG
    },
    Command {
        name: "enable_feature_flag",
        summary: "Succeeds for a flag that there is: it is on",
        usage: "[--opt-in] <all | feature_flag>",
        arguments: (1, 1),
        options: &[switch("opt-in", "accepted"), switch("experimental", "accepted")],
        banner: Some(|call| {
            Ok(match call.argument(0) {
                "all" => "Enabling all feature flags ...".to_owned(),
                flag => format!("Enabling feature flag \"{flag}\" ..."),
            })
        }),
        action: Action::Do(enable),
        ..FLAG
    },
    Command {
        name: "list_deprecated_features",
        tools: BOTH,
        summary: "Lists what RabbitMQ is going to take away, or what of it is used",
        usage: "[--used] [<column> ...]",
        arguments: (0, usize::MAX),
        options: &[switch("used", "only what is used")],
        banner: Some(|call| {
            let what = if call.words.has("used") { "features in use" } else { "features" };
            Ok(format!("Listing deprecated {what} ..."))
        }),
        action: Action::List(&Listing {
            path: |call, _| {
                let used = if call.words.has("used") { "/used" } else { "" };
                Some(format!("/api/deprecated-features{used}"))
            },
            columns: &[
                plain("name"),
                column("deprecation_phase", "deprecation_phase", Kind::Atom),
                column("state", "state", Kind::Atom),
                column("provided_by", "provided_by", Kind::Atom),
                plain("desc"),
                plain("doc_url"),
            ],
            default: &["name", "deprecation_phase", "state"],
            lenient: false,
            streamed: false,
            keep: all_rows,
        }),
        ..FLAG
    },
    Command {
        name: "list_node_auth_attempt_stats",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Counts who logged in and who failed to, by protocol",
        usage: "[--by-source]",
        options: &[switch("by-source", "accepted; sources are not kept")],
        banner: Some(|call| {
            Ok(format!("Listing authentication\n attempts for node \"{}\" ...", call.node()?))
        }),
        action: Action::List(&Listing {
            path: |call, _| Some(path(["auth", "attempts", call.node().unwrap_or_default()])),
            columns: &[
                plain("protocol"),
                plain("auth_attempts"),
                plain("auth_attempts_failed"),
                plain("auth_attempts_succeeded"),
            ],
            default: &["protocol", "auth_attempts", "auth_attempts_failed", "auth_attempts_succeeded"],
            lenient: false,
            streamed: false,
            keep: all_rows,
        }),
        ..FLAG
    },
];

fn enable(call: &Call<'_>) -> Result<Output, Failure> {
    let wanted = call.argument(0);
    if wanted != "all" {
        let flags = call.client.get("/api/feature-flags?columns=name")?;
        let flags = flags.as_array().map(Vec::as_slice).unwrap_or_default();
        if !flags.iter().any(|flag| flag.get("name").and_then(Value::as_str) == Some(wanted)) {
            let text = format!("This feature flag is not supported by node {}", call.node()?);
            return Err(Failure::error(Exit::Usage, text));
        }
    }
    // RabbitMQ's API takes one at a time; those that are on already stay on.
    let flags = call.client.get("/api/feature-flags?columns=name,state")?;
    let off = flags.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter(|flag| {
        let is = |key: &str, value: &str| flag.get(key).and_then(Value::as_str) == Some(value);
        (wanted == "all" || is("name", wanted)) && !is("state", "enabled")
    });
    for name in off.filter_map(|flag| flag.get("name").and_then(Value::as_str)) {
        call.client.put(&path(["feature-flags", name, "enable"]), &json!({ "name": name }))?;
    }
    Ok(Output::Done)
}
