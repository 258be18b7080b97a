//! The HTTP API as a command asks it: one request after the other over one connection, blocking.
//!
//! No runtime and no thread: a command lives for a few milliseconds, most of which such things would take.
//! Every wait is bounded by the command's timeout. A connection that the broker closed between two requests
//! is opened anew, once; a request that was begun is never sent twice.

use std::cell::RefCell;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::address::Address;
use super::wire::{self, Wire};

/// What may stand in a path segment as it is (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// More than any definitions file; a broker that sends more is none.
const BODY_BYTES: u64 = 2 << 30;
/// More lines than any answer's head has.
const HEAD_LINES: usize = 200;

/// What a wrong user or password is called here.
pub const BAD_LOGIN: &str = "the broker refuses this user or this password";

/// Joins segments to a path below `/api`, each percent-encoded.
pub fn path<const N: usize>(segments: [&str; N]) -> String {
    let encoded: Vec<String> = segments.iter().map(|segment| encode(segment)).collect();
    format!("/api/{}", encoded.join("/"))
}

/// One segment or one value of a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// GET, PUT, POST or DELETE.
    pub method: &'static str,
    /// From `/api` on (or `/local`), encoded.
    pub path: &'a str,
    /// JSON.
    pub body: Option<String>,
    /// `x-reason`: why a connection is closed.
    pub reason: Option<&'a str>,
}

/// What came back, whatever the status.
#[derive(Debug)]
pub struct Answer {
    /// 200, 404...
    pub status: u16,
    /// All of it.
    pub body: Vec<u8>,
}

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("{address} does not answer: {source}")]
    Connect {
        /// Who was asked.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The conversation broke.
    #[error("the connection to the broker failed: {0}")]
    Broken(io::Error),
    /// Longer than was allowed.
    #[error("the operation timed out. Timeout value used: {}", .0.as_millis())]
    TimedOut(Duration),
    /// Not HTTP, or not JSON.
    #[error("the answer is not of an HTTP API: {0}")]
    Gibberish(String),
    /// The broker said no.
    #[error("{reason}")]
    Status {
        /// The code.
        status: u16,
        /// Its reason, or what the code means.
        reason: String,
    },
}

impl ClientError {
    /// The status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        if let Self::Status { status, .. } = self { Some(*status) } else { None }
    }
}

/// A connection to one broker, opened when it is first needed.
pub struct Client {
    address: Address,
    timeout: Duration,
    wire: RefCell<Option<BufReader<Box<dyn Wire>>>>,
}

impl Client {
    /// Nothing is connected yet.
    pub fn new(address: Address, timeout: Duration) -> Self {
        Self { address, timeout, wire: RefCell::new(None) }
    }

    /// Who is asked.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The JSON at `path`.
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        let answer = self.ask(&Request { method: "GET", path, body: None, reason: None })?;
        let answer = answer.accepted()?;
        serde_json::from_slice(&answer.body).map_err(|error| ClientError::Gibberish(error.to_string()))
    }

    /// Puts `body` at `path`.
    pub fn put(&self, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.ask(&Request { method: "PUT", path, body: Some(body.to_string()), reason: None })?.accepted()
    }

    /// Posts `body` to `path`.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.ask(&Request { method: "POST", path, body: Some(body.to_string()), reason: None })?.accepted()
    }

    /// Deletes what is at `path`.
    pub fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.ask(&Request { method: "DELETE", path, body: None, reason: None })?.accepted()
    }

    /// Whether the broker knows this user by this password: over the local socket, which lets everybody in, as well.
    pub fn log_in(&self, user: &str, password: &str) -> Result<Answer, ClientError> {
        let form = format!("username={}&password={}", encode(user), encode(password));
        let request = Request { method: "POST", path: "/api/login", body: Some(form), reason: None };
        self.ask_in(&request, "application/x-www-form-urlencoded")?.accepted()
    }

    /// Sends a request and reads the answer, whatever its status.
    pub fn ask(&self, request: &Request<'_>) -> Result<Answer, ClientError> {
        self.ask_in(request, "application/json")
    }

    fn ask_in(&self, request: &Request<'_>, content: &str) -> Result<Answer, ClientError> {
        let mut kept = self.wire.borrow_mut();
        let head = self.head(request, content);
        if let Some(mut wire) = kept.take() {
            // A connection at rest may have been closed; nothing of this request was read by anybody then.
            if let Ok((answer, keep)) = exchange(&mut wire, &head, request) {
                *kept = keep.then_some(wire);
                return Ok(answer);
            }
        }
        let mut wire = BufReader::new(self.connect()?);
        let (answer, keep) = exchange(&mut wire, &head, request).map_err(|error| self.broken(error))?;
        *kept = keep.then_some(wire);
        Ok(answer)
    }

    fn connect(&self) -> Result<Box<dyn Wire>, ClientError> {
        wire::connect(&self.address, self.timeout)
            .map_err(|source| ClientError::Connect { address: self.address.to_string(), source })
    }

    fn broken(&self, error: io::Error) -> ClientError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ClientError::TimedOut(self.timeout),
            ErrorKind::InvalidData => ClientError::Gibberish(error.to_string()),
            _ => ClientError::Broken(error),
        }
    }

    fn head(&self, request: &Request<'_>, content: &str) -> String {
        use std::fmt::Write as _;
        let (prefix, host) = (self.address.prefix(), self.address.host());
        let mut head = format!("{} {prefix}{} HTTP/1.1\r\nhost: {host}\r\n", request.method, request.path);
        if let Some(authorization) = self.address.authorization() {
            let _ = write!(head, "authorization: {authorization}\r\n");
        }
        if let Some(reason) = request.reason {
            // A header is one line.
            let _ = write!(head, "x-reason: {}\r\n", reason.replace(['\r', '\n'], " "));
        }
        let length = request.body.as_ref().map_or(0, String::len);
        let _ = write!(head, "content-type: {content}\r\ncontent-length: {length}\r\n\r\n");
        head
    }
}

