//! One request from its head to its answer.
//!
//! The order of the questions is RabbitMQ's: is the path there, has it the method, who asks, may they, is the body what
//! the endpoint reads. A body is read only of who may send it, where there is one to be read.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, HeaderValue, SERVER, VARY,
};
use hyper::{HeaderMap, Method, Response, StatusCode};

use leveret_core::model::User;

use super::access::{Access, Sight};
use super::answer::{Answer, Problem};
use super::api::Api;
use super::caller::{Caller, Credentials, Stranger, log_in};
use super::cors;
use super::query::Query;
use super::request::Request;
use super::route::{self, Found, Handler, Outcome, Row, Verb};

/// Shorter answers are not compressed (RabbitMQ).
const COMPRESSED_BYTES: usize = 300;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A process of the broker's own user, over the local socket.
    Local,
    /// An address.
    Remote(IpAddr),
}

/// Answers a request.
pub async fn answer(api: Arc<Api>, origin: Origin, request: hyper::Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some(path) = head.uri.path().strip_prefix(api.settings.path_prefix.as_str()) else {
        return finish(Problem::not_found().answer(), Vec::new());
    };
    let found = match route::find(path) {
        Ok(Some(found)) => found,
        Ok(None) => return finish(Problem::not_found().answer(), Vec::new()),
        Err(route::BadEscape) => return finish(Answer::empty(StatusCode::BAD_REQUEST), Vec::new()),
    };
    let allow = found.allow();
    let mut headers = cors::headers(&api.settings, &head.method, &head.headers, &allow);
    headers.extend(HeaderValue::from_str(&allow).map(|allow| (ALLOW, allow)));
    let asked = Asked { api, origin, method: head.method, found };
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let is_compressed = accepts_gzip(&head.headers);
    let outcome = asked.outcome(query, head.headers, body).await;
    let answer = outcome.unwrap_or_else(|problem| problem.answer());
    finish(if is_compressed { compress(answer).await } else { answer }, headers)
}

/// A request for a path that is there.
struct Asked {
    api: Arc<Api>,
    origin: Origin,
    method: Method,
    found: Found,
}

