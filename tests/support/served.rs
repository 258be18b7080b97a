//! The real binary as a process, what it prints, and how it ends.
#![allow(dead_code, reason = "each test uses its part of it")]

use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A broker as a process; killed if the test does not end it.
pub struct Served {
    child: Child,
    /// The reading end; `None` once it was closed.
    lines: Option<Lines<BufReader<ChildStdout>>>,
    /// What it has printed so far.
    pub printed: Vec<String>,
}

impl Served {
    /// Starts it with these arguments, and nothing in its environment but this.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(&mut command(arguments, environment))
    }

    /// Starts a command that becomes the broker.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines: Some(lines), printed: Vec::new() }
    }

    /// Reads until a line contains `text`.
    pub fn until(&mut self, text: &str) -> String {
        for line in self.lines.iter_mut().flatten() {
            let line = line.unwrap();
            self.printed.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
        panic!("ended without saying {text:?}: {:#?}", self.printed);
    }

    /// Reads so many lines, or to the end.
    pub fn read_lines(&mut self, count: usize) {
        self.printed.extend(self.lines.iter_mut().flatten().take(count).map(Result::unwrap));
    }

    /// Reads until it listens, and says where.
    pub fn address(&mut self) -> SocketAddr {
        let line = self.until("started TCP listener on ");
        let (_, address) = line.rsplit_once(' ').unwrap();
        address.parse().unwrap()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the reading end of what it prints.
    pub fn stop_reading(&mut self) {
        self.lines = None;
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Sends a signal and waits for the end: everything printed, and the exit code.
    pub fn end_by(mut self, signal: &str) -> (Vec<String>, Option<i32>) {
        self.signal(signal);
        self.printed.extend(self.lines.iter_mut().flatten().map(Result::unwrap));
        let code = self.child.wait().unwrap().code();
        (std::mem::take(&mut self.printed), code)
    }

    /// Ends it as a kernel does that is short of memory: at once, whatever it is doing.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The broker with these arguments, and nothing in its environment but this.
pub fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leveret"));
    // Several run at once, and the ports of HTTP and metrics are the same for all, unless a test says otherwise.
    command.args(arguments).env_clear().env("LEVERET_HTTP", "off").env("LEVERET_METRICS", "off");
    command.envs(environment.iter().copied());
    command
}

/// What a refused start leaves on standard error; nothing may have been printed on standard output.
pub fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = command(arguments, environment).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap()
}
