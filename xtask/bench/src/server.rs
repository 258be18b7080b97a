//! What is measured, as a process: leveret on a data directory of its own, or the relay that keeps nothing.
//!
//! It is killed when its owner lets go of it, so that nothing outlives the benchmark, however that ends.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use tempfile::TempDir;

use crate::Outcome;
use crate::generator::Served;

/// What the benchmark starts, and where it may write.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The leveret that is measured.
    pub broker: PathBuf,
    /// The leveret whose `perf` measures.
    pub generator: PathBuf,
    /// Data directories are made below it, so that it should be on the disk that is meant.
    pub work: PathBuf,
}

/// Processor cores that a process may use; none is all of them.
pub type Cores = &'static [usize];

/// A running process that serves AMQP.
pub struct Server {
    process: Child,
    address: SocketAddr,
    ready_after: Duration,
    data: Option<TempDir>,
}

impl Server {
    /// A leveret that knows nothing yet.
    pub fn leveret(programs: &Programs, cores: Cores) -> Outcome<Self> {
        std::fs::create_dir_all(&programs.work)?;
        let data = TempDir::new_in(&programs.work)?;
        let mut command = Command::new(&programs.broker);
        command.args(["--listen", "127.0.0.1:0", "--http", "off", "--metrics", "off", "--data-dir"]);
        command.arg(data.path()).env_clear();
        let mut server = Self::start(&mut command, cores, broker_address)?;
        server.data = Some(data);
        Ok(server)
    }

    /// What loopback, kernel and generator would allow.
    pub fn relay(programs: &Programs, cores: Cores) -> Outcome<Self> {
        let mut command = Command::new(&programs.generator);
        command.args(["perf", "relay", "--listen", "127.0.0.1:0"]);
        Self::start(&mut command, cores, relay_address)
    }

    fn start(command: &mut Command, cores: Cores, address: AddressOf) -> Outcome<Self> {
        let started = Instant::now();
        let mut process = pinned(command.stdin(Stdio::null()).stdout(Stdio::piped()), cores)?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        let found = address(&mut lines);
        let ready_after = started.elapsed();
        // From here on a failure drops the server, which kills the process.
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Self { process, address: unknown, ready_after, data: None };
        server.address = found?.ok_or("it ended before it was ready")?;
        // Whoever serves must not wait for a reader of its log.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(server)
    }

    /// For a generator.
    pub fn served(&self) -> Served {
        Served {
            url: format!("amqp://guest:guest@{}", self.address),
            pid: Some(self.process.id()),
            durable: false,
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// From its start to its word that it is ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Nobody writes there any more.
        drop(self.data.take());
    }
}

/// Starts a process that may use these cores only, as may every thread it makes.
pub fn pinned(command: &mut Command, cores: Cores) -> Outcome<Child> {
    if cores.is_empty() {
        return Ok(command.spawn()?);
    }
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    // A process inherits the cores of the thread that starts it; that thread is one of its own, gone afterwards.
    let start = || -> Outcome<Child> {
        sched_setaffinity(None, &set)?;
        Ok(command.spawn()?)
    };
    std::thread::scope(|scope| scope.spawn(start).join())
        .map_err(|_| "the thread that starts a process died")?
}

/// Reads a log up to the line that says it is ready; nothing if the log ends before.
type AddressOf = fn(&mut Lines<BufReader<ChildStdout>>) -> Outcome<Option<SocketAddr>>;

fn broker_address(lines: &mut Lines<BufReader<ChildStdout>>) -> Outcome<Option<SocketAddr>> {
    let mut address = None;
    for line in lines {
        let line = line?;
        if let Some((_, text)) = line.split_once("started TCP listener on ") {
            address = Some(text.parse()?);
        }
        if line.contains("Server startup complete") {
            return Ok(address);
        }
    }
    Ok(None)
}

fn relay_address(lines: &mut Lines<BufReader<ChildStdout>>) -> Outcome<Option<SocketAddr>> {
    for line in lines {
        if let Some((_, text)) = line?.split_once("relay listening on ") {
            return Ok(Some(text.trim().parse()?));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_process_has_its_cores_alone() {
        let mut command = Command::new("grep");
        command.args(["Cpus_allowed_list", "/proc/self/status"]).stdout(Stdio::piped());
        let output = pinned(&mut command, &[0]).unwrap().wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "Cpus_allowed_list:\t0\n");
    }

    #[test]
    fn a_process_that_ends_before_it_is_ready_is_an_error() {
        let programs = Programs {
            broker: "/bin/true".into(),
            generator: "/bin/true".into(),
            work: std::env::temp_dir(),
        };
        assert!(Server::leveret(&programs, &[]).is_err_and(|error| error.to_string().contains("ready")));
    }
}
