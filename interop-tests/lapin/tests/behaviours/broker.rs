//! The broker under test: the one at `INTEROP_URL`.

use std::{env, time::Duration};

use lapin::{Channel, Connection, ConnectionProperties, types::ShortString, uri::AMQPUri};
use tokio::{runtime, time};

use crate::client::{Failure, Outcome, confirming};

/// A test that hasn't ended by then is hung, whatever it waits for.
const TEST_DEADLINE: Duration = Duration::from_secs(40);

/// Where to connect to.
pub struct Broker {
    uri: AMQPUri,
}

/// Runs one test on a runtime of its own, so that no test can hold up another.
#[track_caller]
pub fn with_broker(test: impl AsyncFnOnce(Broker) -> Outcome) {
    let outcome = run(test);
    assert!(outcome.is_ok(), "{}", outcome.err().map_or_else(String::new, |failure| failure.to_string()));
}

fn run(test: impl AsyncFnOnce(Broker) -> Outcome) -> Outcome {
    let broker = Broker::find()?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let Ok(outcome) = time::timeout(TEST_DEADLINE, test(broker)).await else {
            return Err(Failure::new(format!("the test has not ended within {TEST_DEADLINE:?}")));
        };
        outcome
    })
}

impl Broker {
    fn find() -> Outcome<Self> {
        let url = env::var("INTEROP_URL").map_err(|_| Failure::new("INTEROP_URL is not set".to_owned()))?;
        Self::at(&url)
    }

    /// The broker behind a URL.
    pub fn at(url: &str) -> Outcome<Self> {
        Ok(Self { uri: url.parse().map_err(Failure::new)? })
    }

    /// The URL, for a test that wants something else of it.
    pub fn uri(&self) -> AMQPUri {
        self.uri.clone()
    }

    /// The URL as text, for a program of its own.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// The name that the broker's error texts put in quotes.
    pub fn vhost(&self) -> &str {
        &self.uri.vhost
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
        format!("queue '{name}' in vhost '{}'", self.vhost())
    }

    /// How the broker's texts name an exchange.
    pub fn exchange_text(&self, name: &ShortString) -> String {
        format!("exchange '{name}' in vhost '{}'", self.vhost())
    }
}
