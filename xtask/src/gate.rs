//! The gate: every check in the order in which it fails fastest, the tests last.
//!
//! The first failure stops the run. The output of a run that passes ends with the summary of
//! `cargo test`, because nothing is printed after it.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Instant;

use crate::dist::{self, Build};
use crate::failure::Failure;
use crate::instructions::{self, Then};
use crate::workspace::{cargo, is_ci};

/// One cargo command of the gate.
struct Step {
    name: &'static str,
    words: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// A subcommand that cargo does not bring with it. CI installs it; elsewhere a run may do without.
    extra_tool: Option<&'static str>,
}

const CHECKS: &[Step] = &[
    Step { name: "format", words: &["fmt", "--all", "--check"], environment: &[], extra_tool: None },
    Step {
        name: "licences and bans",
        // Advisories are left out: they are fetched from the internet, and a gate must not turn red
        // for an unchanged tree.
        words: &["deny", "--workspace", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"],
        environment: &[],
        extra_tool: Some("deny"),
    },
    Step {
        name: "clippy",
        words: &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"],
        environment: &[],
        extra_tool: None,
    },
    Step {
        name: "documentation",
        words: &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"],
        environment: &[("RUSTDOCFLAGS", "--deny warnings")],
        extra_tool: None,
    },
    Step {
        // Builds the `leveret` binary too, which tests start. A `cargo build` of its own would compile
        // the dependencies once more, without the features that only tests ask for.
        name: "build",
        words: &["test", "--workspace", "--locked", "--no-run"],
        environment: &[],
        extra_tool: None,
    },
];

const TESTS: Step = Step {
    name: "tests",
    words: &["test", "--workspace", "--locked", "--no-fail-fast"],
    environment: &[],
    extra_tool: None,
};

/// Runs every step, from the root of the workspace whatever the current directory is.
pub fn run() -> Result<(), Failure> {
    for check in CHECKS {
        timed(check.name, || check.run(&[]))?;
    }
    // What tests/packaging.rs runs in a directory that has nothing else.
    let binary = timed("dist", || dist::build(Build::Check))?;
    // A release build of the rules, and some ten seconds under callgrind.
    timed("instructions", || instructions::run(Then::Hold))?;
    TESTS.run(&[("LEVERET_STATIC_BINARY", binary.as_os_str())])
}

fn timed<T>(name: &str, step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let started = Instant::now();
    let done = step()?;
    eprintln!("==> {name} done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(done)
}

impl Step {
    fn run(&self, also: &[(&str, &OsStr)]) -> Result<(), Failure> {
        if let Some(tool) = self.extra_tool
            && !is_ci()
            && !is_installed(tool)
        {
            eprintln!("==> {} left out: cargo-{tool} is not installed", self.name);
            return Ok(());
        }
        eprintln!("==> {}: cargo {}", self.name, self.words.join(" "));
        let mut command = cargo(self.words);
        command.envs(self.environment.iter().copied()).envs(also.iter().copied());
        let status = command.status().map_err(|source| Failure::NotStarted { step: self.name, source })?;
        if status.success() { Ok(()) } else { Err(Failure::Failed { step: self.name, status }) }
    }
}

fn is_installed(tool: &str) -> bool {
    let mut command = cargo(&[tool, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
