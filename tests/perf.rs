//! `leveret perf` as a process: the relay that stands by itself, and a broker that is killed.
#![cfg(test)]

#[path = "support/served.rs"]
mod served;

use serde_json::Value;
use served::{Served, command};

/// What a measurement prints: one JSON document.
fn measured(arguments: &[&str]) -> Value {
    let output = command(&[&["perf"], arguments, &["--json"]].concat(), &[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_relay_stands_until_a_signal_and_serves_one_run_after_the_other() {
    for signal in ["TERM", "INT"] {
        let mut relay = Served::start(&["perf", "relay", "--listen", "127.0.0.1:0"], &[]);
        let line = relay.until("relay listening on ");
        let url = format!("amqp://{}", line.rsplit_once(' ').unwrap().1);
        let short = ["--url", &url, "--warmup", "0", "--seconds", "0.05", "--queue", "q"];
        for _ in 0..2 {
            let report = measured(&short);
            assert_eq!(report["sent"], report["received"]);
            assert!(report["sent"].as_u64().is_some_and(|sent| sent != 0), "{report}");
        }
        let (printed, code) = relay.end_by(signal);
        assert_eq!((printed.len(), code), (1, Some(0)), "{printed:?}");
    }
}

#[test]
fn what_was_confirmed_is_back_after_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("data");
    let broker = env!("CARGO_BIN_EXE_leveret");
    let arguments = ["recovery", "--messages", "500", "--queues", "3", "--broker", broker, "--data-dir"];
    let report = measured(&[&arguments[..], &[directory.to_str().unwrap()]].concat());
    assert_eq!((&report["mode"], &report["messages"]), (&"recovery".into(), &500.into()));
    assert_eq!(report["returned"], 500);
    let (ready, first) =
        (report["ready_ms"].as_f64().unwrap(), report["first_delivery_ms"].as_f64().unwrap());
    assert!(0.0 < ready && ready < first, "{report}");
    let again = command(&[&["perf"], &arguments[..], &[directory.to_str().unwrap()]].concat(), &[]);
    let refused = { again }.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("is not empty"), "{why}");
}

#[test]
fn a_broker_that_does_not_start_is_told() {
    let output =
        command(&["perf", "recovery", "--messages", "1", "--broker", "/bin/false"], &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(why.contains("/bin/false cannot be measured: it ended before it was ready"), "{why}");
}
