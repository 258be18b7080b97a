//! The table of endpoints, and how a path finds its rows.
//!
//! Invariants:
//! - Segments are percent-decoded one by one, so a name may have a slash in it. An empty segment is the name "", a
//!   slash at the end of a path is none.
//! - Of two patterns that both fit a path the one with a literal where the other has a parameter is meant, first
//!   segments first. Methods are looked at afterwards: a path that is there is never 404 for another method.

use std::borrow::Cow;
use std::pin::Pin;

use hyper::Method;
use percent_encoding::percent_decode_str;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::contract::Contract;
use super::request::Request;

/// What becomes of a request.
pub type Outcome = Result<Answer, Problem>;

/// An outcome that is waited for.
pub type Later = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// All endpoints, a family a file, with the heading that it has in the reference.
pub const FAMILIES: &[(&str, &[Row])] = &[
    ("overview", super::identity::ROWS),
    ("overview", super::reference::ROWS),
    ("health", super::health::ROWS),
    ("logins", super::logins::ROWS),
    ("features", super::features::ROWS),
    ("vhosts", super::vhosts::ROWS),
    ("users", super::users::ROWS),
    ("permissions", super::permissions::ROWS),
    ("limits", super::limits::ROWS),
    ("policies", super::policies::ROWS),
    ("parameters", super::parameters::ROWS),
    ("definitions", super::definitions::ROWS),
    ("local", super::local::ROWS),
    ("plugins", super::plugins::ROWS),
    ("overview", super::overview::ROWS),
    ("nodes", super::nodes::ROWS),
    ("queues", super::queues::ROWS),
    ("exchanges", super::exchanges::ROWS),
    ("bindings", super::bindings::ROWS),
    ("connections", super::connections::ROWS),
    ("channels", super::channels::ROWS),
    ("consumers", super::consumers::ROWS),
];

/// What an endpoint does.
#[derive(Clone, Copy)]
pub enum Handler {
    /// On a thread where it may take its time.
    Now(fn(&Request) -> Outcome),
    /// On a thread that carries traffic, where it must only wait.
    Later(fn(Request) -> Later),
}

/// The methods that endpoints have; HEAD and OPTIONS follow from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
}

impl Verb {
    /// As it stands in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    /// The verb whose row answers a method.
    pub fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::PUT => Some(Self::Put),
            Method::POST => Some(Self::Post),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

/// One endpoint.
pub struct Row {
    pub verb: Verb,
    /// Segments with `:name` for those that vary.
    pub path: &'static str,
    pub access: Access,
    pub handler: Handler,
    /// A sentence for the reference.
    pub summary: &'static str,
    /// Bodies that do not say that they are JSON are refused (415), as RabbitMQ does at some places.
    pub json_only: bool,
    /// How long a body may be, if it is not too long for the API: nothing of who only reads or deletes, and nothing of
    /// strangers.
    pub body_bytes: usize,
    /// What the reference says of it.
    pub contract: Contract,
}

impl Row {
    /// Reads.
    pub const fn get(
        path: &'static str,
        access: Access,
        now: fn(&Request) -> Outcome,
        summary: &'static str,
    ) -> Self {
        Self::new((Verb::Get, path), access, Handler::Now(now), summary)
    }

    /// Creates, or replaces.
    pub const fn put(
        path: &'static str,
        access: Access,
        now: fn(&Request) -> Outcome,
        summary: &'static str,
    ) -> Self {
        Self::new((Verb::Put, path), access, Handler::Now(now), summary)
    }

    /// Does something.
    pub const fn post(
        path: &'static str,
        access: Access,
        now: fn(&Request) -> Outcome,
        summary: &'static str,
    ) -> Self {
        Self::new((Verb::Post, path), access, Handler::Now(now), summary)
    }

    /// Takes away.
    pub const fn delete(
        path: &'static str,
        access: Access,
        now: fn(&Request) -> Outcome,
        summary: &'static str,
    ) -> Self {
        Self::new((Verb::Delete, path), access, Handler::Now(now), summary)
    }

    /// Any of them, with a handler of either kind.
    pub const fn new(
        (verb, path): (Verb, &'static str),
        access: Access,
        handler: Handler,
        summary: &'static str,
    ) -> Self {
        let takes_none = matches!(verb, Verb::Get | Verb::Delete) || matches!(access, Access::Anyone);
        let body_bytes = if takes_none { 0 } else { usize::MAX };
        Self { verb, path, access, handler, summary, json_only: false, body_bytes, contract: Contract::NONE }
    }

    /// The same, with bodies of so many bytes.
    pub const fn body_bytes(mut self, most: usize) -> Self {
        self.body_bytes = most;
        self
    }

    /// The same, for bodies that say that they are JSON.
    pub const fn json_only(mut self) -> Self {
        self.json_only = true;
        self
    }

    /// The parts of its path.
    pub fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').skip(1)
    }
}

/// All endpoints.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().flat_map(|(_, family)| family.iter())
}

