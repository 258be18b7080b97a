//! Users: who there is, their passwords and tags.

use std::io::{self, BufRead as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::call::Call;
use super::client::{BAD_LOGIN, path};
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::listing::{Listing, all_rows, column};
use super::term::Kind;
use super::words::{switch, text};

const USER: Command = Command { topic: Topic::Users, ..NONE };

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "add_user",
        summary: "Creates a user, who may do nothing anywhere yet",
        usage: "<username> [<password>] [<password_hash> --pre-hashed-password]",
        arguments: (1, 2),
        options: &[switch("pre-hashed-password", "the password is a hash, in Base64")],
        validate: Some(check_new),
        banner: Some(|call| Ok(format!("Adding user \"{}\" ...", call.argument(0)))),
        action: Action::Do(add),
        ..USER
    },
    Command {
        name: "authenticate_user",
        summary: "Tries a password; fails if it is wrong",
        usage: "<username> <password>",
        arguments: (1, 2),
        banner: Some(|call| Ok(format!("Authenticating user \"{}\" ...", call.argument(0)))),
        action: Action::Do(authenticate),
        ..USER
    },
    Command {
        name: "change_password",
        summary: "Changes a user's password",
        usage: "<username> <password>",
        arguments: (1, 2),
        options: &[switch("pre-hashed-password", "the password is a hash, in Base64")],
        banner: Some(|call| Ok(format!("Changing password for user \"{}\" ...", call.argument(0)))),
        action: Action::Do(change_password),
        ..USER
    },
    Command {
        name: "clear_password",
        summary: "Takes a user's password away: no password lets the user in",
        usage: "<username>",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Clearing password for user \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| {
            let user = existing(call, || no_such_user(call.argument(0)))?;
            put(call, &json!({ "tags": user.get("tags"), "password_hash": "" }))
        }),
        ..USER
    },
    Command {
        name: "delete_user",
        summary: "Deletes a user",
        usage: "<username>",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Deleting user \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| match call.client.delete(&path(["users", call.argument(0)])) {
            Err(error) if error.status() != Some(404) => Err(error.into()),
            _ => Ok(Output::Done),
        }),
        ..USER
    },
    Command {
        name: "set_user_tags",
        summary: "Gives a user these tags and no others",
        usage: "<username> <tag> [...]",
        arguments: (1, usize::MAX),
        banner: Some(|call| {
            Ok(format!("Setting tags for user \"{}\" to [{}] ...", call.argument(0), tags(call).join(", ")))
        }),
        action: Action::Do(|call| {
            let user = existing(call, || unknown_user(call.argument(0)))?;
            put(
                call,
                &json!({ "tags": tags(call), "password_hash": user.get("password_hash"),
                               "hashing_algorithm": user.get("hashing_algorithm") }),
            )
        }),
        ..USER
    },
    Command {
        name: "list_users",
        tools: BOTH,
        summary: "Lists users and their tags",
        usage: "[--no-table-headers] [--timeout <timeout>]",
        banner: Some(|_| Ok("Listing users ...".to_owned())),
        action: Action::List(&Listing {
            path: |_, _| Some("/api/users?columns=name,tags".to_owned()),
            columns: &[column("user", "name", Kind::Plain), column("tags", "tags", Kind::Atoms)],
            default: &["user", "tags"],
            lenient: false,
            streamed: false,
            keep: all_rows,
        }),
        ..USER
    },
    Command {
        name: "hash_password",
        topic: Topic::Configuration,
        summary: "Hashes a password as definitions files have it",
        usage: "<cleartext_password> [--hashing-algorithm <algorithm>]",
        arguments: (0, 1),
        options: &[text("hashing-algorithm", "sha256, the only one")],
        banner: Some(|call| Ok(format!("Will hash password {}", call.argument(0)))),
        action: Action::Do(hash),
        ..USER
    },
];

