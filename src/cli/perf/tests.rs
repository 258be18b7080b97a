//! The modes as their user gives them: options, runs against the relay and against a broker in this process.

mod broker;
mod stall;

use clap::Parser as _;

use super::options::OptionsError;
use super::*;

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    options: PerfOptions,
}

fn parsed(line: &str) -> Result<Mode, clap::Error> {
    let words = format!("perf {line}");
    let options = CommandLine::try_parse_from(words.split_whitespace())?.options;
    Ok(options.mode.unwrap_or_else(|| Mode::Throughput(Box::new(options.throughput))))
}

fn options(line: &str) -> TimedOptions {
    match parsed(line).unwrap() {
        Mode::Throughput(options) | Mode::Latency(options) => *options,
        other => panic!("{other:?}"),
    }
}

/// A run as short as the options allow.
fn relayed(line: &str) -> Report {
    throughput(options(&format!("--relay --quiet --warmup 0 --seconds 0.1 {line}"))).unwrap()
}

impl Report {
    /// Whether so many messages are due in the window, which a machine that is busy makes longer; but for its ends.
    fn is_of_rate(&self, rate: u32, count: u64) -> bool {
        let due = f64::from(rate) * self.seconds;
        (due - 2.0..=due + 2.0).contains(&f64::from(u32::try_from(count).unwrap()))
    }
}

#[test]
fn everything_sent_arrives() {
    for line in ["--size 0", "--size 16", "--size 300000", "--size 1024 --persistent"] {
        let report = relayed(line);
        assert!(report.received_per_second > 0.0, "{line}: {report:?}");
        assert_eq!(report.sent, report.received, "{line}");
    }
}

#[test]
fn several_producers_and_queues_get_everything_where_it_belongs() {
    for line in [
        "--producers 4 --consumers 4 --queues 4",
        "--producers 3 --consumers 2 --queues 5 --size 200000",
        "--producers 2 --queue-pattern q-%d --queue-pattern-from 8 --queue-pattern-to 11 --confirm-window 10",
        "--queues 3 --consumers 2 --routing-key perf-0001 --queue perf",
    ] {
        let report = relayed(line);
        assert!(report.received_per_second > 0.0, "{line}: {report:?}");
        assert_eq!(report.sent, report.received, "{line}");
    }
}

#[test]
fn confirms_and_acknowledgements_keep_the_load_going() {
    let report = relayed("--size 16 --confirm-window 100 --ack-every 10 --prefetch 50");
    // A window that never reopened would stand still after its first hundred.
    assert!(1000.0 < report.confirmed_per_second, "{report:?}");
    assert_eq!((report.sent, report.sent), (report.received, report.confirmed));
}

#[test]
fn a_rate_is_kept_and_every_message_is_timed() {
    let line =
        "--relay --quiet --warmup 0 --seconds 0.2 --rate 2000 --producers 3 --size 8 --confirm-window 5";
    let report = latency(options(line)).unwrap();
    let measured = report.latency_us.clone().unwrap();
    assert!(report.is_of_rate(2000, measured.count), "{report:?}");
    assert_eq!(report.confirm_latency_us.as_ref().unwrap().count, measured.count);
    assert!(measured.count <= report.received && report.received == report.sent, "{report:?}");
    assert!(0.0 < measured.min && measured.max < 1e6, "{measured:?}");
}

#[test]
fn at_full_speed_messages_are_timed_if_asked() {
    let report = relayed("--latency --size 16 --confirm-window 1000");
    assert_eq!(report.sent, report.received);
    let (measured, confirms) = (report.latency_us.unwrap(), report.confirm_latency_us.unwrap());
    assert!(0 < measured.count && measured.count <= report.received, "{measured:?}");
    assert!(0.0 < measured.min && measured.min <= measured.p50 && measured.p50 <= measured.max);
    assert!(0 < confirms.count && 0.0 < confirms.min, "{confirms:?}");
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = throughput(options(&format!("--url amqp://{nobody}"))).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to {nobody}")), "{error}");
}

#[test]
fn options_that_cannot_be_carried_out_are_refused() {
    let refusal = |line: &str| options(line).check().unwrap_err();
    let stalls = OptionsError::Stalls { every: 100, prefetch: 99 };
    assert_eq!(refusal("--ack-every 100 --prefetch 99"), stalls);
    assert_eq!(options("--ack-every 100 --prefetch 100").check(), Ok(()));
    for line in ["--consumers 2", "--consumers 0", "--fan-out", "--exchange x"] {
        assert_eq!(refusal(&format!("--relay {line}")), OptionsError::BeyondTheRelay, "{line}");
    }
    assert_eq!(refusal("--latency --size 7"), OptionsError::NoRoomForAStamp(7));
    assert_eq!(options("--size 7").check(), Ok(()));
    assert_eq!(refusal("--bindings 1"), OptionsError::BindingsWithoutExchange);
    assert_eq!(refusal("--bindings 1 --fan-out"), OptionsError::FanoutMatchesAll);
    assert_eq!(refusal("--routing-key k"), OptionsError::KeyWithoutQueue("k".into()));
    assert_eq!(refusal("--exchange-type topic --routing-key a.#"), OptionsError::KeyIsPattern("a.#".into()));
    let backwards = OptionsError::QueueNumbers { from: 2, to: 1 };
    assert_eq!(refusal("--queue-pattern q%d --queue-pattern-from 2"), backwards);
    let without_rate = options("latency --rate 0").for_latency().unwrap_err();
    assert_eq!(without_rate, OptionsError::LatencyWithoutRate);
}

#[test]
fn a_line_that_contradicts_itself_is_refused() {
    for line in [
        "--auto-ack --ack-every 1",
        "--prefetch 5",
        "--relay --url amqp://a",
        "--seconds -1",
        "--confirm-window 0",
        "--queue=",
        "--queue-pattern q",
        "--queue-pattern %d%s",
        "--queue-pattern q%d --queues 2",
        "--fan-out --exchange-type topic",
        "--size 10 latency",
    ] {
        assert!(parsed(line).is_err(), "{line}");
    }
}

#[test]
fn without_a_mode_it_is_throughput_and_latency_has_a_rate() {
    assert!(matches!(parsed("--size 10").unwrap(), Mode::Throughput(_)));
    assert!(matches!(parsed("latency --size 10").unwrap(), Mode::Latency(_)));
    let timing = options("latency").for_latency().unwrap().timing;
    assert_eq!((timing.rate, timing.latency), (Some(5000), true));
}

#[test]
fn queues_are_named_by_number_or_by_pattern() {
    let names = |line: &str| options(line).load.queues.names();
    assert_eq!(names("--queue q"), ["q"]);
    assert_eq!(names("--queue q --queues 2"), ["q-0000", "q-0001"]);
    let pattern = "--queue-pattern p-%d. --queue-pattern-from 9 --queue-pattern-to 11";
    assert_eq!(names(pattern), ["p-9.", "p-10.", "p-11."]);
}
