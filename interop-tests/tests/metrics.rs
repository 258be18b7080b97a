//! The pages of metrics, read by the parsers of Prometheus' own projects while the broker works.
//!
//! RabbitMQ's pages have complaints of their own (families without a type, a counter of -1): leveret's have none.
#![cfg(test)]

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leveret_interop::{Broker, Server, environment, free_address, profile_dir, run};

const LIMIT: Duration = Duration::from_mins(2);

#[test]
fn prometheus_can_read_every_page_of_metrics_while_the_broker_works() {
    if Broker::is_foreign() {
        return say("skipped: metrics: RabbitMQ's pages have complaints of their own\n");
    }
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("metrics");
    let scratch = profile_dir().expect("cargo runs tests from a target directory").join("interop");
    let python = match environment(&scratch.join("metrics"), &suite.join("requirements.txt")) {
        Ok(python) => python,
        Err(lack) if env::var_os("CI").is_some() => panic!("CI must be able to read metrics: {lack}"),
        Err(lack) => return say(&format!("skipped: metrics: {lack}\n")),
    };
    let metrics = free_address().expect("a port on loopback is free").to_string();
    let server = Server::start_with(&[], &["--metrics".to_owned(), metrics.clone()]);
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let mut scrape = Command::new(python);
    scrape.arg(suite.join("scrape.py")).arg(server.url()).arg(format!("http://{metrics}"));
    let finished = run(scrape, LIMIT).expect("python starts");
    say(&format!("metrics: {}", finished.output));
    let passed = finished.status.is_some_and(|status| status.success());
    assert!(passed, "{}\nthe broker's log:\n{}", finished.output, server.log());
    assert!(server.stop().is_some_and(|status| status.success()), "{}", server.log());
}

/// Past the test harness, which would swallow what a passing test prints.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
