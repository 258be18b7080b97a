//! What looking costs: the HTTP API beside traffic, and with many queues.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;
use crate::server::{DataDir, Server};
use crate::table::{Mebibytes, Table};

const QUEUES: usize = 100_000;
/// What the API is asked beside traffic: what a page and a dashboard ask for.
const ASKED: [&str; 5] = [
    "/api/overview",
    "/api/queues?page=1&page_size=100",
    "/api/queues/%2F/perf",
    "/api/connections",
    "/api/nodes",
];
const REQUESTS_PER_SECOND: u32 = 50;
const ROUNDS: usize = 3;

pub fn measure(_messages: u64, table: &mut Table) -> Outcome<()> {
    for (name, rate, asked) in [
        (
            "messages/s of 100 k asked for, with 50 requests a second, against none",
            Some("100000"),
            "0.95 or more",
        ),
        ("messages/s at most (16 B), with 50 requests a second, against none", None, "0.95 or more"),
    ] {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(traffic(rate, false)?);
            with.push(traffic(rate, true)?);
        }
        table.ratio(name, (middle(&mut with, |it| it.0), middle(&mut without, |it| it.0)), asked);
        let name =
            format!("{}, CPU of the broker a message (ns)", if rate.is_some() { "there" } else { "here" });
        table.ratio(&name, (middle(&mut with, |it| it.1), middle(&mut without, |it| it.1)), "");
    }
    many(table)
}

/// Messages a second that passed, and nanoseconds that the broker worked for each.
fn traffic(rate: Option<&str>, with_requests: bool) -> Outcome<(f64, f64)> {
    let data_dir = DataDir::new()?;
    let server = Server::start_with_http(&data_dir)?;
    let http = server.http.ok_or("no HTTP")?;
    let (is_over, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = server.cpu()?;
    let (output, failure) = thread::scope(|scope| {
        let asking = with_requests.then(|| scope.spawn(|| ask_on(http, &is_over, &answers)));
        let url = format!("amqp://guest:guest@{}", server.address);
        let mut perf = Command::new(env!("CARGO_BIN_EXE_leveret"));
        perf.args(["perf", "--json", "--seconds", "4", "--warmup", "1", "--size", "16", "--auto-ack"]);
        perf.args(["--url", &url]);
        perf.args(rate.into_iter().flat_map(|rate| ["--rate", rate]));
        let output = perf.output();
        is_over.store(true, Ordering::Relaxed);
        (output, asking.and_then(|asking| asking.join().ok()).transpose().err())
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let output = output?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let worked = server.cpu()?.saturating_sub(before);
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let figure = |name: &str| report.get(name).and_then(Value::as_f64).ok_or("a figure is missing");
    let per_second = figure("received_per_second")?;
    let per_message = worked.as_secs_f64() * 1e9 / figure("received")?.max(1.0);
    let answers = answers.load(Ordering::Relaxed);
    eprintln!("  {per_second:.0} messages/s, {per_message:.0} ns each, {answers} answers");
    Ok((per_second, per_message))
}

/// Asks at a steady rate until it is over.
fn ask_on(http: SocketAddr, is_over: &AtomicBool, answers: &AtomicU64) -> Outcome<()> {
    let mut client = Client::connect(http)?;
    let mut due = Instant::now();
    for path in ASKED.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        // A queue that is not there yet is an answer, too.
        client.ask("GET", path, "")?;
        answers.fetch_add(1, Ordering::Relaxed);
        due += Duration::from_secs(1) / REQUESTS_PER_SECOND;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn many(table: &mut Table) -> Outcome<()> {
    let data_dir = DataDir::new()?;
    let server = Server::start_with_http(&data_dir)?;
    let mut client = Client::connect(server.http.ok_or("no HTTP")?)?;
    let before = server.memory("VmRSS")?;
    let mut queues = String::from("{\"queues\":[");
    for number in 0..QUEUES {
        let comma = if number == 0 { "" } else { "," };
        write!(queues, "{comma}{{\"name\":\"q{number}\",\"vhost\":\"/\",\"durable\":true}}")?;
    }
    queues.push_str("]}");
    let mut ask = |name: &str, method: &str, path: &str, body: &str, asked: &str| -> Outcome<()> {
        let started = Instant::now();
        let (status, bytes) = client.ask(method, path, body)?;
        if 300 <= status {
            return Err(format!("{method} {path}: {status}").into());
        }
        let took = started.elapsed();
        table.limit(&format!("{name} ({bytes} B)"), format!("{:.1} ms", took.as_secs_f64() * 1e3), asked);
        Ok(())
    };
    ask("100,000 queues imported", "POST", "/api/definitions", &queues, "")?;
    ask("a page of 100 of them, by name", "GET", "/api/queues?page=500&page_size=100", "", "")?;
    ask("the same again", "GET", "/api/queues?page=501&page_size=100", "", "")?;
    ask(
        "a page by messages",
        "GET",
        "/api/queues?page=1&page_size=100&sort=messages&sort_reverse=true",
        "",
        "",
    )?;
    ask("a page of those whose name has 99", "GET", "/api/queues?page=1&page_size=100&name=99", "", "")?;
    ask("all of them", "GET", "/api/queues", "", "")?;
    ask("the overview", "GET", "/api/overview", "", "")?;
    ask("everything exported", "GET", "/api/definitions", "", "")?;
    ask("metrics, in sum", "GET", "/metrics", "", "")?;
    ask("metrics, of each", "GET", "/metrics/per-object", "", "")?;
    table.note("memory before them", Mebibytes(before));
    table.note(
        "memory now, and at most",
        format!("{}, {}", Mebibytes(server.memory("VmRSS")?), Mebibytes(server.memory("VmHWM")?)),
    );
    Ok(())
}

/// One connection to the API, as guest.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// The status of an answer, and how long its body is.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Outcome<(u16, usize)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: here\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.stream.get_mut().write_all(body.as_bytes())?;
        let status = self.line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(("transfer-encoding", value)) => is_chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        if is_chunked {
            length = 0;
            loop {
                let chunk = usize::from_str_radix(self.line()?.trim(), 16)?;
                self.skip(chunk)?;
                self.line()?;
                length += chunk;
                if chunk == 0 {
                    break;
                }
            }
        } else {
            self.skip(length)?;
        }
        Ok((status, length))
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn skip(&mut self, bytes: usize) -> Outcome<()> {
        let skipped = std::io::copy(&mut self.stream.by_ref().take(bytes as u64), &mut std::io::sink())?;
        if skipped == bytes as u64 { Ok(()) } else { Err("the answer is cut off".into()) }
    }
}

fn middle(all: &mut [(f64, f64)], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
