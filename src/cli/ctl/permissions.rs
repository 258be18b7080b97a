//! Who may do what in which virtual host.

use serde_json::{Value, json};

use super::call::Call;
use super::client::{ClientError, path};
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::listing::{Listing, all_rows, plain};
use super::users::no_such_user;

const ACCESS: Command = Command { topic: Topic::Access, ..NONE };

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "set_permissions",
        summary: "Lets a user configure, write and read what these patterns match in a virtual host",
        usage: "[--vhost <vhost>] <username> <conf> <write> <read>",
        arguments: (4, 4),
        banner: Some(|call| {
            Ok(format!(
                "Setting permissions for user \"{}\" in vhost \"{}\" ...",
                call.argument(0),
                call.vhost()
            ))
        }),
        action: Action::Do(|call| {
            let set = set(call, call.vhost());
            set.map_err(|error| unknown_party(call, error)).map(|()| Output::Done)
        }),
        ..ACCESS
    },
    Command {
        name: "set_permissions_globally",
        summary: "As set_permissions, in every virtual host there is",
        usage: "<username> <conf> <write> <read>",
        arguments: (4, 4),
        banner: Some(|call| {
            Ok(format!("Setting permissions for user \"{}\" in all virtual hosts ...", call.argument(0)))
        }),
        action: Action::Do(|call| {
            let vhosts = call.client.get("/api/vhosts?columns=name")?;
            for vhost in vhosts.as_array().map(Vec::as_slice).unwrap_or_default() {
                let name = vhost.get("name").and_then(Value::as_str).unwrap_or_default();
                set(call, name).map_err(|error| unknown_party(call, error))?;
            }
            Ok(Output::Done)
        }),
        ..ACCESS
    },
    Command {
        name: "clear_permissions",
        summary: "Takes a user's permissions in a virtual host away",
        usage: "[--vhost <vhost>] <username>",
        arguments: (1, 1),
        banner: Some(|call| {
            Ok(format!(
                "Clearing permissions for user \"{}\" in vhost \"{}\" ...",
                call.argument(0),
                call.vhost()
            ))
        }),
        action: Action::Do(|call| {
            gone(call.client.delete(&path(["permissions", call.vhost(), call.argument(0)])))
        }),
        ..ACCESS
    },
    Command {
        name: "list_permissions",
        tools: BOTH,
        summary: "Lists who may do what in a virtual host",
        usage: "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
        banner: Some(|call| Ok(format!("Listing permissions for vhost \"{}\" ...", call.vhost()))),
        action: Action::List(&Listing {
            path: |call, _| Some(path(["vhosts", call.vhost(), "permissions"])),
            columns: &[plain("user"), plain("configure"), plain("write"), plain("read")],
            default: &["user", "configure", "write", "read"],
            ..LISTING
        }),
        ..ACCESS
    },
    Command {
        name: "list_user_permissions",
        tools: BOTH,
        summary: "Lists what a user may do, by virtual host",
        usage: "[--no-table-headers] <username> [--timeout <timeout>]",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Listing permissions for user \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| of_user(call, "permissions", &OF_USER, true)),
        ..ACCESS
    },
    Command {
        name: "set_topic_permissions",
        summary: "Lets a user write and read by routing keys that these patterns match, at a topic exchange",
        usage: "[--vhost <vhost>] <username> <exchange> <write> <read>",
        arguments: (4, 4),
        banner: Some(|call| {
            let (user, exchange, vhost) = (call.argument(0), call.argument(1), call.vhost());
            Ok(format!(
                "Setting topic permissions on \"{exchange}\" for user \"{user}\" in vhost \"{vhost}\" ..."
            ))
        }),
        action: Action::Do(|call| {
            let body =
                json!({ "exchange": call.argument(1), "write": call.argument(2), "read": call.argument(3) });
            let put = call.client.put(&path(["topic-permissions", call.vhost(), call.argument(0)]), &body);
            put.map_err(|error| unknown_party(call, error))?;
            Ok(Output::Done)
        }),
        ..ACCESS
    },
    Command {
        name: "clear_topic_permissions",
        summary: "Takes a user's topic permissions away, at one exchange or at all",
        usage: "[--vhost <vhost>] <username> [<exchange>]",
        arguments: (1, 2),
        banner: Some(|call| {
            let on =
                call.words.plain.get(1).map(|exchange| format!(" on \"{exchange}\"")).unwrap_or_default();
            let (user, vhost) = (call.argument(0), call.vhost());
            Ok(format!("Clearing topic permissions{on} for user \"{user}\" in vhost \"{vhost}\" ..."))
        }),
        action: Action::Do(|call| {
            let (vhost, user) = (call.vhost(), call.argument(0));
            gone(match call.words.plain.get(1) {
                Some(exchange) => call.client.delete(&path(["topic-permissions", vhost, user, exchange])),
                None => call.client.delete(&path(["topic-permissions", vhost, user])),
            })
        }),
        ..ACCESS
    },
    Command {
        name: "list_topic_permissions",
        tools: BOTH,
        summary: "Lists topic permissions in a virtual host",
        usage: "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
        banner: Some(|call| Ok(format!("Listing topic permissions for vhost \"{}\" ...", call.vhost()))),
        action: Action::List(&Listing {
            path: |call, _| Some(path(["vhosts", call.vhost(), "topic-permissions"])),
            columns: &[plain("user"), plain("exchange"), plain("write"), plain("read")],
            default: &["user", "exchange", "write", "read"],
            ..LISTING
        }),
        ..ACCESS
    },
    Command {
        name: "list_user_topic_permissions",
        tools: BOTH,
        summary: "Lists a user's topic permissions",
        usage: "[--no-table-headers] <username> [--timeout <timeout>]",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Listing topic permissions for user \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| of_user(call, "topic-permissions", &TOPICS_OF_USER, false)),
        ..ACCESS
    },
];

