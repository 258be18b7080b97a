//! The broker under test: the one at `INTEROP_URL`, or a leveret started for this run.
//!
//! Invariant: a leveret of our own runs as long as any test holds it, and no longer. Statics are never
//! dropped, so the last test that ends stops it, and one that begins after that starts another.

use std::{
    env,
    fs::OpenOptions,
    io::Write,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use lapin::{Channel, Connection, ConnectionProperties, types::ShortString, uri::AMQPUri};
use leveret_interop::Server;
use tokio::{runtime, time};

use crate::client::{Failure, Outcome, confirming};

/// A test that hasn't ended by then is hung, whatever it waits for.
const TEST_DEADLINE: Duration = Duration::from_secs(40);

/// The variables that name a foreign broker: every suite's, and that of the runner of all suites.
const NAMED: [&str; 2] = ["INTEROP_URL", "LEVERET_INTEROP_BROKER"];
/// The same for one that is short of memory or disk.
const NAMED_BLOCKED: [&str; 2] = ["INTEROP_BLOCKED_URL", "LEVERET_INTEROP_BLOCKED_BROKER"];

/// A kilobyte is less than any process has: every publisher is told to stop.
const NO_MEMORY: (&str, &str) = ("LEVERET_MEMORY_HIGH_WATERMARK", "1024");

/// Where to connect to.
pub struct Broker {
    uri: AMQPUri,
    /// Stopped when the last test lets go of it; none if the broker isn't ours.
    _own: Option<Arc<Mutex<Server>>>,
}

/// Runs one test on a runtime of its own, so that no test can hold up another.
#[track_caller]
pub fn with_broker(test: impl AsyncFnOnce(Broker) -> Outcome) {
    let _report = Report;
    let outcome = Broker::find().and_then(|broker| run(test(broker)));
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn run(test: impl Future<Output = Outcome>) -> Outcome {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let late = Failure::new(format!("the test has not ended within {TEST_DEADLINE:?}"));
        time::timeout(TEST_DEADLINE, test).await.unwrap_or(Err(late))
    })
}

impl Broker {
    fn find() -> Outcome<Self> {
        static OWN: Mutex<Weak<Mutex<Server>>> = Mutex::new(Weak::new());
        if let Some(url) = first_set(NAMED) {
            return Self::at(&url);
        }
        let mut shared = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Self::of(server);
        }
        let server = Arc::new(Mutex::new(Server::start(&[])?));
        *shared = Arc::downgrade(&server);
        Self::of(server)
    }

    /// Whether there is a broker that is short of memory: a foreign one has to be named.
    pub fn may_be_out_of_memory() -> bool {
        first_set(NAMED_BLOCKED).is_some() || first_set(NAMED).is_none()
    }

    /// A broker that is short of memory as soon as it has a message.
    pub fn out_of_memory() -> Outcome<Self> {
        match first_set(NAMED_BLOCKED) {
            Some(url) => Self::at(&url),
            None => Self::of(Arc::new(Mutex::new(Server::start(&[NO_MEMORY])?))),
        }
    }

    fn at(url: &str) -> Outcome<Self> {
        Ok(Self { uri: url.parse().map_err(Failure::new)?, _own: None })
    }

    fn of(server: Arc<Mutex<Server>>) -> Outcome<Self> {
        let url = server.lock().unwrap_or_else(PoisonError::into_inner).url();
        Ok(Self { _own: Some(server), ..Self::at(&url)? })
    }

    /// The URL, for a test that wants something else of it.
    pub fn uri(&self) -> AMQPUri {
        self.uri.clone()
    }

    /// A connection of one's own.
    pub async fn connect(&self) -> Outcome<Connection> {
        self.connect_to(self.uri()).await
    }

    /// A connection with other parameters than the given URL has.
    pub async fn connect_to(&self, uri: AMQPUri) -> Outcome<Connection> {
        Ok(Connection::connect_uri(uri, ConnectionProperties::default()).await?)
    }

    /// A confirming channel on a connection of its own, which lasts as long as the channel.
    pub async fn channel(&self) -> Outcome<Channel> {
        confirming(&self.connect().await?).await
    }

    /// How the broker's texts name a queue.
    pub fn queue_text(&self, name: &ShortString) -> String {
        format!("queue '{name}' in vhost '{}'", self.uri.vhost)
    }

    /// How the broker's texts name an exchange.
    pub fn exchange_text(&self, name: &ShortString) -> String {
        format!("exchange '{name}' in vhost '{}'", self.uri.vhost)
    }
}

fn first_set(variables: [&str; 2]) -> Option<String> {
    variables.iter().find_map(|variable| env::var(variable).ok())
}

/// For a test that this broker can't be put through.
pub fn skip(reason: &str) {
    println!("skipped: {reason}");
    report("skipped", reason);
}

/// Reports the test of this thread as passed, unless it is dropped by a panic.
struct Report;

impl Drop for Report {
    fn drop(&mut self) {
        if thread::panicking() {
            report("failed", "its output says why");
        } else {
            report("passed", "");
        }
    }
}

/// Tells the runner, if it has named a file for that, what became of the test of this thread.
fn report(result: &str, reason: &str) {
    // libtest names a test's thread by the test: `chapter::its_name_is_a_sentence`.
    let thread = thread::current();
    let test = thread.name().and_then(|name| name.split_once("::"));
    let (Some(file), Some((chapter, sentence))) = (env::var_os("INTEROP_RESULTS"), test) else { return };
    let line = format!("lapin\t{chapter}\t{}\t{result}\t{reason}\n", sentence.replace('_', " "));
    let opened = OpenOptions::new().append(true).create(true).open(file);
    if let Err(error) = opened.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!("the result was not reported: {error}");
    }
}
