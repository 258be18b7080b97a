//! The gate: every check in the order in which it fails fastest, the tests last.
//!
//! The first failure stops the run. The output of a run that passes ends with the summary of
//! `cargo test`, because nothing is printed after it.

use std::fmt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

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
        let started = Instant::now();
        check.run()?;
        eprintln!("==> {} done in {:.1} s", check.name, started.elapsed().as_secs_f64());
    }
    TESTS.run()
}

impl Step {
    fn run(&self) -> Result<(), Failure> {
        if let Some(tool) = self.extra_tool
            && std::env::var_os("CI").is_none()
            && !is_installed(tool)
        {
            eprintln!("==> {} left out: cargo-{tool} is not installed", self.name);
            return Ok(());
        }
        eprintln!("==> {}: cargo {}", self.name, self.words.join(" "));
        let mut command = cargo(self.words);
        command.envs(self.environment.iter().copied());
        let status = command.status().map_err(|source| Failure::NotStarted { step: self.name, source })?;
        if status.success() { Ok(()) } else { Err(Failure::Failed { step: self.name, status }) }
    }
}

fn is_installed(tool: &str) -> bool {
    let mut command = cargo(&[tool, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The cargo that runs this program, in the root of the workspace.
///
/// It is not told of this package, as cargo tells every program that it runs: build scripts look at that, and would
/// begin again with all that depends on them.
pub fn cargo(words: &[&str]) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(here.parent().unwrap_or(here));
    let is_ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| is_ours(name)) {
        command.env_remove(name);
    }
    command
}

/// Why the gate is closed, or there is no figure.
#[derive(Debug)]
pub enum Failure {
    /// The command could not be run at all.
    NotStarted {
        /// Which step.
        step: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The command ran and did not succeed.
    Failed {
        /// Which step.
        step: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { step, source } => write!(to, "{step} could not be started: {source}"),
            Self::Failed { step, status } => write!(to, "{step} failed ({status})"),
        }
    }
}
