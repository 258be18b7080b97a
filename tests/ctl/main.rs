//! The command line for operators, as scripts use it: under the names of RabbitMQ's tools, against a broker that
//! answers as one was recorded to answer.
#![cfg(test)]
#![cfg(feature = "cli")]

mod admin;
mod local;
mod recorded;
mod scripted;

use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};

use scripted::Scripted;
use tempfile::TempDir;

/// What a tool did.
struct Ran {
    stdout: String,
    stderr: String,
    code: i32,
}

/// Runs `line`, whose first word is a tool's name, with these last words.
fn run(line: &[&str], last: &[&str]) -> Ran {
    let (tool, words) = line.split_first().unwrap();
    let directory = TempDir::new().unwrap();
    let program = directory.path().join(tool);
    symlink(env!("CARGO_BIN_EXE_leveret"), &program).unwrap();
    let mut command = Command::new(program);
    command.args(words).args(last).stdin(Stdio::null()).env_clear().env("HOME", directory.path());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { stdout: text(stdout), stderr: text(stderr), code: status.code().unwrap() }
}

/// Runs `line` against `broker`.
fn run_at(broker: &Scripted, line: &[&str]) -> Ran {
    run(line, &["--url", &broker.url()])
}
