//! The local socket: how it is found, and what is done over it alone.

use std::net::TcpListener;

use tempfile::TempDir;

use crate::scripted::Scripted;
use crate::{run, run_at};

#[test]
fn a_broker_is_found_by_its_data_directory_and_stopped_over_its_socket() {
    let directory = TempDir::new().unwrap();
    let api =
        &[("POST /local/shutdown", 204, ""), ("PUT /local/log/level", 204, ""), ("GET /healthz", 200, "")];
    let broker = Scripted::on_socket(&directory.path().join("leveret.sock"), api);
    let place = ["--data-dir", directory.path().to_str().unwrap()];
    assert_eq!(run(&["rabbitmqctl", "-q", "set_log_level", "debug"], &place).code, 0);
    assert_eq!(run(&["rabbitmqctl", "-q", "set_log_level", "connection=warning"], &place).code, 0);
    assert_eq!(run(&["rabbitmqctl", "-q", "set_log_level", "connection=loud"], &place).code, 69);
    assert_eq!(run(&["rabbitmqctl", "-q", "stop"], &place).code, 0);
    let ping = run(&["rabbitmq-diagnostics", "-q", "ping"], &place);
    assert_eq!((ping.stdout.as_str(), ping.code), ("Ping succeeded\n", 0));
    let asked = broker.asked();
    assert_eq!(
        asked,
        [
            r#"PUT /local/log/level {"level":"debug"}"#,
            r#"PUT /local/log/level {"level":"connection=warning"}"#,
            "POST /local/shutdown {}",
            "GET /healthz"
        ]
    );
}

#[test]
fn a_reset_wants_the_broker_stopped_first() {
    let directory = TempDir::new().unwrap();
    let (running, stopped) = (directory.path().join("running"), directory.path().join("stopped"));
    let serves = ("GET /api/health/checks/is-in-service", 200, "{}");
    let serves_not = ("GET /api/health/checks/is-in-service", 503, r#"{"status":"failed"}"#);
    let reset = ("POST /local/reset", 204, "");
    let runs = Scripted::on_socket(&running, &[serves, reset]);
    let rests = Scripted::on_socket(&stopped, &[serves_not, reset]);
    let refused = run(&["rabbitmqctl", "-q", "reset"], &["--socket", running.to_str().unwrap()]);
    assert_eq!(refused.code, 64);
    assert!(refused.stderr.contains("Stop it with 'rabbitmqctl stop_app'"), "{}", refused.stderr);
    assert_eq!(runs.asked(), ["GET /api/health/checks/is-in-service"]);
    assert_eq!(run(&["rabbitmqctl", "-q", "reset"], &["--socket", stopped.to_str().unwrap()]).code, 0);
    assert_eq!(rests.asked().last().map(String::as_str), Some("POST /local/reset {}"));
}

#[test]
fn limits_are_sent_in_bytes_or_as_a_share() {
    let directory = TempDir::new().unwrap();
    let api = &[("PUT /local/memory-high-watermark", 204, ""), ("PUT /local/disk-free-limit", 204, "")];
    let broker = Scripted::on_socket(&directory.path().join("leveret.sock"), api);
    let place = ["--data-dir", directory.path().to_str().unwrap()];
    for line in [
        &["rabbitmqctl", "-q", "set_vm_memory_high_watermark", "0.5"][..],
        &["rabbitmqctl", "-q", "set_vm_memory_high_watermark", "absolute", "2GiB"],
        &["rabbitmqctl", "-q", "set_disk_free_limit", "50MB"],
        &["rabbitmqctl", "-q", "set_disk_free_limit", "mem_relative", "1.5"],
    ] {
        let ran = run(line, &place);
        assert_eq!(ran.code, 0, "{line:?}: {}", ran.stderr);
    }
    let expected = [
        r#"PUT /local/memory-high-watermark {"relative":0.5}"#,
        r#"PUT /local/memory-high-watermark {"absolute":2147483648}"#,
        r#"PUT /local/disk-free-limit {"absolute":50000000}"#,
        r#"PUT /local/disk-free-limit {"relative":1.5}"#,
    ];
    assert_eq!(broker.asked(), expected);
    assert_eq!(run(&["rabbitmqctl", "set_disk_free_limit", "abc"], &place).code, 65);
}

#[test]
fn what_needs_the_socket_says_so_over_a_port() {
    let broker = Scripted::on_port(&[]);
    let ran = run_at(&broker, &["rabbitmqctl", "-q", "stop_app"]);
    assert_eq!(ran.code, 69);
    assert!(ran.stderr.contains("local socket"), "{}", ran.stderr);
    assert_eq!(broker.asked(), Vec::<String>::new());
}

#[test]
fn nobody_there_is_69_and_says_who_was_asked() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let ran = run(&["rabbitmqctl", "-q", "list_queues"], &["--url", &url]);
    assert_eq!(ran.code, 69);
    assert!(ran.stderr.contains(&url), "{}", ran.stderr);
}

#[test]
fn a_pid_file_that_does_not_come_ends_the_wait_with_75() {
    let ran = run(&["rabbitmqctl", "wait", "/nosuch/pid", "--timeout", "0"], &["--socket", "/nosuch/socket"]);
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    assert!(ran.stdout.contains("Waiting for pid file '/nosuch/pid' to appear"));
    assert!(ran.stderr.contains("timed out. Timeout value used: 0"), "{}", ran.stderr);
}
