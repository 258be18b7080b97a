//! Asks a broker over HTTP/1.1: one connection a request, as scripts do.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leveret::{Broker, Builder};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A broker with the HTTP API, and who asks it.
pub struct Asked {
    pub broker: Broker,
    pub address: SocketAddr,
}

/// A broker that is empty but for `guest` and `/`.
pub async fn broker() -> Asked {
    start(Broker::builder().ephemeral()).await
}

/// The same, set differently.
pub async fn start(builder: Builder) -> Asked {
    let here = ([127, 0, 0, 1], 0);
    let broker = builder.listen(here).http(here).start().await.unwrap();
    let address = broker.http_addr().unwrap();
    Asked { broker, address }
}

/// What came back.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Said {
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; nothing is `null`.
    pub fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// The two words of a problem.
    pub fn reason(&self) -> Value {
        self.json()["reason"].clone()
    }

    /// The bytes of an answer, cut where it ends.
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }
}

/// A request that is being written.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    address: SocketAddr,
    line: String,
    headers: Vec<String>,
    body: &'a [u8],
}

impl Asked {
    /// By `guest`.
    pub fn ask(&self, method: &str, path: &str) -> Ask<'static> {
        self.ask_as_nobody(method, path).by("guest", "guest")
    }

    /// By nobody.
    pub fn ask_as_nobody(&self, method: &str, path: &str) -> Ask<'static> {
        Ask { address: self.address, line: format!("{method} {path}"), headers: Vec::new(), body: b"" }
    }

    /// Its answer to a GET of `guest`, which is JSON.
    pub async fn get(&self, path: &str) -> Value {
        let said = self.ask("GET", path).send().await;
        assert_eq!(said.status, 200, "GET {path}: {}", String::from_utf8_lossy(&said.body));
        said.json()
    }

    /// A request of `guest` with a JSON body: the status.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> u16 {
        self.say(method, path, body).await.status
    }

    /// The same: all of the answer.
    pub async fn say(&self, method: &str, path: &str, body: &Value) -> Said {
        let body = body.to_string();
        self.ask(method, path).with("content-type", "application/json").body(body.as_bytes()).send().await
    }
}

impl Ask<'_> {
    /// By somebody else, or again.
    pub fn by(self, user: &str, password: &str) -> Self {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        self.with("authorization", &format!("Basic {encoded}"))
    }

    /// With a header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|line| !line.starts_with(&format!("{name}:")));
        self.headers.push(format!("{name}: {value}\r\n"));
        self
    }

    /// With a body.
    pub fn body(self, body: &[u8]) -> Ask<'_> {
        Ask { address: self.address, line: self.line, headers: self.headers, body }
    }

    /// Asks.
    pub async fn send(self) -> Said {
        tokio::time::timeout(PATIENCE, self.exchange()).await.unwrap()
    }

    async fn exchange(self) -> Said {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: String = self.headers.concat();
        // Whoever says otherwise means to.
        let says = headers.contains("content-length:") || headers.contains("transfer-encoding:");
        let length = if says { String::new() } else { format!("content-length: {}\r\n", self.body.len()) };
        let head = format!(
            "{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{length}{headers}\r\n",
            self.line
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // A broker that has heard enough may close before it has everything.
        let _ = stream.write_all(self.body).await;
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes).await {
            Ok(_) => {}
            Err(error) => assert!(!bytes.is_empty(), "{error}"),
        }
        Said::read(&bytes)
    }
}
