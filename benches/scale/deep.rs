//! One queue with very many messages: how it fills, what it takes, how it starts again, how it empties.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::Client;
use crate::machine::{rate, read_time};
use crate::server::{DataDir, Server};
use crate::table::{Mebibytes, Table};

const QUEUE: &str = "deep";

/// Unconfirmed messages at most.
const WINDOW: u64 = 1000;

/// A queue that memory holds: few enough messages, often enough to be measured.
const SHORT: u64 = 20_000;
const SHORT_TURNS: u64 = 10;

/// How long segments may take to go after the queue is empty.
const TIDY_UP: Duration = Duration::from_mins(1);

pub fn measure(messages: u64, table: &mut Table) -> Outcome<()> {
    let data_dir = DataDir::new()?;
    let server = Server::start(&data_dir)?;
    let short = short_drain(&server)?;
    fill(&server, messages, table)?;
    table.note("on the disk with all of them", Mebibytes(data_dir.disk_bytes()?));
    server.kill()?;
    let server = restart(&data_dir, messages, table)?;
    let started = Instant::now();
    Client::connect(server.address)?.consume(QUEUE, messages)?;
    let deep = rate(messages, started.elapsed());
    table.ratio("drain, against a short queue (messages/s)", (deep, short), "0.5 or more");
    table.limit("most resident memory while draining", Mebibytes(server.memory("VmHWM")?), "under 300 MiB");
    let (bytes, after) = until_tidy(&data_dir)?;
    table.limit(&format!("on the disk {:.1} s after", after.as_secs_f64()), Mebibytes(bytes), "near zero");
    Ok(())
}

/// Messages a second out of a queue that is all in memory.
fn short_drain(server: &Server) -> Outcome<f64> {
    let mut publisher = prepared(server)?.publisher()?;
    let mut consumer = Client::connect(server.address)?;
    let mut time = Duration::ZERO;
    for _ in 0..SHORT_TURNS {
        publisher.publish(QUEUE, SHORT, WINDOW)?;
        let started = Instant::now();
        consumer.consume(QUEUE, SHORT)?;
        time += started.elapsed();
    }
    Ok(rate(SHORT * SHORT_TURNS, time))
}

/// Ten equal parts: the last against the first.
fn fill(server: &Server, messages: u64, table: &mut Table) -> Outcome<()> {
    let mut publisher = prepared(server)?.publisher()?;
    let part = messages / 10;
    let mut rates = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        publisher.publish(QUEUE, part, WINDOW)?;
        rates.push(rate(part, started.elapsed()));
        eprintln!("  {:.0} messages/s, {}", rates.last().unwrap_or(&0.0), Mebibytes(server.memory("VmRSS")?));
    }
    publisher.publish(QUEUE, messages - part * 10, WINDOW)?;
    let (first, last) = (rates.first().unwrap_or(&0.0), rates.last().unwrap_or(&0.0));
    table.ratio(
        "last tenth of the publishes, against the first (messages/s)",
        (*last, *first),
        "0.7 or more",
    );
    table.limit("resident memory with all of them", Mebibytes(server.memory("VmRSS")?), "under 300 MiB");
    table.limit("most resident memory while filling", Mebibytes(server.memory("VmHWM")?), "under 300 MiB");
    Ok(())
}

fn prepared(server: &Server) -> Outcome<Client> {
    let mut client = Client::connect(server.address)?;
    client.declare(&[QUEUE.to_owned()])?;
    Ok(client)
}

fn restart(data_dir: &DataDir, messages: u64, table: &mut Table) -> Outcome<Server> {
    let files = data_dir.files()?;
    // Once before, so that both find the same in the page cache.
    read_time(&files)?;
    let server = Server::start(data_dir)?;
    let read = read_time(&files)?;
    let asked = if messages <= 1_000_000 { "under 1 s" } else { "under 5 s with 10 M" };
    let times = (server.ready_after.as_secs_f64(), read.as_secs_f64());
    table.ratio("ready after a kill, against reading the files (s)", times, asked);
    table.note("resident memory after the restart", Mebibytes(server.memory("VmRSS")?));
    Ok(server)
}

/// What the directory takes once nothing goes any more, and when that was.
fn until_tidy(data_dir: &DataDir) -> Outcome<(u64, Duration)> {
    const QUIET: Duration = Duration::from_secs(3);
    let started = Instant::now();
    let (mut bytes, mut since) = (data_dir.disk_bytes()?, Duration::ZERO);
    while started.elapsed() < TIDY_UP && started.elapsed() < since + QUIET {
        std::thread::sleep(Duration::from_millis(100));
        let now = data_dir.disk_bytes()?;
        if now != bytes {
            (bytes, since) = (now, started.elapsed());
        }
    }
    Ok((bytes, since))
}