const LISTING: Listing = Listing {
    path: |_, _| None,
    columns: &[],
    default: &[],
    lenient: false,
    streamed: false,
    keep: all_rows,
};

const OF_USER: Listing = Listing {
    columns: &[plain("vhost"), plain("configure"), plain("write"), plain("read")],
    default: &["vhost", "configure", "write", "read"],
    ..LISTING
};

const TOPICS_OF_USER: Listing = Listing {
    columns: &[plain("vhost"), plain("exchange"), plain("write"), plain("read")],
    default: &["vhost", "exchange", "write", "read"],
    ..LISTING
};

/// The reference does not name the columns of a user's topic permissions.
fn of_user(call: &Call<'_>, what: &str, listing: &Listing, headers: bool) -> Result<Output, Failure> {
    let user = call.argument(0);
    let rows = match call.client.get(&path(["users", user, what])) {
        Err(error) if error.status() == Some(404) => return Err(no_such_user(user)),
        rows => rows?,
    };
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shown = listing.rows(call, rows, &listing.chosen(&[])?);
    shown.headers = headers;
    Ok(Output::Rows(shown))
}

fn set(call: &Call<'_>, vhost: &str) -> Result<(), ClientError> {
    let body = json!({ "configure": call.argument(1), "write": call.argument(2), "read": call.argument(3) });
    call.client.put(&path(["permissions", vhost, call.argument(0)]), &body).map(|_| ())
}

/// The API says that one of the two is not known; which, it says when asked for each.
fn unknown_party(call: &Call<'_>, error: ClientError) -> Failure {
    if !matches!(error.status(), Some(400 | 404)) {
        return error.into();
    }
    let missing = |path: String| call.client.get(&path).is_err_and(|error| error.status() == Some(404));
    let (user, vhost) = (call.argument(0), call.vhost());
    if missing(path(["users", user])) {
        return Failure::error(Exit::NoUser, format!("User {user} does not exist"));
    }
    if missing(path(["vhosts", vhost])) {
        return Failure::error(Exit::Unavailable, format!("Virtual host {vhost} does not exist"));
    }
    error.into()
}

/// What is not there need not be taken away.
fn gone(deleted: Result<super::client::Answer, ClientError>) -> Result<Output, Failure> {
    match deleted {
        Err(error) if !matches!(error.status(), Some(400 | 404)) => Err(error.into()),
        _ => Ok(Output::Done),
    }
}
