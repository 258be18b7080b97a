//! Celery, the task queue for Python that most people run on RabbitMQ: its workers and callers.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leveret_interop::matrix::{Control, Expected};
use leveret_interop::{Broker, Finished, Outcome, Table, environment, free_address, profile_dir, run};

const SUITE_LIMIT: Duration = Duration::from_mins(4);

/// What Celery cannot do without: reply queues that expire, priorities, and for what it makes of quorum
/// queues dead letters of queues that refuse publishes when they are full.
const NEEDED: [&str; 5] = ["queue-expires", "priority", "delivery-limit", "dead-letter", "reject-publish"];

#[test]
fn celery_gets_from_leveret_what_it_gets_from_rabbitmq() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = folder.join("celery");
    let expected = Expected::read(&folder.join("matrix")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let lacks = |id| expected.failure("", id, "leveret").filter(|_| !Broker::is_foreign());
    if let Some(reason) = NEEDED.into_iter().find_map(lacks) {
        return say(&format!("skipped: celery: {reason}\n"));
    }
    let scratch = profile_dir().expect("cargo runs tests from a target directory").join("interop");
    let python = match environment(&scratch.join("celery"), &suite.join("requirements.txt")) {
        Ok(python) => python,
        Err(lack) if env::var_os("CI").is_some() => panic!("CI must be able to run celery: {lack}"),
        Err(lack) => return say(&format!("skipped: celery: {lack}\n")),
    };
    let http = free_address().expect("a port on loopback is free").to_string();
    let broker =
        Broker::start_with(&["--http".to_owned(), http.clone()]).unwrap_or_else(|error| panic!("{error}"));
    let broker = Arc::new(Mutex::new(broker));
    let control = Control::serve(&broker).expect("a port on loopback is free");
    let results = scratch.join(format!("celery-{}.results", std::process::id()));
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider"]).current_dir(&suite);
    pytest.env("INTEROP_RESULTS", &results).env("PYTHONDONTWRITEBYTECODE", "1");
    broker.lock().unwrap_or_else(PoisonError::into_inner).announce(&mut pytest);
    pytest.env("INTEROP_CONTROL", control.address());
    if !Broker::is_foreign() {
        // That of a foreign broker is named by whoever starts the suite.
        pytest.env("INTEROP_API", format!("http://guest:guest@{http}/api/"));
    }
    let finished = run(pytest, SUITE_LIMIT).expect("pytest starts");
    let table = Table::parse(&fs::read_to_string(&results).unwrap_or_default());
    let _ = fs::remove_file(&results);
    let verdict = judge(&finished, &table.expect("pytest writes results"));
    let broker = broker.lock().unwrap_or_else(PoisonError::into_inner);
    verdict.unwrap_or_else(|wrong| panic!("{wrong}\nthe broker's log:\n{}", broker.log()));
    broker.stop().unwrap_or_else(|error| panic!("{error}"));
}

fn judge(finished: &Finished, table: &Table) -> Result<(), String> {
    say(&format!("\n{table}"));
    match finished.status {
        Some(status) if status.success() && 0 < table.count(Outcome::Passed) => Ok(()),
        Some(status) => Err(format!("pytest ended with {status}\n{}", finished.output)),
        None => Err(format!("pytest was killed after {} s\n{}", SUITE_LIMIT.as_secs(), finished.output)),
    }
}

/// Past the test harness, which would swallow what a passing test prints.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