impl Answer {
    fn accepted(self) -> Result<Self, ClientError> {
        match self.status {
            200..=299 => Ok(self),
            status => Err(ClientError::Status { status, reason: self.reason() }),
        }
    }

    /// Why not, from the body where it says so.
    pub fn reason(&self) -> String {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let reason = body.as_ref().and_then(|body| body.get("reason").or_else(|| body.get("error")));
        match (reason, self.status) {
            (Some(Value::String(reason)), 401) if reason == "Not_Authorized" => BAD_LOGIN.to_owned(),
            (Some(Value::String(reason)), _) => reason.clone(),
            (Some(other), _) => other.to_string(),
            (None, status) => format!("the broker answered with HTTP status {status}"),
        }
    }
}

fn exchange(
    wire: &mut BufReader<Box<dyn Wire>>,
    head: &str,
    request: &Request<'_>,
) -> io::Result<(Answer, bool)> {
    let mut bytes = head.as_bytes().to_vec();
    bytes.extend_from_slice(request.body.as_deref().unwrap_or_default().as_bytes());
    wire.get_mut().write_all(&bytes)?;
    wire.get_mut().flush()?;
    let head = Head::read(wire)?;
    let body = head.body(wire)?;
    Ok((Answer { status: head.status, body }, head.keep))
}

/// What of an answer's head matters here.
struct Head {
    status: u16,
    length: Option<u64>,
    chunked: bool,
    keep: bool,
}

impl Head {
    fn read(wire: &mut impl io::BufRead) -> io::Result<Self> {
        let first = line(wire)?;
        let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| invalid("no HTTP status line"))?;
        let mut head = Self { status, length: None, chunked: false, keep: true };
        for _ in 0..HEAD_LINES {
            let field = line(wire)?;
            let Some((name, value)) = field.split_once(':') else {
                return if field.is_empty() { Ok(head) } else { Err(invalid("a header without a colon")) };
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().ok(),
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => head.keep = !value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Err(invalid("a head without end"))
    }

    fn body(&self, wire: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.chunked {
            chunks(wire, &mut body)?;
        } else if let Some(length) = self.length {
            exactly(wire, length, &mut body)?;
        } else if self.status != 204 {
            wire.take(BODY_BYTES).read_to_end(&mut body)?;
        }
        Ok(body)
    }
}

fn chunks(wire: &mut impl io::BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let size = line(wire)?;
        let size = size.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size.trim(), 16).map_err(|_| invalid("a chunk without a size"))?;
        if size == 0 {
            // Trailers, then an empty line.
            while !line(wire)?.is_empty() {}
            return Ok(());
        }
        exactly(wire, size, body)?;
        line(wire)?;
    }
}

fn exactly(wire: &mut impl io::BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if BODY_BYTES < length.saturating_add(body.len() as u64) {
        return Err(invalid("a body larger than any"));
    }
    let read = wire.take(length).read_to_end(body)?;
    if (read as u64) < length { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn line(wire: &mut impl io::BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    wire.take(64 << 10).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| invalid("a head that is not text"))
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text.to_owned())
}
