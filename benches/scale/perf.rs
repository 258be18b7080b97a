//! Rates that `leveret perf` measures: many against one, and a publisher against a plain file.

use std::process::Command;

use serde_json::Value;

use crate::machine::append_rate;
use crate::server::{DataDir, Server};
use crate::table::Table;
use crate::{BODY_BYTES, Outcome};

pub fn measure(messages: u64, table: &mut Table) -> Outcome<()> {
    const ACKED: [&str; 6] = ["--ack-every", "100", "--prefetch", "1000", "--confirm-window", "1000"];
    let one = confirmed(&["--consumers", "0", "--confirm-window", "1"])?;
    let hundred = confirmed(&["--consumers", "0", "--confirm-window", "1", "--producers", "100"])?;
    let name = "100 publishers that wait for each confirm, against one (confirms/s)";
    table.ratio(name, (hundred, one), "20 or more");

    let one = confirmed(&ACKED)?;
    let spread = confirmed(&[&ACKED[..], &["--queues", "200"]].concat())?;
    let name = "200 durable queues, against one: one producer, one consumer (confirms/s)";
    table.ratio(name, (spread, one), "0.7 or more");

    let append = append_rate(messages.min(1_000_000))?;
    let alone = confirmed(&["--consumers", "0", "--confirm-window", "1000"])?;
    let name = "publishing alone into a growing queue, against an append with a sync per 100 (messages/s)";
    table.ratio(name, (alone, append), "0.5 or more");
    Ok(())
}

/// Confirms a second of persistent messages, by a broker that has nothing else to do.
fn confirmed(arguments: &[&str]) -> Outcome<f64> {
    let data_dir = DataDir::new()?;
    let server = Server::start(&data_dir)?;
    let url = format!("amqp://guest:guest@{}", server.address);
    let output = Command::new(env!("CARGO_BIN_EXE_leveret"))
        .args(["perf", "--json", "--persistent", "--seconds", "5", "--warmup", "1", "--url", &url])
        .args(["--size", &BODY_BYTES.to_string()])
        .args(arguments)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let rate = report.get("confirmed_per_second").and_then(Value::as_f64).ok_or("no rate of confirms")?;
    eprintln!("  {rate:.0} confirms/s: {}", arguments.join(" "));
    Ok(rate)
}
