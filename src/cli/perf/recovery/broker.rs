//! `leveret serve` as a process of ours.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use super::super::PerfError;
use crate::cli::target::Target;

/// Printed once, when the listeners accept.
const READY: &str = "Server startup complete";

/// A running broker; killed when it is dropped.
pub struct Broker {
    path: PathBuf,
    child: Child,
    target: Target,
}

impl Broker {
    /// Returns when it has printed that it is ready.
    pub fn start(path: &Path, data_dir: &DataDir) -> Result<Self, PerfError> {
        let failure = |why: String| PerfError::Broker { path: path.display().to_string(), why };
        let address = free_address().map_err(|error| failure(error.to_string()))?;
        let mut child = Command::new(path)
            .args([
                "serve",
                "--log",
                "none",
                "--http",
                "off",
                "--metrics",
                "off",
                "--listen",
                &address,
                "--data-dir",
            ])
            .arg(&data_dir.path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failure(error.to_string()))?;
        let printed = child.stdout.take();
        let target = format!("amqp://{address}").parse().map_err(|_| failure("no address".to_owned()))?;
        // From here on it is killed whatever happens.
        let broker = Self { path: path.to_owned(), child, target };
        match printed.map(await_ready) {
            Some(true) => Ok(broker),
            Some(false) | None => Err(failure("it ended before it was ready".to_owned())),
        }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// SIGKILL: it learns nothing of it.
    pub fn kill(mut self) -> Result<(), PerfError> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        let path = self.path.display().to_string();
        killed.map(drop).map_err(|error| PerfError::Broker { path, why: error.to_string() })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads up to the ready line; the rest is read and forgotten, so that the broker never waits for us.
fn await_ready(printed: ChildStdout) -> bool {
    let mut lines = BufReader::new(printed);
    let mut line = String::new();
    while !line.contains(READY) {
        line.clear();
        if !lines.read_line(&mut line).is_ok_and(|read| read != 0) {
            return false;
        }
    }
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while lines.read(&mut chunk).is_ok_and(|read| read != 0) {}
    });
    true
}

/// A port that nobody listens on now; the broker is told which, since its log is off.
fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Where a broker keeps its data.
pub struct DataDir {
    path: PathBuf,
    is_ours: bool,
}

impl DataDir {
    /// One that was chosen must be empty: what is in it would be recovered too.
    pub fn choose(chosen: Option<&Path>) -> Result<Self, PerfError> {
        let own = || std::env::temp_dir().join(format!("leveret-perf-{}", std::process::id()));
        let directory = Self { path: chosen.map_or_else(own, Path::to_owned), is_ours: chosen.is_none() };
        let taken = std::fs::read_dir(&directory.path).is_ok_and(|mut entries| entries.next().is_some());
        if taken { Err(PerfError::DataDirInUse(directory.path.clone())) } else { Ok(directory) }
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if self.is_ours {
            // What cannot be removed is left to whoever cleans the temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
