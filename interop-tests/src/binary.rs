//! Where the `leveret` program under test comes from.
//!
//! Invariant: never an old one. `LEVERET_BIN` is taken as it is; otherwise the build of this very profile,
//! made anew when it is missing or older than any file that it was built from (cargo's own list of them).

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::process;

const BUILD_LIMIT: Duration = Duration::from_mins(20);

/// Why there is no program to test.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `LEVERET_BIN` is set, but names no file.
    #[error("LEVERET_BIN names {0}, which is not a file")]
    NoSuchFile(PathBuf),
    /// The running test does not lie in a target directory.
    #[error("this test was not started from a cargo target directory; set LEVERET_BIN")]
    NoTargetDir,
    /// cargo itself could not be started.
    #[error("cargo could not be started")]
    Cargo(#[from] std::io::Error),
    /// cargo was started and failed; its output.
    #[error("cargo build --package leveret failed:\n{0}")]
    Failed(String),
}

/// The directory of the running test's profile: `target/debug`, `target/release`...
pub fn profile_dir() -> Option<PathBuf> {
    // target/PROFILE/deps/TEST-HASH
    env::current_exe().ok()?.parent()?.parent().map(Path::to_path_buf)
}

/// The `leveret` program to test, built if need be.
pub fn leveret() -> Result<PathBuf, BuildError> {
    if let Some(named) = env::var_os("LEVERET_BIN").map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(BuildError::NoSuchFile(named)) };
    }
    let profile_dir = profile_dir().ok_or(BuildError::NoTargetDir)?;
    let program = profile_dir.join("leveret");
    if !is_fresh(&program) {
        build(&profile_dir)?;
    }
    Ok(program)
}

fn build(profile_dir: &Path) -> Result<(), BuildError> {
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--quiet", "--package", "leveret", "--bin", "leveret", "--profile", profile])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = profile_dir.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    let finished = process::run(command, BUILD_LIMIT)?;
    match finished.status {
        Some(status) if status.success() => Ok(()),
        _ => Err(BuildError::Failed(finished.output)),
    }
}

/// Beside every program cargo leaves `NAME.d`, a make rule: the program, a colon, its source files.
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else { return false };
    let Ok(rule) = fs::read_to_string(program.with_extension("d")) else { return false };
    let Some((_, sources)) = rule.split_once(": ") else { return false };
    sources.split_whitespace().all(|source| modified(Path::new(source)).is_some_and(|at| at <= built))
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}
