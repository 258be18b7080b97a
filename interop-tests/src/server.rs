//! One leveret process of our own: on a free loopback port, with a data directory that goes with it.

use std::env;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::binary::{self, BuildError};
use crate::process::Process;

/// What the log says when clients may connect; container test tools wait for the same words.
const READY: &str = "Server startup complete";
const READY_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A free port is only known to be free until somebody else takes it.
const PORT_ATTEMPTS: usize = 3;

/// Why no broker is running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no program to start.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The operating system refused the process or the port.
    #[error("leveret could not be started")]
    Spawn(#[from] io::Error),
    /// It ran, but never said that it was ready; its log.
    #[error("leveret {how} before saying {READY:?}; its log:\n{log}")]
    NotReady {
        /// "ended", "was silent for 20 s" or "ignored SIGTERM".
        how: &'static str,
        /// Everything that it wrote.
        log: String,
    },
}

/// A running leveret.
pub struct Server {
    process: Process,
    place: Place,
    log: Log,
}

/// What stays the same when the broker is started again.
struct Place {
    address: SocketAddr,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    /// What clients see must be the same with storage, so they see it with storage.
    data: tempfile::TempDir,
}

type Log = Arc<Mutex<String>>;

impl Server {
    /// Starts leveret with these additional environment variables and returns when it is ready.
    pub fn start(environment: &[(&str, &str)]) -> Result<Self, StartError> {
        Self::start_with(environment, &[])
    }

    /// The same, with additional arguments.
    pub fn start_with(environment: &[(&str, &str)], arguments: &[String]) -> Result<Self, StartError> {
        let mut attempt = 1;
        loop {
            let place = Place::new(environment, arguments)?;
            match Self::launch(place, Log::default()) {
                Err(StartError::NotReady { log, .. })
                    if attempt < PORT_ATTEMPTS && log.contains("in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn launch(place: Place, log: Log) -> Result<Self, StartError> {
        let (process, pipe) = Process::spawn(place.command()?)?;
        let (ready, is_ready) = mpsc::channel();
        thread::spawn({
            let log = Arc::clone(&log);
            move || follow(pipe, &log, &ready)
        });
        let server = Self { process, place, log };
        match is_ready.recv_timeout(READY_LIMIT) {
            Ok(()) => Ok(server),
            Err(RecvTimeoutError::Disconnected) => Err(server.not_ready("ended")),
            Err(RecvTimeoutError::Timeout) => Err(server.not_ready("was silent for 20 s")),
        }
    }

    /// Stops it as an operator would and starts it again: same port, same data, the log goes on.
    pub fn restart(self) -> Result<Self, StartError> {
        if self.stop().is_none() {
            return Err(self.not_ready("ignored SIGTERM"));
        }
        let Self { process, place, log } = self;
        drop(process);
        Self::launch(place, log)
    }

    fn not_ready(&self, how: &'static str) -> StartError {
        StartError::NotReady { how, log: self.log() }
    }

    /// Where it listens, as the clients are told.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}/%2F", self.place.address)
    }

    /// The same, as a socket address.
    pub fn address(&self) -> SocketAddr {
        self.place.address
    }

    /// Everything that it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops it as an operator would. None when it ignored SIGTERM and had to be killed.
    pub fn stop(&self) -> Option<ExitStatus> {
        self.process.terminate();
        self.process.wait(STOP_LIMIT)
    }
}

impl Place {
    fn new(environment: &[(&str, &str)], arguments: &[String]) -> io::Result<Self> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(Self {
            address: free_address()?,
            environment: environment.iter().map(owned).collect(),
            arguments: arguments.to_vec(),
            data: tempfile::tempdir()?,
        })
    }

    fn command(&self) -> Result<Command, BuildError> {
        let mut command = Command::new(binary::leveret()?);
        command.args(["serve", "--listen", &self.address.to_string(), "--data-dir"]);
        command.arg(self.data.path()).args(&self.arguments);
        for port in ["--http", "--metrics"] {
            // Unless the suite wants it: several brokers run at once.
            if !self.arguments.iter().any(|argument| argument == port) {
                command.args([port, "off"]);
            }
        }
        // A developer's own settings must not leak into what is tested.
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("LEVERET_") || name_text.starts_with("RABBITMQ_") {
                command.env_remove(&name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

/// Keeps the log and says when the broker is ready; dropping the sender says that it has ended.
fn follow(pipe: PipeReader, log: &Mutex<String>, ready: &Sender<()>) {
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
        drop(log);
        if line.contains(READY) {
            // The receiver leaves once it has heard it.
            let _ = ready.send(());
        }
    }
}

/// An address on loopback that nobody listened at a moment ago.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
