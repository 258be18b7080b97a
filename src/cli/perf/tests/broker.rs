//! Every mode against a broker in this process; recovery, which needs one to kill, is in `tests/perf.rs`.

use serde_json::Value;

use super::*;

/// Runs a command line against a broker of its own, and returns its JSON; the broker must be empty afterwards.
fn against_a_broker(line: &str) -> Value {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let start = leveret::Broker::builder().ephemeral().listen(([127, 0, 0, 1], 0)).start();
    let broker = runtime.block_on(start).unwrap();
    let url = format!("amqp://{}", broker.amqp_addr());
    let report = json(parsed(&format!("{line} --quiet --url {url}")).unwrap());
    runtime.block_on(broker.shutdown());
    report
}

fn json(mode: Mode) -> Value {
    let value = match mode {
        Mode::Throughput(options) => serde_json::to_value(throughput(*options).unwrap()),
        Mode::Latency(options) => serde_json::to_value(latency(*options).unwrap()),
        Mode::Churn(options) => serde_json::to_value(churn::churn(*options).unwrap()),
        Mode::Count(options) => serde_json::to_value(count::count(*options).unwrap()),
        Mode::Backlog(options) => serde_json::to_value(backlog::backlog(*options).unwrap()),
        other @ (Mode::Recovery(_) | Mode::Relay(_)) => panic!("{other:?}"),
    };
    value.unwrap()
}

fn number(report: &Value, name: &str) -> f64 {
    report[name].as_f64().unwrap_or_else(|| panic!("no number {name}: {report}"))
}

#[test]
fn every_way_through_an_exchange_brings_every_message_to_its_queues() {
    for (line, copies) in [
        ("--queues 3 --consumers 2 --producers 2", 1.0),
        ("--exchange-type direct --queues 3 --bindings 5", 1.0),
        ("--exchange-type topic --queues 3 --bindings 20", 1.0),
        ("--exchange-type headers --queues 3 --bindings 5", 1.0),
        ("--exchange-type topic --routing-key a.b --queues 3", 3.0),
        ("--fan-out --queues 5 --consumers 2", 5.0),
        ("--exchange own --queue-pattern p%d --queue-pattern-from 9 --queue-pattern-to 11", 1.0),
    ] {
        let report = against_a_broker(&format!("--warmup 0 --seconds 0.05 --confirm-window 50 {line}"));
        let sent = number(&report, "sent");
        assert!(0.0 < sent, "{line}: {report}");
        assert!((number(&report, "received") - sent * copies).abs() < 0.5, "{line}: {report}");
        assert!(number(&report, "left_in_queue") < 0.5, "{line}: {report}");
    }
}

#[test]
fn latency_is_measured_through_a_broker() {
    let report = against_a_broker(
        "latency --warmup 0 --seconds 0.1 --rate 1000 --consumers 4 --queues 2 --ack-every 2 --prefetch 10 \
         --confirm-window 20",
    );
    assert_eq!(report["mode"], "latency");
    for latencies in ["latency_us", "confirm_latency_us"] {
        let count = number(&report[latencies], "count");
        assert!((count - 1000.0 * number(&report, "seconds")).abs() < 3.0, "{report}");
    }
}

#[test]
fn an_exchange_that_is_somebody_elses_is_left_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = leveret::Broker::builder().ephemeral().listen(([127, 0, 0, 1], 0)).start();
    let broker = runtime.block_on(start).unwrap();
    let line = format!("--quiet --exchange amq.topic --url amqp://{}", broker.amqp_addr());
    let error = throughput(options(&line)).unwrap_err();
    assert!(matches!(&error, PerfError::ExchangeExists(name) if name == "amq.topic"), "{error}");
    runtime.block_on(broker.shutdown());
}

#[test]
fn every_kind_of_churn_goes_round() {
    for what in ["connections", "channels", "queues", "bindings", "publish", "publish --confirm-window 1"] {
        let report = against_a_broker(&format!("churn --what {what} --clients 2 --seconds 0.05"));
        assert_eq!(report["mode"], "churn");
        assert_eq!(report["what"], what.split(' ').next().unwrap());
        assert!(2.0 <= number(&report, "cycles"), "{report}");
        let rate = number(&report, "cycles") / number(&report, "seconds");
        assert!((number(&report, "cycles_per_second") - rate).abs() < 1.0, "{report}");
        assert!(0.0 < number(&report["latency_us"], "p50"), "{report}");
    }
}

#[test]
fn idle_things_are_counted_and_weighed() {
    let pid = std::process::id();
    for (things, line) in [
        ("connections", "--connections 5 --channels 3"),
        ("queues", "--queues 1500"),
        ("queues", "--queues 3 --durable"),
    ] {
        let report = against_a_broker(&format!("count {line} --hold 0 --broker-pid {pid}"));
        assert_eq!((&report["mode"], report[things].is_number()), (&"count".into(), true), "{report}");
        let each = (number(&report, "resident_after_bytes") - number(&report, "resident_before_bytes"))
            / number(&report, things);
        assert!((number(&report, "bytes_each") - each).abs() < 1.0, "{report}");
        assert!(0.0 < number(&report, "open_seconds"), "{report}");
    }
}

#[test]
fn a_backlog_is_filled_and_drained() {
    let line = "backlog --messages 1001 --producers 2 --consumers 2 --queues 3 --confirm-window 100";
    let report = against_a_broker(&format!("{line} --broker-pid {}", std::process::id()));
    assert_eq!((&report["mode"], &report["messages"]), (&"backlog".into(), &1001.into()));
    for name in ["fill_per_second", "drain_per_second", "resident_full_bytes"] {
        assert!(0.0 < number(&report, name), "{report}");
    }
    let report = against_a_broker("backlog --messages 10 --fan-out --queues 2 --consumers 0 --fill-only");
    assert!(report.get("drain_per_second").is_none(), "{report}");
}

#[test]
fn a_count_is_of_one_thing_and_a_backlog_needs_who_drains_it() {
    for line in
        ["count", "count --queues 1 --connections 1", "count --queues 1 --channels 2", "churn", "backlog"]
    {
        assert!(parsed(line).is_err(), "{line}");
    }
    let Mode::Backlog(options) = parsed("backlog --messages 1 --consumers 0").unwrap() else { panic!() };
    let refusal = backlog::backlog(*options).unwrap_err();
    assert!(refusal.to_string().starts_with("with --consumers 0"), "{refusal}");
}
