//! Limits of virtual hosts and of users.
//!
//! The commands take all limits as one JSON object; the API takes them one by one.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::client::path;
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::{Output, Rows};
use super::parameters::document;
use super::term::{Kind, Term};
use super::users::no_such_user;
use super::words::{switch, text};

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "set_vhost_limits",
        topic: Topic::Vhosts,
        summary: "Limits connections and queues of a virtual host",
        usage: "[--vhost <vhost>] <definition>",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!("Setting vhost limits to \"{}\" for vhost \"{}\" ...", call.argument(0), call.vhost()))
        }),
        action: Action::Do(|call| set(call, &VHOSTS, call.vhost(), call.argument(0))),
        ..NONE
    },
    Command {
        name: "clear_vhost_limits",
        topic: Topic::Vhosts,
        summary: "Takes the limits of a virtual host away",
        usage: "[--vhost <vhost>]",
        banner: Some(|call| Ok(format!("Clearing vhost \"{}\" limits ...", call.vhost()))),
        action: Action::Do(|call| clear(call, &VHOSTS, call.vhost(), "all")),
        ..NONE
    },
    Command {
        name: "list_vhost_limits",
        tools: BOTH,
        topic: Topic::Vhosts,
        summary: "Shows the limits of a virtual host, or of all",
        usage: "[--vhost <vhost>] [--global] [--no-table-headers]",
        options: &[switch("global", "of all virtual hosts")],
        banner: Some(|call| Ok(banner(call, "vhost", call.vhost()))),
        action: Action::Do(|call| list(call, &VHOSTS, call.vhost())),
        ..NONE
    },
    Command {
        name: "set_user_limits",
        topic: Topic::Users,
        summary: "Limits connections and channels of a user",
        usage: "<username> <definition>",
        arguments: (2, 2),
        banner: Some(|call| {
            Ok(format!(
                "Setting user limits to \"{}\" for user \"{}\" ...",
                call.argument(1),
                call.argument(0)
            ))
        }),
        action: Action::Do(|call| set(call, &USERS, call.argument(0), call.argument(1))),
        ..NONE
    },
    Command {
        name: "clear_user_limits",
        topic: Topic::Users,
        summary: "Takes one limit of a user away, or all",
        usage: "<username> <limit_type> | all",
        arguments: (2, 2),
        banner: Some(|call| {
            let (user, which) = (call.argument(0), call.argument(1));
            Ok(match which {
                "all" => format!("Clearing all limits for user \"{user}\" ..."),
                one => format!("Clearing \"{one}\" limit for user \"{user}\" ..."),
            })
        }),
        action: Action::Do(|call| clear(call, &USERS, call.argument(0), call.argument(1))),
        ..NONE
    },
    Command {
        name: "list_user_limits",
        tools: BOTH,
        topic: Topic::Users,
        summary: "Shows the limits of a user, or of all",
        usage: "[--user <username>] [--global]",
        options: &[text("user", "whose [default: guest]"), switch("global", "of all users")],
        banner: Some(|call| Ok(banner(call, "user", user(call)))),
        action: Action::Do(|call| list(call, &USERS, user(call))),
        ..NONE
    },
];

/// Of whom the limits are.
struct Owners {
    /// In paths, for the limits.
    limits: &'static str,
    /// In paths, for the owner.
    collection: &'static str,
    /// In objects.
    key: &'static str,
    /// What it is if it does not exist.
    missing: fn(&str) -> Failure,
}

const VHOSTS: Owners =
    Owners { limits: "vhost-limits", collection: "vhosts", key: "vhost", missing: Failure::no_vhost };
const USERS: Owners =
    Owners { limits: "user-limits", collection: "users", key: "user", missing: no_such_user };

fn user<'a>(call: &'a Call<'_>) -> &'a str {
    call.words.value("user").unwrap_or("guest")
}

fn banner(call: &Call<'_>, kind: &str, name: &str) -> String {
    if call.words.has("global") {
        format!("Listing limits for all {kind}s ...")
    } else {
        format!("Listing limits for {kind} \"{name}\" ...")
    }
}

fn exists(call: &Call<'_>, owners: &Owners, name: &str) -> Result<(), Failure> {
    match call.client.get(&path([owners.collection, name])) {
        Err(error) if error.status() == Some(404) => Err((owners.missing)(name)),
        other => Ok(other.map(|_| ())?),
    }
}

fn set(call: &Call<'_>, owners: &Owners, name: &str, definition: &str) -> Result<Output, Failure> {
    let limits = document(definition)?;
    let Value::Object(limits) = limits else {
        return Err(Failure::error(Exit::Unavailable, "limits are a JSON object: {\"max-connections\": 10}"));
    };
    exists(call, owners, name)?;
    for (limit, value) in limits {
        call.client.put(&path([owners.limits, name, &limit]), &json!({ "value": value }))?;
    }
    Ok(Output::Done)
}

fn clear(call: &Call<'_>, owners: &Owners, name: &str, which: &str) -> Result<Output, Failure> {
    exists(call, owners, name)?;
    let limits: Vec<String> = match which {
        "all" => of(call, owners, name)?.keys().cloned().collect(),
        one => vec![one.to_owned()],
    };
    for limit in limits {
        call.client.delete(&path([owners.limits, name, &limit]))?;
    }
    Ok(Output::Done)
}

fn of(call: &Call<'_>, owners: &Owners, name: &str) -> Result<Map<String, Value>, Failure> {
    let rows = match call.client.get(&path([owners.limits, name])) {
        Err(error) if error.status() == Some(404) => return Err((owners.missing)(name)),
        rows => rows?,
    };
    let value = rows.get(0).and_then(|row| row.get("value"));
    Ok(value.and_then(Value::as_object).cloned().unwrap_or_default())
}

fn list(call: &Call<'_>, owners: &Owners, name: &str) -> Result<Output, Failure> {
    if call.words.has("global") {
        let rows = call.client.get(&format!("/api/{}", owners.limits))?;
        return Ok(Output::Rows(all(owners, &rows)));
    }
    let limits = of(call, owners, name)?;
    // A virtual host without limits has an empty line, a user an empty object.
    let text = match (limits.is_empty(), owners.key) {
        (true, "vhost") => String::new(),
        _ => Value::Object(limits.clone()).to_string(),
    };
    let json = match (limits.is_empty(), owners.key) {
        (true, "vhost") => json!([]),
        (false, "vhost") => json!({ "node": call.node()?, "value": text, "result": "ok" }),
        _ => json!({ "message": text }),
    };
    Ok(Output::Document { text, json })
}

fn all(owners: &Owners, rows: &Value) -> Rows {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let term = |row: &Value, key: &str, kind: Kind| kind.term(row.get(key).unwrap_or(&Value::Null));
    let row = |row: &Value| -> Vec<Term> {
        vec![term(row, owners.key, Kind::Plain), term(row, "value", Kind::Json)]
    };
    Rows {
        columns: vec![owners.key.to_owned(), "limits".to_owned()],
        rows: rows.iter().map(row).collect(),
        streamed: false,
        headers: true,
    }
}
