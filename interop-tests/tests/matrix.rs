//! Every client library that people use, and every behaviour they rely on: docs/interop.md is proven here.
//!
//! `LEVERET_INTEROP_CLIENTS=pika,lapin` runs only these, `INTEROP_ONLY=id,id` only these behaviours; such a
//! partial run is judged like any other, but not compared with the page.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use leveret_interop::matrix::{
    Cells, Certificates, Client, Control, Expected, Run, not_offered, page, verdict,
};
use leveret_interop::{Broker, Finished, profile_dir};

const AT_A_TIME: usize = 3;

#[test]
fn every_client_gets_from_leveret_what_it_gets_from_rabbitmq() {
    let wrong = Matrix::read().and_then(|matrix| matrix.play()).unwrap_or_else(|error| vec![error]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is to be run, and where.
struct Matrix {
    expected: Expected,
    clients: Vec<Client>,
    /// Whether these are all clients and all behaviours.
    complete: bool,
    scratch: PathBuf,
}

impl Matrix {
    fn read() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("matrix");
        let scratch = profile_dir().ok_or("cargo runs tests from a target directory")?.join("interop/matrix");
        let all = Client::all(&folder)?;
        let known = all.len();
        let mut clients = Vec::new();
        for client in all.into_iter().filter(is_wanted) {
            if is_prepared(&client, &scratch)? {
                clients.push(client);
            }
        }
        let complete = clients.len() == known && env::var_os("INTEROP_ONLY").is_none();
        Ok(Self { expected: Expected::read(&folder)?, clients, complete, scratch })
    }

    /// Runs all clients; says what is wrong.
    fn play(&self) -> Result<Vec<String>, String> {
        let (mut cells, mut wrong) = (Cells::default(), Vec::new());
        for (client, played) in self.clients.iter().zip(self.play_all()) {
            let played = played?;
            wrong.extend(cells.add(&client.name, &self.expected.behaviours, &played.lines).err());
            if env::var_os("INTEROP_ONLY").is_none() {
                cells.complete(&client.name, &self.expected.behaviours);
            }
            let run = Run { clients: slice::from_ref(client), cells: &cells, broker: broker_name() };
            let failures = verdict(&run, &self.expected);
            if !failures.is_empty() || played.wrong.is_some() {
                wrong.push(format!("{}: the broker's log:\n{}", client.name, played.log));
            }
            wrong.extend(played.wrong.into_iter().chain(failures));
        }
        let names: Vec<&str> = self.clients.iter().map(|client| client.name.as_str()).collect();
        say(&format!("\n{}", cells.print(&names, &self.expected.behaviours)));
        if self.complete {
            let run = Run { clients: &self.clients, cells: &cells, broker: broker_name() };
            wrong.extend(compare_with_page(&run, &self.expected).err());
        } else {
            say("not all clients and behaviours have run: the page was not compared\n");
        }
        Ok(wrong)
    }

    /// Some at a time, since they mostly wait, each with a leveret of its own, which it may restart.
    fn play_all(&self) -> Vec<Result<Played, String>> {
        let threads = if Broker::is_foreign() { 1 } else { AT_A_TIME };
        let next = AtomicUsize::new(0);
        let played = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(client) = self.clients.get(at) else { return };
                        let outcome = self.play_one(client);
                        played.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
                    }
                });
            }
        });
        let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
        played.sort_by_key(|(at, _)| *at);
        played.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn play_one(&self, client: &Client) -> Result<Played, String> {
        let name = &client.name;
        let results = self.scratch.join(name).join("results");
        fs::write(&results, "").map_err(|error| format!("{}: {error}", results.display()))?;
        let under = Under::start(&self.expected)?;
        let finished = client.run(&self.scratch, |command| {
            under.announce(command);
            command.env("INTEROP_RESULTS", &results);
        });
        let Finished { status, output } = finished.map_err(|error| format!("{name}: {error}"))?;
        let wrong = match status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("{name} ended with {status}\n{output}")),
            None => Some(format!("{name} was killed after 4 minutes\n{output}")),
        };
        let broker = under.broker.lock().unwrap_or_else(PoisonError::into_inner);
        let log = broker.log();
        let wrong = wrong.or_else(|| broker.stop().err());
        Ok(Played { lines: fs::read_to_string(&results).unwrap_or_default(), wrong, log })
    }
}

/// What one client's program has left.
struct Played {
    lines: String,
    wrong: Option<String>,
    log: String,
}

fn broker_name() -> &'static str {
    if Broker::is_foreign() { "RabbitMQ" } else { "leveret" }
}

/// The broker under test and what programs are told of it.
struct Under {
    broker: Arc<Mutex<Broker>>,
    control: Control,
    /// None for a foreign broker, whose TLS the environment describes, and as long as leveret has none.
    certificates: Option<Certificates>,
}

impl Under {
    fn start(expected: &Expected) -> Result<Self, String> {
        let has_tls = expected.failure("", "tls", "leveret").is_none();
        let certificates = has_tls.then(Certificates::make).transpose()?;
        let arguments = certificates.as_ref().map(Certificates::arguments);
        let broker = Broker::start_with(arguments.as_ref().map_or(&[], <[String; 4]>::as_slice));
        let broker = broker.map_err(|error| error.to_string())?;
        let broker = Arc::new(Mutex::new(broker));
        let control = Control::serve(&broker).map_err(|error| error.to_string())?;
        Ok(Self { broker, control, certificates })
    }

    fn announce(&self, command: &mut Command) {
        let broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        broker.announce(command);
        command.env("INTEROP_CONTROL", self.control.address());
        match &self.certificates {
            _ if Broker::is_foreign() => {}
            Some(certificates) => certificates.announce(command),
            None => Certificates::withhold(command),
        }
    }
}

fn is_wanted(client: &Client) -> bool {
    env::var("LEVERET_INTEROP_CLIENTS").map_or(true, |wanted| wanted.split(',').any(|one| one == client.name))
}

/// A machine without a client's runtime skips it and says so; CI must have them all.
fn is_prepared(client: &Client, scratch: &Path) -> Result<bool, String> {
    match client.prepare(scratch) {
        Ok(()) => Ok(true),
        Err(lack) if env::var_os("CI").is_some() => {
            Err(format!("CI must be able to run {}: {}", client.name, lack.0))
        }
        Err(lack) => {
            say(&format!("skipped: {}: {}\n", client.name, lack.0));
            Ok(false)
        }
    }
}

/// The page is written on demand only; else it must be what would be written. Another broker than leveret
/// writes no page, but its libraries offer the same.
fn compare_with_page(run: &Run<'_>, expected: &Expected) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/interop.md");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if run.broker != "leveret" {
        let missing = not_offered(run, expected).into_iter().find(|line| !committed.contains(line.as_str()));
        return missing.map_or(Ok(()), |line| Err(format!("not what the page says of this library: {line}")));
    }
    let page = page(run, expected);
    if env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()));
    }
    if committed == page {
        Ok(())
    } else {
        Err("docs/interop.md is out of date: run this test with UPDATE_DOCS=1".to_owned())
    }
}

/// Past the test harness, which would swallow what a passing test prints.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
