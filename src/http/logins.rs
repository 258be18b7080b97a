//! Logins: the form of the management interface, and how many came in over which protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leveret_core::model::LoginCounts;
use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::caller::Caller;
use super::contract::Tells;
use super::dispatch::authenticate;
use super::identity::who;
use super::query::Query;
use super::request::Request;
use super::route::{Handler, Later, Outcome, Row, Verb};

pub const ROWS: &[Row] = &[
    Row::new(
        (Verb::Post, "/api/login"),
        Access::Anyone,
        Handler::Later(log_in),
        "Takes a name and a password from a form.",
    )
    .body_bytes(LONGEST_FORM)
    .tells(Tells::Value("LoggedIn"))
    .takes_form(("application/x-www-form-urlencoded", "Login"))
    .answers(&[200, 401]),
    Row::delete("/api/login", Access::Anyone, log_out, "Does nothing: there are no sessions."),
    Row::get(ATTEMPTS, Access::Monitoring, attempts, "How many have logged in, or tried to, by protocol.")
        .tells(Tells::Values("LoginAttempts")),
    Row::delete(ATTEMPTS, Access::Administrator, reset, "Counts logins from zero again."),
    Row::get(
        SOURCES,
        Access::Monitoring,
        sources,
        "Logins by where they came from, which are not counted here.",
    )
    .tells(Tells::Value("Nothing")),
    Row::delete(SOURCES, Access::Administrator, reset, "Counts logins from zero again."),
];

/// Of anybody: a name and a password.
const LONGEST_FORM: usize = 4096;
const ATTEMPTS: &str = "/api/auth/attempts/:node";
const SOURCES: &str = "/api/auth/attempts/:node/source";

fn log_in(request: Request) -> Later {
    Box::pin(async move {
        let form = Query::parse(std::str::from_utf8(&request.body).unwrap_or_default());
        let (Some(user), Some(password)) = (form.get("username"), form.get("password")) else {
            return Err(Problem::wrong_credentials());
        };
        let given = (user.to_owned(), password.as_bytes().to_vec());
        let token = STANDARD.encode(format!("{user}:{password}"));
        let user = authenticate(&request.api, request.origin, given).await?;
        let caller = Caller::User(user);
        Access::Management.check(&caller)?;
        Ok(Answer::json(&json!({"user": who(&caller), "token": {"type": "basic", "value": token}})))
    })
}

fn log_out(_: &Request) -> Outcome {
    Ok(Answer::done())
}

fn attempts(request: &Request) -> Outcome {
    request.check_node()?;
    let row = |protocol: &str, counts: &LoginCounts| -> Value {
        let (succeeded, failed) = (counts.succeeded(), counts.failed());
        json!({
            "protocol": protocol,
            "auth_attempts": succeeded + failed,
            "auth_attempts_failed": failed,
            "auth_attempts_succeeded": succeeded,
        })
    };
    let rows = [row("http", &request.api.logins), row("amqp091", request.core().logins())];
    Ok(Answer::json(&rows))
}

fn sources(request: &Request) -> Outcome {
    request.check_node()?;
    Ok(Answer::json(&Vec::<Value>::new()))
}

fn reset(request: &Request) -> Outcome {
    request.check_node()?;
    request.api.logins.reset();
    request.core().logins().reset();
    Ok(Answer::done())
}