fn check_new(call: &Call<'_>) -> Result<(), Failure> {
    if call.argument(0).is_empty() {
        return Err(Failure::bad_argument("user cannot be an empty string"));
    }
    let is_hash = call.words.has("pre-hashed-password");
    if is_hash
        && call.words.plain.len() == 2
        && BASE64_STANDARD.decode(call.argument(1)).map_or(true, |hash| hash.len() < 5)
    {
        return Err(Failure::bad_argument("Could not Base64 decode provided password hash value"));
    }
    Ok(())
}

fn add(call: &Call<'_>) -> Result<Output, Failure> {
    let name = call.argument(0);
    let password = password(call, 1, Exit::Data)?;
    match call.client.get(&path(["users", name])) {
        Ok(_) => return Err(Failure::error(Exit::Software, format!("User \"{name}\" already exists"))),
        Err(error) if error.status() == Some(404) => {}
        Err(error) => return Err(error.into()),
    }
    put(call, &secret(call, &json!([]), &password))?;
    if call.is_quiet() || call.formatter.is_for_programs() {
        return Ok(Output::Done);
    }
    let next = format!("See '{} help set_permissions' to learn more.", call.tool.name());
    Ok(Output::Text(format!(
        "Done. Don't forget to grant the user permissions to some virtual hosts! {next}"
    )))
}

fn change_password(call: &Call<'_>) -> Result<Output, Failure> {
    let password = password(call, 1, Exit::Software)?;
    let user = existing(call, || unknown_user(call.argument(0)))?;
    put(call, &secret(call, user.get("tags").unwrap_or(&Value::Null), &password))
}

fn secret(call: &Call<'_>, tags: &Value, password: &str) -> Value {
    let key = if call.words.has("pre-hashed-password") { "password_hash" } else { "password" };
    json!({ "tags": tags, key: password })
}

fn authenticate(call: &Call<'_>) -> Result<Output, Failure> {
    let user = call.argument(0);
    let password = password(call, 1, Exit::Software)?;
    match call.client.log_in(user, &password) {
        Ok(_) => Ok(Output::Text("Success".to_owned())),
        // Known, but without a tag that opens the API.
        Err(error) if error.status() == Some(401) && error.to_string() != BAD_LOGIN => {
            Ok(Output::Text("Success".to_owned()))
        }
        Err(error) if error.status() == Some(401) => {
            let text =
                format!("Error: failed to authenticate user \"{user}\"\nuser '{user}' - invalid credentials");
            Err(Failure::error(Exit::Data, text))
        }
        Err(error) => Err(error.into()),
    }
}

fn hash(call: &Call<'_>) -> Result<Output, Failure> {
    let password = password(call, 0, Exit::Data)?;
    let answer = call.client.get(&path(["auth", "hash_password", &password]))?;
    Ok(Output::Text(answer.get("ok").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

fn put(call: &Call<'_>, user: &Value) -> Result<Output, Failure> {
    call.client.put(&path(["users", call.argument(0)]), user)?;
    Ok(Output::Done)
}

fn existing(call: &Call<'_>, missing: impl FnOnce() -> Failure) -> Result<Value, Failure> {
    match call.client.get(&path(["users", call.argument(0)])) {
        Err(error) if error.status() == Some(404) => Err(missing()),
        other => Ok(other?),
    }
}

fn unknown_user(name: &str) -> Failure {
    Failure::error(Exit::NoUser, format!("User \"{name}\" does not exist"))
}

/// As the commands say it that the reference did not give a sentence.
pub fn no_such_user(name: &str) -> Failure {
    Failure::error(Exit::Unavailable, format!("{{:no_such_user, \"{name}\"}}"))
}

fn tags<'a>(call: &'a Call<'_>) -> Vec<&'a str> {
    call.words.plain.iter().skip(1).map(String::as_str).collect()
}

/// The argument at `at`, or the first line of standard input.
fn password(call: &Call<'_>, at: usize, missing: Exit) -> Result<String, Failure> {
    if let Some(password) = call.words.plain.get(at) {
        return Ok(password.clone());
    }
    call.say("Password: ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let password = line.trim_end_matches(['\n', '\r']);
    match read {
        Ok(_) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(Failure::error(missing, "Password is not provided via argument or stdin")),
    }
}
