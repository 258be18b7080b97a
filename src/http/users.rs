//! Users: `/api/users` and what hangs below it.
//!
//! A password is never kept: what lists tell is its salted hash, as RabbitMQ tells it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use leveret_core::model::{HashingAlgorithm, PasswordHash, User};
use serde_json::json;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::body::Fields;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use crate::limits::LimitsDocument;

pub const ROWS: &[Row] = &[
    Row::get("/api/users", Access::Administrator, list, "All users.").tells(Tells::Paged("User")),
    Row::get(
        "/api/users/without-permissions",
        Access::Administrator,
        idle,
        "Users who may enter no virtual host.",
    )
    .tells(Tells::Whole("User")),
    Row::post("/api/users/bulk-delete", Access::Administrator, delete_many, "Deletes several users at once.")
        .takes("UserNames"),
    Row::get("/api/users/:user", Access::Administrator, one, "A user.").tells(Tells::One("User")),
    Row::put(
        "/api/users/:user",
        Access::Administrator,
        put,
        "Adds a user, or changes its password and tags.",
    )
    .takes("UserDeclaration"),
    Row::delete(
        "/api/users/:user",
        Access::Administrator,
        delete,
        "Deletes a user; its connections are closed.",
    ),
    Row::get(
        "/api/auth/hash_password/:password",
        Access::Administrator,
        hash,
        "The salted hash of a password.",
    )
    .tells(Tells::Value("PasswordHash")),
];

/// A user in a list.
struct Known(Arc<User>);

impl Entry for Known {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn row(&self) -> Object {
        row(&self.0)
    }
}

fn row(user: &User) -> Object {
    let mut row = Object::new();
    row.insert("name".to_owned(), user.name.as_str().into());
    row.insert("password_hash".to_owned(), STANDARD.encode(user.password.salted()).into());
    row.insert("hashing_algorithm".to_owned(), user.password.algorithm().name().into());
    row.insert("tags".to_owned(), user.tags.as_slice().into());
    row.insert("limits".to_owned(), json!(LimitsDocument::of(user.limits.iter())));
    row
}

fn list(request: &Request) -> Outcome {
    let users = request.core().users().into_iter().map(Known).collect();
    listing::paged(&request.query, users)
}

fn idle(request: &Request) -> Outcome {
    let users = request.core().users().into_iter();
    let idle = users.filter(|user| user.all_permissions().next().is_none()).map(Known).collect();
    listing::whole(&request.query, idle)
}

/// The user that the path names.
pub fn named(request: &Request) -> Result<Arc<User>, Problem> {
    request.core().user(request.value("user")).ok_or_else(Problem::not_found)
}

fn one(request: &Request) -> Outcome {
    Ok(listing::one(&request.query, row(&*named(request)?)))
}

fn put(request: &Request) -> Outcome {
    let fields = request.fields()?;
    let tags = fields.words("tags")?.ok_or_else(|| Problem::bad_request("tags_not_present"))?;
    let password = password(&fields)?;
    let name = request.value("user");
    if name.is_empty() {
        return Err(Problem::not_found());
    }
    let is_new = request.core().user(name).is_none();
    request.core().put_user(User::new(name, password, tags));
    request.change(|_, _| ());
    Ok(Answer::put(is_new))
}

/// A password, its hash, or neither: then nobody logs in with one.
fn password(fields: &Fields) -> Result<PasswordHash, Problem> {
    match (fields.text("password")?, fields.text("password_hash")?) {
        (Some(_), Some(_)) => Err(Problem::bad_request("both_password_and_password_hash_are_provided")),
        (None | Some(""), None) => Ok(PasswordHash::default()),
        (Some(password), None) => Ok(PasswordHash::of(password, salt()?)),
        (None, Some(hash)) => {
            let algorithm = fields.text("hashing_algorithm")?.map(HashingAlgorithm::parse);
            let algorithm = algorithm.unwrap_or(Some(HashingAlgorithm::Sha256));
            let unknown = || {
                Problem::bad_request(json!(["unknown_hashing_algorithm", fields.get("hashing_algorithm")]))
            };
            PasswordHash::from_base64(hash, algorithm.ok_or_else(unknown)?)
                .ok_or_else(|| Problem::bad_request(json!(["not_base64", hash])))
        }
    }
}

fn salt() -> Result<[u8; 4], Problem> {
    let mut salt = [0; 4];
    getrandom::fill(&mut salt).map_err(|error| {
        tracing::error!(%error, "no random numbers for the salt of a password");
        Problem::silent(StatusCode::INTERNAL_SERVER_ERROR)
    })?;
    Ok(salt)
}

fn delete(request: &Request) -> Outcome {
    let is_gone = request.change(|_, effects| request.core().delete_user(request.value("user"), effects));
    if is_gone { Ok(Answer::done()) } else { Err(Problem::not_found()) }
}

fn delete_many(request: &Request) -> Outcome {
    let fields = request.fields()?;
    fields.require(&["users"])?;
    for name in fields.words("users")?.unwrap_or_default() {
        // One that is not there is not there already.
        request.change(|_, effects| request.core().delete_user(&name, effects));
    }
    Ok(Answer::done())
}

fn hash(request: &Request) -> Outcome {
    let hash = PasswordHash::of(request.value("password"), salt()?);
    Ok(Answer::json(&json!({"ok": STANDARD.encode(hash.salted())})))
}