impl Asked {
    async fn outcome(self, query: Query, headers: HeaderMap, body: Incoming) -> Outcome {
        if self.method == Method::OPTIONS {
            return Ok(Answer::empty(StatusCode::OK));
        }
        let row = self.found.row(&self.method);
        let row = row.ok_or_else(|| Problem::silent(StatusCode::METHOD_NOT_ALLOWED))?;
        let caller = self.caller(row, &headers).await?;
        self.check(row, &caller)?;
        if row.json_only && !is_json(&headers) {
            return Err(Problem::silent(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let most = row.body_bytes.min(self.api.settings.max_body_bytes);
        let (body, taken) = self.api.room.read(body, most).await?;
        let api = self.api.clone();
        let (origin, values) = (self.origin, self.found.values);
        let request = Request { api: self.api, origin, caller, values, query, headers, body, taken };
        let outcome = match row.handler {
            Handler::Now(now) => blocking(move || now(&request)).await?,
            Handler::Later(later) => later(request).await,
        };
        if row.verb != Verb::Get && api.committed().await.is_err() {
            // It has been done, but the next start may not know.
            return Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_server_error",
                "the log has failed: the change may not outlive the broker",
            ));
        }
        outcome
    }

    async fn caller(&self, row: &Row, headers: &HeaderMap) -> Result<Caller, Problem> {
        if self.origin == Origin::Local {
            return Ok(Caller::Local);
        }
        match row.access {
            Access::Anyone => Ok(Caller::Nobody),
            _ => identify(&self.api, self.origin, headers).await,
        }
    }

    fn check(&self, row: &Row, caller: &Caller) -> Result<(), Problem> {
        row.access.check(caller)?;
        let Some((_, name)) = self.found.values.iter().find(|(name, _)| *name == "vhost") else {
            return Ok(());
        };
        let is_there = self.api.shared.core.vhost(name).is_some();
        let sight = if is_there { Sight::There(name) } else { Sight::Missing };
        row.access.check_vhost(caller, row.verb, sight)
    }
}

/// Who asks, by the credentials of a request.
async fn identify(api: &Arc<Api>, origin: Origin, headers: &HeaderMap) -> Result<Caller, Problem> {
    match Credentials::of(headers) {
        Credentials::None => Err(Problem::who_are_you()),
        Credentials::Other => Err(Problem::wrong_credentials()),
        Credentials::Malformed => Err(Problem::silent(StatusCode::BAD_REQUEST)),
        Credentials::Basic { user, password } => {
            authenticate(api, origin, (user, password)).await.map(Caller::User)
        }
    }
}

/// The user of a name and a password. A wrong one is answered late when there have been many from there.
pub async fn authenticate(
    api: &Arc<Api>,
    origin: Origin,
    (user, password): (String, Vec<u8>),
) -> Result<Arc<User>, Problem> {
    let address = match origin {
        Origin::Local => Ipv4Addr::LOCALHOST.into(),
        Origin::Remote(address) => address,
    };
    if !api.gate.is_open(address) {
        return Err(Problem::wrong_credentials());
    }
    let core = api.shared.core.clone();
    let is_loopback = address.to_canonical().is_loopback();
    let name = user.clone();
    let found = blocking(move || log_in(&core, &name, &password, is_loopback)).await?;
    api.logins.note(found.is_ok());
    match found {
        Ok(user) => Ok(user),
        Err(Stranger::NotFromHere) => Err(Problem::not_authorised("User can only log in via localhost")),
        Err(Stranger::Unknown) => {
            tracing::warn!("HTTP access denied: user '{}' - invalid credentials", user.escape_debug());
            if let Some(held) = api.gate.note_failure(api.shared.clock.now(), address) {
                api.shared.clock.sleep_until(held.until).await;
            }
            Err(Problem::wrong_credentials())
        }
    }
}

/// Refuses whoever may not watch the broker.
pub async fn may_watch(api: &Arc<Api>, origin: Origin, headers: &HeaderMap) -> Result<(), Response<Body>> {
    let caller = identify(api, origin, headers).await;
    let checked = caller.and_then(|caller| Access::Monitoring.check(&caller));
    checked.map_err(|problem| finish(problem.answer(), Vec::new()))
}

/// Does what may take its time, or hashes, where no traffic is carried.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request of the HTTP API came to nothing");
        Problem::silent(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// Whether the body says that it is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = said.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Whether an answer may be compressed.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|part| part.trim_start_matches("q=").parse() == Ok(0.0));
        is_gzip && !is_refused
    })
}

async fn compress(answer: Answer) -> Answer {
    if answer.body.len() < COMPRESSED_BYTES {
        return answer;
    }
    let (body, kept) = (answer.body.clone(), answer.packed.clone());
    let packed = match kept {
        None => blocking(move || gzip(&body)).await.ok().flatten(),
        kept => kept,
    };
    match packed {
        Some(body) => Answer { body, ..answer }.with(CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        None => answer,
    }
}

/// Compressed. Into memory it cannot fail; where it does, it goes as it is.
pub fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).ok().map(Bytes::from)
}

fn finish(answer: Answer, headers: Vec<(HeaderName, HeaderValue)>) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    let usual = [
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, "script-src 'self'; object-src 'self'"),
        (SERVER, "leveret"),
        (VARY, "accept, accept-encoding, origin"),
    ];
    let usual = usual.map(|(name, value)| (name, HeaderValue::from_static(value)));
    for (name, value) in usual.into_iter().chain(headers).chain(answer.headers) {
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_asked_for() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            accepts_gzip(&headers)
        };
        assert!(accepts("gzip") && accepts("deflate, GZIP;q=0.5"));
        assert!(!accepts("deflate") && !accepts("gzip;q=0") && !accepts("gzip; q=0.0"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn json_is_what_says_so() {
        let says = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(says("application/json") && says("Application/JSON; charset=utf-8"));
        assert!(!says("application/x-www-form-urlencoded") && !is_json(&HeaderMap::new()));
    }
}
