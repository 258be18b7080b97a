//! The load against the relay: what the counters say must be what was passed on.

use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    options: PerfOptions,
}

fn options(line: &str) -> PerfOptions {
    CommandLine::try_parse_from(format!("perf {line}").split_whitespace()).unwrap().options
}

/// A run as short as the options allow.
fn relayed(line: &str) -> Report {
    run(&options(&format!("--relay --warmup 0 --seconds 0.1 {line}"))).unwrap()
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
fn confirms_and_acknowledgements_keep_the_load_going() {
    let report = relayed("--size 16 --confirm-window 100 --ack-every 10 --prefetch 50");
    let confirmed = report.confirmed_per_second.unwrap();
    // A window that never reopened would stand still after its first hundred.
    assert!(1000.0 < confirmed, "{report:?}");
    assert_eq!(report.sent, report.received);
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = run(&options(&format!("--url amqp://{nobody}"))).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to {nobody}")), "{error}");
}

#[test]
fn options_that_cannot_be_carried_out_are_refused() {
    let stalls = OptionsError::Stalls { every: 100, prefetch: 99 };
    assert_eq!(options("--ack-every 100 --prefetch 99").check(), Err(stalls));
    assert_eq!(options("--ack-every 100 --prefetch 100").check(), Ok(()));
    assert_eq!(options("--relay --producers 2").check(), Err(OptionsError::RelayIsForTwo));
    for line in [
        "--auto-ack --ack-every 1",
        "--prefetch 5",
        "--relay --url amqp://a",
        "--seconds -1",
        "--confirm-window 0",
        "--queue=",
    ] {
        assert!(CommandLine::try_parse_from(format!("perf {line}").split(' ')).is_err(), "{line}");
    }
}

#[test]
fn figures_are_rates_within_the_window_and_totals_of_the_run() {
    let at = Instant::now();
    let start = Snapshot { at, sent: 1000, confirmed: 900, received: 800 };
    let end = Snapshot { at: at + Duration::from_secs(2), sent: 3000, confirmed: 2100, received: 1800 };
    let total = Snapshot { at: end.at, sent: 3500, confirmed: 3500, received: 3499 };
    let mut options = options("--size 1048576");
    options.confirm_window = Some(1);
    let report = Report::new(&options, &Measured { start, end, total }, 1);
    assert_eq!(
        report.to_string(),
        "1048576 B a message, 2.0 s\n\
         sent               1000 /s\n\
         confirmed           600 /s\n\
         received            500 /s\n\
         \x20                 500.0 MiB/s\n\
         in all 3500 sent, 3499 received, 1 left"
    );
}