/// A path that is there.
pub struct Found {
    /// One for each method.
    pub rows: Vec<&'static Row>,
    /// What stands for the parameters.
    pub values: Vec<(&'static str, String)>,
}

impl Found {
    /// The row of a method.
    pub fn row(&self, method: &Method) -> Option<&'static Row> {
        let verb = Verb::of(method)?;
        self.rows.iter().find(|row| row.verb == verb).copied()
    }

    /// The methods that a request may have, as RabbitMQ orders them.
    pub fn allow(&self) -> String {
        let has = |verb| self.rows.iter().any(|row| row.verb == verb);
        let mut names = Vec::new();
        if has(Verb::Get) {
            names.extend(["HEAD", "GET"]);
        }
        let others = [Verb::Put, Verb::Post, Verb::Delete];
        names.extend(others.into_iter().filter(|verb| has(*verb)).map(Verb::name));
        names.push("OPTIONS");
        names.join(", ")
    }
}

/// The endpoints of a path; `Err`: its escapes make no sense.
pub fn find(path: &str) -> Result<Option<Found>, BadEscape> {
    let segments = decode(path)?;
    let fitting = rows().filter_map(|row| Some((weight(row, &segments)?, row)));
    let Some((best, first)) = fitting.max_by_key(|(weight, _)| *weight) else { return Ok(None) };
    let rows = rows().filter(|row| weight(row, &segments) == Some(best)).collect();
    let parameters = first
        .segments()
        .zip(segments)
        .filter_map(|(pattern, segment)| Some((pattern.strip_prefix(':')?, segment.into_owned())));
    Ok(Some(Found { rows, values: parameters.collect() }))
}

/// A `%` without two digits.
#[derive(Debug, PartialEq, Eq)]
pub struct BadEscape;

fn decode(path: &str) -> Result<Vec<Cow<'_, str>>, BadEscape> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(segment).collect()
}

/// Names that are no UTF-8 are nobody's: what stands for them is in no name.
fn segment(text: &str) -> Result<Cow<'_, str>, BadEscape> {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if text.split('%').skip(1).all(is_escape) {
        Ok(percent_decode_str(text).decode_utf8_lossy())
    } else {
        Err(BadEscape)
    }
}

/// How literally a row fits; `None`: it does not.
fn weight(row: &Row, segments: &[Cow<'_, str>]) -> Option<u32> {
    let mut weight = 1;
    let mut given = segments.iter();
    for pattern in row.segments() {
        let segment = given.next()?;
        let is_literal = !pattern.starts_with(':');
        if is_literal && pattern != segment {
            return None;
        }
        weight = weight << 1 | u32::from(is_literal);
    }
    given.next().is_none().then_some(weight)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_endpoint_is_declared_once_and_every_path_finds_its_own_rows() {
        let mut seen = HashSet::new();
        for row in rows() {
            assert!(seen.insert((row.verb.name(), row.path)), "{} {} twice", row.verb.name(), row.path);
            assert!(row.path.starts_with('/') && row.summary.ends_with('.'), "{}", row.path);
            let found = find(row.path).unwrap().unwrap();
            assert!(found.rows.iter().all(|found| found.path == row.path), "{}", row.path);
            assert!(found.rows.iter().any(|found| std::ptr::eq(*found, row)), "{}", row.path);
        }
    }

    #[test]
    fn segments_are_decoded_one_by_one_and_a_last_slash_is_none() {
        let table: [(&str, &[&str]); 5] = [
            ("/api/exchanges/%2F//publish", &["api", "exchanges", "/", "", "publish"]),
            ("/api/exchanges/%2f/", &["api", "exchanges", "/"]),
            ("/api/exchanges/%2f//", &["api", "exchanges", "/", ""]),
            ("/api//queues", &["api", "", "queues"]),
            ("/api/%6Daz+y/%ff", &["api", "maz+y", "\u{fffd}"]),
        ];
        for (path, expected) in table {
            assert_eq!(decode(path).unwrap(), expected, "{path}");
        }
        assert_eq!(decode("/api/%zz"), Err(BadEscape));
        assert_eq!(decode("/api/%2"), Err(BadEscape));
    }

    #[test]
    fn methods_are_told_in_rabbitmqs_order() {
        let found = find("/api/users/u").unwrap().unwrap();
        assert_eq!(found.allow(), "HEAD, GET, PUT, DELETE, OPTIONS");
        assert!(found.row(&Method::HEAD).is_some_and(|row| row.verb == Verb::Get));
        assert!(found.row(&Method::POST).is_none());
    }
}
